/** One staged chunk: what of it is over, and its records on their way to the disk and back. */
import { RangeSet } from '../core/ranges.ts';
import type { ChunkKey } from './chunk-keys.ts';
import type { RecordChunk } from './chunk.ts';
import { encodeFrame, encodePart, packPayload } from './staged-frame.ts';
import type { FrameHead, Packing, decodeParts } from './staged-frame.ts';
import type { FrameRef } from './staged-log.ts';
import { StagedPart } from './staged-part.ts';

/** A staged chunk. It grows until it is taken. */
export class StagedChunk {
  readonly number: number;
  readonly key: ChunkKey;
  readonly signature: string;
  /** Wall time, ms since 1970. */
  readonly dueMs: number;
  count = 0;
  bytes = 0;
  /** When the journal took its oldest record. */
  appendMs = Number.POSITIVE_INFINITY;
  /** Where its frames are, and the number of each one's first row. */
  readonly refs: FrameRef[] = [];
  readonly firsts: number[] = [];
  /** Rows that are over. */
  readonly over = new RangeSet();
  overCount = 0;
  dropReason: string | undefined;
  readonly #onOver: (chunk: StagedChunk, rows: number) => void;

  constructor(
    number: number,
    key: ChunkKey,
    signature: string,
    dueMs: number,
    onOver: (chunk: StagedChunk, rows: number) => void,
  ) {
    this.number = number;
    this.key = key;
    this.signature = signature;
    this.dueMs = dueMs;
    this.#onOver = onOver;
  }
  add(ref: FrameRef, head: Pick<FrameHead, 'count' | 'bytes' | 'appendMs'>): void {
    this.refs.push(ref);
    this.firsts.push(this.count);
    this.count += head.count;
    this.bytes += head.bytes;
    this.appendMs = Math.min(this.appendMs, head.appendMs);
  }
  get waiting(): number {
    return this.count - this.overCount;
  }
  /** Bytes of encoded records that are not over. */
  get waitingBytes(): number {
    return this.bytesOf(this.waiting);
  }
  /** Bytes of so many of its rows, by their average. */
  bytesOf(rows: number): number {
    return this.count === 0 ? 0 : (this.bytes * rows) / this.count;
  }
  /** By what a chunk that grows is found. */
  get name(): string {
    return nameOf(this.key, this.signature);
  }
  /** Rows [from, to) are over; the caller has counted them. */
  finish(from: number, to: number): void {
    const fresh = this.over.add(from, to);
    this.overCount += fresh;
    this.#onOver(this, fresh);
  }
}

/** By which a chunk that grows is found. */
export function nameOf(key: ChunkKey, signature: string): string {
  return `${signature} ${key.text}`;
}

/** A chunk's records as a frame of `target`. @throws the encoder's error */
export async function encodeChunk(
  chunk: RecordChunk,
  target: StagedChunk,
  packing: Packing | undefined,
): Promise<{ head: FrameHead; buffers: Buffer[] }> {
  const { key, count, bytes, appendMs } = chunk;
  const { tag, timekeySeconds, text, fields } = key;
  const { number, signature } = target;
  const dueMs = Number.isFinite(target.dueMs) ? target.dueMs : null;
  const parts = chunk.batches.map(encodePart);
  const head: FrameHead = {
    chunk: number,
    key: { text, tag, timekeySeconds, fields: [...fields] },
    signature,
    dueMs,
    count,
    bytes,
    appendMs,
    parts: parts.map((part) => part.head),
  };
  const plain = parts.flatMap(({ buffers }) => buffers);
  const { head: whole, payload } = packing ? await packPayload(head, plain, packing) : { head, payload: plain };
  return { head: whole, buffers: encodeFrame(whole, payload) };
}

/** Number of the first row behind a frame. */
export function endOf(chunk: StagedChunk, frame: number): number {
  return chunk.firsts[frame + 1] ?? chunk.count;
}

/** How many rows a frame has. */
export function rowsOf(chunk: StagedChunk, frame: number): number {
  return endOf(chunk, frame) - (chunk.firsts[frame] as number);
}

/** Per row of a block that was staged, besides its payload: numbers of rows, objects around it. */
const rowOverheadBytes = 48;

/** Adds those rows of a frame that are not over to `piece`. */
export function addRows(
  piece: RecordChunk,
  chunk: StagedChunk,
  first: number,
  parts: ReturnType<typeof decodeParts>,
  payloadBytes: number,
): void {
  let start = first;
  for (const { batch, ordinals } of parts) {
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row++) if (!chunk.over.has(start + row)) rows.push(row);
    if (rows.length > 0) {
      const own = rows.length === batch.count ? batch : batch.select(rows);
      const bytes = payloadBytes / parts.length + rows.length * rowOverheadBytes;
      const numbers = rows.map((row) => start + row);
      piece.add(new StagedPart(chunk, own, numbers, ordinals, bytes), own.totalBytes());
    }
    start += batch.count;
  }
}
