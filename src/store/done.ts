/** What the store has already taken: ranges of offsets for each shard of the journal and each ordinal. */
import { RangeSet } from '../core/ranges.ts';

/** In place of an ordinal: every emission of these offsets, those with ordinal -1 (the only one) included. */
export const everyOrdinal = -2;

/**
 * Shards that are remembered, those used last. Every start of a receiving process makes one, so this is a start every ten
 * minutes for ten weeks; a shard is delivered again only right after a crash, not after thousands of others.
 */
const shardsMax = 10_000;

/**
 * Ranges that are remembered of a stream of origins and an ordinal. In-order work keeps it at one; each hole that stays (a
 * record that a program between us and its origin dropped) makes one more. What was stored twice arrived twice within
 * minutes, so the oldest are the ones that are not needed.
 */
const streamRangesMax = 10_000;

/** Offsets [low, high) of a shard are done for an ordinal. */
export interface DoneRange {
  readonly shard: string;
  readonly ordinal: number;
  readonly low: number;
  readonly high: number;
}

/** Joined ranges in memory. In-order work keeps it at one range for each shard. */
export class Done {
  /** Those used last come last. */
  readonly #shards = new Map<string, Map<number, RangeSet>>();

  has(shard: string, offset: number, ordinal: number): boolean {
    const ordinals = this.#shards.get(shard);
    if (!ordinals) return false;
    return (ordinals.get(everyOrdinal)?.has(offset) ?? false) || (ordinals.get(ordinal)?.has(offset) ?? false);
  }
  /** True: nothing at or above `offset` is done, whatever the ordinal. */
  isBeyond(shard: string, offset: number): boolean {
    const ordinals = this.#shards.get(shard);
    if (!ordinals) return true;
    for (const ranges of ordinals.values()) if (ranges.end > offset) return false;
    return true;
  }
  /** True: all of the range is done. */
  covers(range: DoneRange): boolean {
    const ordinals = this.#shards.get(range.shard);
    const wanted = range.high - range.low;
    return [everyOrdinal, range.ordinal].some(
      (ordinal) => (ordinals?.get(ordinal)?.countIn(range.low, range.high) ?? 0) === wanted,
    );
  }
  add({ shard, ordinal, low, high }: DoneRange): void {
    if (high <= low) return;
    const ordinals = this.#shards.get(shard) ?? new Map<number, RangeSet>();
    this.#shards.delete(shard);
    this.#shards.set(shard, ordinals);
    const ranges = ordinals.get(ordinal) ?? new RangeSet();
    ordinals.set(ordinal, ranges);
    ranges.add(low, high);
    // The journal's own shards say what is done below (StoredBatch.doneBelow) and need no limit.
    if (ranges.size > streamRangesMax && shard.includes('.')) ranges.forgetFirst();
    if (ordinal === everyOrdinal && low === 0) forgetBelow(ordinals, high);
    if (this.#shards.size <= shardsMax) return;
    const [oldest] = this.#shards.keys();
    if (oldest !== undefined) this.#shards.delete(oldest);
  }
  /** All ranges, joined; shards used last come last, and so they do where these are added one by one. */
  *ranges(): Generator<DoneRange> {
    for (const [shard, ordinals] of this.#shards)
      for (const [ordinal, ranges] of ordinals) {
        const flat = ranges.flat();
        for (let at = 0; at < flat.length; at += 2)
          yield { shard, ordinal, low: flat[at] as number, high: flat[at + 1] as number };
      }
  }
}

/** What is kept for single ordinals below an offset that is done for all of them says nothing any more. */
function forgetBelow(ordinals: Map<number, RangeSet>, offset: number): void {
  for (const [ordinal, ranges] of ordinals) {
    if (ordinal === everyOrdinal) continue;
    const end = ranges.takeFrom(offset);
    ranges.add(offset, end);
    if (ranges.size === 0) ordinals.delete(ordinal);
  }
}
