/** Documents made of a record's JSON as it lies in the journal, with fields put before or behind what it holds. */
import { codecs } from '../../core/batch.ts';
import type { Batch } from '../../core/batch.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import { stringifyJson } from '../../core/json.ts';
import { writeJson } from '../../codecs/rows.ts';

const BACKSLASH_U = Buffer.from('\\u');
const SPACE = 32;
const COMMA = 44;
const OPENING = 123;
const CLOSING = 125;

/**
 * Tells whether records may have one of some keys, by looking for their bytes. A yes may be wrong (a key further inside, a
 * text), a no never is. Records of a payload are asked for in order; then all of it is looked through once.
 */
export class KeyFinder {
  readonly #needles: readonly Needle[];
  readonly #escape = new Needle(BACKSLASH_U);
  /** Escapes that stand for a character of a key. */
  readonly #escapes: RegExp;
  /** Keys that JSON may write in more than one way without an escape of this kind. */
  readonly #isHard: boolean;

  constructor(keys: readonly string[]) {
    this.#needles = keys.map((key) => new Needle(Buffer.from(JSON.stringify(key))));
    this.#isHard = keys.some((key) => JSON.stringify(key) !== `"${key}"` || key.includes('/'));
    const units = new Set(keys.flatMap((key) => key.split('')));
    const codes = [...units].map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'));
    this.#escapes = new RegExp(`\\\\u(?:${codes.join('|')})`, 'i');
  }
  mayHave(payload: Buffer, from: number, until: number): boolean {
    if (this.#isHard) return true;
    for (const needle of this.#needles) if (needle.isIn(payload, from, until)) return true;
    return this.#escape.isIn(payload, from, until) && this.#escapes.test(payload.toString('latin1', from, until));
  }
}

/** Bytes that are looked for in one payload after the other. */
class Needle {
  readonly #bytes: Buffer;
  #payload: Buffer | undefined;
  #from = 0;
  /** Where they stand at or behind #from; infinite: nowhere. */
  #at = -1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  isIn(payload: Buffer, from: number, until: number): boolean {
    if (payload !== this.#payload || from < this.#from) {
      this.#payload = payload;
      this.#at = -1;
    }
    this.#from = from;
    if (this.#at < from) {
      const found = payload.indexOf(this.#bytes, from);
      this.#at = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#at < until;
  }
}

/** True when the record's JSON can be taken as it is and fields of these keys be added to it. */
export function isPlain(batch: Batch, row: number, keys: KeyFinder | undefined): boolean {
  if (batch.isChanged(row)) return false;
  const { codec, payload, bounds } = batch.block.parts;
  if (codec !== codecs.json) return false;
  const index = batch.index(row);
  return !keys?.mayHave(payload, bounds[index] as number, bounds[index + 1] as number);
}

/** Appends the record with `fields` (`"a":1,"b":2`) behind its own. */
export function writeWithBehind(batch: Batch, row: number, fields: string, out: ByteWriter): void {
  const start = out.length;
  writeJson(batch, row, out);
  let end = out.length - 1;
  while (out.at(end) !== CLOSING) end--;
  let last = end - 1;
  while (last > start && out.at(last) <= SPACE) last--;
  out.truncate(end);
  if (out.at(last) !== OPENING) out.byte(COMMA);
  out.text(fields);
  out.byte(CLOSING);
}

/** Appends the record with `fields` before its own. The record must be plain. */
export function writeWithBefore(batch: Batch, row: number, fields: string, out: ByteWriter): void {
  const { payload, bounds } = batch.block.parts;
  const index = batch.index(row);
  let from = bounds[index] as number;
  const until = bounds[index + 1] as number;
  while (payload[from] !== OPENING) from++;
  from++;
  while ((payload[from] as number) <= SPACE) from++;
  out.text(`{${fields}`);
  if (payload[from] !== CLOSING) out.byte(COMMA);
  out.copy(payload, from, until);
}

/** `"key":value` for JSON. */
export function jsonField(key: string, value: string): string {
  return `${JSON.stringify(key)}:${stringifyJson(value)}`;
}
