/**
 * How far one output is in each shard, and what it counted on the way.
 *
 * In a shard, all offsets below `low` are done, and so are the ranges in `done` above it. An offset is done once every
 * emission of its record to this output was delivered or refused, or when there is none (the record passed). Records
 * with several emissions keep which of them are over (`partials`) until the last one is.
 *
 * Counts move together with the offsets, and both are committed together, so for every output, at any commit:
 * offsets seen + derived = delivered + refused + passed + waiting. (`derived`: emissions beyond the first of a record.)
 */
import assert from 'node:assert';
import { RangeSet } from '../core/ranges.ts';

/** As in the cursor file. `done`: start, end, start, end … `partials`: emission ordinals that are over, by offset. */
export interface ShardCursor {
  readonly start: number;
  readonly low: number;
  readonly done: readonly number[];
  readonly partials: Readonly<Record<string, readonly number[]>>;
}

export interface CountsCursor {
  readonly delivered: number;
  readonly passed: number;
  readonly derived: number;
  readonly refused: Readonly<Record<string, number>>;
}

/** Distinct refusal reasons counted by name: reasons can quote a target's words; beyond this many they count as `other`. */
const reasonsMax = 64;
/** Longest reason kept as a name, in UTF-16 units. Dead letters keep the whole text. */
const reasonLengthMax = 80;

export class Counts {
  delivered = 0;
  passed = 0;
  derived = 0;
  readonly refused = new Map<string, number>();
  readonly #onRefused: (reason: string, count: number) => void;

  constructor(cursor: CountsCursor | undefined, onRefused: (reason: string, count: number) => void) {
    this.#onRefused = onRefused;
    if (!cursor) return;
    this.delivered = cursor.delivered;
    this.passed = cursor.passed;
    this.derived = cursor.derived;
    for (const [reason, count] of Object.entries(cursor.refused)) this.refused.set(reason, count);
  }
  refuse(reason: string, count: number): void {
    if (count === 0) return;
    const short = reason.slice(0, reasonLengthMax);
    const name = this.refused.has(short) || this.refused.size < reasonsMax ? short : 'other';
    this.refused.set(name, (this.refused.get(name) ?? 0) + count);
    this.#onRefused(name, count);
  }
  cursor(): CountsCursor {
    return {
      delivered: this.delivered,
      passed: this.passed,
      derived: this.derived,
      refused: Object.fromEntries(this.refused),
    };
  }
}

/** A record with several emissions to this output, some of them not over. */
interface Partial {
  readonly over: Set<number>;
  readonly total: number;
  readonly from: number;
  readonly to: number;
}

/** Progress of one output in one shard. */
export class ShardProgress {
  readonly shard: string;
  readonly counts: Counts;
  /** First offset it ever had to do with. */
  readonly start: number;
  /** Everything below is taken: done, or held in memory. The next frame wanted begins here. */
  next: number;
  /** Low-water mark of the last committed cursor: where a crash would take it back to. */
  committedLow: number;
  /** Offsets below it that are not staged: those that are, are done for the cursor and not for the target. */
  stagedLow: () => number | undefined = () => undefined;
  #low: number;
  readonly #done = new RangeSet();
  /** Emissions over, read from the cursor, of records that were not read again yet. */
  readonly #restored = new Map<number, readonly number[]>();
  readonly #partials = new Map<number, Partial>();

  constructor(shard: string, counts: Counts, cursor: ShardCursor) {
    this.shard = shard;
    this.counts = counts;
    this.start = cursor.start;
    this.#low = cursor.low;
    this.next = cursor.low;
    this.committedLow = cursor.low;
    for (let i = 0; i + 1 < cursor.done.length; i += 2)
      this.#done.add(cursor.done[i] as number, cursor.done[i + 1] as number);
    for (const [offset, over] of Object.entries(cursor.partials)) this.#restored.set(Number(offset), over);
  }
  get low(): number {
    return this.#low;
  }
  /** True when nothing at or above `offset` is done or partly done: frames there need no look at single records. */
  isClean(offset: number): boolean {
    // After a restart `low` runs ahead of `next` where a range done before joins it.
    return this.#low <= offset && this.#done.end <= offset && this.#restored.size === 0;
  }
  isDone(offset: number): boolean {
    return offset < this.#low || this.#done.has(offset);
  }
  /** Offsets of [low, until) that are not done. */
  waiting(until: number): number {
    return Math.max(0, until - this.#low - this.#done.countIn(this.#low, until));
  }
  /** Marks [from, to) done, of which `emitted` records were delivered or refused and counted by the caller; the others passed. */
  complete(from: number, to: number, emitted: number): void {
    const fresh = this.#mark(from, to);
    assert(fresh >= emitted, `${emitted} records of [${from}, ${to}) in shard ${this.shard} end, ${fresh} are new`);
    this.counts.passed += fresh - emitted;
  }
  /** Marks [from, to) done as refused. */
  completeRefused(from: number, to: number, reason: string): void {
    // Emissions of such a record that are over stay counted, each with its `derived`; the record itself counts here.
    this.counts.refuse(reason, this.#mark(from, to));
  }
  /** A record with `total` emissions was read; [from, to) is done with the last of them. Returns which are over already. */
  expect(offset: number, total: number, from: number, to: number): ReadonlySet<number> {
    const over = new Set(this.#restored.get(offset));
    this.#restored.delete(offset);
    // Routed otherwise than before the restart (its configuration was lost, a plugin changed), it may have fewer emissions
    // than are over: then nothing is left that could finish it.
    if (over.size >= total) {
      this.complete(from, to, 0);
      return new Set(Array.from({ length: total }, (_, k) => k));
    }
    this.#partials.set(offset, { over, total, from, to });
    return over;
  }
  /** Emission `k` of a record that was expected is over; the caller counted it. */
  finish(offset: number, k: number): void {
    const partial = this.#partials.get(offset);
    if (!partial || partial.over.has(k)) return;
    partial.over.add(k);
    if (partial.over.size < partial.total) {
      this.counts.derived++;
      return;
    }
    this.#partials.delete(offset);
    this.complete(partial.from, partial.to, 1);
  }
  cursor(): ShardCursor {
    const partials: Record<string, readonly number[]> = {};
    for (const [offset, over] of this.#restored) partials[offset] = over;
    for (const [offset, { over }] of this.#partials) if (over.size > 0) partials[offset] = [...over];
    return { start: this.start, low: this.#low, done: this.#done.flat(), partials };
  }
  #mark(from: number, to: number): number {
    // Read again with one emission or none, a record is over as a whole: what was over of it no longer matters.
    if (this.#restored.size > 0)
      for (const offset of this.#restored.keys()) if (offset >= from && offset < to) this.#restored.delete(offset);
    const low = this.#low;
    if (to <= low) return 0;
    if (from <= low && this.#done.size === 0) {
      this.#low = to;
      return to - low;
    }
    const fresh = this.#done.add(Math.max(from, low), to);
    this.#low = this.#done.takeFrom(low);
    return fresh;
  }
}
