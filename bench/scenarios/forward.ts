/**
 * Forward in: packets of a thousand records over several connections, each acknowledged once its records are on disk.
 * Forward out: records that wait in the journal (as they came over forward, and as JSON) go to a server that only
 * acknowledges. Through: in and out at once. Peers hold records in memory.
 */
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringifyJson } from '../../src/core/json.ts';
import { benchRecord, packetRecords, PacketTaker, sendPackets } from '../forward-load.ts';
import { commandOutput } from '../load.ts';
import { Post2log } from '../post2log.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { Program, wait } from '../program.ts';
import { freePort } from '../../test/free-port.ts';
import { atLeast, median } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';

const connections = 4;
const stuckMs = 60_000;
const measuredName = 'post2log';

interface Measured {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly memoryMb: number;
}

/** A server that takes forward on `port`, and sends to `target` or forgets. */
interface Contestant {
  readonly name: string;
  version(): Promise<string | undefined>;
  start(directory: string, port: number, target: number | undefined): Promise<Program>;
}

function fluentdConfig(port: number, target: number | undefined): string {
  const source = `<source>\n  @type forward\n  bind 127.0.0.1\n  port ${port}\n</source>\n`;
  return `${source}${matchConfig(target)}`;
}
function matchConfig(target: number | undefined): string {
  if (target === undefined) return '<match **>\n  @type null\n</match>\n';
  return `<match **>
  @type forward
  require_ack_response true
  heartbeat_type none
  keepalive true
  <server>
    host 127.0.0.1
    port ${target}
  </server>
  <buffer tag>
    flush_interval 0.1
    retry_wait 0.2
    retry_max_interval 0.2
  </buffer>
</match>
`;
}
function fluentBitConfig(port: number, target: number | undefined): string {
  const output =
    target === undefined
      ? 'Name null'
      : `Name forward\n  Host 127.0.0.1\n  Port ${target}\n  Require_ack_response true`;
  return `[SERVICE]\n  Flush 0.1\n  Log_Level error\n[INPUT]\n  Name forward\n  Listen 127.0.0.1\n  Port ${port}\n[OUTPUT]\n  ${output}\n  Match *\n`;
}

async function startOurs(directory: string, config: string): Promise<Post2log> {
  const path = join(directory, 'fluent.conf');
  writeFileSync(path, config);
  const post2log = await Post2log.start({
    dataDirectory: join(directory, 'data'),
    workDirectory: directory,
    stdout: 'ignore',
    shellCommand: `exec bin/post2log run --config '${path}'`,
  });
  await post2log.ready;
  return post2log;
}

const ours: Contestant = {
  name: measuredName,
  version: () => Promise.resolve(process.version),
  start: async (directory, port, target) => (await startOurs(directory, fluentdConfig(port, target))).program,
};

function peer(name: string, config: typeof fluentdConfig, args: (path: string) => readonly string[]): Contestant {
  return {
    name,
    version: async () => /\d+\.\d+\.\d+/.exec((await commandOutput(name, ['--version'])) ?? '')?.[0],
    async start(directory, port, target) {
      const path = join(directory, 'peer.conf');
      writeFileSync(path, config(port, target));
      const errorLogPath = join(directory, 'stderr.log');
      const program = Program.start({
        command: name,
        args: args(path),
        env: {},
        cwd: directory,
        stdout: 'ignore',
        errorLogPath,
      });
      // Both listen well within this.
      await wait(3000);
      return program;
    },
  };
}

const contestants: readonly Contestant[] = [
  ours,
  peer('fluentd', fluentdConfig, (path) => ['-q', '--no-supervisor', '-c', path]),
  peer('fluent-bit', fluentBitConfig, (path) => ['-q', '-c', path]),
];

async function measured(program: Program, records: number, work: () => Promise<number>): Promise<Measured> {
  const before = cpuSeconds(program.pids());
  const seconds = await work();
  const used = cpuSeconds(program.pids()) - before;
  return { perSecond: records / seconds, cpuUs: (used * 1e6) / records, memoryMb: memoryMb(program.pids()) };
}

async function takerReaches(taker: PacketTaker, records: number): Promise<void> {
  let seen = -1;
  let seenMs = performance.now();
  while (taker.records < records) {
    if (taker.records !== seen) {
      seen = taker.records;
      seenMs = performance.now();
    }
    if (performance.now() - seenMs > stuckMs)
      throw new Error(`${taker.records} of ${records} records arrived, then none for ${stuckMs / 1000} s`);
    await wait(2);
  }
}

async function inside(contestant: Contestant, directory: string, records: number, rounds: number): Promise<Measured[]> {
  const port = await freePort();
  const program = await contestant.start(directory, port, undefined);
  try {
    await sendPackets(port, packetRecords, 1);
    const found: Measured[] = [];
    for (let round = 0; round < rounds; round++)
      found.push(await measured(program, records, () => sendPackets(port, records, connections)));
    return found;
  } finally {
    await program.stop(20_000);
  }
}

