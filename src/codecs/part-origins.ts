/** What outputs that keep origins (forward, store) need to know of a part of a chunk. */
import type { RowOrigin } from '../core/origin.ts';
import type { ChunkBatch } from '../core/plugin.ts';

/** Called for records in the order of the part. `index`: in the block. `row` -1: not of this part, and of no other for this output. */
export type VisitOrigin = (origin: RowOrigin | undefined, row: number, index: number) => void;

/**
 * Visits a part's rows with the origins that they came with. Where the part accounts for a range of offsets (`span`), the
 * records of the range that are not in it are visited too.
 */
export function visitOrigins({ batch, span }: ChunkBatch, visit: VisitOrigin): void {
  const { firstOffset, origins } = batch.block.parts;
  if (!span) {
    for (let row = 0; row < batch.count; row++) visit(origins?.at(batch.index(row)), row, batch.index(row));
    return;
  }
  const from = Math.max(0, span.from - firstOffset);
  const until = Math.min(batch.block.count, span.to - firstOffset);
  let row = 0;
  for (let index = from; index < until; index++) {
    const isHere = row < batch.count && batch.index(row) === index;
    visit(origins?.at(index), isHere ? row++ : -1, index);
  }
}
