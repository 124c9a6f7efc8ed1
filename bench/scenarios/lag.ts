/**
 * One output's target is dead and another's is slow, while records come in steadily: do the other outputs notice? Then both
 * targets recover: does every record arrive, and how soon?
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Post2log } from '../post2log.ts';
import { memoryMb } from '../processes.ts';
import { rootDirectory, wait } from '../program.ts';
import { freePort } from '../../test/free-port.ts';
import { atMost } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';

const recordsPerSecond = 5000;
const recordsPerRequest = 100;
/** The slow target takes so many records a second: half of what comes. */
const slowPerSecond = 2500;
const sampleMs = 250;
/** Longest time without progress of a recovered output before it counts as stuck. */
const stuckMs = 60_000;

/** An HTTP target that counts the different numbers it gets, and takes no more than `perSecond` records in a second. */
class Target {
  readonly #server: Server;
  readonly #seen = new Set<number>();
  /** Records of requests that were answered, those that came twice included. */
  arrivals = 0;
  perSecond: number;
  #freeMs = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.#server = createServer((req, res) => {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part));
      req.on('end', () => {
        const numbers = Array.from(
          Buffer.concat(parts)
            .toString()
            .matchAll(/"n":(\d+)/g),
          ([, n]) => Number(n),
        );
        const startMs = Math.max(this.#freeMs, performance.now());
        this.#freeMs = startMs + (numbers.length * 1000) / this.perSecond;
        setTimeout(
          () => {
            this.arrivals += numbers.length;
            for (const n of numbers) this.#seen.add(n);
            res.end();
          },
          Math.max(0, this.#freeMs - performance.now()),
        );
      });
    });
  }
  get distinct(): number {
    return this.#seen.size;
  }
  listen(port = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function configOf(directory: string, ports: { in: number; slow: number; dead: number }): string {
  const http = (id: string, port: number): string => `  <store>
    @type http
    @id ${id}
    endpoint http://127.0.0.1:${port}/
    <buffer>
      flush_mode interval
      flush_interval 0.2
      chunk_limit_size 256k
      retry_max_interval 1s
    </buffer>
  </store>`;
  return `<source>
  @type http
  bind 127.0.0.1
  port ${ports.in}
</source>
<match **>
  @type copy
  <store>
    @type file
    @id quick
    path ${directory}/out
    append true
    <buffer>
      flush_mode interval
      flush_interval 0.1
    </buffer>
    <format>
      @type json
    </format>
  </store>
${http('slow', ports.slow)}
${http('dead', ports.dead)}
</match>
`;
}

/** Sends records at the rate for so long; gives how many were acknowledged. */
async function send(port: number, seconds: number): Promise<number> {
  const requests = Math.round((seconds * recordsPerSecond) / recordsPerRequest);
  const begin = performance.now();
  const under = new Set<Promise<void>>();
  let accepted = 0;
  for (let request = 0; request < requests; request++) {
    const early = begin + (request * recordsPerRequest * 1000) / recordsPerSecond - performance.now();
    if (early > 0) await wait(early);
    const records = Array.from({ length: recordsPerRequest }, (_, i) => ({
      n: request * recordsPerRequest + i,
      event: 'purchase',
      app: 'com.example.game',
      revenue: 4.99,
      country: 'KR',
    }));
    const sent = fetch(`http://127.0.0.1:${port}/app.postback`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(records),
    }).then(async (answer) => {
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`a request was answered ${answer.status}`);
      accepted += recordsPerRequest;
    });
    under.add(sent);
    void sent.finally(() => under.delete(sent)).catch(() => undefined);
    if (under.size >= 64) await Promise.race(under);
  }
  await Promise.all(under);
  return accepted;
}

/** Seconds that the oldest record of an output has been waiting, from the metrics. */
async function lagSeconds(post2log: Post2log, output: string): Promise<number> {
  const text = await (await fetch(`${post2log.adminUrl}/metrics`)).text();
  const value = new RegExp(`^\\w*output_lag_seconds\\{output="${output}"\\} (\\S+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics has no lag of ${output}`);
  return Number(value);
}

