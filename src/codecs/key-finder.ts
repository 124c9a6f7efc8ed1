/** Keys that are looked for in the bytes of records, before any of them is taken apart. */

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
  readonly #first: number;
  readonly #rest: Buffer;
  #payload: Buffer | undefined;
  #from = 0;
  /** Where they stand at or behind #from; infinite: nowhere. */
  #at = -1;

  constructor(bytes: Buffer) {
    this.#first = bytes[0] as number;
    this.#rest = bytes.subarray(1);
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
  /** Looks for what stands behind a quote, which is rarer than quotes are. */
  #next(payload: Buffer, from: number): number {
    const rest = this.#rest;
    for (let at = payload.indexOf(rest, from + 1); at >= 0; at = payload.indexOf(rest, at + 1))
      if (payload[at - 1] === this.#first) return at - 1;
    return Number.POSITIVE_INFINITY;
  }
}
