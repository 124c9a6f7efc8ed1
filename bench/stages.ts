/** What the scenarios share that measure a part of the program in two stages: alone, and with what comes behind it. */
import { createHash } from 'node:crypto';
import type { measureReaders } from './peers/readers.ts';
import { median } from './scenario.ts';
import type { Outcome, Target } from './scenario.ts';

/** One kind of input: records per CPU second in each stage, and what became of the first record. */
export interface Measured {
  readonly name: string;
  readonly alone: number;
  readonly whole: number;
  readonly sample: string;
}

/** Records per CPU second of this process, of so many that `run` goes through. */
function perCpuSecond(count: number, run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}

/** The medians of both stages over so many rounds. `prepare`: makes one run, outside of what is measured. */
export function measureStages(
  rounds: number,
  count: number,
  prepare: (isWhole: boolean) => () => void,
): { readonly alone: number; readonly whole: number } {
  const samples = { alone: [] as number[], whole: [] as number[] };
  // The first round compiles.
  for (let round = -1; round < rounds; round++)
    for (const stage of ['alone', 'whole'] as const) {
      const found = perCpuSecond(count, prepare(stage === 'whole'));
      if (round >= 0) samples[stage].push(found);
    }
  return { alone: median(samples.alone), whole: median(samples.whole) };
}

/** The outcome of such a scenario. */
export function stagesOutcome({
  measured,
  table,
  programs,
  programsTitle,
  targets,
}: {
  readonly measured: readonly Measured[];
  readonly table: { readonly title: string; readonly columns: readonly [string, string, string] };
  readonly programs: Awaited<ReturnType<typeof measureReaders>>;
  readonly programsTitle: string;
  readonly targets: readonly Target[];
}): Outcome {
  return {
    tables: [
      {
        title: table.title,
        columns: [...table.columns],
        rows: measured.map(({ name, alone, whole }) => [name, Math.round(alone), Math.round(whole)]),
      },
      { title: programsTitle, ...programs.table },
    ],
    targets: [...targets],
    resultHash: createHash('sha256')
      .update(measured.map(({ sample }) => sample).join('\n'))
      .digest('hex')
      .slice(0, 16),
    versions: programs.versions,
    notes: programs.notes,
  };
}
