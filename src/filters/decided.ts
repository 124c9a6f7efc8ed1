/**
 * What filters that count remember of their records: one that is read again, by an output that is behind or routes anew,
 * fares as it did before.
 */
import type { Batch } from '../core/batch.ts';
import { RangeSet } from '../core/ranges.ts';

/** Ranges of decided records that are kept for a shard: some hundred kilobytes, and more than lie between readers. */
const rangesMax = 8192;
/** Shards that are known at a time; those read longest ago go first. A program has one for each receiving process. */
const shardsMax = 64;

/** Which records of a shard passed, by offset. */
export class Decided {
  readonly #passed = new RangeSet();
  readonly #dropped = new RangeSet();

  /** Undefined: not decided yet, or forgotten. */
  get(offset: number): boolean | undefined {
    if (this.#passed.has(offset)) return true;
    return this.#dropped.has(offset) ? false : undefined;
  }
  set(offset: number, passes: boolean): void {
    const decided = passes ? this.#passed : this.#dropped;
    decided.add(offset, offset + 1);
    if (decided.size > rangesMax) decided.forgetFirst();
  }
}

/** One of something for each shard. */
export class ByShard<T> {
  readonly #made = new Map<string, T>();
  readonly #make: () => T;

  constructor(make: () => T) {
    this.#make = make;
  }
  of(batch: Batch): T {
    const { shard } = batch.block.parts;
    const one = this.#made.get(shard) ?? this.#make();
    this.#made.delete(shard);
    this.#made.set(shard, one);
    if (this.#made.size > shardsMax) this.#made.delete(this.#made.keys().next().value as string);
    return one;
  }
}
