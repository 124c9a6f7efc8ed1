/**
 * Plain JSON records (core/json.ts: not exact) as MessagePack without making them. Gives byte for byte what
 * encodeMsgpack(JSON.parse(…)) gives; texts with escapes go that way one by one.
 */
import type { MsgpackWriter } from './msgpack.ts';

/** What lies at most between the bytes of JSON and those of MessagePack: `1.5,` becomes 9 bytes. */
const growth = 3;

/** Appends the record whose valid JSON lies in bytes[from, until). Only for records that scanJson called not exact. */
export function writeJsonPacked(bytes: Buffer, from: number, until: number, out: MsgpackWriter): void {
  const start = out.length;
  const room = out.room((until - from) * growth + 16);
  const writer = new Transcoder(bytes, from, room, start);
  writer.value();
  out.advance(writer.at);
}

const QUOTE = 34;
const BACKSLASH = 92;
/** Beyond so many digits a number is left to Number(). */
const digitsMax = 15;

class Transcoder {
  readonly #bytes: Buffer;
  readonly #out: Buffer;
  #from: number;
  at: number;
  constructor(bytes: Buffer, from: number, out: Buffer, at: number) {
    this.#bytes = bytes;
    this.#from = from;
    this.#out = out;
    this.at = at;
  }
  value(): void {
    const byte = this.#next();
    if (byte === QUOTE) return this.#text();
    if (byte === 123) return this.#container(125, 0x80, 0xde);
    if (byte === 91) return this.#container(93, 0x90, 0xdc);
    if (byte === 116) return this.#literal(4, 0xc3);
    if (byte === 102) return this.#literal(5, 0xc2);
    if (byte === 110) return this.#literal(4, 0xc0);
    this.#number(byte);
  }
  /** The next byte that is no space; it is not passed. */
  #next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#from] as number;
    while (byte <= 32) byte = bytes[++this.#from] as number;
    return byte;
  }
  #literal(length: number, byte: number): void {
    this.#from += length;
    this.#out[this.at++] = byte;
  }
  /** An object or array. How much is in it is known at its end, and nearly always fits into the one byte kept for it. */
  #container(end: number, short: number, long: number): void {
    const head = this.at++;
    const isMap = end === 125;
    let count = 0;
    this.#from++;
    for (let byte = this.#next(); byte !== end; byte = this.#next()) {
      if (count > 0) this.#from++;
      if (isMap) {
        this.#next();
        this.#text();
        this.#next();
        this.#from++;
      }
      this.value();
      count++;
    }
    this.#from++;
    const out = this.#out;
    if (count <= 15) {
      out[head] = short | count;
      return;
    }
    const width = count <= 0xffff ? 2 : 4;
    out.copyWithin(head + 1 + width, head + 1, this.at);
    this.at += width;
    out[head] = width === 2 ? long : long + 1;
    if (width === 2) out.writeUInt16BE(count, head + 1);
    else out.writeUInt32BE(count, head + 1);
  }
  #text(): void {
    const bytes = this.#bytes;
    const from = ++this.#from;
    let at = from;
    let byte = bytes[at] as number;
    while (byte !== QUOTE && byte !== BACKSLASH) byte = bytes[++at] as number;
    if (byte === BACKSLASH) return this.#escaped(from);
    this.#from = at + 1;
    const length = at - from;
    this.#textHead(length);
    const out = this.#out;
    let to = this.at;
    // A loop copies short texts faster than a call does.
    if (length < 24) for (let i = from; i < at; i++) out[to++] = bytes[i] as number;
    else to += bytes.copy(out, to, from, at);
    this.at = to;
  }
  #escaped(from: number): void {
    const bytes = this.#bytes;
    let at = from;
    while (bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    const text = JSON.parse(bytes.toString('utf8', from - 1, at + 1)) as string;
    this.#from = at + 1;
    this.#textHead(Buffer.byteLength(text));
    this.at += this.#out.write(text, this.at, 'utf8');
  }
  #textHead(length: number): void {
    const out = this.#out;
    if (length < 32) out[this.at++] = 0xa0 | length;
    else if (length <= 0xff) {
      out[this.at++] = 0xd9;
      out[this.at++] = length;
    } else if (length <= 0xffff) {
      out[this.at] = 0xda;
      out.writeUInt16BE(length, this.at + 1);
      this.at += 3;
    } else {
      out[this.at] = 0xdb;
      out.writeUInt32BE(length, this.at + 1);
      this.at += 5;
    }
  }
  #number(first: number): void {
    const bytes = this.#bytes;
    const from = this.#from;
    const isNegative = first === 45;
    let at = isNegative ? from + 1 : from;
    let value = 0;
    let byte = bytes[at] as number;
    for (; byte >= 48 && byte <= 57; byte = bytes[++at] as number) value = value * 10 + byte - 48;
    const isFraction = byte === 46 || byte === 101 || byte === 69;
    if (!isFraction && at - from <= digitsMax) {
      this.#from = at;
      this.#integer(isNegative ? -value : value);
      return;
    }
    while ((byte >= 48 && byte <= 57) || byte === 43 || byte === 45 || byte === 46 || byte === 101 || byte === 69)
      byte = bytes[++at] as number;
    this.#from = at;
    const number = Number(bytes.toString('latin1', from, at));
    if (Number.isSafeInteger(number)) return this.#integer(number);
    this.#out[this.at] = 0xcb;
    this.#out.writeDoubleBE(number, this.at + 1);
    this.at += 9;
  }
  #integer(value: number): void {
    const out = this.#out;
    if (value >= 0 ? value < 0x80 : value >= -32) {
      out[this.at++] = value & 0xff;
      return;
    }
    const at = this.at;
    if (value >= 0) {
      if (value <= 0xff) this.at = out.writeUInt8(value, at + 1);
      else if (value <= 0xffff) this.at = out.writeUInt16BE(value, at + 1);
      else if (value <= 0xffff_ffff) this.at = out.writeUInt32BE(value, at + 1);
      else this.at = out.writeBigUInt64BE(BigInt(value), at + 1);
      out[at] = value <= 0xff ? 0xcc : value <= 0xffff ? 0xcd : value <= 0xffff_ffff ? 0xce : 0xcf;
      return;
    }
    if (value >= -0x80) this.at = out.writeInt8(value, at + 1);
    else if (value >= -0x8000) this.at = out.writeInt16BE(value, at + 1);
    else if (value >= -0x8000_0000) this.at = out.writeInt32BE(value, at + 1);
    else this.at = out.writeBigInt64BE(BigInt(value), at + 1);
    out[at] = value >= -0x80 ? 0xd0 : value >= -0x8000 ? 0xd1 : value >= -0x8000_0000 ? 0xd2 : 0xd3;
  }
}
