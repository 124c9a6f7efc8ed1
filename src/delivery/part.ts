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
import { joinOrdinals } from '../core/origin.ts';
import type { ChunkBatch } from '../core/plugin.ts';
import type { RoutedFrame } from '../router/contract.ts';
import type { ShardProgress } from './progress.ts';

/** Per row: the offsets that are done with it, and which emission of its record it is (-1: the only one). */
interface Spans {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly ordinals: readonly number[];
}

/** What chunks are made of: records from the journal, or from a staged chunk. */
export interface ChunkPart extends ChunkBatch {
  /** Its share of the bytes that its block keeps in memory. */
  readonly heldBytes: number;
  /** Bytes of its encoded records; those of its pieces add up to them. */
  readonly bytes: number;
  readonly appendMs: number;
  /** The shard whose cursor it holds back; undefined for what is staged. */
  readonly shard: string | undefined;
  /** Why its records are to be refused instead of written. */
  readonly dropReason: string | undefined;
  /** All its rows are over, and the caller has counted them. */
  finish(): void;
  /** The part is over: returns what finishes each of its rows, once; its records are not kept in memory by that. */
  finishers(): (() => void)[];
  /** Cuts the part: returns parts of the given rows, which must be all its rows, each once, ascending in each group. The part itself is over then. */
  split(groups: readonly (readonly number[])[]): ChunkPart[];
}

export class Part implements ChunkPart {
  readonly batch: Batch;
  readonly progress: ShardProgress;
  readonly heldBytes: number;
  readonly appendMs: number;
  readonly dropReason = undefined;
  /** Which of the frame's emissions to this output it came from. */
  readonly emission: number;
  readonly #from: number;
  #to: number;
  readonly #spans: Spans | undefined;
  #bytes: number | undefined;
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
  get bytes(): number {
    return (this.#bytes ??= this.batch.totalBytes());
  }
  /**
   * `<shard>-<offset>` for a record that reaches the output once. When several emissions of one record do, each of them
   * is `<shard>-<offset>.<k>`, k from 0 in router order. A record that came with an origin keeps that as its id.
   */
  emissionId(row: number): string {
    return emissionIdOf(this.batch, row, this.ordinal(row));
  }
  ordinal(row: number): number {
    return this.#spans?.ordinals[row] ?? -1;
  }
  get shard(): string {
    return this.progress.shard;
  }
  get span(): { readonly from: number; readonly to: number } | undefined {
    return this.#spans ? undefined : { from: this.#from, to: this.#to };
  }
  get doneBelow(): number {
    // Not the low-water mark as it is now: a crash goes back to the committed one.
    return Math.min(this.progress.committedLow, this.progress.stagedLow() ?? Number.POSITIVE_INFINITY);
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
  finishers(): (() => void)[] {
    this.#isOver = true;
    const { progress } = this;
    return Array.from({ length: this.batch.count }, (_, row) => {
      const ordinal = this.ordinal(row);
      const offset = this.batch.offset(row);
      if (ordinal >= 0) return () => progress.finish(offset, ordinal);
      const from = this.#rowStart(row);
      const to = this.#rowEnd(row);
      return () => progress.complete(from, to, 1);
    });
  }
  split(groups: readonly (readonly number[])[]): Part[] {
    this.#isOver = true;
    return groups.map((rows) => {
      const piece = this.#piece(rows);
      if (this.#bytes !== undefined) piece.#bytes = (this.#bytes * rows.length) / this.batch.count;
      return piece;
    });
  }
  #piece(rows: readonly number[]): Part {
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

/** The id of a row whose ordinal among the emissions of its record is `own`; -1: the only one. */
export function emissionIdOf(batch: Batch, row: number, own: number): string {
  const { origins, shard } = batch.block.parts;
  const origin = origins?.at(batch.index(row));
  const joined = origin && joinOrdinals(origin.ordinal, own);
  if (origin && joined !== undefined) return idText(origin.stream, origin.offset, joined);
  return idText(shard, batch.offset(row), own);
}

function idText(shard: string, offset: number, ordinal: number): string {
  return ordinal < 0 ? `${shard}-${offset}` : `${shard}-${offset}.${ordinal}`;
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
  const totals = countEmissions(progress, frame, from, batches);
  const ends = spanEnds(totals, from);
  const first = totals.findIndex((total) => total > 0);
  // The range that is done with a record reaches up to the next record of this output; the first one's begins at `from`.
  const startOf = (index: number): number => (index === first ? from : from + index);
  const over = new Map<number, ReadonlySet<number>>();
  for (let index = Math.max(first, 0); index < totals.length; index++) {
    const total = totals[index] as number;
    if (total > 1) over.set(index, progress.expect(from + index, total, startOf(index), ends[index] as number));
  }
  const seen = over.size > 0 ? new Uint32Array(totals.length) : undefined;
  const parts: { batch: Batch; emission: number; rows: number[]; spans: Spans }[] = [];
  let rowCount = 0;
  for (const [emission, batch] of batches.entries()) {
    const rows: number[] = [];
    const spans = { starts: [] as number[], ends: [] as number[], ordinals: [] as number[] };
    for (let row = 0; row < batch.count; row++) {
      const index = batch.offset(row) - from;
      const total = totals[index];
      if (total === undefined || total === 0) continue;
      const ordinal = seen && total > 1 ? (seen[index] as number) : -1;
      if (seen && ordinal >= 0) seen[index] = ordinal + 1;
      if (ordinal >= 0 && over.get(index)?.has(ordinal)) continue;
      rows.push(row);
      spans.starts.push(startOf(index));
      spans.ends.push(ends[index] as number);
      spans.ordinals.push(ordinal);
    }
    if (rows.length > 0) parts.push({ batch, emission, rows, spans });
    rowCount += rows.length;
  }
  return parts.map(({ batch, emission, rows, spans }) => {
    const range = { from, to: frame.to, bytes: (frame.bytes * rows.length) / rowCount, appendMs: frame.appendMs };
    return new Part(rows.length === batch.count ? batch : batch.select(rows), progress, range, emission, spans);
  });
}

/** How many emissions each record of [from, frame.to) has; 0 for those that are done. */
function countEmissions(
  progress: ShardProgress,
  frame: RoutedFrame,
  from: number,
  batches: readonly Batch[],
): Uint32Array {
  const totals = new Uint32Array(frame.to - from);
  const isClean = progress.isClean(from);
  for (const batch of batches)
    for (let row = 0; row < batch.count; row++) {
      const offset = batch.offset(row);
      if (offset < from || offset >= frame.to || (!isClean && progress.isDone(offset))) continue;
      totals[offset - from] = (totals[offset - from] as number) + 1;
    }
  return totals;
}

/** For each record the offset of the next one that has emissions, or the frame's end. */
function spanEnds(totals: Uint32Array, from: number): Float64Array {
  const ends = new Float64Array(totals.length);
  let end = from + totals.length;
  for (let index = totals.length - 1; index >= 0; index--) {
    ends[index] = end;
    if (totals[index] !== 0) end = from + index;
  }
  return ends;
}
