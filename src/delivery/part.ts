/**
 * Parts: what chunks are made of. A part is some rows of a batch on their way to one output, and knows which offsets are
 * done once its rows are over.
 *
 * Most parts are *dense*: their rows are the only ones of the offsets [from, to) that this output gets; offsets between
 * the rows passed, and are done together with the part. So an unfiltered frame costs one object. Rows that share their
 * offset range with other parts (several emissions of a record, frames partly done before a restart, retried rows) are
 * in *sparse* parts, which know the range of each row.
 */
import type { Batch } from '../core/batch.ts';
import type { ChunkBatch } from '../core/plugin.ts';
import type { RoutedFrame } from '../router/contract.ts';
import type { ShardProgress } from './progress.ts';

/** Per row: the offsets that are done with it, and which emission of its record it is (-1: the only one). */
interface Spans {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly ordinals: readonly number[];
}

export class Part implements ChunkBatch {
  readonly batch: Batch;
  readonly progress: ShardProgress;
  /** Its share of the bytes that its block keeps in memory. */
  readonly heldBytes: number;
  readonly appendMs: number;
  /** Which of the frame's emissions to this output it came from. */
  readonly emission: number;
  readonly #from: number;
  #to: number;
  readonly #spans: Spans | undefined;
  #isOver = false;

