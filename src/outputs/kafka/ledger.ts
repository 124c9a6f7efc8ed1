/**
 * Which records are in Kafka: by stream (a shard of our journal, or where a record came from, core/origin.ts) and ordinal,
 * the offsets that are done. Written into the cursor topic with the records themselves, one entry a stream:
 *
 *   key    <transactional id>/<stream>
 *   value  {"v":1,"below":N,"done":{"-1":[start,end,…],"0":[…]}}: all below N is done, and these ranges
 */
import { RangeSet } from '../../core/ranges.ts';
import { joinOrdinals } from '../../core/origin.ts';
import type { ChunkBatch } from '../../core/plugin.ts';
import { visitOrigins } from '../../codecs/part-origins.ts';

interface StreamLedger {
  below: number;
  readonly done: Map<number, RangeSet>;
}

/** Which record a row is. */
export interface RecordName {
  readonly stream: string;
  readonly offset: number;
  readonly ordinal: number;
}

export class Ledger {
  readonly #streams = new Map<string, StreamLedger>();

  has({ stream, offset, ordinal }: RecordName): boolean {
    const known = this.#streams.get(stream);
    return known !== undefined && (offset < known.below || known.done.get(ordinal)?.has(offset) === true);
  }
  /** Notes [from, to) of a stream as done. */
  add(stream: string, ordinal: number, from: number, to: number): void {
    const known = this.#stream(stream);
    let ranges = known.done.get(ordinal);
    if (!ranges) known.done.set(ordinal, (ranges = new RangeSet()));
    ranges.add(Math.max(from, known.below), to);
  }
  /** Notes all below an offset as done, under any ordinal. */
  raise(stream: string, below: number): void {
    const known = this.#stream(stream);
    if (below <= known.below) return;
    known.below = below;
    for (const [ordinal, ranges] of known.done) {
      const flat = ranges.flat();
      if ((flat[0] ?? below) >= below) continue;
      const kept = new RangeSet();
      for (let i = 0; i < flat.length; i += 2) kept.add(Math.max(below, flat[i] as number), flat[i + 1] as number);
      if (kept.size === 0) known.done.delete(ordinal);
      else known.done.set(ordinal, kept);
    }
  }
  encode(stream: string): string {
    const { below, done } = this.#stream(stream);
    return JSON.stringify({
      v: 1,
      below,
      done: Object.fromEntries([...done].map(([ordinal, ranges]) => [ordinal, ranges.flat()])),
    });
  }
  /** Takes an entry of a stream, in place of what was known. @throws Error for anything that encode() did not write */
  restore(stream: string, text: string): void {
    const { v, below, done } = JSON.parse(text) as { v?: unknown; below?: unknown; done?: Record<string, number[]> };
    if (v !== 1 || typeof below !== 'number') throw new Error(`an entry of another version: ${text.slice(0, 40)}`);
    const ledger: StreamLedger = { below, done: new Map() };
    for (const [ordinal, flat] of Object.entries(done ?? {})) {
      const ranges = new RangeSet();
      for (let i = 0; i + 1 < flat.length; i += 2) ranges.add(flat[i] as number, flat[i + 1] as number);
      ledger.done.set(Number(ordinal), ranges);
    }
    this.#streams.set(stream, ledger);
  }
  forget(): void {
    this.#streams.clear();
  }
  #stream(stream: string): StreamLedger {
    let known = this.#streams.get(stream);
    if (!known) this.#streams.set(stream, (known = { below: 0, done: new Map() }));
    return known;
  }
}

/** Which record a row of a part is. */
export function nameOf(part: ChunkBatch, row: number): RecordName {
  const { batch } = part;
  const { shard, origins } = batch.block.parts;
  const origin = origins?.at(batch.index(row));
  const joined = origin && joinOrdinals(origin.ordinal, part.ordinal(row));
  return origin && joined !== undefined
    ? { stream: origin.stream, offset: origin.offset, ordinal: joined }
    : { stream: shard, offset: batch.offset(row), ordinal: part.ordinal(row) };
}

/** Notes a part as done, but for its rows that `isOpen`. Gives the streams that changed. */
export function notePart(ledger: Ledger, part: ChunkBatch, isOpen: (row: number) => boolean): ReadonlySet<string> {
  const { batch, span, doneBelow } = part;
  const { shard, origins, firstOffset, offsets } = batch.block.parts;
  const changed = new Set([shard]);
  if (doneBelow > 0) ledger.raise(shard, doneBelow);
  let isWhole = !origins;
  for (let row = 0; row < batch.count && isWhole; row++) isWhole = !isOpen(row);
  if (span && isWhole) {
    ledger.add(shard, -1, span.from, span.to);
    return changed;
  }
  visitOrigins(part, (origin, row, index) => {
    if (row >= 0 && isOpen(row)) return;
    const own = row < 0 ? -1 : part.ordinal(row);
    const offset = offsets ? (offsets[index] as number) : firstOffset + index;
    ledger.add(shard, own, offset, offset + 1);
    const joined = origin && joinOrdinals(origin.ordinal, own);
    if (!origin || joined === undefined) return;
    ledger.add(origin.stream, joined, origin.offset - origin.before, origin.offset + 1 + origin.after);
    changed.add(origin.stream);
  });
  return changed;
}
