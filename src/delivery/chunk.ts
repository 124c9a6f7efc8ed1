/** Chunks: records that are written together, and the open ones that still grow. */
import { randomBytes } from 'node:crypto';
import type { BufferModel } from '../config/model.ts';
import type { Clock } from '../core/clock.ts';
import type { Chunk } from '../core/plugin.ts';
import { compileChunkKeys } from './chunk-keys.ts';
import type { ChunkKey } from './chunk-keys.ts';
import type { ChunkPart, Part } from './part.ts';

/** Open chunks per output: records with ever new keys must not hold all memory in crumbs. */
const openMax = 256;

/** A chunk. It grows while it is open; once it is being written nothing adds to it. */
export class RecordChunk implements Chunk {
  readonly id = randomBytes(16).toString('hex');
  readonly key: ChunkKey;
  readonly batches: ChunkPart[] = [];
  count = 0;
  bytes = 0;
  heldBytes = 0;
  /** Monotonic times: when it is to be written (Infinity: when it is full), and when it was begun. */
  readonly dueMs: number;
  readonly begunMs: number;

  constructor(key: ChunkKey, dueMs: number, begunMs = 0) {
    this.key = key;
    this.dueMs = dueMs;
    this.begunMs = begunMs;
  }
  get tag(): string | undefined {
    return this.key.tag;
  }
  get timekeySeconds(): number | undefined {
    return this.key.timekeySeconds;
  }
  get fields(): ReadonlyMap<string, string> {
    return this.key.fields;
  }
  add(part: ChunkPart, bytes: number): void {
    this.batches.push(part);
    this.count += part.batch.count;
    this.bytes += bytes;
    this.heldBytes += part.heldBytes;
  }
  /** When the journal took its oldest record, ms since 1970. */
  get appendMs(): number {
    return this.batches.reduce((least, part) => Math.min(least, part.appendMs), Number.POSITIVE_INFINITY);
  }
  /**
   * Cuts the chunk into chunks: row i goes to the one numbered `groupOf(i)`, from 0 to groupCount - 1; undefined for
   * those that get no row. Order is kept. This chunk is used up then.
   */
  split(groupCount: number, groupOf: (row: number) => number): (RecordChunk | undefined)[] {
    const chunks: (RecordChunk | undefined)[] = Array.from({ length: groupCount }, () => undefined);
    let start = 0;
    for (const part of this.batches) {
      const rows: number[][] = Array.from({ length: groupCount }, () => []);
      for (let row = 0; row < part.batch.count; row++) (rows[groupOf(start + row)] as number[]).push(row);
      start += part.batch.count;
      const used = rows.flatMap((list, group) => (list.length > 0 ? [{ list, group }] : []));
      const pieces = used.length === 1 ? [part] : part.split(used.map(({ list }) => list));
      for (const [i, { group }] of used.entries()) {
        const piece = pieces[i] as ChunkPart;
        (chunks[group] ??= new RecordChunk(this.key, this.dueMs, this.begunMs)).add(piece, piece.batch.totalBytes());
      }
    }
    return chunks;
  }
}

/** Whether a chunk of so many bytes and records has reached the buffer's limits, of which `bytesMax` may be a lower one. */
export function isFull(buffer: BufferModel, bytes: number, count: number, bytesMax = buffer.chunkBytesMax): boolean {
  const { chunkFullPart = 1, chunkRecordsMax = Number.POSITIVE_INFINITY } = buffer;
  return bytes >= bytesMax * chunkFullPart || count >= chunkRecordsMax * chunkFullPart;
}

/** The open chunks of one output. */
export class OpenChunks {
  readonly #buffer: BufferModel;
  /** Where a chunk is full, and what it never exceeds but for one record. */
  readonly #bytesMax: number;
  readonly #bytesBound: number;
  readonly #clock: Clock;
  readonly #keysOf: ReturnType<typeof compileChunkKeys>;
  readonly #onFull: (chunk: RecordChunk) => void;
  readonly #onCrowded: () => void;
  /** By key text, oldest first. */
  readonly #open = new Map<string, RecordChunk>();

