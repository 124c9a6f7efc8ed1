/** What a transaction adds of the batches given to it: what is not stored yet. */
import type { StoredBatch } from '../core/record-store.ts';
import { Done, everyOrdinal } from './done.ts';
import type { DoneRange } from './done.ts';

/** What a transaction is going to add. */
export interface Addition {
  /** `runs`: rows [from, to), from, to, … of the batch that are new. */
  readonly pieces: { readonly batch: StoredBatch; readonly shard: number; readonly runs: readonly number[] }[];
  readonly done: DoneRange[];
  readonly shards: Map<number, string>;
  rows: number;
  bytes: number;
  secondsMin: number;
  secondsMax: number;
  appendMsMax: number;
}

/** `done`: all that is stored. `before`: what is added before these are, and not stored yet. */
export function selectNew(
  batches: readonly StoredBatch[],
  done: Done,
  before: readonly DoneRange[],
  shardNumber: (shard: string) => number,
): Addition {
  const adding = new Done();
  for (const range of before) adding.add(range);
  const addition: Addition = {
    pieces: [],
    done: [],
    shards: new Map(),
    rows: 0,
    bytes: 0,
    secondsMin: Number.POSITIVE_INFINITY,
    secondsMax: Number.NEGATIVE_INFINITY,
    appendMsMax: Number.NEGATIVE_INFINITY,
  };
  for (const batch of batches) {
    const runs = newRows(batch, done, adding);
    const shard = shardNumber(batch.shard);
    addition.shards.set(shard, batch.shard);
    if (runs.length > 0) addition.pieces.push({ batch, shard, runs });
    for (let at = 0; at < runs.length; at += 2) addRun(addition, batch, runs[at] as number, runs[at + 1] as number);
    for (const range of doneWith(batch, runs)) {
      if (range.high <= range.low || done.covers(range) || adding.covers(range)) continue;
      adding.add(range);
      addition.done.push(range);
    }
  }
  return addition;
}

/** Rows of a batch that are not done, as runs: from, to, from, to … */
function newRows(batch: StoredBatch, done: Done, adding: Done): number[] {
  const { shard, offsets, ordinals } = batch;
  const first = offsets[0];
  if (first === undefined) return [];
  // The common case: all of it is new.
  if (done.isBeyond(shard, first) && adding.isBeyond(shard, first)) return [0, offsets.length];
  const runs: number[] = [];
  for (let row = 0; row < offsets.length; row++) {
    const offset = offsets[row] as number;
    const ordinal = ordinals ? (ordinals[row] as number) : -1;
    if (done.has(shard, offset, ordinal) || adding.has(shard, offset, ordinal)) continue;
    if (runs.at(-1) === row) runs[runs.length - 1] = row + 1;
    else runs.push(row, row + 1);
  }
  return runs;
}

/** What is done once a batch's new rows are in. */
function doneWith(batch: StoredBatch, runs: readonly number[]): DoneRange[] {
  const { shard, span, doneBelow } = batch;
  const below = { shard, ordinal: everyOrdinal, low: 0, high: doneBelow };
  // No other batch brings emissions of these offsets, so none is left out when they are done for every ordinal.
  if (span) return [below, { shard, ordinal: everyOrdinal, low: span.from, high: span.to }];
  if (batch.covered) return batch.covered.map((range) => ({ shard, ...range }));
  const ranges = [below];
  const last = new Map<number, { low: number; high: number }>();
  for (let at = 0; at < runs.length; at += 2)
    for (let row = runs[at] as number; row < (runs[at + 1] as number); row++) {
      const offset = batch.offsets[row] as number;
      const ordinal = batch.ordinals ? (batch.ordinals[row] as number) : -1;
      const range = last.get(ordinal);
      if (range?.high === offset) range.high++;
      else {
        const begun = { shard, ordinal, low: offset, high: offset + 1 };
        last.set(ordinal, begun);
        ranges.push(begun);
      }
    }
  return ranges;
}

function addRun(addition: Addition, batch: StoredBatch, from: number, to: number): void {
  addition.rows += to - from;
  addition.bytes += (batch.bounds[to] as number) - (batch.bounds[from] as number);
  addition.appendMsMax = Math.max(addition.appendMsMax, batch.appendMs);
  for (let row = from; row < to; row++) {
    const seconds = batch.seconds[row] as number;
    if (seconds < addition.secondsMin) addition.secondsMin = seconds;
    if (seconds > addition.secondsMax) addition.secondsMax = seconds;
  }
}
