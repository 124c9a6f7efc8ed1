/** Going through a partition in turns, so that a question that takes long lets others in and does not hold back checkpoints. */
import type { RowTable } from './layout.ts';
import { TimeUp } from './limits.ts';
import { ask, viewsOf, type Asking, type Selected } from './selection.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';

/** After so long a snapshot is given back between two tables: what others wait for it is below what a person notices. */
const turnMs = 250;
/** So often a question begins again because tables were sealed or merged between two turns; then it keeps its snapshot. */
const triesMax = 3;

/** What is done with one partition. */
export interface Walk {
  /** The tables to look at, in this order; with the first snapshot. */
  begin(snapshot: Snapshot): Promise<readonly RowTable[]>;
  /** `tables`: the next ones, `together` at most. `left`: the tables behind these. */
  step(snapshot: Snapshot, tables: readonly RowTable[], left: readonly RowTable[]): Promise<void>;
  /** Tables of one step. Each statement waits for the event loop and for a core where rows come in: few large ones wait less. */
  readonly together: number;
  /** With the last snapshot. False: what it needs is no longer there. */
  end?(snapshot: Snapshot): Promise<boolean>;
}

/**
 * `broken`: the partition cannot be read. `changed`: tables that were still needed have been sealed or merged. In both
 * cases what was done with it is void.
 */
export type Outcome = 'done' | 'broken' | 'changed';

/** Walks through a partition. `tries`: how often it turned out to be changed before. @throws as `ask`. */
export async function walkPartition(asking: Asking, view: PartitionView, walk: Walk, tries: number): Promise<Outcome> {
  const { limits } = asking;
  let left: readonly RowTable[] | undefined;
  let outcome: Outcome | undefined;
  const turn = async (snapshot: Snapshot): Promise<Outcome | undefined> => {
    const startMs = limits.tookMs;
    left ??= await walk.begin(snapshot);
    // A hot table may have got rows meanwhile: those were stored after the question.
    const tables = left.flatMap((table) => snapshot.tables.find((other) => isSame(table, other)) ?? []);
    if (tables.length < left.length) return 'changed';
    for (let at = 0; at < tables.length; at += walk.together) {
      if (at > 0 && tries < triesMax && limits.tookMs - startMs >= turnMs) return undefined;
      left = tables.slice(at + walk.together);
      await walk.step(snapshot, tables.slice(at, at + walk.together), left);
    }
    return walk.end && !(await walk.end(snapshot)) ? 'changed' : 'done';
  };
  while (outcome === undefined) {
    const isRead = await ask(asking, view, async (snapshot) => {
      outcome = await turn(snapshot);
    });
    if (!isRead) return 'broken';
  }
  return outcome;
}

function isSame(a: RowTable, b: RowTable): boolean {
  return a.kind === b.kind && a.number === b.number;
}

/**
 * Walks through all partitions that can have selected records, newest first, and adds up what each gives. False: the
 * time limit came; what was counted until then is added too.
 */
export async function sumPartitions<T>(
  asking: Asking,
  selected: Selected,
  begin: () => { readonly part: T; readonly walk: Walk },
  add: (part: T) => void,
): Promise<boolean> {
  for (const view of viewsOf(asking, selected))
    for (let tries = 0, outcome: Outcome = 'changed'; outcome === 'changed'; tries++) {
      const { part, walk } = begin();
      try {
        outcome = await walkPartition(asking, view, walk, tries);
      } catch (error) {
        if (!(error instanceof TimeUp)) throw error;
        add(part);
        return false;
      }
      if (outcome === 'done') add(part);
    }
  return true;
}
