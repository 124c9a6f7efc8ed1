/**
 * Rows on their way into a hot table: filled column by column and handed to DuckDB 2048 at a time.
 *
 * Texts: `duckdb_string_t` of DuckDB's C interface, 16 bytes: length (4), then the text itself when it is at most 12 bytes,
 * else its first 4 bytes and a pointer (8). One call copies the JSON of all rows into the vector's memory; each row's
 * text then points into that copy. A call and a Buffer for each row would cost more than all the rest of an insert.
 */
import binding from '@duckdb/node-bindings';
import { BIGINT, DuckDBDataChunk, INTEGER, VARCHAR } from '@duckdb/node-api';
import type { DuckDBAppender } from '@duckdb/node-api';
import assert from 'node:assert';
import { endianness } from 'node:os';
import type { StoredBatch } from '../core/record-store.ts';
import { canonicalJson, hasHiddenText } from './canonical.ts';
import { rowColumns } from './layout.ts';
import type { Survey } from './survey.ts';

/** Rows of one of DuckDB's vectors. */
const chunkRowsMax = 2048;

/** A chunk is handed over once it has this many bytes: it is copied in one piece, and the process answers nobody meanwhile. */
const chunkBytesMax = 1024 ** 2;

const lineFeed = 10;
const inlineBytesMax = 12;
const types = { BIGINT, INTEGER, VARCHAR } as const;

/** Collects rows of any batches. Rows are copied: what is given to it may be reused. */
export class RowChunk {
  readonly #chunk = DuckDBDataChunk.create(rowColumns.map(([, type]) => types[type]));
  readonly #seconds = new Float64Array(chunkRowsMax);
  readonly #nanos = new Int32Array(chunkRowsMax);
  readonly #appendMs = new Float64Array(chunkRowsMax);
  readonly #shards = new Int32Array(chunkRowsMax);
  readonly #offsets = new Float64Array(chunkRowsMax);
  readonly #ordinals = new Int32Array(chunkRowsMax);
  readonly #tags: string[] = [];
  readonly #sources: string[] = [];
  readonly #bounds = new Float64Array(chunkRowsMax + 1);
  #bytes = Buffer.allocUnsafe(chunkBytesMax);
  /** Room for rows that are shown to a survey. */
  #lines = Buffer.allocUnsafe(0);
  #rows = 0;
  readonly #long = new BigInt64Array(chunkRowsMax);
  readonly #strings = new DataView(new ArrayBuffer(16 * chunkRowsMax));

