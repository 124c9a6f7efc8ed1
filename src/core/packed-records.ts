/** Records for the journal whose JSON lies in one buffer, one behind the other: what sources make of many lines at a time. */
import { codecs } from './batch.ts';
import type { EncodedRecords } from './batch.ts';
import type { ByteWriter } from './bytes.ts';

export class PackedRecords implements EncodedRecords {
  readonly codec = codecs.json;
  /** Where the records are, from 0 on. Not to be written again before the append is answered. */
  readonly bytes: Buffer;
  /** Where each ends. */
  readonly ends: readonly number[];
  readonly seconds: readonly number[];
  readonly nanos: readonly number[];

  constructor(bytes: Buffer, ends: readonly number[], seconds: readonly number[], nanos: readonly number[]) {
    this.bytes = bytes;
    this.ends = ends;
    this.seconds = seconds;
    this.nanos = nanos;
  }
  /** Views, for whoever wants records one by one. */
  get payloads(): readonly Uint8Array[] {
    return this.ends.map((end, i) => this.bytes.subarray(this.ends[i - 1] ?? 0, end));
  }
  /** None is. */
  get exact(): readonly boolean[] {
    return this.ends.map(() => false);
  }
  /** Records [from, to). */
  slice(from: number, to: number): PackedRecords {
    const start = from === 0 ? 0 : (this.ends[from - 1] as number);
    const end = to === 0 ? 0 : (this.ends[to - 1] as number);
    return new PackedRecords(
      this.bytes.subarray(start, Math.max(start, end)),
      this.ends.slice(from, to).map((one) => one - start),
      this.seconds.slice(from, to),
      this.nanos.slice(from, to),
    );
  }
}

/** Bytes of the payloads together, as they lie in the journal; of texts that are not ASCII a little less. */
export function payloadBytes(records: EncodedRecords): number {
  if (records instanceof PackedRecords) return records.bytes.length;
  let bytes = 0;
  for (const payload of records.payloads) bytes += payload.length;
  return bytes;
}

/** Gathers such records. */
export class RecordPacker {
  /** Where the next one is written to. */
  readonly out: ByteWriter;
  readonly #ends: number[] = [];
  readonly #seconds: number[] = [];
  readonly #nanos: number[] = [];

  /** `out` is empty. */
  constructor(out: ByteWriter) {
    this.out = out;
  }
  get count(): number {
    return this.#ends.length;
  }
  /** What was written since is a record. */
  end(seconds: number, nanos: number): void {
    this.#ends.push(this.out.length);
    this.#seconds.push(seconds);
    this.#nanos.push(nanos);
  }
  /** What was written since is none. */
  drop(): void {
    this.out.truncate(this.#ends.at(-1) ?? 0);
  }
  /** All of them, for as long as `out` is not reset. */
  take(): PackedRecords {
    return new PackedRecords(this.out.view(), this.#ends, this.#seconds, this.#nanos);
  }
  /** Records [from, to), as take(). */
  view(from: number, to: number): PackedRecords {
    return this.take().slice(from, to);
  }
}