  /**
   * `bytesMax`: the output's own bound, where it is below the buffer's chunkBytesMax. `onFull` gets chunks that can take
   * no more; `onCrowded` takes some out when there are too many.
   */
  constructor(
    buffer: BufferModel,
    bytesMax: number,
    clock: Clock,
    onFull: (chunk: RecordChunk) => void,
    onCrowded: () => void,
  ) {
    this.#buffer = buffer;
    this.#bytesMax = Math.min(buffer.chunkBytesMax, bytesMax);
    this.#bytesBound = buffer.mayExceedBytes === true ? bytesMax : this.#bytesMax;
    this.#clock = clock;
    this.#keysOf = compileChunkKeys(buffer);
    this.#onFull = onFull;
    this.#onCrowded = onCrowded;
  }
  get count(): number {
    return this.#open.size;
  }
  /** Adds records; returns the last part that they were put in. */
  add(part: Part): Part {
    const keyed = this.#keysOf(part.batch);
    if (keyed.length === 1 && keyed[0]) return this.#addTo(keyed[0].key, part);
    const pieces = part.split(keyed.map(({ rows }) => rows as readonly number[]));
    let last = part;
    for (const [i, { key }] of keyed.entries()) {
      const added = this.#addTo(key, pieces[i] as Part);
      if (added.to >= last.to) last = added;
    }
    return last;
  }
  /** Takes out chunks whose time has come, as many as there is room for. */
  takeDue(nowMs: number, room = Number.POSITIVE_INFINITY): RecordChunk[] {
    let left = room;
    return this.#take((chunk) => chunk.dueMs <= nowMs && left-- > 0);
  }
  /** Puts another chunk of the same key in a chunk's place, or none. */
  replace(chunk: RecordChunk, by: RecordChunk | undefined): void {
    if (by) this.#open.set(chunk.key.text, by);
    else this.#takeOne(chunk);
  }
  takeAll(): RecordChunk[] {
    return this.#take(() => true);
  }
  /** Takes out chunks that were begun at or before a monotonic time and are not due at `nowMs`. */
  takeBegun(beforeMs: number, nowMs: number): RecordChunk[] {
    return this.#take((chunk) => chunk.begunMs <= beforeMs && chunk.dueMs > nowMs);
  }
  takeKey(text: string): RecordChunk | undefined {
    const chunk = this.#open.get(text);
    return chunk && this.#takeOne(chunk);
  }
  takeOldest(): RecordChunk | undefined {
    for (const chunk of this.#open.values()) return this.#takeOne(chunk);
    return undefined;
  }
  /** The one that holds most memory. */
  takeLargest(): RecordChunk | undefined {
    let largest: RecordChunk | undefined;
    for (const chunk of this.#open.values()) if (!largest || chunk.heldBytes > largest.heldBytes) largest = chunk;
    return largest && this.#takeOne(largest);
  }
  /** Monotonic time at which the next one is due, or has been open for `openMsMax`; those due at `passedMs` are left out. */
  nextDueMs(openMsMax: number, passedMs = Number.NEGATIVE_INFINITY): number | undefined {
    let least: number | undefined;
    for (const { dueMs, begunMs } of this.#open.values()) {
      if (dueMs <= passedMs) continue;
      const nextMs = Math.min(dueMs, begunMs + openMsMax);
      if (least === undefined || nextMs < least) least = nextMs;
    }
    return least;
  }
  *[Symbol.iterator](): Generator<RecordChunk> {
    yield* this.#open.values();
  }

  #addTo(key: ChunkKey, part: Part): Part {
    let rest = part;
    for (;;) {
      const chunk = this.#open.get(key.text) ?? this.#begin(key);
      const bytes = rest.batch.totalBytes();
      const roomRecords = (this.#buffer.chunkRecordsMax ?? Number.POSITIVE_INFINITY) - chunk.count;
      const roomBytes = this.#bytesBound - chunk.bytes;
      if (bytes <= roomBytes && rest.batch.count <= roomRecords) {
        chunk.add(rest, bytes);
        if (isFull(this.#buffer, chunk.bytes, chunk.count, this.#bytesMax)) this.#onFull(this.#takeOne(chunk));
        return rest;
      }
      // A batch that fits into an empty chunk is not cut: a chunk may be written a little less than full.
      // A record that is larger than a whole chunk goes alone in one.
      const fitting = chunk.count === 0 ? fittingRows(rest, roomBytes, roomRecords) || 1 : 0;
      if (fitting === rest.batch.count) {
        chunk.add(rest, bytes);
        this.#onFull(this.#takeOne(chunk));
        return rest;
      }
      if (fitting > 0) {
        const rows = Array.from({ length: rest.batch.count }, (_, row) => row);
        const [head, behind] = rest.split([rows.slice(0, fitting), rows.slice(fitting)]) as [Part, Part];
        chunk.add(head, head.batch.totalBytes());
        rest = behind;
      }
      this.#onFull(this.#takeOne(chunk));
    }
  }
  #begin(key: ChunkKey): RecordChunk {
    if (this.#open.size >= openMax) this.#onCrowded();
    const nowMs = this.#clock.monotonicMs();
    const chunk = new RecordChunk(key, nowMs + this.#openMs(key), nowMs);
    this.#open.set(key.text, chunk);
    return chunk;
  }
  #openMs(key: ChunkKey): number {
    const buffer = this.#buffer;
    if (buffer.flushMode === 'immediate') return 0;
    if (buffer.flushMode === 'interval') return buffer.flushIntervalMs;
    // Without a time it is written when it is full, or the program stops.
    if (key.timekeySeconds === undefined || buffer.timekeySeconds === undefined) return Number.POSITIVE_INFINITY;
    const endMs = (key.timekeySeconds + buffer.timekeySeconds) * 1000 + buffer.timekeyWaitMs;
    return Math.max(0, endMs - this.#clock.nowMs());
  }
  #take(wanted: (chunk: RecordChunk) => boolean): RecordChunk[] {
    const taken = [...this.#open.values()].filter(wanted);
    for (const chunk of taken) this.#takeOne(chunk);
    return taken;
  }
  #takeOne(chunk: RecordChunk): RecordChunk {
    this.#open.delete(chunk.key.text);
    return chunk;
  }
}

/** How many of the part's first rows fit. */
function fittingRows(part: Part, roomBytes: number, roomRecords: number): number {
  let bytes = 0;
  let row = 0;
  for (; row < part.batch.count && row < roomRecords; row++) {
    bytes += part.batch.sizeBytes(row);
    if (bytes > roomBytes) break;
  }
  return row;
}