  constructor() {
    // Pointers are written as they lie in memory.
    assert(endianness() === 'LE', 'the store runs on little-endian machines only');
  }
  get rows(): number {
    return this.#rows;
  }
  get isFull(): boolean {
    return this.#rows === chunkRowsMax || this.#used >= chunkBytesMax;
  }
  /** Adds rows [from, to) of a batch, as many as fit; gives the first that did not. */
  add(batch: StoredBatch, shard: number, from: number, to: number): number {
    const start = this.#rows;
    const base = batch.bounds[from] as number;
    const used = this.#used;
    let row = from;
    for (; row < to && !this.isFull; row++) {
      const at = this.#rows++;
      this.#seconds[at] = batch.seconds[row] as number;
      this.#nanos[at] = batch.nanos[row] as number;
      this.#offsets[at] = batch.offsets[row] as number;
      this.#ordinals[at] = batch.ordinals ? (batch.ordinals[row] as number) : -1;
      this.#tags[at] = batch.tag;
      this.#sources[at] = batch.source;
      this.#bounds[at + 1] = used + (batch.bounds[row + 1] as number) - base;
    }
    this.#appendMs.fill(batch.appendMs, start, this.#rows);
    this.#shards.fill(shard, start, this.#rows);
    this.#reserve(used);
    this.#bytes.set(batch.payload.subarray(base, batch.bounds[row]), used);
    return row;
  }
  /** Hands the rows to the appender and begins anew. `survey` sees them too. Throws DuckDB's errors. */
  flush(appender: DuckDBAppender, survey?: Survey): void {
    const rows = this.#rows;
    if (rows === 0) return;
    this.#canonicalize();
    this.#chunk.reset();
    this.#chunk.rowCount = rows;
    const columns: Readonly<Record<(typeof rowColumns)[number][0], (column: number) => void>> = {
      seconds: (column) => this.#putLong(column, this.#seconds),
      nanos: (column) => this.#put(column, this.#nanos),
      append_ms: (column) => this.#putLong(column, this.#appendMs),
      shard: (column) => this.#put(column, this.#shards),
      offset: (column) => this.#putLong(column, this.#offsets),
      ordinal: (column) => this.#put(column, this.#ordinals),
      tag: (column) => this.#putRepeated(column, this.#tags),
      source: (column) => this.#putRepeated(column, this.#sources),
      fields: (column) => this.#putTexts(column, this.#bytes, this.#bounds),
    };
    for (const [column, [name]] of rowColumns.entries()) columns[name](column);
    appender.appendDataChunk(this.#chunk);
    appender.flushSync();
    if (survey) this.#show(survey);
    this.clear();
  }
  /** Forgets the rows. */
  clear(): void {
    this.#rows = 0;
    if (this.#bytes.length > 4 * chunkBytesMax) this.#bytes = Buffer.allocUnsafe(chunkBytesMax);
    if (this.#lines.length > 4 * chunkBytesMax) this.#lines = Buffer.allocUnsafe(0);
  }

  get #used(): number {
    return this.#bounds[this.#rows] as number;
  }
  /** Makes room for the rows there are, of which the first `kept` bytes are filled. */
  #reserve(kept: number): void {
    if (this.#used <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#used);
    larger.set(this.#bytes.subarray(0, kept));
    this.#bytes = larger;
  }
  #canonicalize(): void {
    if (!hasHiddenText(this.#bytes.subarray(0, this.#used))) return;
    const parts: Buffer[] = [];
    let end = 0;
    for (let row = 0; row < this.#rows; row++) {
      const bytes = this.#bytes.subarray(this.#bounds[row], this.#bounds[row + 1]);
      const part = hasHiddenText(bytes) ? Buffer.from(canonicalJson(bytes)) : bytes;
      parts.push(part);
      this.#bounds[row] = end;
      end += part.length;
    }
    this.#bounds[this.#rows] = end;
    this.#bytes = Buffer.concat(parts, Math.max(end, chunkBytesMax));
  }

  #show(survey: Survey): void {
    const size = this.#used + this.#rows;
    if (this.#lines.length < size) this.#lines = Buffer.allocUnsafe(size);
    for (let row = 0; row < this.#rows;) {
      const begin = row;
      const end = Math.min(this.#rows, row + survey.room);
      let at = 0;
      for (; row < end; row++) {
        at += this.#bytes.copy(this.#lines, at, this.#bounds[row], this.#bounds[row + 1]);
        this.#lines[at++] = lineFeed;
      }
      survey.add(this.#lines.subarray(0, at), end - begin);
    }
  }

  #put(column: number, values: Int32Array | BigInt64Array | DataView): void {
    const vector = binding.data_chunk_get_vector(this.#chunk.chunk, column);
    const bytes = (values.byteLength / chunkRowsMax) * this.#rows;
    binding.copy_data_to_vector(vector, 0, values.buffer as ArrayBuffer, 0, bytes);
  }
  #putLong(column: number, values: Float64Array): void {
    const long = this.#long;
    for (let row = 0; row < this.#rows; row++) long[row] = BigInt(values[row] as number);
    this.#put(column, long);
  }
  /** Texts of which few are different. */
  #putRepeated(column: number, texts: readonly string[]): void {
    const starts = new Map<string, number>();
    const distinct: Buffer[] = [];
    let end = 0;
    for (let row = 0; row < this.#rows; row++) {
      const text = texts[row] as string;
      if ((row > 0 && text === texts[row - 1]) || starts.has(text)) continue;
      const bytes = Buffer.from(text);
      starts.set(text, distinct.length);
      distinct.push(bytes);
      end += bytes.length;
    }
    const pool = Buffer.concat(distinct, end);
    const bounds = [0];
    for (const bytes of distinct) bounds.push((bounds.at(-1) as number) + bytes.length);
    const base = this.#copyIn(column, pool);
    for (let row = 0; row < this.#rows; row++) {
      const index = starts.get(texts[row] as string) as number;
      this.#putString(row, pool, bounds[index] as number, bounds[index + 1] as number, base);
    }
    this.#put(column, this.#strings);
  }
  #putTexts(column: number, bytes: Buffer, bounds: Float64Array): void {
    const base = this.#copyIn(column, bytes.subarray(0, this.#used));
    for (let row = 0; row < this.#rows; row++)
      this.#putString(row, bytes, bounds[row] as number, bounds[row + 1] as number, base);
    this.#put(column, this.#strings);
  }
  /** Copies bytes into the vector's own memory; gives their address there. 0 where they are so few that no row needs it. */
  #copyIn(column: number, bytes: Buffer): number {
    if (bytes.length <= inlineBytesMax) return 0;
    const vector = binding.data_chunk_get_vector(this.#chunk.chunk, column);
    binding.vector_assign_string_element_len(vector, 0, bytes);
    const text = binding.vector_get_data(vector, 16);
    // Addresses have at most 48 bits: a number holds them.
    return Number(Buffer.from(text.buffer, text.byteOffset, 16).readBigUInt64LE(8));
  }
  #putString(row: number, bytes: Buffer, from: number, to: number, base: number): void {
    const strings = this.#strings;
    const at = 16 * row;
    const length = to - from;
    strings.setUint32(at, length, true);
    if (length <= inlineBytesMax) {
      for (let i = 0; i < inlineBytesMax; i++)
        strings.setUint8(at + 4 + i, i < length ? (bytes[from + i] as number) : 0);
      return;
    }
    for (let i = 0; i < 4; i++) strings.setUint8(at + 4 + i, bytes[from + i] as number);
    const address = base + from;
    strings.setUint32(at + 8, address % 2 ** 32, true);
    strings.setUint32(at + 12, Math.floor(address / 2 ** 32), true);
  }
}
