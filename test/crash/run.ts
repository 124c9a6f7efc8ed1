/**
 * Crash test of the real process: `npm run crash -- --count 200 --seed 7 --workers 2 --full-disk`.
 *
 * Numbered postbacks are sent while the program is killed with SIGKILL, as a whole, process by process and at named
 * points, and started again on the same data directory. Then: every acknowledged record is in the file and in the store
 * exactly once and on standard output at least once, what was not acknowledged is in the file at most once, requests are taken all or
 * not, and the program's own counts balance. Exit 0: no problem found. 1: problems; the directory is kept. 2: arguments.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readArrivals, readStore } from './arrivals.ts';
import { findProblems } from './check.ts';
import { namedPoints, planKills } from './kills.ts';
import { CrashLoad } from './load.ts';
import { runCrashTest } from './outcome.ts';
import { Random } from './random.ts';
import { makeSmallDisk } from './small-disk.ts';
import { Storm } from './storm.ts';
import { Victim } from './victim.ts';

/** Enough to keep both workers in group commits; more would only slow restarts down on two cores. */
const connections = 24;
/** With this pause the load leaves about half of two cores to the program. */
const pauseMsMax = 20;
const drainTimeoutMs = 30_000;

interface CrashOptions {
  readonly count: number;
  readonly seed: number;
  readonly workers: number;
  readonly isDiskFilled: boolean;
  readonly isKept: boolean;
}

function readOptions(): CrashOptions {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '200' },
      seed: { type: 'string' },
      workers: { type: 'string', default: '2' },
      'full-disk': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  });
  const whole = (name: string, text: string): number => {
    if (/^\d+$/.test(text)) return Number(text);
    throw new Error(`--${name} ${text}: expected a whole number`);
  };
  return {
    count: whole('count', values.count),
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole('seed', values.seed),
    workers: whole('workers', values.workers),
    isDiskFilled: values['full-disk'],
    isKept: values.keep,
  };
}

function progress(load: CrashLoad, beginMs: number): string {
  const answers = [...load.answers].map(([answer, count]) => `${count} × ${answer}`).join(', ');
  return `${load.ackedCount} of ${load.sentCount} records acknowledged (${answers}), ${((performance.now() - beginMs) / 1000).toFixed(0)} s`;
}

function tally(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ');
}

/** Answers that a valid request must never get. */
function answerProblems(load: CrashLoad): string[] {
  const expected: readonly unknown[] = [200, 503, 'unreached', 'broken'];
  return [...load.answers]
    .filter(([answer]) => !expected.includes(answer))
    .map(([answer, count]) => `${count} valid requests were answered ${answer}`);
}

async function runStorm(options: CrashOptions, directory: string): Promise<string[]> {
  const { seed, count, workers } = options;
  const dataDirectory = join(directory, 'data');
  const disk = options.isDiskFilled ? makeSmallDisk(dataDirectory) : undefined;
  if (disk) console.log(`full disk: ${disk.what}`);
  const victim = await Victim.make(directory, dataDirectory, { P2L_WORKERS: String(workers), ...disk?.env });
  const load = new CrashLoad(victim.port, seed, connections, pauseMsMax);
  const storm = new Storm(victim, load, new Random(seed, 'targets'));
  const beginMs = performance.now();
  let problems: string[] | undefined;
  try {
    await victim.start();
    const kills = planKills(new Random(seed, 'kills'), count, workers, namedPoints());
    for (const [index, kill] of kills.entries()) {
      if (disk && index === Math.floor(count / 2)) {
        await storm.fillDisk(disk);
        await storm.startOnFullDisk(disk);
      }
      await storm.kill(kill);
      if ((index + 1) % 10 === 0) console.log(`${index + 1} of ${count} kills: ${progress(load, beginMs)}`);
    }
    await victim.ready();
    await load.stop();
    const status = await victim.drain(drainTimeoutMs);
    const code = await victim.stop(30_000);
    const evidence = {
      requests: load.requests,
      file: await readArrivals(victim.filePaths, false),
      stdout: await readArrivals(victim.stdoutPaths, true),
      store: await readStore(dataDirectory),
      status,
    };
    console.log(`kills: ${tally(storm.counts)}`);
    console.log(
      `${progress(load, beginMs)}; ${evidence.file.times.size} in the file, ${evidence.stdout.times.size} on stdout, ${evidence.store.times.size} in the store`,
    );
    problems = [
      ...storm.problems,
      ...answerProblems(load),
      ...victim.ownDeaths.map((death) => `it ended by itself with ${death}`),
      ...(code === 0 ? [] : [`it answered SIGTERM with exit code ${code}`]),
      ...findProblems(evidence),
    ];
    return problems;
  } finally {
    if (victim.isRunning) await victim.killGroup();
    await load.abort();
    disk?.remove(options.isKept || problems?.length !== 0 ? join(directory, 'data-kept') : undefined);
  }
}

await runCrashTest('crash', () => {
  const options = readOptions();
  const flags = `--count ${options.count} --seed ${options.seed} --workers ${options.workers}`;
  return {
    headline: `crash test: ${flags}${options.isDiskFilled ? ' --full-disk' : ''}`,
    prefix: 'p2l-crash-',
    isKept: options.isKept,
    run: (directory) => runStorm(options, directory),
  };
});