async function through(
  contestant: Contestant,
  directory: string,
  records: number,
  rounds: number,
): Promise<Measured[]> {
  const [port, target] = [await freePort(), await freePort()];
  const taker = new PacketTaker();
  await taker.listen(target);
  const program = await contestant.start(directory, port, target);
  try {
    const found: Measured[] = [];
    for (let round = 0; round < rounds; round++)
      found.push(
        await measured(program, records, async () => {
          const goal = taker.records + records;
          const began = performance.now();
          await sendPackets(port, records, connections);
          await takerReaches(taker, goal);
          return (performance.now() - began) / 1000;
        }),
      );
    return found;
  } finally {
    await program.stop(20_000);
    taker.close();
  }
}

/** Fills the journal while nobody takes anything, then has somebody. `kind`: what the records are in the journal. */
async function outside(
  kind: 'msgpack' | 'json',
  directory: string,
  records: number,
  rounds: number,
): Promise<Measured[]> {
  const found: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = join(directory, `${kind}-${round}`);
    mkdirSync(own);
    const [port, target] = [await freePort(), await freePort()];
    const source =
      kind === 'msgpack' ? fluentdConfig(port, target) : (await tailSource(own, records)) + matchConfig(target);
    const post2log = await startOurs(own, source);
    const taker = new PacketTaker();
    try {
      if (kind === 'msgpack') await sendPackets(port, records, connections);
      for (let appended = 0; appended < records; appended = (await post2log.status())?.appended ?? 0) await wait(20);
      found.push(
        await measured(post2log.program, records, async () => {
          await taker.listen(target);
          // The output learns of it at its next try; what it does before does not count.
          while (taker.records === 0) await wait(1);
          const already = taker.records;
          const began = performance.now();
          await takerReaches(taker, records);
          return ((performance.now() - began) / 1000) * (records / Math.max(1, records - already));
        }),
      );
    } finally {
      await post2log.program.stop(20_000);
      taker.close();
    }
  }
  return found;
}

async function tailSource(directory: string, records: number): Promise<string> {
  const path = join(directory, 'in.log');
  const file = createWriteStream(path);
  for (let n = 0; n < records; n += packetRecords) {
    const lines = Array.from({ length: packetRecords }, (_, i) => `${stringifyJson(benchRecord(n + i))}\n`);
    if (!file.write(lines.join(''))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
  return `<source>\n  @type tail\n  path ${path}\n  tag bench.tail\n  read_from_head true\n  <parse>\n    @type json\n  </parse>\n</source>\n`;
}

type Row = readonly [string, string, readonly Measured[]];

function tableRow([what, name, rounds]: Row): (string | number)[] {
  const middle = (of: keyof Measured): number => median(rounds.map((round) => round[of]));
  return [what, name, Math.round(middle('perSecond')), middle('cpuUs').toFixed(2), Math.round(middle('memoryMb'))];
}

async function runForward(options: RunOptions): Promise<Outcome> {
  const records = options.isTiny ? 5000 : Math.round((options.millions ?? 1) * 1_000_000);
  const rounds = options.rounds ?? (options.isTiny ? 1 : 3);
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-forward-'));
  const rows: Row[] = [];
  const notes: string[] = [];
  const versions: Record<string, string> = {};
  try {
    for (const contestant of contestants) {
      const { name } = contestant;
      if (options.only.length > 0 ? !options.only.includes(name) : options.isTiny && contestant !== ours) continue;
      const version = await contestant.version();
      if (version === undefined) {
        notes.push(`${name} was not found, so it is not compared`);
        continue;
      }
      versions[name] = version;
      for (const [what, measure] of [
        ['in', inside],
        ['through', through],
      ] as const) {
        options.say(`${what}: ${name}`);
        const own = join(directory, `${name}-${what}`);
        mkdirSync(own);
        rows.push([what, name, await measure(contestant, own, records, rounds)]);
      }
    }
    for (const kind of ['msgpack', 'json'] as const) {
      options.say(`out: ${kind}`);
      rows.push([`out, ${kind} in the journal`, measuredName, await outside(kind, directory, records, rounds)]);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const perSecond = (what: string): number | undefined => {
    const row = rows.find(([is, name]) => is.startsWith(what) && name === measuredName);
    return row && median(row[2].map((round) => round.perSecond));
  };
  return {
    tables: [
      {
        title: `${records} records of some 200 bytes in packets of ${packetRecords}, ${connections} connections (medians of ${rounds} rounds)`,
        columns: ['way', 'server', 'records/s', 'CPU µs/record', 'PSS MB'],
        rows: rows.map(tableRow),
      },
    ],
    targets: options.isTiny
      ? []
      : [
          atLeast('must', 'in: records/s', perSecond('in'), 200_000),
          atLeast('must', 'out, msgpack: records/s', perSecond('out, msgpack'), 200_000),
          atLeast('must', 'out, json: records/s', perSecond('out, json'), 200_000),
        ],
    resultHash: createHash('sha256')
      .update(`${records} ${stringifyJson(benchRecord(1))}`)
      .digest('hex')
      .slice(0, 16),
    versions,
    notes,
  };
}

export const forward: Scenario = {
  name: 'forward',
  summary: 'records/s over forward: in, out and through, with acknowledgements',
  run: runForward,
};
