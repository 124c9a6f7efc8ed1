/**
 * JSON as records are kept: a scan that tells whether plain objects can hold a text, an exact parser for those they
 * cannot, and a printer for both. Grammar: RFC 8259. Text that comes in is validated by JSON.parse first.
 */
import type { ByteWriter } from './bytes.ts';
import { Float, fieldEntries, isFields, needsExactKey, rawJson } from './record.ts';
import type { ExactFields, Fields, PlainFields, Value } from './record.ts';

/** Deepest nesting of objects and arrays a record may have: JSON.stringify recurses, and 200 is far above any real record. */
export const jsonDepthMax = 200;

/** What a scan found. `exact`: plain objects would change the text. `tooDeep`: nested deeper than jsonDepthMax. */
export interface JsonScan {
  readonly exact: boolean;
  readonly tooDeep: boolean;
}

const QUOTE = 34;
const BACKSLASH = 92;
const keyHashes = new Int32Array(1 << 12);
const keyStarts = new Int32Array(jsonDepthMax + 2);
const plain: JsonScan = { exact: false, tooDeep: false };
const exact: JsonScan = { exact: true, tooDeep: false };
const tooDeep: JsonScan = { exact: true, tooDeep: true };

/**
 * Scans valid JSON text in `bytes[start, end)`. Errs only to the safe side: a text marked exact may be plain, never the
 * other way round. About 1 ns a byte; called once per accepted record.
 */
export function scanJson(bytes: Uint8Array, start = 0, end = bytes.length): JsonScan {
  let at = start;
  let depth = 0;
  let isExact = false;
  let hashCount = 0;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      let hash = 0;
      let escaped = false;
      const from = ++at;
      for (; at < end; at++) {
        const inner = bytes[at] as number;
        if (inner === QUOTE) break;
        if (inner === BACKSLASH) {
          escaped = true;
          if (bytes[at + 1] === 117 && isLoneSurrogate(bytes, at)) isExact = true;
          at++;
        }
        hash = (Math.imul(hash, 31) + inner) | 0;
      }
      const until = at++;
      while (at < end && (bytes[at] as number) <= 32) at++;
      if (bytes[at] === 58 /* : */) {
        at++;
        if (escaped || isExactKeyBytes(bytes, from, until)) isExact = true;
        // Beyond 4096 keys open at once the check for duplicates gives up to the safe side.
        // Once the text is exact nothing is compared: many keys must not cost the square of their number.
        if (hashCount === keyHashes.length) isExact = true;
        else if (!isExact) {
          for (let i = keyStarts[depth] as number; i < hashCount; i++) if (keyHashes[i] === hash) isExact = true;
          if (hashCount - (keyStarts[depth] as number) > 256) isExact = true;
          keyHashes[hashCount++] = hash;
        }
      }
    } else if (byte === 45 || (byte >= 48 && byte <= 57)) {
      const from = at;
      let marked = false;
      for (at++; at < end; at++) {
        const inner = bytes[at] as number;
        if (inner === 46 || inner === 101 || inner === 69) marked = true;
        else if (!((inner >= 48 && inner <= 57) || inner === 43 || inner === 45)) break;
      }
      if (marked || at - from > 15 || byte === 45) if (numberChanges(bytes, from, at)) isExact = true;
    } else {
      at++;
      if (byte === 123 || byte === 91) {
        if (++depth > jsonDepthMax) return tooDeep;
        keyStarts[depth] = hashCount;
      } else if (byte === 125 || byte === 93) {
        hashCount = keyStarts[depth] as number;
        depth--;
      }
    }
  }
  return isExact ? exact : plain;
}

/** At a `\u` escape: true when it is half of a surrogate pair without its other half. A low half is looked at with its high half. */
function isLoneSurrogate(bytes: Uint8Array, at: number): boolean {
  const unit = hexUnit(bytes, at + 2);
  if (unit < 0xd800 || unit > 0xdfff) return false;
  if (unit >= 0xdc00) {
    const before = at >= 6 && bytes[at - 6] === BACKSLASH && bytes[at - 5] === 117 ? hexUnit(bytes, at - 4) : 0;
    return !(before >= 0xd800 && before <= 0xdbff);
  }
  const after = bytes[at + 6] === BACKSLASH && bytes[at + 7] === 117 ? hexUnit(bytes, at + 8) : 0;
  return !(after >= 0xdc00 && after <= 0xdfff);
}

function hexUnit(bytes: Uint8Array, at: number): number {
  return Number.parseInt(String.fromCharCode(...bytes.subarray(at, at + 4)), 16);
}

function isExactKeyBytes(bytes: Uint8Array, from: number, until: number): boolean {
  const first = bytes[from] as number;
  const isDigit = first >= 48 && first <= 57;
  if (!isDigit && first !== 95) return false;
  return (
    until - from <= 10 &&
    needsExactKey(Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from).toString('latin1'))
  );
}

function numberChanges(bytes: Uint8Array, from: number, until: number): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from).toString('latin1');
  return String(Number(text)) !== text;
}

/** Parses a valid JSON object text into exact fields. */
export function parseExact(text: string): ExactFields {
  const parser = new ExactParser(text);
  const value = parser.value(0);
  if (!(value instanceof Map)) throw new SyntaxError('a record must be a JSON object');
  return value;
}

