/** `pack` and `unpack` in the forms that logs need: hexadecimal, Base64, bytes, characters, network integers. Source: Ruby 3.1 pack.c. */
import { LimitError } from '../failures.ts';
import { needInteger, needText } from '../semantics.ts';
import type { RubyValue } from '../values.ts';

interface Directive {
  readonly letter: string;
  /** Undefined: none written; Infinity: `*`. */
  readonly count: number | undefined;
}
function directives(format: string): Directive[] {
  return [...format.matchAll(/([a-zA-Z])(\*|\d+)?|\S/g)].map(([text, letter, count]) => {
    if (letter === undefined || !'HhCcUNnaAmVv'.includes(letter)) throw new LimitError(`the pack directive ${text}`);
    return {
      letter,
      count: count === '*' ? Number.POSITIVE_INFINITY : count === undefined ? undefined : Number(count),
    };
  });
}
const sizes: Readonly<Record<string, number>> = { C: 1, c: 1, n: 2, v: 2, N: 4, V: 4 };

export function unpack(text: string, format: string): RubyValue[] {
  const bytes = Buffer.from(text);
  const values: RubyValue[] = [];
  let at = 0;
  for (const { letter, count } of directives(format)) {
    const left = bytes.length - at;
    const size = sizes[letter];
    if (size !== undefined) {
      const times = Math.min(count ?? 1, Math.floor(left / size));
      for (let i = 0; i < times; i++, at += size) values.push(readInteger(bytes, at, letter));
      for (let i = times; i < (count ?? 1) && Number.isFinite(count ?? 1); i++) values.push(null);
    } else if (letter === 'U') {
      const chars = Array.from(bytes.subarray(at).toString('utf8')).slice(0, count ?? 1);
      for (const char of chars) values.push(char.codePointAt(0) as number);
      at += Buffer.byteLength(chars.join(''));
    } else if (letter === 'm') {
      values.push(Buffer.from(bytes.subarray(at).toString('latin1'), 'base64').toString('utf8'));
      at = bytes.length;
    } else if (letter === 'H' || letter === 'h') {
      const hex = bytes.subarray(at).toString('hex');
      const shown = letter === 'H' ? hex : hex.replaceAll(/(.)(.)/g, '$2$1');
      const digits = shown.slice(0, count ?? 1);
      values.push(digits);
      at += Math.ceil(digits.length / 2);
    } else {
      const piece = bytes.subarray(at, at + Math.min(count ?? 1, left)).toString('utf8');
      values.push(letter === 'A' ? piece.replace(/[\s\0]+$/, '') : piece);
      at += Math.min(count ?? 1, left);
    }
  }
  return values;
}
function readInteger(bytes: Buffer, at: number, letter: string): number {
  switch (letter) {
    case 'C':
      return bytes.readUInt8(at);
    case 'c':
      return bytes.readInt8(at);
    case 'n':
      return bytes.readUInt16BE(at);
    case 'v':
      return bytes.readUInt16LE(at);
    case 'N':
      return bytes.readUInt32BE(at);
    default:
      return bytes.readUInt32LE(at);
  }
}

export function pack(values: readonly RubyValue[], format: string): string | Uint8Array {
  const pieces: Buffer[] = [];
  let next = 0;
  let isText = true;
  for (const { letter, count } of directives(format)) {
    if (letter === 'm' || letter === 'H' || letter === 'h' || letter === 'a' || letter === 'A') {
      const text = needText(values[next++] ?? null);
      if (letter === 'H' || letter === 'h') isText = false;
      pieces.push(packText(text, letter, count));
      continue;
    }
    const times = count === Number.POSITIVE_INFINITY ? values.length - next : (count ?? 1);
    if (letter !== 'U') isText = false;
    for (let i = 0; i < times; i++) pieces.push(packInteger(needInteger(values[next++] ?? null), letter));
  }
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString('utf8');
  return isText || !text.includes('\uFFFD') ? text : new Uint8Array(bytes);
}
function packText(text: string, letter: string, count: number | undefined): Buffer {
  if (letter === 'm') {
    const encoded = Buffer.from(text).toString('base64');
    return Buffer.from(count === 0 ? encoded : encoded.replaceAll(/.{1,60}/g, '$&\n'));
  }
  if (letter === 'H' || letter === 'h') {
    const digits = text.slice(0, count ?? 1);
    const even = digits.length % 2 === 0 ? digits : `${digits}0`;
    return Buffer.from(letter === 'H' ? even : even.replaceAll(/(.)(.)/g, '$2$1'), 'hex');
  }
  const bytes = Buffer.from(text);
  if (count === Number.POSITIVE_INFINITY) return bytes;
  const size = Math.min(count ?? 1, 100_000);
  return Buffer.concat([bytes, Buffer.alloc(size, letter === 'A' ? ' ' : '\0')]).subarray(0, size);
}
function packInteger(value: number, letter: string): Buffer {
  if (letter === 'U') return Buffer.from(String.fromCodePoint(Math.max(0, Math.min(0x10ffff, value))));
  const size = sizes[letter] ?? 1;
  const bytes = Buffer.alloc(size);
  const cut = ((value % 2 ** (size * 8)) + 2 ** (size * 8)) % 2 ** (size * 8);
  if (letter === 'v' || letter === 'V') bytes.writeUIntLE(cut, 0, size);
  else bytes.writeUIntBE(cut, 0, size);
  return bytes;
}
