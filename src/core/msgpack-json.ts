/**
 * MessagePack records as JSON text without making them: what is only handed on in another form need not be decoded.
 * Gives byte for byte what stringifyJson(decodeMsgpack(…)) gives; whatever is rare (escapes, keys that are no texts or
 * stand twice) goes that way.
 */
import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from './bytes.ts';
import { stringifyJson, writeRawJson } from './json.ts';
import { decodeMsgpack, integralFloatText } from './msgpack.ts';

/** The most that a byte of MessagePack becomes where it is written here: a bare nil of an array is `null,`. */
const growth = 6;
/** Maps with more keys are decoded: looking for a key that stands twice costs the square of their number. */
const keysMax = 64;
const keyHashes = new Int32Array(1024);

/**
 * Appends the JSON of the record that lies in bytes[from, until), which was looked at when it was taken. `isRaw`: bytes that
 * are not UTF-8 stand in it as they are.
 */
export function writePackedJson(bytes: Buffer, from: number, until: number, out: ByteWriter, isRaw = false): void {
  const start = out.length;
  const room = out.room((until - from) * growth + 16);
  const writer = new Transcoder(bytes, from, room, start);
  if (writer.value(0) && writer.from === until) out.advance(writer.at);
  else {
    const value = decodeMsgpack(bytes.subarray(from, until));
    if (isRaw) writeRawJson(value, out);
    else out.text(stringifyJson(value));
  }
}

class Transcoder {
  readonly #bytes: Buffer;
  readonly #out: Buffer;
  from: number;
  at: number;
  constructor(bytes: Buffer, from: number, out: Buffer, at: number) {
    this.#bytes = bytes;
    this.from = from;
    this.#out = out;
    this.at = at;
  }
  /** Writes one value; `keys`: hashes of keys that open maps hold. False: it must be decoded. */
  value(keys: number): boolean {
    const byte = this.#bytes[this.from++] as number;
    if (byte < 0x80) return this.#integer(byte);
    if (byte < 0x90) return this.#map(byte & 15, keys);
    if (byte < 0xa0) return this.#array(byte & 15, keys);
    if (byte < 0xc0) return this.#text(byte & 31) >= 0;
    if (byte >= 0xe0) return this.#integer(byte - 256);
    return this.#long(byte, keys);
  }
  #long(byte: number, keys: number): boolean {
    const bytes = this.#bytes;
    switch (byte) {
      case 0xc0:
        return this.#word('null');
      case 0xc2:
        return this.#word('false');
      case 0xc3:
        return this.#word('true');
      case 0xca:
        return this.#float(bytes.readFloatBE(this.#skip(4)));
      case 0xcb:
        return this.#float(bytes.readDoubleBE(this.#skip(8)));
      case 0xcc:
        return this.#integer(bytes[this.#skip(1)] as number);
      case 0xcd:
        return this.#integer(bytes.readUInt16BE(this.#skip(2)));
      case 0xce:
        return this.#integer(bytes.readUInt32BE(this.#skip(4)));
      case 0xcf:
        return this.#word(String(bytes.readBigUInt64BE(this.#skip(8))));
      case 0xd0:
        return this.#integer(bytes.readInt8(this.#skip(1)));
      case 0xd1:
        return this.#integer(bytes.readInt16BE(this.#skip(2)));
      case 0xd2:
        return this.#integer(bytes.readInt32BE(this.#skip(4)));
      case 0xd3:
        return this.#word(String(bytes.readBigInt64BE(this.#skip(8))));
      default:
        return this.#sized(byte, keys);
    }
  }
  #sized(byte: number, keys: number): boolean {
    if (byte >= 0xc4 && byte <= 0xc6) return this.#text(this.#size(byte - 0xc4)) >= 0;
    if (byte >= 0xd9 && byte <= 0xdb) return this.#text(this.#size(byte - 0xd9)) >= 0;
    if (byte >= 0xdc && byte <= 0xdd) return this.#array(this.#size(byte - 0xdb), keys);
    if (byte >= 0xde) return this.#map(this.#size(byte - 0xdd), keys);
    // Ext types.
    return false;
  }
  #size(width: number): number {
    const at = this.#skip(1 << width);
    const bytes = this.#bytes;
    return width === 0 ? (bytes[at] as number) : width === 1 ? bytes.readUInt16BE(at) : bytes.readUInt32BE(at);
  }
  #skip(length: number): number {
    const at = this.from;
    this.from += length;
    return at;
  }
  #array(length: number, keys: number): boolean {
    const out = this.#out;
    out[this.at++] = 91;
    for (let i = 0; i < length; i++) {
      if (i > 0) out[this.at++] = 44;
      if (!this.value(keys)) return false;
    }
    out[this.at++] = 93;
    return true;
  }
  #map(length: number, keys: number): boolean {
    if (length > keysMax || keys + length > keyHashes.length) return false;
    const out = this.#out;
    out[this.at++] = 123;
    for (let i = 0; i < length; i++) {
      if (i > 0) out[this.at++] = 44;
      const hash = this.#key();
      if (hash < 0) return false;
      for (let other = keys; other < keys + i; other++) if (keyHashes[other] === hash) return false;
      keyHashes[keys + i] = hash;
      out[this.at++] = 58;
      if (!this.value(keys + length)) return false;
    }
    out[this.at++] = 125;
    return true;
  }
  #key(): number {
    const byte = this.#bytes[this.from++] as number;
    if (byte >= 0xa0 && byte < 0xc0) return this.#text(byte & 31);
    return byte >= 0xd9 && byte <= 0xdb ? this.#text(this.#size(byte - 0xd9)) : -1;
  }
  /** Writes text; returns a hash of it, or -1: it must be decoded. */
  #text(length: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    const from = this.from;
    const until = from + length;
    let at = this.at;
    let hash = length;
    let hasHigh = false;
    out[at++] = 34;
    for (let i = from; i < until; i++) {
      const byte = bytes[i] as number;
      if (byte < 32 || byte === 34 || byte === 92) return -1;
      if (byte >= 0x80) hasHigh = true;
      hash = (Math.imul(hash, 31) + byte) | 0;
      out[at++] = byte;
    }
    if (hasHigh && !isUtf8(bytes.subarray(from, until))) return -1;
    out[at++] = 34;
    this.from = until;
    this.at = at;
    return hash & 0x7fff_ffff;
  }
  #integer(value: number): boolean {
    const out = this.#out;
    let left = value;
    if (value < 0) {
      out[this.at++] = 45;
      left = -value;
    }
    if (left < 10) {
      out[this.at++] = 48 + left;
      return true;
    }
    let digits = 1;
    for (let power = 10; power <= left; power *= 10) digits++;
    for (let at = this.at + digits - 1; at >= this.at; at--) {
      const rest = Math.floor(left / 10);
      out[at] = 48 + left - rest * 10;
      left = rest;
    }
    this.at += digits;
    return true;
  }
  #float(value: number): boolean {
    if (!Number.isFinite(value)) return this.#word('null');
    if (!Number.isInteger(value)) return this.#word(String(value));
    return this.#word(integralFloatText(value));
  }
  #word(text: string): boolean {
    this.at += this.#out.write(text, this.at, 'latin1');
    return true;
  }
}
