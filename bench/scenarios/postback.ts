/**
 * Postbacks over HTTP: a 200-byte JSON body posted over 64 connections to post2log, which answers after fsync, and to
 * servers that promise less. All servers run at once, one is loaded at a time, in turn.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput, findWrk, socketLoad } from '../load.ts';
import type { Load } from '../load.ts';
import { measuredName, servers } from '../peers/servers.ts';
import type { RunningServer, Server } from '../peers/servers.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { wait } from '../program.ts';
import { atLeast, atMost, median, medianRatio } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario, Target } from '../scenario.ts';
import { makeBody } from './record-shape.ts';

const connectionsDefault = 64;
const bodyBytes = 200;

interface Round {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU microseconds of all processes of the server per request. */
  readonly cpuUs: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
}

interface Contestant extends RunningServer {
  readonly server: Server;
  readonly rounds: Round[];
}

/** One request that must be answered well; its answer goes into the result hash. */
async function checkAnswer({ server, url }: Contestant, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body });
  const text = await response.text();
  if (!response.ok || (server.isOurs && text !== '{"status":"success"}'))
    throw new Error(`${server.name} answered ${response.status} ${text}`);
  return `${server.name} ${response.status} ${text}`;
}

async function measureRound(contestant: Contestant, load: Load, body: string, seconds: number, connections: number) {
  const { program, url, server, rounds } = contestant;
  const pids = program.pids();
  const before = cpuSeconds(pids);
  const result = await load.run(url, body, connections, seconds);
  const used = cpuSeconds(pids) - before;
  const bad = result.refused + result.broken;
  if (result.requests === 0 || bad > 0)
    throw new Error(`${server.name}: ${bad} of ${result.requests} requests were not taken; see ${program.errorTail}`);
  rounds.push({
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    cpuUs: (used * 1e6) / result.requests,
    cpuSeconds: used,
    memoryMb: memoryMb(program.pids()),
  });
  // What one server left unsynced must not be written at the expense of the next.
  await commandOutput('sync', []);
  await wait(200);
}

async function measureAll(contestants: readonly Contestant[], load: Load, body: string, options: RunOptions) {
  const seconds = options.roundSeconds ?? (options.isTiny ? 0.2 : 5);
  const rounds = options.rounds ?? (options.isTiny ? 1 : 5);
  const connections = options.connections ?? (options.isTiny ? 8 : connectionsDefault);
  for (const { url, server } of contestants) {
    options.say(`warming up ${server.name}`);
    await load.run(url, body, connections, options.isTiny ? 0.1 : 2);
  }
  for (let round = 0; round < rounds; round++) {
    options.say(`round ${round + 1} of ${rounds}`);
    for (const contestant of contestants) await measureRound(contestant, load, body, seconds, connections);
  }
}

function middle(contestant: Contestant, of: keyof Round): number {
  return median(contestant.rounds.map((round) => round[of]));
}

function ratio(a: Contestant | undefined, b: Contestant | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined;
  const rates = ({ rounds }: Contestant): number[] => rounds.map(({ requestsPerSecond }) => requestsPerSecond);
  return medianRatio(rates(a), rates(b));
}

function targetsOf(contestants: readonly Contestant[]): Target[] {
  const find = (name: string): Contestant | undefined => contestants.find(({ server }) => server.name === name);
  return contestants
    .filter(({ server }) => server.isOurs)
    .flatMap((our) => {
      const { name } = our.server;
      // The design's numbers are about one process; the others are shown for comparison.
      const kind = name === measuredName ? 'must' : 'aim';
      return [
        atLeast(kind, `${name}: requests/s against fastapi`, ratio(our, find('fastapi')), 6),
        atLeast(kind, `${name}: requests/s against plain`, ratio(our, find('plain')), 0.9),
        atLeast('aim', `${name}: requests/s against plain`, ratio(our, find('plain')), 1.2),
        atMost(kind, `${name}: p99 ms`, middle(our, 'p99Ms'), 10),
      ];
    });
}

function tableOf(contestants: readonly Contestant[]) {
  const find = (name: string): Contestant | undefined => contestants.find(({ server }) => server.name === name);
  return {
    title: 'POST of 200 bytes of JSON (medians over the rounds; CPU and memory of all processes of the server)',
    columns: [
      'server',
      'requests/s',
      '× plain',
      '× fastapi',
      'p50 ms',
      'p99 ms',
      'CPU s/round',
      'CPU µs/request',
      'PSS MB',
      'what it does',
    ],
    rows: contestants.map((contestant) => [
      contestant.server.name,
      Math.round(middle(contestant, 'requestsPerSecond')),
      ratio(contestant, find('plain'))?.toFixed(2),
      ratio(contestant, find('fastapi'))?.toFixed(2),
      middle(contestant, 'p50Ms').toFixed(2),
      middle(contestant, 'p99Ms').toFixed(2),
      middle(contestant, 'cpuSeconds').toFixed(2),
      middle(contestant, 'cpuUs').toFixed(1),
      middle(contestant, 'memoryMb').toFixed(0),
      contestant.server.does,
    ]),
  };
}

async function choose(options: RunOptions, notes: string[], versions: Record<string, string>): Promise<Server[]> {
  const chosen: Server[] = [];
  for (const server of servers) {
    if (options.only.length > 0 ? !options.only.includes(server.name) : options.isTiny && !server.isLight) continue;
    const version = await server.version();
    if (version === undefined) {
      notes.push(`${server.name} was not found (or could not be installed), so it is not compared`);
      continue;
    }
    if (!server.isOurs || server.name === measuredName) versions[server.name] = version;
    chosen.push(server);
  }
  if (chosen.length === 0) throw new Error(`--only: there are ${servers.map(({ name }) => name).join(', ')}`);
  return chosen;
}

async function runPostback(options: RunOptions): Promise<Outcome> {
  const notes: string[] = [];
  const versions: Record<string, string> = {};
  const wrk = options.isTiny ? undefined : await findWrk(true);
  const load = wrk ?? socketLoad;
  notes.push(`load: ${load.name}`);
  if (!options.isTiny && wrk === undefined)
    notes.push(
      'wrk is not installed and could not be: install it (apt-get install wrk) and run again for real figures',
    );
  const body = makeBody(1, bodyBytes).toString();
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-'));
  const contestants: Contestant[] = [];
  const hash = createHash('sha256');
  try {
    for (const server of await choose(options, notes, versions)) {
      const own = join(directory, server.name);
      mkdirSync(own);
      options.say(`starting ${server.name}`);
      contestants.push({ server, rounds: [], ...(await server.start(own)) });
    }
    for (const contestant of contestants) hash.update(await checkAnswer(contestant, body));
    await measureAll(contestants, load, body, options);
  } finally {
    await Promise.all(contestants.map(({ program }) => program.stop(15_000)));
    rmSync(directory, { recursive: true, force: true });
  }
  return {
    tables: [tableOf(contestants)],
    targets: options.isTiny ? [] : targetsOf(contestants),
    resultHash: hash.digest('hex').slice(0, 16),
    versions,
    notes,
  };
}

export const postback: Scenario = {
  name: 'postback',
  summary: 'requests/s, latency, CPU and memory of receiving postbacks, against servers that promise less',
  run: runPostback,
};