  constructor(
    batch: Batch,
    progress: ShardProgress,
    frame: { readonly from: number; readonly to: number; readonly bytes: number; readonly appendMs: number },
    emission: number,
    spans?: Spans,
  ) {
    this.batch = batch;
    this.progress = progress;
    this.heldBytes = frame.bytes;
    this.appendMs = frame.appendMs;
    this.emission = emission;
    this.#from = frame.from;
    this.#to = frame.to;
    this.#spans = spans;
  }
  /**
   * `<shard>-<offset>` for a record that reaches the output once. When several emissions of one record do, each of them
   * is `<shard>-<offset>.<k>`, k from 0 in router order.
   */
  emissionId(row: number): string {
    const id = `${this.progress.shard}-${this.batch.offset(row)}`;
    const ordinal = this.#spans?.ordinals[row] ?? -1;
    return ordinal < 0 ? id : `${id}.${ordinal}`;
  }
  /** Lets [from, to), which passed, be done together with this part. False: it cannot, do it yourself. */
  grow(from: number, to: number): boolean {
    if (this.#isOver || this.#spans || this.#to !== from) return false;
    this.#to = to;
    return true;
  }
  /** Highest offset that is done with it, plus one. */
  get to(): number {
    return this.#to;
  }
  /** All its rows are over, and the caller has counted them. */
  finish(): void {
    this.#isOver = true;
    if (!this.#spans) {
      this.progress.complete(this.#from, this.#to, this.batch.count);
      return;
    }
    for (let row = 0; row < this.batch.count; row++) {
      const ordinal = this.#spans.ordinals[row] as number;
      if (ordinal >= 0) this.progress.finish(this.batch.offset(row), ordinal);
      else this.progress.complete(this.#spans.starts[row] as number, this.#spans.ends[row] as number, 1);
    }
  }
  /**
   * Cuts the part: returns parts of the given rows, which must be all its rows, each once, ascending in each group. The
   * part itself is over then.
   */
  split(groups: readonly (readonly number[])[]): Part[] {
    this.#isOver = true;
    return groups.map((rows) => {
      const first = rows[0] as number;
      const last = rows.at(-1) as number;
      const bytes = (this.heldBytes * rows.length) / this.batch.count;
      const frame = { from: this.#rowStart(first), to: this.#rowEnd(last), bytes, appendMs: this.appendMs };
      const isRun = last - first + 1 === rows.length;
      const batch = this.batch.select(rows);
      if (isRun && !this.#spans) return new Part(batch, this.progress, frame, this.emission);
      return new Part(batch, this.progress, frame, this.emission, {
        starts: rows.map((row) => this.#rowStart(row)),
        ends: rows.map((row) => this.#rowEnd(row)),
        ordinals: rows.map((row) => this.#spans?.ordinals[row] ?? -1),
      });
    });
  }
  #rowStart(row: number): number {
    if (this.#spans) return this.#spans.starts[row] as number;
    return row === 0 ? this.#from : this.batch.offset(row);
  }
  #rowEnd(row: number): number {
    if (this.#spans) return this.#spans.ends[row] as number;
    return row === this.batch.count - 1 ? this.#to : this.batch.offset(row + 1);
  }
}

/**
 * Makes the parts of a frame for one output and moves progress.next behind it. `batches`: the frame's emissions to the
 * output, in router order. What passed is marked, unless `tail` (the part before) can take it along.
 */
export function takeFrame(
  progress: ShardProgress,
  frame: RoutedFrame,
  batches: readonly Batch[] | undefined,
  tail: Part | undefined,
): Part[] {
  const from = Math.max(frame.from, progress.next);
  const { to } = frame;
  if (to <= from) return [];
  progress.next = to;
  const only = batches?.length === 1 ? batches[0] : undefined;
  let parts: Part[] = [];
  if (only && from === frame.from && progress.isClean(from) && isAscending(only)) {
    if (only.count > 0) parts = [new Part(only, progress, frame, 0)];
  } else if (batches) parts = sparseParts(progress, frame, from, batches);
  if (parts.length === 0 && !tail?.grow(from, to)) progress.complete(from, to, 0);
  return parts;
}

function isAscending(batch: Batch): boolean {
  for (let row = 1; row < batch.count; row++) if (batch.index(row) <= batch.index(row - 1)) return false;
  return true;
}

/** The general case: any rows, in any order, any number of times; some of them over already. */
function sparseParts(progress: ShardProgress, frame: RoutedFrame, from: number, batches: readonly Batch[]): Part[] {
  const emissionCounts = countEmissions(progress, frame, from, batches);
  // The range that is done with a record reaches up to the next record of this output; the first one's begins at `from`.
  const starts = new Map<number, number>();
  const ends = new Map<number, number>();
  let before = -1;
  for (const offset of [...emissionCounts.keys()].sort((a, b) => a - b)) {
    if (before >= 0) ends.set(before, offset);
    starts.set(offset, before < 0 ? from : offset);
    before = offset;
  }
  if (before < 0) return [];
  ends.set(before, frame.to);
  const over = new Map<number, ReadonlySet<number>>();
  for (const [offset, total] of emissionCounts)
    if (total > 1)
      over.set(offset, progress.expect(offset, total, starts.get(offset) as number, ends.get(offset) as number));
  const seen = new Map<number, number>();
  const chosen = batches.map((batch, emission) => {
    const rows: number[] = [];
    const ordinals: number[] = [];
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offset(row);
      const total = emissionCounts.get(offset);
      if (total === undefined) continue;
      const ordinal = total > 1 ? (seen.get(offset) ?? 0) : -1;
      seen.set(offset, ordinal + 1);
      if (over.get(offset)?.has(ordinal)) continue;
      rows.push(row);
      ordinals.push(ordinal);
    }
    return { batch, emission, rows, ordinals };
  });
  const rowCount = chosen.reduce((sum, { rows }) => sum + rows.length, 0);
  return chosen
    .filter(({ rows }) => rows.length > 0)
    .map(({ batch, emission, rows, ordinals }) => {
      const bytes = (frame.bytes * rows.length) / rowCount;
      return new Part(
        rows.length === batch.count ? batch : batch.select(rows),
        progress,
        { from, to: frame.to, bytes, appendMs: frame.appendMs },
        emission,
        {
          starts: rows.map((row) => starts.get(batch.offset(row)) as number),
          ends: rows.map((row) => ends.get(batch.offset(row)) as number),
          ordinals,
        },
      );
    });
}

/** Emissions of each record that is not done, by offset. */
function countEmissions(
  progress: ShardProgress,
  frame: RoutedFrame,
  from: number,
  batches: readonly Batch[],
): Map<number, number> {
  const counts = new Map<number, number>();
  for (const batch of batches)
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offset(row);
      if (offset < from || offset >= frame.to || progress.isDone(offset)) continue;
      counts.set(offset, (counts.get(offset) ?? 0) + 1);
    }
  return counts;
}
