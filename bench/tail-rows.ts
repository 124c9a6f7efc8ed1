/** What the `tail` scenario measures beside its own log: collectors of container logs side by side, and files that lie idle. */
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ways } from './peers/collector-ways.ts';
import type { Way } from './peers/collector-ways.ts';
import { collect, collectors } from './peers/collectors.ts';
import type { Collected } from './peers/collectors.ts';
import { nullConfig, Post2log } from './post2log.ts';
import { cpuSeconds, memoryMb } from './processes.ts';
import { wait } from './program.ts';
import { atLeast, atMost, median } from './scenario.ts';
import type { Outcome, RunOptions, Target } from './scenario.ts';

type Part = Pick<Outcome, 'tables' | 'targets' | 'versions' | 'notes'>;

/** What a program took for a way: its start, which a log of one line shows, apart from the other lines. */
interface Cost {
  readonly startCpuSeconds: number;
  readonly startSeconds: number;
  readonly all: Collected;
}

/** post2log and those of its peers that are on PATH, in turn. */
export async function measureCollectors(options: RunOptions): Promise<Part> {
  const lines = options.isTiny ? 2000 : Math.round((options.millions ?? 2) * 1e6);
  const rounds = options.isTiny ? 1 : (options.rounds ?? 3);
  const versions: Record<string, string> = {};
  const notes: string[] = [];
  for (const one of collectors) {
    const version = await one.version();
    if (version === undefined) notes.push(`${one.name} is not on PATH: no ratio to it`);
    else if (!options.isTiny || one.name === 'post2log') versions[one.name] = version;
  }
  const present = collectors.filter(({ name }) => name in versions);
  const costs = await measureCosts(present, { lines, rounds, say: options.say });
  const middle = (way: Way, name: string, value: (one: Cost) => number): number =>
    median((costs.get(`${way.name} ${name}`) ?? []).map(value));
  const cpuOf = ({ all, startCpuSeconds }: Cost): number => all.cpuSeconds - startCpuSeconds;
  const speed = (way: Way, name: string): number => lines / middle(way, name, cpuOf);
  return {
    tables: [
      {
        title: `${lines} lines of container logs (all processes, the start apart; medians)`,
        columns: [
          'way',
          'program',
          'lines/s',
          'CPU s per million',
          'lines/CPU s',
          'start CPU s',
          'with start',
          'PSS MB at most',
          'bytes sent a line',
        ],
        rows: ways.flatMap((way) =>
          present.map(({ name }) => [
            way.name,
            name,
            Math.round(lines / middle(way, name, ({ all, startSeconds }) => all.seconds - startSeconds)),
            ((middle(way, name, cpuOf) * 1e6) / lines).toFixed(2),
            Math.round(speed(way, name)),
            middle(way, name, ({ startCpuSeconds }) => startCpuSeconds).toFixed(2),
            Math.round(lines / middle(way, name, ({ all }) => all.cpuSeconds)),
            Math.round(middle(way, name, ({ all }) => all.memoryMb)),
            Math.round(middle(way, name, ({ all }) => all.sentBytes)),
          ]),
        ),
      },
    ],
    targets: options.isTiny
      ? []
      : ways.flatMap((way) => targetsOf(way, speed(way, 'post2log'), versions, speed(way, 'fluent-bit'))),
    versions,
    notes,
  };
}

/** By way and program. */
async function measureCosts(
  present: typeof collectors,
  { lines, rounds, say }: { readonly lines: number; readonly rounds: number; readonly say: RunOptions['say'] },
): Promise<ReadonlyMap<string, readonly Cost[]>> {
  const costs = new Map<string, Cost[]>();
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-logs-'));
  try {
    for (const way of ways) {
      const [whole, short] = [join(directory, 'whole.log'), join(directory, 'short.log')];
      writeLines(whole, way, lines);
      writeLines(short, way, 1);
      for (let round = 1; round <= rounds; round++)
        for (const one of present) {
          say(`${way.name}: ${one.name}, round ${round} of ${rounds}`);
          const start = await collect(one, way, short, 1);
          const all = await collect(one, way, whole, lines);
          const key = `${way.name} ${one.name}`;
          const cost = { startCpuSeconds: start.cpuSeconds, startSeconds: start.seconds, all };
          costs.set(key, [...(costs.get(key) ?? []), cost]);
        }
      rmSync(whole);
      rmSync(short);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return costs;
}

/** The goals of DESIGN.md §9; the ones in lines were set on a machine of their own. */
function targetsOf(way: Way, own: number, versions: Readonly<Record<string, string>>, peer: number): Target[] {
  const targets: Target[] = [];
  const ratio = 'fluent-bit' in versions ? own / peer : undefined;
  for (const kind of ['must', 'aim'] as const) {
    const [times, lines] = [way.ratios[kind], way.speeds[kind]];
    const text = `${way.name}: lines per CPU second`;
    if (times !== undefined) targets.push(atLeast(kind, `${text} against Fluent Bit`, ratio, times));
    if (lines !== undefined) targets.push(atLeast(kind, text, own, lines));
  }
  return targets;
}

function writeLines(path: string, way: Way, lines: number): void {
  const file = openSync(path, 'w');
  for (let n = 0; n < lines; n += 10_000)
    writeSync(file, Array.from({ length: Math.min(10_000, lines - n) }, (_, i) => way.line(n + i)).join(''));
  closeSync(file);
}

/** What files cost that nobody writes: a part of a core, and descriptors. */
export async function measureIdleFiles(options: RunOptions): Promise<Part> {
  const files = options.isTiny ? 100 : 10_000;
  const seconds = options.isTiny ? 1 : 60;
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-idle-'));
  try {
    mkdirSync(join(directory, 'logs'));
    for (let n = 0; n < files; n++) writeFileSync(join(directory, 'logs', `${n}.log`), 'a line\n');
    const config = join(directory, 'tail.conf');
    writeFileSync(
      config,
      `<source>\n  @type tail\n  path ${directory}/logs/*.log\n  tag idle\n  read_from_head true\n  <parse>\n    @type none\n  </parse>\n</source>\n${nullConfig}\n`,
    );
    const post2log = await Post2log.start({
      dataDirectory: join(directory, 'data'),
      workDirectory: directory,
      stdout: 'ignore',
      shellCommand: `exec bin/post2log run --config '${config}'`,
    });
    await post2log.ready;
    options.say(`${files} idle files`);
    while (((await post2log.status())?.appended ?? 0) < files) await wait(100);
    // What the start left to do is over.
    await wait(options.isTiny ? 0 : 15_000);
    const pids = post2log.program.pids();
    const before = cpuSeconds(pids);
    await wait(seconds * 1000);
    const percent = ((cpuSeconds(pids) - before) / seconds) * 100;
    const descriptors = pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
    const memory = memoryMb(pids);
    await post2log.program.stop(20_000);
    return {
      tables: [
        {
          title: `files that nobody writes, for ${seconds} s`,
          columns: ['files', '% of a core', 'descriptors', 'PSS MB'],
          rows: [[files, percent.toFixed(2), descriptors, Math.round(memory)]],
        },
      ],
      targets: options.isTiny
        ? []
        : [
            atMost('must', `${files} idle files: % of a core`, percent, 2),
            atMost('aim', `${files} idle files: % of a core`, percent, 1),
            atMost('must', 'descriptors for each of them', descriptors / files, 1.01),
          ],
      versions: {},
      notes: [],
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
