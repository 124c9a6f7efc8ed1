/**
 * Rotation torture of the real collector: `npm run torture -- --minutes 30 --seed 7`.
 *
 * 50 logs, each with numbered lines, are rotated 100 times a minute in total: renamed, renamed and compressed, copied and cut,
 * removed, cut without a copy; some hold records of several lines; old files go after a few rotations. Meanwhile the collector is killed (30 times in 30
 * minutes), stopped and slowed. Then: every line of a file that was there for 10 s while it ran, or is there still, arrived
 * once and in order; and the bytes that it counts as lost are those of the lines that a cut took. Prints
 * `N passed, N failed`: a check for each log, the count of lost bytes, and the end of the program.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { wait } from '../../bench/program.ts';
import { runCrashTest } from '../crash/outcome.ts';
import { Random } from '../crash/random.ts';
import { filesBelow } from '../crash/arrivals.ts';
import { readNumbers } from './arrived.ts';
import { judge } from './check.ts';
import type { Verdict } from './check.ts';
import { Collector } from './collector.ts';
import { TorturedLog } from './log.ts';
import type { LogKind } from './log.ts';

const rotationsPerMinute = 100;
const writePauseMs = 50;
/** Longest wait at the end without any further line. */
const drainMs = 20_000;

/** How many logs of each kind, 50 in all; and how often each is rotated, compared with the others. */
const kinds: readonly { readonly kind: LogKind; readonly count: number; readonly weight: number }[] = [
  { kind: 'rename', count: 9, weight: 3 },
  { kind: 'trace', count: 3, weight: 3 },
  { kind: 'gzip', count: 12, weight: 3 },
  { kind: 'copytruncate', count: 12, weight: 3 },
  { kind: 'delete', count: 10, weight: 1 },
  { kind: 'flood', count: 4, weight: 3 },
];

/** Which source follows a log. */
const places: Readonly<Partial<Record<LogKind, string>>> = { flood: 'slow', trace: 'joined' };

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly isKept: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes}: expected a number above 0`);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed}: expected a whole number`);
  return { minutes, seed, isKept: values.keep };
}

function makeLogs(directory: string, seed: number, collector: Collector): { log: TorturedLog; weight: number }[] {
  return kinds.flatMap(({ kind, count, weight }) =>
    Array.from({ length: count }, (_, n) => {
      const name = `${kind}-${n}`;
      const place = join(directory, places[kind] ?? 'quick');
      return { log: new TorturedLog(place, name, kind, new Random(seed, name), collector), weight };
    }),
  );
}

/** Kills, stops and slows the collector, evenly spread. */
async function disturb(collector: Collector, random: Random, minutes: number, untilMs: number): Promise<void> {
  const kills = Math.max(3, Math.round(minutes));
  const pauseMs = (minutes * 60_000) / (kills + 1);
  for (let n = 0; n < kills && performance.now() < untilMs; n++) {
    await wait(pauseMs * 0.4);
    if (random.isBelow(0.5)) await collector.halt(random.between(500, 5000));
    else await collector.slow(random.between(5, 20));
    await wait(pauseMs * 0.3);
    await collector.kill(random.between(0, 4000));
  }
}

async function torture({ minutes, seed }: Options, directory: string): Promise<string[]> {
  for (const name of ['quick', 'slow', 'joined', 'out']) mkdirSync(join(directory, name), { recursive: true });
  const collector = await Collector.make(directory);
  const logs = makeLogs(directory, seed, collector);
  try {
    await collector.start();
    const random = new Random(seed, 'rotations');
    const untilMs = performance.now() + minutes * 60_000;
    const disturbed = disturb(collector, new Random(seed, 'kills'), minutes, untilMs);
    const weighted = logs.flatMap(({ log, weight }) => Array.from({ length: weight }, () => log));
    // Each log that must lose something does so at least once, also in a short run.
    const rotations = logs.filter(({ log }) => log.kind === 'flood').map(({ log }) => log.rotate());
    for (let nextMs = performance.now(); performance.now() < untilMs; await wait(writePauseMs)) {
      for (const { log } of logs) if (log.kind !== 'flood' && random.isBelow(0.5)) log.write(random.between(1, 8));
      if (performance.now() < nextMs) continue;
      nextMs += 60_000 / rotationsPerMinute;
      rotations.push(random.pick(weighted).rotate());
    }
    await Promise.all([disturbed, ...rotations]);
    for (const { log } of logs) if (log.kind !== 'flood') log.write(1);
    return await conclude(
      collector,
      logs.map(({ log }) => log),
      directory,
    );
  } finally {
    collector.end();
  }
}

const bytesOf = (lines: Verdict['lost']): number =>
  lines.reduce((sum, { name, n }) => sum + TorturedLog.bytesOf(name, n), 0);

/** Waits until nothing more comes, and checks. */
async function conclude(collector: Collector, logs: readonly TorturedLog[], directory: string): Promise<string[]> {
  // The last record of several lines waits for the next one.
  const written = logs.map(({ name, lines, excused, kind, lasts }) => ({
    name,
    ...(kind === 'trace' && { mayTurn: lasts }),
    lines: kind === 'trace' ? lines - 1 : lines,
    excused,
    mayLose: kind === 'flood',
  }));
  const read = () => readNumbers(filesBelow(join(directory, 'out')));
  let arrived = await read();
  let count = 0;
  for (let sinceMs = performance.now(); performance.now() - sinceMs < drainMs; await wait(1000)) {
    arrived = await read();
    const now = [...arrived.values()].reduce((sum, { length }) => sum + length, 0);
    if (now !== count) sinceMs = performance.now();
    count = now;
    const { problems, lost } = judge(written, arrived);
    if (performance.now() - sinceMs <= drainMs / 4 || problems.size > 0) continue;
    // Lines of a flood that are not read yet are neither there nor lost.
    if (bytesOf(lost) === (await collector.lostBytes())) break;
  }
  const { problems, lost } = judge(written, arrived);
  const lostBytes = bytesOf(lost);
  const counted = await collector.lostBytes();
  const code = await collector.stop();
  const { kills, stops, slowed } = collector.counts;
  const rotated = Map.groupBy(logs, ({ kind }) => kind);
  const rotations = [...rotated].map(
    ([kind, some]) => `${some.reduce((sum, log) => sum + log.rotations, 0)} × ${kind}`,
  );
  const excused = written.flatMap((one) => one.excused).reduce((sum, { from, to }) => sum + to - from, 0);
  console.log(`rotations: ${rotations.join(', ')}; ${kills} kills, ${stops} stops, ${slowed} times slowed`);
  console.log(
    `${count} lines arrived, ${lost.length} lost by cuts (${lostBytes} bytes; counted: ${counted}), ${excused} removed early`,
  );
  const all = [
    ...[...problems].map(([name, text]) => `${name}: ${text}`),
    ...(lostBytes === counted ? [] : [`${lostBytes} bytes are lost, and ${counted} are counted`]),
    ...(code === 0 && collector.ownDeaths.length === 0
      ? []
      : [`the collector ended with ${code} at the end; by itself: ${collector.ownDeaths.join('; ') || 'never'}`]),
  ];
  console.log(`${logs.length + 2 - all.length} passed, ${all.length} failed`);
  return all;
}

await runCrashTest('torture', () => {
  const options = readOptions();
  return {
    headline: `torture: --minutes ${options.minutes} --seed ${options.seed}`,
    prefix: 'p2l-torture-',
    isKept: options.isKept,
    run: (directory) => torture(options, directory),
  };
});
