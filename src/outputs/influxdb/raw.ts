/**
 * The short way: a record's JSON bytes to tags and fields of the line protocol without decoding them. What JSON and the line
 * protocol write alike is copied: numbers, text between its quotes with `\"` and `\\` as they are. Whatever is written in
 * another way (nested values, `\u…`, odd keys) makes it say no, and the record goes the way of form.ts, which writes the
 * same bytes for all that this one takes; a test holds them to it.
 */
import type { ByteWriter } from '../../core/bytes.ts';
import type { PointForm } from './form.ts';
import { sixDigits } from './form.ts';

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BLANK = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const EQUALS = 61;
const BACKSLASH = 92;
const SMALL_F = 102;
const SMALL_I = 105;
const SMALL_N = 110;
const SMALL_R = 114;
const SMALL_T = 116;
const CLOSING = 125;

const asTag = 1;
const asTime = 2;
/** A key that only the long way knows what to do with. */
const asOther = 3;

/** Digits that 64 bits hold whatever they are. */
const digitsMax = 18;

/** Undefined where the record must go the long way. `time`: digits of the time key's value. */
export interface RawPoint {
  readonly time: string | undefined;
  readonly fieldCount: number;
}

export class RawWriter {
  readonly #form: PointForm;
  readonly #known: readonly (readonly [key: Buffer, as: number])[];
  readonly #truth: readonly [yes: Buffer, no: Buffer];
  readonly #isAscii: boolean;

