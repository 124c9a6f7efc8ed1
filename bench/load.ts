/** Load for HTTP servers: wrk where it is installed, else a plain loop over sockets in this process. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { median } from './scenario.ts';

const run = promisify(execFile);

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers with a status of 400 or more. */
  readonly refused: number;
  /** Connections that failed, requests without an answer. */
  readonly broken: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Load {
  /** Version, or what to do to get it. */
  readonly name: string;
  run(url: string, body: string, connections: number, seconds: number): Promise<LoadResult>;
}

/** Output of a program that may not be there. */
export async function commandOutput(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, args);
    return stdout + stderr;
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    // Some programs print their version and fail.
    return isMissing || !(error instanceof Error) ? undefined : String((error as { stdout?: string }).stdout);
  }
}

function parseResult(text: string): LoadResult {
  const line = /^BENCH (.*)$/m.exec(text)?.[1];
  if (line === undefined) throw new Error(`wrk printed no result: ${text}`);
  return JSON.parse(line) as LoadResult;
}

function wrk(version: string): Load {
  return {
    name: `wrk ${version}`,
    async run(url, body, connections, seconds) {
      const script = join(import.meta.dirname, 'peers', 'post.lua');
      // One thread: on the small machines this runs on, wrk must not take both cores.
      const args = ['-t', '1', '-c', String(connections), '-d', `${Math.ceil(seconds)}s`, '-s', script, url];
      return parseResult((await run('wrk', args, { env: { ...process.env, BENCH_BODY: body } })).stdout);
    },
  };
}

/** Finds wrk; with `mayInstall` and as root it is installed from the distribution when missing. */
export async function findWrk(mayInstall: boolean): Promise<Load | undefined> {
  const version = async (): Promise<string | undefined> =>
    /wrk (\S+)/.exec((await commandOutput('wrk', ['-v'])) ?? '')?.[1];
  let found = await version();
  if (found === undefined && mayInstall && process.getuid?.() === 0) {
    await commandOutput('apt-get', ['install', '-y', '--no-install-recommends', 'wrk']);
    found = await version();
  }
  return found === undefined ? undefined : wrk(found);
}

/** One connection: sends the request, counts the answer, sends again, until the time is over. */
function loop(
  url: URL,
  request: Buffer,
  untilMs: number,
  result: { refused: number; broken: number; times: number[] },
) {
  return new Promise<void>((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    let answer = '';
    let sentMs = 0;
    const send = (): void => {
      if (performance.now() >= untilMs) return void socket.end();
      sentMs = performance.now();
      socket.write(request);
    };
    socket.setEncoding('latin1').on('connect', send);
    socket.on('data', (text: string) => {
      answer += text;
      const head = answer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(answer.slice(0, head))?.[1] ?? 0);
      if (answer.length < head + 4 + length) return;
      result.times.push(performance.now() - sentMs);
      if (Number(answer.slice(9, 12)) >= 400) result.refused++;
      answer = '';
      send();
    });
    socket.on('error', () => result.broken++);
    socket.on('close', () => resolve());
  });
}

/** Needs nothing installed, but takes as much of the machine as the server it measures: its figures are low. */
export const socketLoad: Load = {
  name: 'a socket loop in this process, which takes its share of the cores: figures are low',
  async run(url, body, connections, seconds) {
    const target = new URL(url);
    const head = `POST ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: application/json\r\n`;
    const request = Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const result = { refused: 0, broken: 0, times: [] as number[] };
    const begin = performance.now();
    const untilMs = begin + seconds * 1000;
    await Promise.all(Array.from({ length: connections }, () => loop(target, request, untilMs, result)));
    const times = result.times.sort((a, b) => a - b);
    return {
      requests: times.length,
      seconds: (performance.now() - begin) / 1000,
      refused: result.refused,
      broken: result.broken,
      p50Ms: median(times),
      p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
      maxMs: times.at(-1) ?? Number.NaN,
    };
  },
};
