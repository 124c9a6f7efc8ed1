/**
 * MessagePack as records are kept and forwarded. Own code because libraries lose whether a number was an integer or a
 * float, and text that is not UTF-8. Format: msgpack/spec.md 2.0; event times: Fluentd's forward protocol v1.5.
 *
 * Kinds: integers as number, beyond 2^53 as bigint; floats with an integral value as Float, other floats as number; maps
 * as Map, in order; str as text, or as bytes where it is not UTF-8; bin as bytes; ext as ExtBytes. Encoding turns plain
 * objects and Maps into maps, bytes into bin and floats into 64 bits.
 */
import { isUtf8 } from 'node:buffer';
import type { Instant } from './clock.ts';
import { OperatingError } from './errors.ts';
import { jsonDepthMax } from './json.ts';
import { Float, fieldEntries } from './record.ts';
import type { ExactFields, Value } from './record.ts';

/**
 * An ext value: its bytes, and its type from -128 to 127. Everything that does not know it takes it for bytes. Exported
 * for tests until a plugin makes such values.
 */
export class ExtBytes extends Uint8Array {
  readonly type: number;
  constructor(type: number, bytes: Uint8Array) {
    super(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    this.type = type;
  }
  // What typed-array methods make of it are plain bytes.
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/**
 * The time in a Fluentd EventTime (ext 0: seconds and nanoseconds, 32 bits each), or undefined for any other value.
 * Exported for tests until the forward plugins read it.
 */
export function packedTime(value: Value): Instant | undefined {
  if (!(value instanceof ExtBytes) || value.type !== 0 || value.length !== 8) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { seconds: view.getUint32(0), nanos: view.getUint32(4) };
}

/**
 * Decodes one value that fills `bytes`. Bytes values in it are views of `bytes`.
 * @throws OperatingError PARSE_FAILED naming the byte offset
 */
export function decodeMsgpack(bytes: Uint8Array): Value {
  const decoder = new Decoder(bytes);
  const value = decoder.value(0);
  decoder.end();
  return value;
}

/**
 * Decodes the values that follow each other in `bytes`, each with the offset at which it begins. `containersMax`: how
 * many maps and arrays may be in all of them together, since a byte can stand for one that takes a hundred in memory.
 * @throws OperatingError PARSE_FAILED naming the byte offset
 */
export function* decodeMsgpackEach(
  bytes: Uint8Array,
  containersMax: number,
): Generator<{ readonly value: Value; readonly at: number }> {
  const decoder = new Decoder(bytes, containersMax);
  while (decoder.at < bytes.length) {
    const at = decoder.at;
    yield { value: decoder.value(0), at };
  }
}

class Decoder {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #containersLeft: number;
  #at = 0;
  constructor(bytes: Uint8Array, containersMax = Number.POSITIVE_INFINITY) {
    this.#containersLeft = containersMax;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  get at(): number {
    return this.#at;
  }
  end(): void {
    if (this.#at < this.#bytes.length) throw this.#error(`${this.#bytes.length - this.#at} bytes behind the value`);
  }
  value(depth: number): Value {
    const byte = this.#bytes[this.#skip(1)] as number;
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.#map(byte & 15, depth);
    if (byte < 0xa0) return this.#array(byte & 15, depth);
    if (byte < 0xc0) return this.#text(byte & 31);
    if (byte >= 0xe0) return byte - 256;
    return this.#long(byte, depth);
  }
  #long(byte: number, depth: number): Value {
    const view = this.#view;
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return float(view.getFloat32(this.#skip(4)));
      case 0xcb:
        return float(view.getFloat64(this.#skip(8)));
      case 0xcf:
        return integer(view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return view.getInt8(this.#skip(1));
      case 0xd1:
        return view.getInt16(this.#skip(2));
      case 0xd2:
        return view.getInt32(this.#skip(4));
      case 0xd3:
        return integer(view.getBigInt64(this.#skip(8)));
      default:
        return this.#sized(byte, depth);
    }
  }
  #sized(byte: number, depth: number): Value {
    if (byte >= 0xd4 && byte <= 0xd8) return this.#ext(1 << (byte - 0xd4));
    if (byte >= 0xc4 && byte <= 0xc6) return plainBytes(this.#slice(this.#size(byte - 0xc4)));
    if (byte >= 0xc7 && byte <= 0xc9) return this.#ext(this.#size(byte - 0xc7));
    if (byte >= 0xcc && byte <= 0xce) return this.#size(byte - 0xcc);
    if (byte >= 0xd9 && byte <= 0xdb) return this.#text(this.#size(byte - 0xd9));
    if (byte >= 0xdc && byte <= 0xdd) return this.#array(this.#size(byte - 0xdb), depth);
    if (byte >= 0xde) return this.#map(this.#size(byte - 0xdd), depth);
    this.#at--;
    throw this.#error(`0x${byte.toString(16)} begins no value`);
  }
  /** An unsigned number of 1, 2 or 4 bytes (width 0, 1, 2). */
  #size(width: number): number {
    const at = this.#skip(1 << width);
    return width === 0 ? this.#view.getUint8(at) : width === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
  #text(length: number): Value {
    const bytes = this.#slice(length);
    return isUtf8(bytes) ? bytes.toString('utf8') : plainBytes(bytes);
  }
  #ext(length: number): ExtBytes {
    const type = this.#view.getInt8(this.#skip(1));
    return new ExtBytes(type, this.#slice(length));
  }
  #array(length: number, depth: number): Value[] {
    this.#deeper(depth, length);
    const values: Value[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(depth + 1));
    return values;
  }
  #map(length: number, depth: number): ExactFields {
    this.#deeper(depth, length * 2);
    const fields: ExactFields = new Map();
    for (let i = 0; i < length; i++) fields.set(this.#key(depth), this.value(depth + 1));
    return fields;
  }
  /** Keys are texts here; a number or boolean as key gets its text. */
  #key(depth: number): string {
    const at = this.#at;
    const key = this.value(depth + 1);
    if (typeof key === 'string') return key;
    if (key === null || typeof key === 'number' || typeof key === 'boolean' || typeof key === 'bigint')
      return String(key);
    if (key instanceof Float) return key.text;
    if (key instanceof Uint8Array) return Buffer.from(key).toString('utf8');
    this.#at = at;
    throw this.#error('an array or map as key of a map');
  }
  /** Each element takes a byte at least, so a length beyond the end is a lie that must not cost memory. */
  #deeper(depth: number, elements: number): void {
    if (depth >= jsonDepthMax) throw this.#error(`nested deeper than ${jsonDepthMax} levels`);
    if (--this.#containersLeft < 0) throw this.#error('more maps and arrays than are allowed');
    if (elements > this.#bytes.length - this.#at) throw this.#error('a length beyond the end');
  }
  #slice(length: number): Buffer {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw this.#error('the end in the middle of a value');
    this.#at += length;
    return at;
  }
  #error(found: string): OperatingError {
    return new OperatingError('PARSE_FAILED', `reading MessagePack at byte ${this.#at}: ${found}`);
  }
}

/** A view that is no Buffer. */
function plainBytes(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function float(value: number): Value {
  // Integers print without a fraction, so one that was a float must say so; -0, NaN and infinities are floats by nature.
  if (!Number.isInteger(value)) return value;
  return new Float(value, integralFloatText(value));
}

/** How a float with an integral value prints, so that it reads as a float again. */
export function integralFloatText(value: number): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function integer(value: bigint): Value {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Encodes a value. @throws OperatingError PARSE_FAILED for an integer beyond 64 bits, which MessagePack cannot hold */
export function encodeMsgpack(value: Value): Buffer {
  const writer = new MsgpackWriter();
  writer.value(value);
  return writer.take();
}

/** Writes values one behind the other into one growing buffer. */
export class MsgpackWriter {
  #bytes = Buffer.allocUnsafe(256);
  #at = 0;
  get length(): number {
    return this.#at;
  }
  /** All that was written; nothing may be written after it. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
  /** Drops all that was written behind `length`. */
  truncate(length: number): void {
    this.#at = length;
  }
  /** The buffer, with space for `more` bytes at `length`: for who writes there by himself and says with advance() how far. */
  room(more: number): Buffer {
    this.#room(more);
    return this.#bytes;
  }
  advance(length: number): void {
    this.#at = length;
  }
  /** Appends source[from, until), which is MessagePack already. */
  raw(source: Buffer, from: number, until: number): void {
    const at = this.#room(until - from);
    this.#at = at + source.copy(this.#bytes, at, from, until);
  }
  /** The head of an array of up to 15 elements, which follow. */
  shortArray(length: number): void {
    this.#byte(0x90 | length);
  }
  /** A Fluentd EventTime. Both numbers are unsigned, of 32 bits. */
  eventTime(seconds: number, nanos: number): void {
    const at = this.#room(10);
    const bytes = this.#bytes;
    bytes[at] = 0xd7;
    bytes[at + 1] = 0;
    bytes.writeUInt32BE(seconds, at + 2);
    bytes.writeUInt32BE(nanos, at + 6);
    this.#at = at + 10;
  }
  value(value: Value): void {
    if (value === null) return this.#byte(0xc0);
    switch (typeof value) {
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2);
      case 'number':
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.#integer(value) : this.#float(value);
      case 'bigint':
        return this.#bigint(value);
      case 'string':
        return this.#text(value);
      default:
        break;
    }
    if (value instanceof Float) return this.#float(value.value);
    if (value instanceof ExtBytes) return this.#ext(value);
    if (value instanceof Uint8Array) return this.#binary(value);
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 15, 0xdc - 1);
      return value.forEach((one) => this.value(one));
    }
    const entries = fieldEntries(value);
    this.#head(entries.length, 0x80, 15, 0xde - 1);
    for (const [key, inner] of entries) {
      this.#text(key);
      this.value(inner);
    }
  }
  #integer(value: number): void {
    if (value >= 0 ? value < 0x80 : value >= -32) return this.#byte(value & 0xff);
    if (value >= 0) {
      if (value <= 0xffffffff) return this.#size(value, 0xcc);
      this.#byte(0xcf);
      this.#put(8, (bytes, at) => bytes.writeBigUInt64BE(BigInt(value), at));
    } else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#byte(value & 0xff);
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      this.#put(2, (bytes, at) => bytes.writeInt16BE(value, at));
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      this.#put(4, (bytes, at) => bytes.writeInt32BE(value, at));
    } else {
      this.#byte(0xd3);
      this.#put(8, (bytes, at) => bytes.writeBigInt64BE(BigInt(value), at));
    }
  }
  #bigint(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER))
      return this.#integer(Number(value));
    if (BigInt.asUintN(64, value) === value) {
      this.#byte(0xcf);
      this.#put(8, (bytes, at) => bytes.writeBigUInt64BE(value, at));
    } else if (BigInt.asIntN(64, value) === value) {
      this.#byte(0xd3);
      this.#put(8, (bytes, at) => bytes.writeBigInt64BE(value, at));
    } else throw new OperatingError('PARSE_FAILED', 'writing MessagePack: an integer beyond 64 bits');
  }
  #float(value: number): void {
    this.#byte(0xcb);
    this.#put(8, (bytes, at) => bytes.writeDoubleBE(value, at));
  }
  #text(text: string): void {
    const length = Buffer.byteLength(text);
    if (length < 32) this.#byte(0xa0 | length);
    else this.#size(length, 0xd9);
    const at = this.#room(length);
    this.#at = at + this.#bytes.write(text, at, 'utf8');
  }
  #binary(bytes: Uint8Array): void {
    this.#size(bytes.length, 0xc4);
    this.#copy(bytes);
  }
  #ext(bytes: ExtBytes): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(bytes.length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else this.#size(bytes.length, 0xc7);
    this.#byte(bytes.type & 0xff);
    this.#copy(bytes);
  }
  /** Length of an array or map: in the first byte, or in 2 or 4 bytes behind it. */
  #head(length: number, short: number, shortMax: number, long: number): void {
    if (length <= shortMax) this.#byte(short | length);
    else this.#size(length, long, 1);
  }
  /** A first byte counted from `first` by width, and an unsigned number in 1, 2 or 4 bytes. */
  #size(value: number, first: number, widthMin = 0): void {
    const width = Math.max(widthMin, value <= 0xff ? 0 : value <= 0xffff ? 1 : 2);
    this.#byte(first + width);
    if (width === 0) this.#byte(value);
    else if (width === 1) this.#put(2, (bytes, at) => bytes.writeUInt16BE(value, at));
    else this.#put(4, (bytes, at) => bytes.writeUInt32BE(value, at));
  }
  #copy(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    this.#at = at + bytes.length;
  }
  #byte(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
    this.#at = at + 1;
  }
  #put(width: number, write: (bytes: Buffer, at: number) => number): void {
    const at = this.#room(width);
    this.#at = write(this.#bytes, at);
  }
  /** Makes sure of space for `more` bytes, which may replace #bytes; where they begin. */
  #room(more: number): number {
    if (this.#at + more > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more));
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
    }
    return this.#at;
  }
}