  /** Undefined for a form that no record can be written in so. `sequenceTag`: a tag that the record must not have. */
  static of(form: PointForm, sequenceTag: string | undefined): RawWriter | undefined {
    return form.isSorted || form.fieldKeys || form.tagsListKey !== undefined || form.nested === 'flatten'
      ? undefined
      : new RawWriter(form, sequenceTag);
  }
  private constructor(form: PointForm, sequenceTag: string | undefined) {
    this.#form = form;
    const isC = form.dialect === 'fluentbit';
    this.#isAscii = isC;
    this.#truth = isC ? [Buffer.from('TRUE'), Buffer.from('FALSE')] : [Buffer.from('true'), Buffer.from('false')];
    this.#known = [
      ...(form.timeKey === undefined ? [] : ([[Buffer.from(form.timeKey), asTime]] as const)),
      ...['time', form.policyKey, sequenceTag]
        .filter((key) => key !== undefined)
        .map((key) => [Buffer.from(key), asOther] as const),
      ...Array.from(form.tagKeys, (key) => [Buffer.from(key), asTag] as const),
    ];
  }

  /**
   * Appends `,tag=value` for each tag to `tags`, and fields with a comma before each but the first to `fields`. Where it
   * gives undefined both hold what must be cut off. `bytes[from, until)` is a JSON object that plain objects can hold.
   */
  write(bytes: Buffer, from: number, until: number, tags: ByteWriter, fields: ByteWriter): RawPoint | undefined {
    let at = skipBlanks(bytes, from) + 1;
    let time: string | undefined;
    let fieldCount = 0;
    while (at < until) {
      at = skipBlanks(bytes, at);
      const byte = bytes[at];
      if (byte === CLOSING) return { time, fieldCount };
      if (byte === COMMA) {
        at++;
        continue;
      }
      const keyStart = at + 1;
      const keyEnd = plainKeyEnd(bytes, keyStart);
      if (keyEnd <= keyStart) return undefined;
      at = skipBlanks(bytes, skipBlanks(bytes, keyEnd + 1) + 1);
      const first = bytes[at] as number;
      if (first === SMALL_N) {
        at += 4;
        // The long way knows what no time is.
        if (this.#kindOf(bytes, keyStart, keyEnd) === asTime) return undefined;
        continue;
      }
      const end = valueEnd(bytes, at, first);
      if (end < 0) return undefined;
      const kind = this.#kindOf(bytes, keyStart, keyEnd);
      if (kind === asOther) return undefined;
      if (kind === asTime) {
        if (first === QUOTE || !isShortInteger(bytes, at, end)) return undefined;
        time = bytes.toString('latin1', at, end);
      } else if (kind === asTag || (first === QUOTE && this.#form.hasAutoTags)) {
        if (!this.#tag(bytes, keyStart, keyEnd, at, end, first, tags)) return undefined;
      } else {
        if (fieldCount++ > 0) fields.byte(COMMA);
        fields.copy(bytes, keyStart, keyEnd);
        fields.byte(EQUALS);
        if (!this.#field(bytes, at, end, first, fields)) return undefined;
      }
      at = end;
    }
    return undefined;
  }

  #kindOf(bytes: Buffer, from: number, until: number): number {
    for (const [key, as] of this.#known)
      if (key.length === until - from && key.compare(bytes, from, until) === 0) return as;
    return 0;
  }
  /** Texts that need no escape, and nothing else. */
  #tag(
    bytes: Buffer,
    keyStart: number,
    keyEnd: number,
    at: number,
    end: number,
    first: number,
    tags: ByteWriter,
  ): boolean {
    if (first !== QUOTE) return false;
    for (let i = at + 1; i < end - 1; i++) {
      const byte = bytes[i] as number;
      if (byte <= BLANK || byte === COMMA || byte === EQUALS || byte === BACKSLASH || byte >= 127) return false;
    }
    // An empty one is left out.
    if (end - at === 2) return true;
    tags.byte(COMMA);
    tags.copy(bytes, keyStart, keyEnd);
    tags.byte(EQUALS);
    tags.copy(bytes, at + 1, end - 1);
    return true;
  }
  #field(bytes: Buffer, at: number, end: number, first: number, fields: ByteWriter): boolean {
    if (first === QUOTE) return this.#isAscii ? copyAscii(bytes, at, end, fields) : copyText(bytes, at, end, fields);
    if (first === SMALL_T) fields.bytes(this.#truth[0]);
    else if (first === SMALL_F) fields.bytes(this.#truth[1]);
    else if (isShortInteger(bytes, at, end)) return this.#integer(bytes, at, end, fields);
    else return this.#fraction(bytes, at, end, fields);
    return true;
  }
  #integer(bytes: Buffer, at: number, end: number, fields: ByteWriter): boolean {
    const { integers } = this.#form;
    // From 16 digits on Ruby writes a float with an exponent.
    if (integers === 'float' && end - at > 15) return false;
    fields.copy(bytes, at, end);
    if (integers === 'suffixed') fields.byte(SMALL_I);
    else if (integers === 'float') {
      fields.byte(DOT);
      fields.byte(ZERO);
    }
    return true;
  }
  /** A fraction in the form in which JavaScript prints it, which is Ruby's too unless it is very small or large. */
  #fraction(bytes: Buffer, at: number, end: number, fields: ByteWriter): boolean {
    const text = bytes.toString('latin1', at, end);
    if (/^-?\d{16}|^-?0\.0000|[eE]/.test(text) || !text.includes('.')) return false;
    fields.text(this.#isAscii ? sixDigits(Number(text)) : text);
    return true;
  }
}

function skipBlanks(bytes: Buffer, at: number): number {
  while ((bytes[at] as number) <= BLANK) at++;
  return at;
}

/** Where a key ends that is written as it is; 0: it needs an escape, or is written with one. */
function plainKeyEnd(bytes: Buffer, from: number): number {
  for (let at = from; ; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at;
    if (byte <= BLANK || byte === COMMA || byte === EQUALS || byte === BACKSLASH || at >= bytes.length) return 0;
  }
}

/** Behind the last byte of a text, a number, true or false; -1 for an object or an array. */
function valueEnd(bytes: Buffer, at: number, first: number): number {
  if (first === QUOTE) {
    for (at++; bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    return at + 1;
  }
  if (first === SMALL_T) return at + 4;
  if (first === SMALL_F) return at + 5;
  if (first !== MINUS && !(first >= ZERO && first <= NINE)) return -1;
  for (at++; ; at++) {
    const byte = bytes[at] as number;
    if (byte === COMMA || byte === CLOSING || byte <= BLANK) return at;
  }
}

function isShortInteger(bytes: Buffer, at: number, end: number): boolean {
  if (end - at > digitsMax) return false;
  let from = at;
  if (bytes[at] === MINUS) {
    from++;
    if (bytes[from] === ZERO) return false;
  }
  for (let i = from; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte < ZERO || byte > NINE) return false;
  }
  return true;
}

/** Copies a text with its quotes. JSON's `\"` and `\\` are the line protocol's too; a few others stand for one byte. */
function copyText(bytes: Buffer, at: number, end: number, out: ByteWriter): boolean {
  let from = at;
  for (let i = at + 1; i < end - 1; i++) {
    if (bytes[i] !== BACKSLASH) continue;
    const next = bytes[++i] as number;
    if (next === QUOTE || next === BACKSLASH) continue;
    const byte = unescaped(next);
    if (byte === 0) return false;
    out.copy(bytes, from, i - 1);
    out.byte(byte);
    from = i + 1;
  }
  out.copy(bytes, from, end);
  return true;
}

function unescaped(letter: number): number {
  if (letter === SMALL_N) return LINE_FEED;
  if (letter === SMALL_T) return TAB;
  if (letter === SMALL_R) return CARRIAGE_RETURN;
  if (letter === SLASH) return SLASH;
  return 0;
}

/** Copies a text that JSON's second escape leaves as it is. */
function copyAscii(bytes: Buffer, at: number, end: number, out: ByteWriter): boolean {
  for (let i = at + 1; i < end - 1; i++) {
    const byte = bytes[i] as number;
    if (byte < BLANK || byte === BACKSLASH || byte >= 127) return false;
  }
  out.copy(bytes, at, end);
  return true;
}
