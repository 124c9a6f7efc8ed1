/** Filters that write the JSON of records anew, from their bytes in the journal: batches of such records. */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import { ByteWriter } from '../core/bytes.ts';
import { scanJson, stringifyJson } from '../core/json.ts';
import { fitsJson } from './encode.ts';
import { writeJson } from './rows.ts';

export class Reencoding {
  readonly #batch: Batch;
  readonly #out: ByteWriter;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #exact: Uint8Array;
  /** Rows that are to be given in another way. */
  readonly #late: number[] = [];

  /** `bytesMore`: by how much it will be larger. */
  constructor(batch: Batch, bytesMore: number) {
    this.#batch = batch;
    this.#out = new ByteWriter(batch.totalBytes() + bytesMore + 64);
    this.#starts = new Uint32Array(batch.count);
    this.#ends = new Uint32Array(batch.count);
    this.#exact = new Uint8Array(batch.count);
  }
  /** Whether the records of a batch lie in it as JSON, each once. */
  static suits(batch: Batch): boolean {
    return batch.block.parts.codec === codecs.json && !batch.hasChanges && batch.isOrdered;
  }
  /** Begins a row, whose JSON is to be written to what this returns; the rows before it are done. */
  begin(row: number): ByteWriter {
    this.#starts[row] = this.#out.length;
    return this.#out;
  }
  /** Ends it. */
  end(row: number, isExact: boolean): void {
    this.#ends[row] = this.#out.length;
    this.#exact[row] = isExact ? 1 : 0;
  }
  /** A row stays as it is. */
  keep(row: number): void {
    const { payload, bounds, exact } = this.#batch.block.parts;
    const index = this.#batch.index(row);
    this.begin(row).copy(payload, bounds[index] as number, bounds[index + 1] as number);
    this.end(row, exact[index] === 1);
  }
  /** A row that was begun has to be given in another way. */
  leave(row: number): void {
    this.#out.truncate(this.#starts[row] as number);
    this.#ends[row] = this.#out.length;
    this.#late.push(row);
  }
  get late(): readonly number[] {
    return this.#late;
  }
  /** The batch; `late`: the rows that were left. Undefined: some of them cannot be written in JSON. */
  finish(late: Batch | undefined): Batch | undefined {
    const whole = late ? this.#withLate(late) : this;
    return whole && whole.#batch.reencoded(whole.#out.view(), whole.#bounds(), whole.#exactByIndex());
  }
  #withLate(late: Batch): Reencoding | undefined {
    const merged = new Reencoding(this.#batch, this.#out.length);
    const bytes = this.#out.view();
    let next = 0;
    for (let row = 0; row < this.#batch.count; row++) {
      if (this.#late[next] !== row) {
        merged.begin(row).copy(bytes, this.#starts[row] as number, this.#ends[row] as number);
        merged.end(row, this.#exact[row] === 1);
        continue;
      }
      const fields = late.isChanged(next) ? late.fields(next) : undefined;
      if (!fields) {
        // It may have been written anew there.
        writeJson(late, next, merged.begin(row));
        merged.end(row, late.block.parts.exact[late.index(next++)] === 1);
        continue;
      }
      next++;
      if (fitsJson(fields)) {
        const out = merged.begin(row);
        out.text(stringifyJson(fields));
        merged.end(row, scanJson(out.view(), merged.#starts[row], out.length).exact);
      } else return undefined;
    }
    return merged;
  }
  /** By index in the block: what is not in the batch is empty. */
  #bounds(): Uint32Array {
    const bounds = new Uint32Array(this.#batch.block.count + 1);
    let next = 0;
    for (let row = 0; row < this.#batch.count; row++) {
      const index = this.#batch.index(row);
      while (next <= index) bounds[next++] = this.#starts[row] as number;
    }
    while (next < bounds.length) bounds[next++] = this.#out.length;
    return bounds;
  }
  #exactByIndex(): Uint8Array {
    if (this.#batch.count === this.#batch.block.count) return this.#exact;
    const exact = new Uint8Array(this.#batch.block.count);
    for (let row = 0; row < this.#batch.count; row++) exact[this.#batch.index(row)] = this.#exact[row] as number;
    return exact;
  }
}
