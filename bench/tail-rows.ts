/** What the `tail` scenario measures beside its own log: collectors of container logs side by side, and files that lie idle. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect, collectors, ways } from './peers/collectors.ts';
import type { Collected } from './peers/collectors.ts';
import { nullConfig, Post2log } from './post2log.ts';
import { cpuSeconds, memoryMb } from './processes.ts';
import { wait } from './program.ts';
import { atLeast, atMost, median } from './scenario.ts';
import type { Outcome, RunOptions } from './scenario.ts';

type Part = Pick<Outcome, 'tables' | 'targets' | 'versions' | 'notes'>;

/** post2log and those of its peers that are on PATH, in turn. */
export async function measureCollectors(options: RunOptions): Promise<Part> {
  const lines = options.isTiny ? 2000 : Math.round((options.millions ?? 1) * 1e6);
  const rounds = options.isTiny ? 1 : (options.rounds ?? 3);
  const versions: Record<string, string> = {};
  const notes: string[] = [];
  const samples = new Map<string, Collected[]>();
  const of = (way: string, name: string): Collected[] => samples.get(`${way} ${name}`) ?? [];
  for (const one of collectors) {
    const version = await one.version();
    if (version === undefined) notes.push(`${one.name} is not on PATH: no ratio to it`);
    else if (!options.isTiny || one.name === 'post2log') versions[one.name] = version;
  }
  const present = collectors.filter(({ name }) => name in versions);
  for (let round = 1; round <= rounds; round++)
    for (const way of ways)
      for (const one of present) {
        options.say(`${way.name}: ${one.name}, round ${round} of ${rounds}`);
        samples.set(`${way.name} ${one.name}`, [...of(way.name, one.name), await collect(one, way, lines)]);
      }
  const middle = (way: string, name: string, value: (one: Collected) => number): number =>
    median(of(way, name).map(value));
  const speed = (way: string, name: string): number => lines / middle(way, name, (one) => one.cpuSeconds);
  return {
    tables: [
      {
        title: `${lines} lines of container logs (all processes, from their start on; medians)`,
        columns: ['way', 'program', 'lines/s', 'CPU s per million', 'lines/CPU s', 'PSS MB at most'],
        rows: ways.flatMap(({ name: way }) =>
          present.map(({ name }) => [
            way,
            name,
            Math.round(lines / middle(way, name, (one) => one.seconds)),
            ((middle(way, name, (one) => one.cpuSeconds) * 1e6) / lines).toFixed(2),
            Math.round(speed(way, name)),
            Math.round(middle(way, name, (one) => one.memoryMb)),
          ]),
        ),
      },
    ],
    targets: options.isTiny
      ? []
      : ways.map(({ name: way, ratio }) =>
          atLeast(
            'must',
            `${way}: lines per CPU second against Fluent Bit`,
            'fluent-bit' in versions ? speed(way, 'post2log') / speed(way, 'fluent-bit') : undefined,
            ratio,
          ),
        ),
    versions,
    notes,
  };
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
