/** What of an output's records is to be refused instead of delivered. */
import type { RecordChunk } from './chunk.ts';
import type { Kept } from './writer.ts';

export class Discards {
  /** Offsets of a shard below `before`. */
  readonly #below = new Map<string, { readonly before: number; readonly reason: string }>();
  /** All, also what comes. */
  #all: string | undefined;

  /** Refuses offsets of the shard below `before`. False: they were already. */
  add(shard: string, before: number, reason: string): boolean {
    const known = this.#below.get(shard);
    if (known && known.before >= before) return false;
    this.#below.set(shard, { before, reason });
    return true;
  }
  addAll(reason: string): void {
    this.#all = reason;
  }
  forget(shard: string): void {
    this.#below.delete(shard);
  }
  /** Those that the cursor has passed have nothing left to do. */
  prune(lowOf: (shard: string) => number): void {
    for (const [shard, { before }] of this.#below) if (lowOf(shard) >= before) this.#below.delete(shard);
  }
  /** Cuts off what is to be refused. `refuse` gets it, with the reason for each row. */
  apply(chunk: RecordChunk, refuse: (gone: RecordChunk, reasons: readonly string[]) => void): Kept {
    const reasons = chunk.batches.flatMap((part) =>
      Array.from({ length: part.batch.count }, (_, row) =>
        part.shard === undefined ? part.dropReason : this.#reasonFor(part.shard, part.batch.offset(row)),
      ),
    );
    if (reasons.every((reason) => reason === undefined)) return { rows: 'all' };
    const [kept, gone] = chunk.split(2, (row) => (reasons[row] === undefined ? 0 : 1));
    if (gone)
      refuse(
        gone,
        reasons.filter((reason) => reason !== undefined),
      );
    return { rows: reasons.flatMap((reason, row) => (reason === undefined ? [row] : [])), chunk: kept };
  }
  /** True when some of the chunk's records are to be refused. */
  concerns(chunk: RecordChunk): boolean {
    return chunk.batches.some((part) => {
      if (part.shard === undefined) return part.dropReason !== undefined;
      const { shard, batch } = part;
      for (let row = 0; row < batch.count; row++)
        if (this.#reasonFor(shard, batch.offset(row)) !== undefined) return true;
      return false;
    });
  }
  /** True when nothing of the journal is refused. */
  get isEmpty(): boolean {
    return this.#below.size === 0 && this.#all === undefined;
  }
  #reasonFor(shard: string, offset: number): string | undefined {
    const below = this.#below.get(shard);
    return below !== undefined && offset < below.before ? below.reason : this.#all;
  }
}
