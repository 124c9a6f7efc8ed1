/**
 * Gigabytes wait in the journal for a file output. First the output cannot write: how much memory does the program take
 * with all that behind it? Then it can: how fast, and at what cost, does it go from journal to JSON to file?
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../cache.ts';
import type { Post2log } from '../post2log.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { wait } from '../program.ts';
import { atMost } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';
import { WaitingJournal, directoryBytes } from '../waiting-journal.ts';

const sampleMs = 200;
/** Longest time without any record delivered before the drain counts as stuck. */
const stuckMs = 60_000;

interface Phase {
  readonly readyMs: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryMbMax: number;
}

/** Watches the program until `isOver`. Time and CPU time count from its start on. */
async function watch(post2log: Post2log, isOver: () => Promise<boolean>): Promise<Phase> {
  const readyMs = await post2log.ready;
  let memoryMbMax = 0;
  let used = 0;
  for (;;) {
    const isLast = await isOver();
    const pids = post2log.program.pids();
    memoryMbMax = Math.max(memoryMbMax, memoryMb(pids));
    used = Math.max(used, cpuSeconds(pids));
    if (isLast) break;
    await wait(sampleMs);
  }
  return { readyMs, seconds: (performance.now() - post2log.program.startedMs) / 1000, cpuSeconds: used, memoryMbMax };
}

async function waiting(journal: WaitingJournal, seconds: number): Promise<Phase> {
  const post2log = await journal.start();
  try {
    const endMs = performance.now() + seconds * 1000;
    return await watch(post2log, () => Promise.resolve(performance.now() >= endMs));
  } finally {
    await post2log.program.stop(20_000);
  }
}

async function drain(journal: WaitingJournal, options: RunOptions): Promise<Phase> {
  journal.unblock();
  const post2log = await journal.start();
  let lowest = Number.POSITIVE_INFINITY;
  let progressMs = performance.now();
  let looks = 0;
  try {
    return await watch(post2log, async () => {
      const left = (await post2log.status())?.outputs.reduce((sum, output) => sum + output.waiting, 0) ?? lowest;
      if (left < lowest) progressMs = performance.now();
      lowest = Math.min(lowest, left);
      if (looks++ % 50 === 0) options.say(`${left} records wait`);
      if (performance.now() - progressMs > stuckMs) throw new Error(`nothing delivered for ${stuckMs / 1000} s`);
      return left === 0;
    });
  } finally {
    await post2log.program.stop(20_000);
  }
}

async function countLines(directory: string): Promise<number> {
  let lines = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    for await (const part of createReadStream(join(entry.parentPath, entry.name), { highWaterMark: 1 << 20 })) {
      const bytes = part as Buffer;
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
    }
  }
  return lines;
}

async function runPipeline(options: RunOptions): Promise<Outcome> {
  const gigabytes = options.gigabytes ?? (options.isTiny ? 0.002 : 0.5);
  if (!options.isTiny) return measure(await WaitingJournal.of(gigabytes, cacheDirectory, options.say), options);
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-'));
  try {
    return await measure(await WaitingJournal.of(gigabytes, directory, options.say), options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(journal: WaitingJournal, options: RunOptions): Promise<Outcome> {
  const { gigabytes } = journal;
  journal.lay();
  options.say('starting with the output blocked');
  const blocked = await waiting(journal, options.roundSeconds ?? (options.isTiny ? 0.2 : 10));
  options.say('starting with the output free');
  const drained = await drain(journal, options);
  const lines = await countLines(journal.outputDirectory);
  const megabytes = directoryBytes(journal.outputDirectory) / 1e6;
  journal.clear();
  if (lines !== journal.records) throw new Error(`${journal.records} records waited, but the file has ${lines} lines`);
  const perSecond = Math.round(lines / drained.seconds);
  const perCpuSecond = Math.round(lines / drained.cpuSeconds);
  return {
    tables: [
      {
        title: `${gigabytes} GB of journal, ${lines} records, ${Math.round(megabytes)} MB of JSON lines (all processes, from their start on)`,
        columns: [
          'phase',
          'start to ready ms',
          'seconds',
          'CPU s',
          'PSS MB at most',
          'records/s',
          'records/CPU s',
          'MB/s',
        ],
        rows: [
          [
            'output blocked',
            Math.round(blocked.readyMs),
            blocked.seconds.toFixed(1),
            blocked.cpuSeconds.toFixed(1),
            Math.round(blocked.memoryMbMax),
            undefined,
            undefined,
            undefined,
          ],
          [
            'journal → file',
            Math.round(drained.readyMs),
            drained.seconds.toFixed(1),
            drained.cpuSeconds.toFixed(1),
            Math.round(drained.memoryMbMax),
            perSecond,
            perCpuSecond,
            Math.round(megabytes / drained.seconds),
          ],
        ],
      },
    ],
    targets: [
      atMost('must', 'output blocked: PSS MB', blocked.memoryMbMax, 256),
      atMost('aim', 'output blocked: PSS MB', blocked.memoryMbMax, 200),
      atMost('must', 'journal → file: PSS MB', drained.memoryMbMax, 256),
      atMost('aim', 'journal → file: PSS MB', drained.memoryMbMax, 200),
    ],
    resultHash: createHash('sha256').update(`${gigabytes} ${lines}`).digest('hex').slice(0, 16),
    versions: {},
    notes: gigabytes < 10 ? ['the limits are for 10 GB: npm run bench -- pipeline --gigabytes 10'] : [],
  };
}

export const pipeline: Scenario = {
  name: 'pipeline',
  summary: 'records/s from journal to file, and memory with gigabytes waiting',
  run: runPipeline,
};
