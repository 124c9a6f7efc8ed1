/**
 * A JSON object by its bytes, without making it: which members it has and where they stand, and its text as stringifyJson
 * prints what JSON.parse makes of it. Only for objects that plain fields hold; whoever is told no takes the long way. The
 * usual object is printed already as it would be, and then its bytes are copied as they are.
 */
import { isUtf8 } from 'node:buffer';
import type { Batch } from './batch.ts';
import type { ByteWriter } from './bytes.ts';

/** Members at the outermost level, and keys that are open at once: with more the search for one that stands twice costs their square. */
const membersMax = 64;
const keysMax = 256;
/** Deeper ones take the long way, whose limit is 200. */
const depthMax = 32;
/** Digits of numbers that doubles keep as they are. */
const digitsMax = 15;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;

/** What an edit puts in place of what stands there: nothing, or a character by its code. */
const nothing = -1;

/** Bytes inside of a string: ordinary ones, those beyond ASCII, and those that end it, begin an escape, or may not be there. */
const ordinary = 0;
const beyondAscii = 1;
const special = 2;
const kinds = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 32 || byte === QUOTE || byte === BACKSLASH ? special : byte >= 128 ? beyondAscii : ordinary,
);
/** Letters behind a backslash that JSON.stringify writes too. */
const sameEscapes = new Uint8Array(256);
for (const letter of '"\\bfnrt') sameEscapes[letter.charCodeAt(0)] = 1;

export class JsonObject {
  bytes: Buffer = Buffer.alloc(0);
  /** The object's braces: of its first byte, and behind its last. */
  from = 0;
  until = 0;
  /** Members at the outermost level. */
  count = 0;
  /** Of each: its key without quotes, and its value. */
  readonly keyFrom = new Int32Array(membersMax);
  readonly keyUntil = new Int32Array(membersMax);
  readonly valueFrom = new Int32Array(membersMax);
  readonly valueUntil = new Int32Array(membersMax);
  readonly #keyHashes = new Int32Array(keysMax);
  #keys = 0;
  /** What is printed in another way, in order: spaces between, escapes that need not be. */
  #edits: number[] = [];
  #isBeyondAscii = false;

