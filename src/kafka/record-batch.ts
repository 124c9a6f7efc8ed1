/**
 * Kafka's record batch, version 2 (KIP-98), written without an object per record:
 *
 *   0  baseOffset i64 = 0       21  attributes i16: compression (3 bits), 0x10 transactional
 *   8  length i32, from 12 on   23  last offset delta i32     43  producer id i64, epoch i16 (51)
 *  12  leader epoch i32 = -1    27  base time i64, ms         53  base sequence i32
 *  16  magic i8 = 2             35  max time i64, ms          57  count i32
 *  17  crc32c u32 of all from 21 on                           61  records, compressed as a whole
 *
 *   record: length, attributes i8 = 0, time delta, offset delta, key, value, header count, (name, value)…
 *           numbers are zigzag varints, bytes carry their length; -1: null
 */
import { ByteWriter } from '../core/bytes.ts';
import { compress, compressionNumbers } from './compression.ts';
import type { Compression } from './compression.ts';
import type { KafkaLibrary } from './library.ts';
import { varintBytes, writeVarint } from './varint.ts';

const batchHeaderBytes = 61;
const crcFrom = 21;
const transactionalBit = 0x10;

/** Who writes, for batches that the broker takes once (KIP-98). */
export interface Producer {
  readonly id: bigint;
  readonly epoch: number;
}

/** One for all calls: a record has few headers, and there is one record at a time. */
const scratch = new ByteWriter();

/** Encoded headers of a record: their number, then name and value of each. */
export function encodeHeaders(headers: readonly (readonly [string, Uint8Array])[]): Buffer {
  const number = (value: number): void => scratch.advance(writeVarint(scratch.room(10), scratch.length, value));
  scratch.reset();
  number(headers.length);
  for (const [name, value] of headers) {
    number(Buffer.byteLength(name));
    scratch.text(name);
    number(value.length);
    scratch.bytes(value);
  }
  return Buffer.from(scratch.view());
}
export const noHeaders: Buffer = Buffer.from([0]);

/** Records of one partition on their way. Written once, then sealed. */
export class RecordBatchWriter {
  readonly #out = new ByteWriter();
  #count = 0;
  #baseMs = 0;
  #maxMs = 0;

  constructor() {
    this.#out.room(batchHeaderBytes);
    this.#out.advance(batchHeaderBytes);
  }
  get count(): number {
    return this.#count;
  }
  /** Bytes, uncompressed. */
  get length(): number {
    return this.#out.length;
  }
  /** Appends a record: key and encoded headers as they are, the value from source[from, until); undefined source: null. */
  add(
    timeMs: number,
    key: Uint8Array | undefined,
    source: Buffer | undefined,
    from: number,
    until: number,
    headers: Uint8Array,
  ): void {
    if (this.#count === 0) this.#baseMs = this.#maxMs = timeMs;
    else if (timeMs > this.#maxMs) this.#maxMs = timeMs;
    const delta = timeMs - this.#baseMs;
    const valueLength = source ? until - from : -1;
    const keyLength = key ? key.length : -1;
    const body =
      1 +
      varintBytes(delta) +
      varintBytes(this.#count) +
      varintBytes(keyLength) +
      Math.max(0, keyLength) +
      varintBytes(valueLength) +
      Math.max(0, valueLength) +
      headers.length;
    const bytes = this.#out.room(body + 5);
    let at = writeVarint(bytes, this.#out.length, body);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, delta);
    at = writeVarint(bytes, at, this.#count);
    at = writeVarint(bytes, at, keyLength);
    if (key) {
      bytes.set(key, at);
      at += keyLength;
    }
    at = writeVarint(bytes, at, valueLength);
    if (source) at += source.copy(bytes, at, from, until);
    bytes.set(headers, at);
    this.#out.advance(at + headers.length);
    this.#count++;
  }
  /** The batch as it is sent; `producer` and `sequence` only where the broker is to know it again. */
  async seal(
    library: KafkaLibrary,
    compression: Compression,
    producer?: Producer & { readonly sequence: number; readonly isTransactional: boolean },
  ): Promise<Buffer> {
    let bytes = this.#out.take();
    if (compression !== 'none') {
      const packed = await compress(library, compression, bytes.subarray(batchHeaderBytes));
      bytes = Buffer.concat([bytes.subarray(0, batchHeaderBytes), packed]);
    }
    bytes.writeBigInt64BE(0n, 0);
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt32BE(-1, 12);
    bytes[16] = 2;
    bytes.writeInt16BE(
      compressionNumbers[compression] | (producer?.isTransactional === true ? transactionalBit : 0),
      21,
    );
    bytes.writeInt32BE(this.#count - 1, 23);
    bytes.writeBigInt64BE(BigInt(this.#baseMs), 27);
    bytes.writeBigInt64BE(BigInt(this.#maxMs), 35);
    bytes.writeBigInt64BE(producer?.id ?? -1n, 43);
    bytes.writeInt16BE(producer?.epoch ?? -1, 51);
    bytes.writeInt32BE(producer?.sequence ?? -1, 53);
    bytes.writeInt32BE(this.#count, 57);
    bytes.writeUInt32BE(library.crc32c(bytes.subarray(crcFrom)), 17);
    return bytes;
  }
}