interface Watched {
  lagMax: number;
  memoryMbMax: number;
}

/** Looks at lag and memory until `isOver`. */
async function watch(post2log: Post2log, seen: Watched, isOver: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isOver())) {
    seen.lagMax = Math.max(seen.lagMax, await lagSeconds(post2log, 'quick'));
    seen.memoryMbMax = Math.max(seen.memoryMbMax, memoryMb(post2log.program.pids()));
    await wait(sampleMs);
  }
}

/** Waits until a target has all records; gives the seconds that took. */
async function recover(post2log: Post2log, seen: Watched, target: Target, records: number): Promise<number> {
  const begin = performance.now();
  let last = target.distinct;
  let progressMs = begin;
  await watch(post2log, seen, () => {
    if (target.distinct > last) progressMs = performance.now();
    last = target.distinct;
    if (performance.now() - progressMs > stuckMs)
      throw new Error(`a target that recovered has ${last} of ${records} records, and no more for ${stuckMs / 1000} s`);
    return target.distinct >= records;
  });
  return (performance.now() - begin) / 1000;
}

async function measure(directory: string, seconds: number, say: RunOptions['say']): Promise<Outcome> {
  const slow = new Target(slowPerSecond);
  const dead = new Target(Number.POSITIVE_INFINITY);
  const ports = { in: await freePort(), slow: await slow.listen(), dead: await freePort() };
  const configPath = join(directory, 'lag.conf');
  writeFileSync(configPath, configOf(directory, ports));
  const post2log = await Post2log.start({
    dataDirectory: join(directory, 'data'),
    workDirectory: directory,
    stdout: 'ignore',
    shellCommand: `exec '${join(rootDirectory, 'bin', 'post2log')}' run --config '${configPath}'`,
  });
  try {
    await post2log.ready;
    say(`${recordsPerSecond} records/s for ${seconds} s`);
    const under: Watched = { lagMax: 0, memoryMbMax: 0 };
    let isSent = false;
    const sending = send(ports.in, seconds).finally(() => (isSent = true));
    const [accepted] = await Promise.all([sending, watch(post2log, under, () => isSent)]);
    const behind = accepted - slow.distinct;
    say('the targets recover');
    const after: Watched = { lagMax: 0, memoryMbMax: 0 };
    slow.perSecond = Number.POSITIVE_INFINITY;
    const slowSeconds = await recover(post2log, after, slow, accepted);
    await dead.listen(ports.dead);
    const deadSeconds = await recover(post2log, after, dead, accepted);
    const memoryMbMax = Math.max(under.memoryMbMax, after.memoryMbMax);
    return {
      tables: [
        {
          title: `${accepted} records in ${seconds} s; one target dead, one slow, then both well`,
          columns: ['what', 'value'],
          rows: [
            ['longest lag of the output beside them, s', under.lagMax],
            ['records the slow one was behind', behind],
            ['slow one level again after s', slowSeconds],
            ['dead one level again after s', deadSeconds],
            ['records that came twice', slow.arrivals + dead.arrivals - 2 * accepted],
            ['PSS MB at most', memoryMbMax],
          ],
        },
      ],
      targets: [
        atMost('must', 'lag of the other output, s', under.lagMax, 1),
        atMost('must', 'PSS MB', memoryMbMax, 256),
      ],
      resultHash: createHash('sha256')
        .update(`${accepted} ${slow.distinct} ${dead.distinct}`)
        .digest('hex')
        .slice(0, 16),
      versions: {},
      notes: seconds < 300 ? ['the limits are for 5 minutes: npm run bench -- lag --seconds 300'] : [],
    };
  } finally {
    await post2log.program.stop(20_000);
    slow.close();
    dead.close();
  }
}

async function run(options: RunOptions): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-'));
  try {
    return await measure(directory, options.roundSeconds ?? (options.isTiny ? 1 : 60), options.say);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const lag: Scenario = {
  name: 'lag',
  summary: 'what the outputs beside a dead and a slow one notice, and how soon those two catch up',
  run,
};