  /** As read(), of a record of JSON as it lies in its block. */
  readRow(batch: Batch, row: number): boolean {
    const { payload, bounds, exact } = batch.block.parts;
    const index = batch.index(row);
    return exact[index] !== 1 && this.read(payload, bounds[index] as number, bounds[index + 1] as number);
  }
  /** Reads bytes[from, until): an object with nothing but spaces around it. False: take the long way. */
  read(bytes: Buffer, from: number, until: number): boolean {
    this.bytes = bytes;
    this.count = this.#keys = 0;
    if (this.#edits.length > 0) this.#edits = [];
    this.#isBeyondAscii = false;
    let at = from;
    while (at < until && isSpace(bytes[at] as number)) at++;
    if (at >= until || bytes[at] !== 123) return false;
    this.from = at;
    at = this.#object(bytes, at, until, 0);
    if (at < 0) return false;
    this.until = at;
    while (at < until && isSpace(bytes[at] as number)) at++;
    return at === until && (!this.#isBeyondAscii || isUtf8(bytes.subarray(from, until)));
  }
  /** Which member has that key; -1: none. */
  find(key: Buffer): number {
    for (let i = 0; i < this.count; i++) if (this.#isKey(i, key, 0, key.length)) return i;
    return -1;
  }
  /** True where a key of this object is one of the other; but for one member of this. */
  sharesKey(other: JsonObject, except = -1): boolean {
    for (let i = 0; i < this.count; i++)
      for (let j = 0; j < other.count; j++)
        if (i !== except && this.#isKey(i, other.bytes, other.keyFrom[j] as number, other.keyUntil[j] as number))
          return true;
    return false;
  }
  #isKey(member: number, bytes: Buffer, from: number, until: number): boolean {
    const own = this.keyFrom[member] as number;
    const length = until - from;
    if ((this.keyUntil[member] as number) - own !== length) return false;
    for (let i = 0; i < length; i++) if (this.bytes[own + i] !== bytes[from + i]) return false;
    return true;
  }
  /** Whether a member's value is a string. */
  isText(member: number): boolean {
    return this.bytes[this.valueFrom[member] as number] === QUOTE;
  }
  /** Whether it is one without escapes. */
  isPlainText(member: number): boolean {
    const until = (this.valueUntil[member] as number) - 1;
    let at = this.valueFrom[member] as number;
    if (this.bytes[at] !== QUOTE) return false;
    for (at++; at < until; at++) if (this.bytes[at] === BACKSLASH) return false;
    return true;
  }
  /** Writes members [from, to) with commas between them, and none around. */
  writeMembers(from: number, to: number, out: ByteWriter): void {
    if (from >= to) return;
    this.#write((this.keyFrom[from] as number) - 1, this.valueUntil[to - 1] as number, out);
  }
  /** Writes all of it. */
  write(out: ByteWriter): void {
    this.#write(this.from, this.until, out);
  }
  /** Writes all of it but one member. */
  writeWithout(member: number, out: ByteWriter): void {
    out.byte(123);
    this.writeMembers(0, member, out);
    if (member > 0 && member + 1 < this.count) out.byte(COMMA);
    this.writeMembers(member + 1, this.count, out);
    out.byte(125);
  }
  /** Writes bytes [from, until) as they are printed. */
  #write(from: number, until: number, out: ByteWriter): void {
    const edits = this.#edits;
    let at = from;
    for (let i = 0; i < edits.length; i += 3) {
      const start = edits[i] as number;
      if (start < from) continue;
      if (start >= until) break;
      if (start > at) out.copy(this.bytes, at, start);
      writeCharacter(edits[i + 2] as number, out);
      at = edits[i + 1] as number;
    }
    if (until > at) out.copy(this.bytes, at, until);
  }

  /** Returns where it goes on behind the object that begins at `start`, or -1. */
  #object(bytes: Buffer, start: number, until: number, depth: number): number {
    const firstKey = this.#keys;
    let at = this.#space(bytes, start + 1, until);
    if (at < until && bytes[at] === 125) return at + 1;
    for (;;) {
      if (at >= until || bytes[at] !== QUOTE) return -1;
      const keyFrom = at + 1;
      at = this.#key(bytes, keyFrom, until, firstKey);
      if (at < 0) return -1;
      const keyUntil = at;
      at = this.#space(bytes, at + 1, until);
      if (at >= until || bytes[at] !== COLON) return -1;
      at = this.#space(bytes, at + 1, until);
      const valueFrom = at;
      at = this.#value(bytes, at, until, depth);
      if (at < 0) return -1;
      if (depth === 0 && !this.#addMember(keyFrom, keyUntil, valueFrom, at)) return -1;
      at = this.#space(bytes, at, until);
      if (at >= until) return -1;
      const byte = bytes[at];
      if (byte === 125) break;
      if (byte !== COMMA) return -1;
      at = this.#space(bytes, at + 1, until);
    }
    this.#keys = firstKey;
    return at + 1;
  }
  #addMember(keyFrom: number, keyUntil: number, valueFrom: number, valueUntil: number): boolean {
    const { count } = this;
    if (count === membersMax) return false;
    this.keyFrom[count] = keyFrom;
    this.keyUntil[count] = keyUntil;
    this.valueFrom[count] = valueFrom;
    this.valueUntil[count] = valueUntil;
    this.count = count + 1;
    return true;
  }
  /** Where the key ends that begins at `from`; -1 for one with escapes, that needs exact fields, or that stands twice. */
  #key(bytes: Buffer, from: number, until: number, firstKey: number): number {
    let hash = 0;
    let at = from;
    for (; at < until; at++) {
      const byte = bytes[at] as number;
      const kind = kinds[byte];
      if (kind === special) break;
      if (kind === beyondAscii) this.#isBeyondAscii = true;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (at >= until || bytes[at] !== QUOTE) return -1;
    const first = bytes[from] as number;
    if ((first >= 48 && first <= 57) || (first === 95 && bytes[from + 1] === 95)) return -1;
    const hashes = this.#keyHashes;
    const keys = this.#keys;
    if (keys === keysMax || keys - firstKey >= membersMax) return -1;
    for (let i = firstKey; i < keys; i++) if (hashes[i] === hash) return -1;
    hashes[keys] = hash;
    this.#keys = keys + 1;
    return at;
  }
  #value(bytes: Buffer, at: number, until: number, depth: number): number {
    if (at >= until) return -1;
    const byte = bytes[at] as number;
    if (byte === QUOTE) return this.#string(bytes, at + 1, until);
    if (byte === 45 || (byte >= 48 && byte <= 57)) return numberEnd(bytes, at, until);
    if (byte === 123) return depth < depthMax ? this.#object(bytes, at, until, depth + 1) : -1;
    if (byte === 91) return depth < depthMax ? this.#array(bytes, at, until, depth + 1) : -1;
    if (byte === 116) return isWord(bytes, at, until, 'true') ? at + 4 : -1;
    if (byte === 102) return isWord(bytes, at, until, 'false') ? at + 5 : -1;
    return byte === 110 && isWord(bytes, at, until, 'null') ? at + 4 : -1;
  }
  #array(bytes: Buffer, start: number, until: number, depth: number): number {
    let at = this.#space(bytes, start + 1, until);
    if (at < until && bytes[at] === 93) return at + 1;
    for (;;) {
      at = this.#value(bytes, at, until, depth);
      if (at < 0) return -1;
      at = this.#space(bytes, at, until);
      if (at >= until) return -1;
      if (bytes[at] === 93) return at + 1;
      if (bytes[at] !== COMMA) return -1;
      at = this.#space(bytes, at + 1, until);
    }
  }
  /** Behind the quote that ends the string whose first character is at `from`. */
  #string(bytes: Buffer, from: number, until: number): number {
    let at = from;
    for (;;) {
      while (at < until && kinds[bytes[at] as number] === ordinary) at++;
      if (at >= until) return -1;
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at + 1;
      if (byte >= 128) {
        this.#isBeyondAscii = true;
        at++;
      } else if (byte === BACKSLASH && at + 1 < until) {
        if (sameEscapes[bytes[at + 1] as number] === 1) at += 2;
        else {
          at = this.#escape(bytes, at, until);
          if (at < 0) return -1;
        }
      } else return -1;
    }
  }
  /** An escape that may be printed in another way. */
  #escape(bytes: Buffer, at: number, until: number): number {
    const letter = bytes[at + 1];
    if (letter === 47) {
      this.#edits.push(at, at + 2, 47);
      return at + 2;
    }
    if (letter !== 117 || at + 6 > until) return -1;
    let code = hexUnit(bytes, at + 2);
    if (code < 0) return -1;
    let end = at + 6;
    if (code >= 0xd800 && code <= 0xdfff) {
      if (code > 0xdbff || end + 6 > until || bytes[end] !== BACKSLASH || bytes[end + 1] !== 117) return -1;
      const low = hexUnit(bytes, end + 2);
      if (low < 0xdc00 || low > 0xdfff) return -1;
      code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      end += 6;
    }
    this.#edits.push(at, end, code);
    return end;
  }
  /** Passes over spaces, which are not printed. */
  #space(bytes: Buffer, from: number, until: number): number {
    if (from >= until || (bytes[from] as number) > 32) return from;
    let at = from;
    while (at < until && isSpace(bytes[at] as number)) at++;
    if (at > from) this.#edits.push(from, at, nothing);
    return at;
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

