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
  /** Rows of one batch each: where they end, and what they have in common. */
  readonly #runs: { end: number; readonly tag: string; readonly source: string }[] = [];
  readonly #bounds = new Float64Array(chunkRowsMax + 1);
  #bytes = Buffer.allocUnsafe(chunkBytesMax);
  /** Room for rows that are shown to a survey. */
  #lines = Buffer.allocUnsafe(0);
  #rows = 0;
  /** Two words for each BIGINT, four for each text. */
  readonly #long = new Uint32Array(2 * chunkRowsMax);
  readonly #strings = new Uint32Array(4 * chunkRowsMax);

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
      this.#bounds[at + 1] = used + (batch.bounds[row + 1] as number) - base;
    }
    this.#runs.push({ end: this.#rows, tag: batch.tag, source: batch.source });
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
      tag: (column) => this.#putRuns(column, ({ tag }) => tag),
      source: (column) => this.#putRuns(column, ({ source }) => source),
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
    this.#runs.length = 0;
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

  #put(column: number, values: Int32Array | Uint32Array): void {
    const vector = binding.data_chunk_get_vector(this.#chunk.chunk, column);
    const bytes = (values.byteLength / chunkRowsMax) * this.#rows;
    binding.copy_data_to_vector(vector, 0, values.buffer as ArrayBuffer, 0, bytes);
  }
  /** Whole numbers, exact as doubles, as BIGINT. */
  #putLong(column: number, values: Float64Array): void {
    const long = this.#long;
    for (let row = 0; row < this.#rows; row++) {
      const value = values[row] as number;
      // Stored modulo 2^32: two's complement, negative ones included.
      long[2 * row] = value;
      long[2 * row + 1] = Math.floor(value / 2 ** 32);
    }
    this.#put(column, long);
  }
  /** What the rows of a batch have in common. */
  #putRuns(column: number, textOf: (run: { readonly tag: string; readonly source: string }) => string): void {
    const texts = this.#runs.map((run) => Buffer.from(textOf(run)));
    const pool = Buffer.concat(texts);
    const base = this.#copyIn(column, pool);
    const strings = this.#strings;
    let row = 0;
    let at = 0;
    for (const [i, { end }] of this.#runs.entries()) {
      if (row === end) continue;
      const to = at + (texts[i] as Buffer).length;
      const first = 4 * row;
      this.#putString(row++, pool, at, to, base);
      const [length = 0, head = 0, low = 0, high = 0] = strings.subarray(first, first + 4);
      for (; row < end; row++) {
        strings[4 * row] = length;
        strings[4 * row + 1] = head;
        strings[4 * row + 2] = low;
        strings[4 * row + 3] = high;
      }
      at = to;
    }
    this.#put(column, strings);
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
    const at = 4 * row;
    const length = to - from;
    strings[at] = length;
    strings[at + 1] = wordAt(bytes, from, to);
    const isInline = length <= inlineBytesMax;
    const address = base + from;
    strings[at + 2] = isInline ? wordAt(bytes, from + 4, to) : address;
    strings[at + 3] = isInline ? wordAt(bytes, from + 8, to) : Math.floor(address / 2 ** 32);
  }
}

/** Four bytes, those from `end` on as 0. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = Math.min(at + 4, end) - 1; i >= at; i--) word = (word << 8) | (bytes[i] as number);
  return word;
}
