/** Words of query/words.ts as 32-bit hashes, and sets of them. The hashes belong to the disk format (filters.ts). */
import { wordBytes } from './query/words.ts';

/** What a byte inside a JSON text is: the lower-case code of a word's character, 0 for what separates words, or `specialCode`. */
export const wordCodes = Uint8Array.from(wordBytes);
/** Ends a text or makes a closer look necessary: `"`, `\`, line feed. */
export const specialCode = 1;
for (const byte of [0x22, 0x5c, 0x0a]) wordCodes[byte] = specialCode;

/** Hash of no characters; each code is mixed in by `Math.imul(hash ^ code, wordPrime)`, and the whole is spread (FNV-1a). */
export const emptyWord = 0x811c9dc5 | 0;
export const wordPrime = 0x01000193;

/** Hash of a word given in ASCII, upper or lower case. */
export function wordHash(word: string): number {
  return spread(mixWord(word));
}
function mixWord(word: string): number {
  let hash = emptyWord;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ (wordCodes[word.charCodeAt(i)] as number), wordPrime);
  return hash;
}

/** FNV leaves the upper bits of short words alike; this spreads them (the finalizer of MurmurHash3). Never 0. */
export function spread(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return mixed === 0 ? 1 : mixed;
}

/** Of two words next to each other in one text, neither with a digit: what phrases are made of. */
const pairSeed = 0x70616972;
/** Of three characters next to each other in a word; of two that are not ASCII. */
const partSeed = 0x70617274;

/** What stands for two neighbours, given their words' hashes, to be added to a set. */
export function mixPair(first: number, second: number): number {
  return Math.imul(first ^ pairSeed, wordPrime) ^ second;
}
/** What stands for a part of a word, given the codes of three characters, to be added to a set. */
export function mixPart(first: number, second: number, third: number): number {
  return ((first << 16) | (second << 8) | third) ^ partSeed;
}
/**
 * Only parts with one of these (g to z and `_`) are kept: ids in decimal or hexadecimal digits have all others everywhere.
 */
export function isRareCode(code: number): boolean {
  return code > 0x66 || code === 0x5f;
}
/** A word of letters and `_` alone, as mixed from its codes and not yet spread; undefined: it has digits. */
export function letterHash(word: string): number | undefined {
  return /^[A-Za-z_]+$/.test(word) ? mixWord(word) : undefined;
}
/**
 * Pairs of neighbours among characters that are not ASCII, as in 결제: gives each to `add`, to be added to a set. `at`: of the
 * first of them in UTF-8. Returns where they end.
 */
export function foreignPairs(bytes: Uint8Array, at: number, add: (hash: number) => void): number {
  let before = 0;
  for (let lead = bytes[at] as number; lead >= 0x80; lead = bytes[at] as number) {
    const end = at + (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
    let hash = emptyWord;
    for (; at < end && (bytes[at] as number) >= 0x80; at++) hash = Math.imul(hash ^ (bytes[at] as number), wordPrime);
    if (before !== 0) add(Math.imul(before ^ partSeed, wordPrime) ^ hash);
    before = hash;
  }
  return at;
}

/** Distinct words of one block. */
export class WordSet {
  /** Open addressing; 0 is free. */
  #slots = new Int32Array(1 << 15);
  #size = 0;
  readonly #sizeMax: number;
  /** Beyond `sizeMax` words no more are taken, and isFull is true. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }
  get size(): number {
    return this.#size;
  }
  get isFull(): boolean {
    return this.#size >= this.#sizeMax;
  }
  /** `hash`: as mixed from the word's codes, not yet spread. True: it was not in the set. */
  add(hash: number): boolean {
    const mixed = spread(hash);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = mixed & mask;
    for (;;) {
      const found = slots[at] as number;
      if (found === mixed) return false;
      if (found === 0) break;
      at = (at + 1) & mask;
    }
    if (this.#size >= this.#sizeMax) return true;
    slots[at] = mixed;
    if (++this.#size * 2 > slots.length) this.#grow();
    return true;
  }
  /** The words, and an empty set for the next block. */
  take(): Int32Array {
    const words = new Int32Array(this.#size);
    let count = 0;
    for (const slot of this.#slots) if (slot !== 0) words[count++] = slot;
    // A block of huge values does not make all that follow pay for clearing its table.
    if (this.#slots.length > 1 << 17) this.#slots = new Int32Array(1 << 15);
    else this.#slots.fill(0);
    this.#size = 0;
    return words;
  }
  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(old.length * 2);
    const mask = slots.length - 1;
    for (const slot of old) {
      if (slot === 0) continue;
      let at = slot & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = slot;
    }
    this.#slots = slots;
  }
}
