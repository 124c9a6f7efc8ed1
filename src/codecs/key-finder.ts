/** Keys that are looked for in the bytes of records, before any of them is taken apart. */
import type { Block } from '../core/batch.ts';

const QUOTE = 34;
const BACKSLASH_U = Buffer.from('\\u');

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

  readonly #keys: readonly string[];
  /** The ending of records that was looked through last. */
  #ending: Buffer | undefined;
  #isInEnding = false;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    this.#needles = keys.map((key) => new Needle(Buffer.from(JSON.stringify(key))));
    this.#isHard = keys.some((key) => JSON.stringify(key) !== `"${key}"` || key.includes('/'));
    const units = new Set(keys.flatMap((key) => key.split('')));
    const codes = [...units].map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'));
    this.#escapes = new RegExp(`\\\\u(?:${codes.join('|')})`, 'i');
  }
  /** Asks for a record of a block of JSON, as it lies there. */
  mayBeIn(block: Block, index: number): boolean {
    const { shared } = block;
    const { payload, bounds } = shared ?? block.parts;
    if (shared && this.#mayEnding(shared.ending)) return true;
    const [from, until] = [bounds[index] as number, bounds[index + 1] as number];
    // Escapes in keys make a record exact (scanJson), so in others they need not be looked for.
    return block.parts.exact[index] === 0
      ? this.#mayHavePlain(payload, from, until)
      : this.mayHave(payload, from, until);
  }
  #mayEnding(ending: Buffer): boolean {
    if (ending !== this.#ending) {
      this.#ending = ending;
      this.#isInEnding = new KeyFinder(this.#keys).mayHave(ending, 0, ending.length);
    }
    return this.#isInEnding;
  }
  #mayHavePlain(payload: Buffer, from: number, until: number): boolean {
    if (this.#isHard) return true;
    for (const needle of this.#needles) if (needle.isIn(payload, from, until)) return true;
    return false;
  }
  mayHave(payload: Buffer, from: number, until: number): boolean {
    if (this.#mayHavePlain(payload, from, until)) return true;
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
    if (this.#at < from) this.#at = this.#next(payload, from);
    return this.#at < until;
  }
  #next(payload: Buffer, from: number): number {
    const bytes = this.#bytes;
    if (bytes[0] !== QUOTE) {
      const at = payload.indexOf(bytes, from);
      return at < 0 ? Number.POSITIVE_INFINITY : at;
    }
    // What stands behind a quote is rarer than quotes are, by whose first byte the search goes.
    const rest = bytes.subarray(1);
    for (let at = payload.indexOf(rest, from + 1); at >= 0; at = payload.indexOf(rest, at + 1))
      if (payload[at - 1] === QUOTE) return at - 1;
    return Number.POSITIVE_INFINITY;
  }
}