class ExactParser {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }
  value(depth: number): Value {
    if (depth > jsonDepthMax) throw new SyntaxError(`nested deeper than ${jsonDepthMax} levels`);
    this.#space();
    const char = this.#text[this.#at];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"') return this.#string();
    const literal = /(?:true|false|null|-?\d[\d.eE+-]*)/y;
    literal.lastIndex = this.#at;
    const word = literal.exec(this.#text)?.[0];
    if (word === undefined) throw new SyntaxError(`unexpected character at offset ${this.#at}`);
    this.#at += word.length;
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    return exactNumber(word);
  }
  #object(depth: number): ExactFields {
    const fields: ExactFields = new Map();
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== '}'; this.#space()) {
      const key = this.#string();
      this.#space();
      this.#expect(':');
      fields.set(key, this.value(depth + 1));
      this.#space();
      if (this.#text[this.#at] !== '}') this.#expect(',');
    }
    this.#at++;
    return fields;
  }
  #array(depth: number): Value[] {
    const values: Value[] = [];
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== ']'; this.#space()) {
      values.push(this.value(depth + 1));
      this.#space();
      if (this.#text[this.#at] !== ']') this.#expect(',');
    }
    this.#at++;
    return values;
  }
  #string(): string {
    const from = this.#at;
    this.#expect('"');
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw new SyntaxError(`unterminated string at offset ${from}`);
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    return JSON.parse(this.#text.slice(from, ++this.#at)) as string;
  }
  #expect(char: string): void {
    if (this.#text[this.#at] !== char) throw new SyntaxError(`expected ${char} at offset ${this.#at}`);
    this.#at++;
  }
  #space(): void {
    while (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) <= 32) this.#at++;
  }
}

function exactNumber(word: string): Value {
  const value = Number(word);
  if (String(value) === word) return value;
  if (/^-?\d+$/.test(word) && word !== '-0') return BigInt(word);
  return new Float(value, word);
}

/** Prints a record, or a value inside one, as JSON in one line. Bytes become text (invalid UTF-8 as U+FFFD), NaN and infinities null. */
export function stringifyJson(value: Value): string {
  // An array of an exact record may hold Maps, which JSON.stringify would print as {}.
  if (!(value instanceof Map) && !Array.isArray(value)) {
    try {
      // Fields from plain records hold nothing that JSON.stringify would print differently, but for bigint, at which it throws.
      return JSON.stringify(value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return stringifyExact(value);
}

function stringifyExact(value: Value): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      break;
  }
  if (value instanceof Float) return value.text;
  if (value instanceof Uint8Array)
    return JSON.stringify(Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8'));
  if (Array.isArray(value)) return `[${value.map(stringifyExact).join(',')}]`;
  if (!isFields(value)) throw new TypeError('not a record value');
  return `{${fieldEntries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}:${stringifyExact(inner)}`)
    .join(',')}}`;
}

/** Appends what stringifyJson gives, but for bytes that are not UTF-8: they stand in their text as they are. */
export function writeRawJson(value: Value, out: ByteWriter): void {
  if (value instanceof Uint8Array) return writeRawText(value, out);
  if (Array.isArray(value)) {
    for (const [i, inner] of value.entries()) {
      out.byte(i === 0 ? 91 : 44);
      writeRawJson(inner, out);
    }
    return value.length === 0 ? out.text('[]') : out.byte(93);
  }
  // Without a Map there are no bytes inside.
  if (!(value instanceof Map)) return out.text(stringifyJson(value));
  out.byte(123);
  let isFirst = true;
  for (const [key, inner] of value) {
    out.text(`${isFirst ? '' : ','}${JSON.stringify(key)}:`);
    writeRawJson(inner, out);
    isFirst = false;
  }
  out.byte(125);
}

function writeRawText(bytes: Uint8Array, out: ByteWriter): void {
  out.byte(QUOTE);
  for (const byte of bytes)
    if (byte < 32 || byte === QUOTE || byte === BACKSLASH)
      out.text(JSON.stringify(String.fromCharCode(byte)).slice(1, -1));
    else out.byte(byte);
  out.byte(QUOTE);
}

/** Parses the JSON text of one record as it lies in a journal. `isExact` is what scanJson said. */
export function parseRecord(text: string, isExact: boolean): Fields {
  return isExact ? parseExact(text) : (JSON.parse(text) as PlainFields);
}

/**
 * What JSON.parse gives, for texts of others whose keys are not known: once V8 13.6 has seen a key that is a single
 * backslash, its JSON.parse takes later escaped keys in the same place for it. Records are safe without this, as scanJson
 * calls all that have escaped keys exact. @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!text.includes('\\')) return value;
  return plainOf(new ExactParser(text).value(0), Number);
}
/** What JSON.stringify prints with the digits of the text, for people to read. @throws SyntaxError */
export function parseShown(text: string): unknown {
  JSON.parse(text);
  return plainOf(new ExactParser(text).value(0), rawJson);
}

/** `number`: gives those that a plain number would print otherwise. */
function plainOf(value: Value, number: (text: string) => unknown): unknown {
  if (value instanceof Float) return number(value.text);
  if (typeof value === 'bigint') return number(String(value));
  if (Array.isArray(value)) return value.map((inner) => plainOf(inner, number));
  if (!(value instanceof Map)) return value;
  const plain: Record<string, unknown> = {};
  for (const [key, inner] of value) defineField(plain, key, plainOf(inner, number));
  return plain;
}
/** As JSON.parse does, also for `__proto__`. */
function defineField(plain: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') plain[key] = value;
  else Object.defineProperty(plain, key, { value, enumerable: true, configurable: true, writable: true });
}
