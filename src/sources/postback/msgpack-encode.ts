/** A record with bytes in it as MessagePack (msgpack.org specification): what JSON cannot hold. */
import { Float, fieldEntries } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';

/** Encodes one value. Integers beyond 64 bits become text, as written: MessagePack has no number for them. */
export function encodeMsgpack(value: Value): Buffer {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: Value, parts: Uint8Array[]): void {
  if (value === null) parts.push(Buffer.of(0xc0));
  else if (value === true || value === false) parts.push(Buffer.of(value ? 0xc3 : 0xc2));
  else if (typeof value === 'number') writeNumber(value, parts);
  else if (typeof value === 'bigint') writeBigint(value, parts);
  else if (typeof value === 'string') writeText(value, parts);
  else if (value instanceof Float) parts.push(double(value.value));
  else if (value instanceof Uint8Array) parts.push(head(value.length, [0xc4, 0xc5, 0xc6]), value);
  else if (Array.isArray(value)) {
    parts.push(value.length < 16 ? Buffer.of(0x90 | value.length) : head(value.length, [undefined, 0xdc, 0xdd]));
    for (const inner of value) write(inner, parts);
  } else {
    const entries = fieldEntries(value);
    parts.push(entries.length < 16 ? Buffer.of(0x80 | entries.length) : head(entries.length, [undefined, 0xde, 0xdf]));
    for (const [name, inner] of entries) {
      writeText(name, parts);
      write(inner, parts);
    }
  }
}

function writeText(text: string, parts: Uint8Array[]): void {
  const bytes = Buffer.from(text);
  parts.push(bytes.length < 32 ? Buffer.of(0xa0 | bytes.length) : head(bytes.length, [0xd9, 0xda, 0xdb]), bytes);
}

function writeNumber(value: number, parts: Uint8Array[]): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) parts.push(double(value));
  else if (value >= 0 && value < 128) parts.push(Buffer.of(value));
  else if (value >= -32 && value < 0) parts.push(Buffer.of(256 + value));
  else writeBigint(BigInt(value), parts);
}

function writeBigint(value: bigint, parts: Uint8Array[]): void {
  const bytes = Buffer.alloc(9);
  if (value >= 0n && value < 1n << 64n) {
    bytes[0] = 0xcf;
    bytes.writeBigUInt64BE(value, 1);
  } else if (value < 0n && value >= -(1n << 63n)) {
    bytes[0] = 0xd3;
    bytes.writeBigInt64BE(value, 1);
  } else {
    writeText(String(value), parts);
    return;
  }
  parts.push(bytes);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** A type's code for lengths of one, two or four bytes, and the length. */
function head(length: number, [one, two, four]: readonly [number | undefined, number, number]): Buffer {
  if (one !== undefined && length < 256) return Buffer.of(one, length);
  if (length < 65_536) return Buffer.of(two, length >> 8, length & 255);
  const bytes = Buffer.alloc(5);
  bytes[0] = four;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