function isWord(bytes: Buffer, at: number, until: number, word: string): boolean {
  if (at + word.length > until) return false;
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** Behind a number that JSON.stringify prints as it is written; -1 for others, which it may. */
function numberEnd(bytes: Buffer, from: number, until: number): number {
  let at = bytes[from] === 45 ? from + 1 : from;
  const first = bytes[at] as number;
  const digitsFrom = at;
  while (at < until && isDigit(bytes[at] as number)) at++;
  const digits = at - digitsFrom;
  if (digits === 0 || digits > digitsMax || (first === 48 && digits > 1)) return -1;
  const next = at < until ? (bytes[at] as number) : 0;
  if (next === 101 || next === 69) return -1;
  // -0 is printed as 0.
  if (next !== 46) return first === 48 && bytes[from] === 45 ? -1 : at;
  const fractionFrom = ++at;
  while (at < until && isDigit(bytes[at] as number)) at++;
  const after = at < until ? (bytes[at] as number) : 0;
  if (after === 101 || after === 69 || digits + at - fractionFrom > digitsMax) return -1;
  // 1.0 needs exact fields.
  if (at === fractionFrom || bytes[at - 1] === 48) return -1;
  // 0.0000001 is printed with an exponent.
  return first === 48 && at - fractionFrom > zerosMax && startsWithZeros(bytes, fractionFrom) ? -1 : at;
}

/** Zeros behind the point with which numbers below 1 are printed as they are. */
const zerosMax = 5;

function startsWithZeros(bytes: Buffer, from: number): boolean {
  for (let at = from; at <= from + zerosMax; at++) if (bytes[at] !== 48) return false;
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** Four hex digits, or -1. */
function hexUnit(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] as number;
    const lower = byte | 32;
    const digit = isDigit(byte) ? byte - 48 : lower >= 97 && lower <= 102 ? lower - 87 : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

const shortEscapes: Readonly<Record<number, number>> = { 8: 98, 9: 116, 10: 110, 12: 102, 13: 114 };
const hexDigits = '0123456789abcdef';

/** A character of a string as JSON.stringify prints it. */
function writeCharacter(code: number, out: ByteWriter): void {
  if (code === nothing) return;
  if (code >= 128) return out.text(String.fromCodePoint(code));
  if (code === QUOTE || code === BACKSLASH) out.byte(BACKSLASH);
  else if (code < 32) {
    const letter = shortEscapes[code];
    if (letter === undefined) return out.text(`\\u00${code >> 4}${hexDigits[code & 15] ?? ''}`);
    out.byte(BACKSLASH);
    return out.byte(letter);
  }
  out.byte(code);
}

/** The most that a byte of text becomes inside of a JSON string: `\u001f`. */
const growth = 6;

/** What writeTextInside() saw. */
export const seen = { beyondAscii: 1, lineFeed: 2 } as const;

/**
 * Appends bytes[from, until) as the inside of a JSON string. Returns which of `seen` stood there, as bits: what is beyond
 * ASCII has to be UTF-8.
 */
export function writeTextInside(bytes: Buffer, from: number, until: number, out: ByteWriter): number {
  const room = out.room((until - from) * growth);
  let to = out.length;
  let found = 0;
  for (let at = from; at < until; at++) {
    const byte = bytes[at] as number;
    const kind = kinds[byte];
    if (kind !== special) {
      if (kind === beyondAscii) found |= seen.beyondAscii;
      room[to++] = byte;
    } else if (byte >= 32) {
      room[to++] = BACKSLASH;
      room[to++] = byte;
    } else {
      if (byte === 10) found |= seen.lineFeed;
      room[to++] = BACKSLASH;
      const letter = shortEscapes[byte];
      if (letter !== undefined) room[to++] = letter;
      else to += room.write(`u00${byte >> 4}${hexDigits[byte & 15] ?? ''}`, to, 'latin1');
    }
  }
  out.advance(to);
  return found;
}

/**
 * Writes the text that a JSON string holds, bytes[from, until) without its quotes, into `room` from 0 on; `room` has to have
 * as many bytes. Returns where it ends.
 */
export function readTextInside(bytes: Buffer, from: number, until: number, room: Buffer): number {
  let to = 0;
  for (let at = from; at < until; at++) {
    const byte = bytes[at] as number;
    if (byte !== BACKSLASH) {
      room[to++] = byte;
      continue;
    }
    const letter = bytes[++at] as number;
    if (letter === QUOTE || letter === BACKSLASH || letter === 47) room[to++] = letter;
    else if (letter === 110) room[to++] = 10;
    else if (letter === 116) room[to++] = 9;
    else if (letter === 114) room[to++] = 13;
    else if (letter === 98) room[to++] = 8;
    else if (letter === 102) room[to++] = 12;
    else {
      const unit = hexUnit(bytes, at + 1);
      at += 4;
      if (unit >= 0xd800 && unit <= 0xdbff) {
        const low = hexUnit(bytes, at + 3);
        at += 6;
        to += room.write(String.fromCharCode(unit, low), to);
      } else to += room.write(String.fromCharCode(unit), to);
    }
  }
  return to;
}
