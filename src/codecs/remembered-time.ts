/**
 * Times in bytes that mostly differ from the time before in their fraction alone: then only that is read. Everything else
 * about a time (its form, its zone) is known by the bytes around.
 */

/** Reads a time; where it has a fraction of up to nine digits, `place` says where, else both are -1. */
export type ReadPlaced = (
  text: string,
  place: FractionPlace,
) => { readonly seconds: number; readonly nanos: number } | undefined;
export interface FractionPlace {
  from: number;
  until: number;
}

/** Longer texts are no times. */
const bytesMax = 64;
const fractionDigitsMax = 9;

export class RememberedTime {
  readonly #read: ReadPlaced;
  readonly #place: FractionPlace = { from: -1, until: -1 };
  /** The time that was read last: what stands before its fraction, and behind it. */
  #before: Buffer | undefined;
  #behind = Buffer.alloc(0);
  #hasFraction = false;
  isKnown = false;
  seconds = 0;
  nanos = 0;

  /** `read`: a pure function of the text. */
  constructor(read: ReadPlaced) {
    this.#read = read;
  }
  forget(): void {
    this.isKnown = false;
  }
  /** Reads bytes[from, until). False: it is no such time, or somebody else has to look. */
  read(bytes: Buffer, from: number, until: number): boolean {
    return this.#isAsBefore(bytes, from, until) || this.#readNew(bytes, from, until);
  }
  #isAsBefore(bytes: Buffer, from: number, until: number): boolean {
    const before = this.#before;
    if (!before || until - from < before.length) return false;
    let at = from;
    for (let i = 0; i < before.length; i++, at++) if (bytes[at] !== before[i]) return false;
    let nanos = 0;
    if (this.#hasFraction) {
      const end = Math.min(until, at + fractionDigitsMax);
      let digits = 0;
      for (; at < end; at++, digits++) {
        const digit = (bytes[at] as number) - 48;
        if (digit < 0 || digit > 9) break;
        nanos = nanos * 10 + digit;
      }
      if (digits === 0) return false;
      for (; digits < fractionDigitsMax; digits++) nanos *= 10;
    }
    const behind = this.#behind;
    if (until - at !== behind.length) return false;
    for (let i = 0; i < behind.length; i++) if (bytes[at + i] !== behind[i]) return false;
    this.nanos = nanos;
    this.isKnown = true;
    return true;
  }
  #readNew(bytes: Buffer, from: number, until: number): boolean {
    if (until - from > bytesMax) return false;
    for (let at = from; at < until; at++) if ((bytes[at] as number) >= 128 || (bytes[at] as number) < 32) return false;
    const text = bytes.toString('latin1', from, until);
    const place = this.#place;
    place.from = place.until = -1;
    const found = this.#read(text, place);
    if (!found) return false;
    this.isKnown = true;
    this.seconds = found.seconds;
    this.nanos = found.nanos;
    this.#hasFraction = place.from > 0;
    const end = this.#hasFraction ? place.from : text.length;
    // Digits right before a fraction may belong to either, and what is there without one may still be nanoseconds.
    const isSure = this.#hasFraction ? !/\d/.test(text[end - 1] as string) : found.nanos === 0;
    this.#before = isSure ? Buffer.from(text.slice(0, end)) : undefined;
    this.#behind = Buffer.from(this.#hasFraction ? text.slice(place.until) : '');
    return true;
  }
}
