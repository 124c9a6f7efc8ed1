/** Reads the JSON of many records once, for the words and the paths in it. Decodes nothing that it has seen before. */
import { kinds } from './shapes.ts';
import type { KeyNode, Shapes, StateNode } from './shapes.ts';
import {
  emptyWord,
  foreignPairs,
  isRareCode,
  mixPair,
  mixPart,
  specialCode,
  wordCodes,
  wordPrime,
} from './word-set.ts';
import type { WordSet } from './word-set.ts';

/**
 * Stands in the filter for numbers that DuckDB prints with other digits than they are written with, such as 1e3: what
 * could be a part of a number's text may be in any block that has it.
 */
export const rewrittenNumber = 0x6e756d62;

const lineFeed = 0x0a;
const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const openArray = 0x5b;
const backslash = 0x5c;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;
/** Positions are never negative: the record is not JSON. */
const broken = -1;
/** Longest number, in characters, whose digits certainly survive being read as a double. */
const exactDigits = 15;

/** Zeros behind `0.` from which on a number may be printed with an exponent. */
const tinyZeros = 4;

export class RecordScanner {
  readonly #shapes: Shapes;
  readonly #words: WordSet;
  readonly #parts: WordSet;
  readonly #addPart = (hash: number): void => void this.#parts.add(hash);
  #bytes: Uint8Array = new Uint8Array();
  #block = 0;
  /** Inside an object or array of the record, which questions see as JSON text too. */
  #isNested = false;
  /** Where the key ended that #key read. */
  #keyEnd = 0;
  /** Of the value that #value read. */
  #kind: number = kinds.none;
  /** `parts` gets pairs of words and parts of words. */
  constructor(shapes: Shapes, words: WordSet, parts: WordSet) {
    this.#shapes = shapes;
    this.#words = words;
    this.#parts = parts;
  }

  /** Records, each ended by a line feed. All of one block, since a key's words are added once in every block. */
  scan(bytes: Uint8Array, block: number): void {
    this.#bytes = bytes;
    this.#block = block;
    let at = 0;
    while (at < bytes.length) {
      this.#isNested = false;
      const end = this.#record(at);
      if (end === broken) this.#shapes.next();
      at = end === broken ? this.#line(at) : end;
    }
    this.#bytes = new Uint8Array();
  }

  /** Returns where the next record begins. */
  #record(begin: number): number {
    const bytes = this.#bytes;
    let at = this.#skipSpace(begin);
    if (bytes[at++] !== openObject) return broken;
    let state = this.#shapes.root;
    let isFirst = true;
    for (let depth = 1; ;) {
      at = this.#skipSpace(at);
      const byte = bytes[at++];
      if (byte === closeObject) {
        if (--depth === 0) break;
        this.#isNested = depth > 1;
        isFirst = false;
        state = state.end ?? this.#shapes.addEnd(state);
        continue;
      }
      if (!isFirst) {
        if (byte !== comma) return broken;
        at = this.#skipSpace(at) + 1;
      }
      if (bytes[at - 1] !== quote) return broken;
      const key = this.#key(state, at);
      if (!key) return broken;
      at = this.#skipSpace(this.#keyEnd);
      if (bytes[at] !== colon) return broken;
      at = this.#value(this.#skipSpace(at + 1));
      if (at === broken) return broken;
      state = key.next[this.#kind] ?? this.#shapes.addState(key, this.#kind);
      isFirst = this.#kind === kinds.object;
      if (isFirst) this.#isNested = ++depth > 1;
    }
    at = this.#skipSpace(at);
    if (bytes[at] !== lineFeed) return broken;
    this.#shapes.ended(state);
    return at + 1;
  }

  #skipSpace(at: number): number {
    const bytes = this.#bytes;
    for (let byte = bytes[at]; byte === 0x20 || byte === 0x09 || byte === 0x0d; byte = bytes[++at]);
    return at;
  }

  /** The words of a line that is not JSON. Returns where the next one begins. */
  #line(at: number): number {
    const bytes = this.#bytes;
    this.#isNested = true;
    while (at < bytes.length && bytes[at] !== lineFeed) {
      const end = this.#text(at);
      if (end !== broken) at = end;
      else while (at < bytes.length && bytes[at] !== lineFeed) at++;
    }
    return at + 1;
  }

  /** `at`: behind the opening quote. Sets #keyEnd. Undefined: it has no end, or the record has too many keys. */
  #key(state: StateNode, at: number): KeyNode | undefined {
    const bytes = this.#bytes;
    for (const node of state.keys) {
      const known = node.bytes;
      let i = 0;
      while (i < known.length && bytes[at + i] === known[i]) i++;
      if (i < known.length) continue;
      this.#keyEnd = at + i;
      return this.#seen(node);
    }
    return this.#newKey(state, at);
  }

  #newKey(state: StateNode, at: number): KeyNode | undefined {
    const bytes = this.#bytes;
    let end = at;
    for (; bytes[end] !== quote; end += bytes[end] === backslash ? 2 : 1)
      if (end >= bytes.length || bytes[end] === lineFeed) return undefined;
    this.#keyEnd = ++end;
    const quoted = bytes.subarray(at, end);
    const known = this.#shapes.findKey(state, quoted);
    if (known) return this.#seen(known);
    if (!this.#shapes.hasRoom) {
      this.#shapes.lose();
      return undefined;
    }
    // A copy: a Buffer's own slice() would be a view of bytes that are used again.
    return this.#seen(this.#shapes.addKey(state, Uint8Array.from(quoted)));
  }

  /** Adds the key's words where that has not been done in this block. */
  #seen(node: KeyNode): KeyNode {
    if (node.block === this.#block) return node;
    node.block = this.#block;
    const end = this.#keyEnd;
    const isNested = this.#isNested;
    // Also as a part of the JSON text of the object around it.
    this.#isNested = true;
    this.#text(end - node.bytes.length);
    this.#isNested = isNested;
    return node;
  }

  /** Reads a value and sets #kind. Returns where it ends; for an object behind its `{`. */
  #value(at: number): number {
    const byte = this.#bytes[at] as number;
    if (byte === quote) {
      this.#kind = kinds.string;
      return this.#text(at + 1);
    }
    if (byte === minus || (byte >= zero && byte <= nine)) return this.#number(at);
    if (byte === openObject) {
      this.#kind = kinds.object;
      return at + 1;
    }
    if (byte === openArray) {
      const isNested = this.#isNested;
      this.#isNested = true;
      const end = this.#array(at + 1);
      this.#isNested = isNested;
      this.#kind = kinds.array;
      return end;
    }
    this.#kind = byte === 0x6e ? kinds.null : kinds.boolean;
    const end = this.#word(at);
    return end === at ? broken : end;
  }

  /** `at`: behind the `[`. Returns where it ends. Objects in it are a part of its text. */
  #array(at: number): number {
    const bytes = this.#bytes;
    for (let depth = 1; depth > 0;) {
      const byte = bytes[at] as number;
      if (at >= bytes.length || byte === lineFeed) return broken;
      if (byte === openArray || byte === openObject) depth++;
      else if (byte === closeArray || byte === closeObject) depth--;
      if (byte === quote) at = this.#text(at + 1);
      else if (byte === minus || (byte >= zero && byte <= nine)) at = this.#number(at);
      else if ((wordCodes[byte] as number) > specialCode) at = this.#word(at);
      else at++;
      if (at === broken) return broken;
    }
    return at;
  }

  /** Adds the word that begins here. Returns where it ends. */
  #word(at: number): number {
    const bytes = this.#bytes;
    let hash = emptyWord;
    const begin = at;
    for (let code = wordCodes[bytes[at] as number] as number; code > specialCode;) {
      hash = Math.imul(hash ^ code, wordPrime);
      code = wordCodes[bytes[++at] as number] as number;
    }
    if (at > begin) this.#addWord(hash, begin, at);
    return at;
  }

  /** Adds a word, and where it is new in the block its parts. */
  #addWord(hash: number, begin: number, end: number): void {
    if (!this.#words.add(hash)) return;
    const bytes = this.#bytes;
    let first = wordCodes[bytes[begin] as number] as number;
    let second = wordCodes[bytes[begin + 1] as number] as number;
    for (let at = begin + 2; at < end; at++) {
      const third = wordCodes[bytes[at] as number] as number;
      if (isRareCode(first) || isRareCode(second) || isRareCode(third)) this.#parts.add(mixPart(first, second, third));
      first = second;
      second = third;
    }
  }

  /** Adds the words of a text up to its closing quote. Returns the position behind that. */
  #text(at: number): number {
    const bytes = this.#bytes;
    /** Of the word before, where it has no digits; else 0. */
    let before = 0;
    for (;;) {
      const begin = at;
      let code = wordCodes[bytes[at] as number] as number;
      if (code > specialCode) {
        let hash = emptyWord;
        let hasDigits = false;
        do {
          hash = Math.imul(hash ^ code, wordPrime);
          if (code <= nine) hasDigits = true;
          code = wordCodes[bytes[++at] as number] as number;
        } while (code > specialCode);
        this.#addWord(hash, begin, at);
        if (hasDigits) before = 0;
        else {
          if (before !== 0) this.#parts.add(mixPair(before, hash));
          before = hash;
        }
      }
      if (code !== specialCode) at = (bytes[at] as number) < 0x80 ? at + 1 : foreignPairs(bytes, at, this.#addPart);
      else if (bytes[at] === quote) return at + 1;
      else if (bytes[at] === backslash) {
        before = 0;
        at = this.#escape(begin, at);
      } else return broken;
    }
  }

  /** `at`: of the backslash; `begin`: of the word that ends there, else the same. Returns where to go on. */
  #escape(begin: number, at: number): number {
    const bytes = this.#bytes;
    let hash = emptyWord;
    let end = begin;
    for (;;) {
      let code = wordCodes[bytes[end] as number] as number;
      const isEscape = bytes[end] === backslash;
      if (isEscape) code = this.#escapedCode(end);
      if (code <= specialCode) break;
      hash = Math.imul(hash ^ code, wordPrime);
      end += isEscape ? 6 : 1;
    }
    if (end > at) {
      this.#words.add(hash);
      return end;
    }
    // The JSON text of what is around it has the escape's letter in front of what follows: `\nfoo` is the word nfoo there.
    if (this.#isNested) this.#word(at + 1);
    for (let i = at + 1; i < at + (bytes[at + 1] === 0x75 ? 6 : 2); i++) if (bytes[i] === lineFeed) return i;
    return at + (bytes[at + 1] === 0x75 ? 6 : 2);
  }

  /** Class of the character that is escaped as \u00XX here; 0 for all other escapes. */
  #escapedCode(at: number): number {
    const bytes = this.#bytes;
    if (bytes[at + 1] !== 0x75 || bytes[at + 2] !== zero || bytes[at + 3] !== zero) return 0;
    const hex = String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0);
    return /^[0-9a-f]{2}$/i.test(hex) ? (wordCodes[Number.parseInt(hex, 16)] as number) : 0;
  }

  /** Adds the words of a number and sets #kind. Returns where it ends. */
  #number(begin: number): number {
    const bytes = this.#bytes;
    let at = begin;
    let hash = emptyWord;
    let kind: number = kinds.integer;
    let hasExponent = false;
    for (; ; at++) {
      const byte = bytes[at] as number;
      const code = wordCodes[byte] as number;
      if (code > specialCode) {
        hash = Math.imul(hash ^ code, wordPrime);
        hasExponent ||= byte > nine;
        continue;
      }
      if (at > begin) this.#words.add(hash);
      hash = emptyWord;
      if (byte === dot) kind = kinds.decimal;
      else if (byte !== minus && byte !== plus) break;
    }
    if (hasExponent) this.#words.add(rewrittenNumber);
    else if (kind === kinds.decimal) this.#decimal(begin, at);
    else if (bytes[begin] === minus && bytes[begin + 1] === zero) this.#words.add(rewrittenNumber);
    this.#kind = hasExponent ? kinds.decimal : kind;
    return at;
  }

  /** Adds what DuckDB prints for digits with a fraction where that is something else: `12.50` is 12.5 there. */
  #decimal(begin: number, end: number): void {
    const bytes = this.#bytes;
    let point = begin;
    while (bytes[point] !== dot) point++;
    const isWholeZero = bytes[point - 1] === zero && point - begin <= 2;
    let zeros = 0;
    while (bytes[point + 1 + zeros] === zero) zeros++;
    if (isWholeZero && zeros >= tinyZeros) {
      this.#words.add(rewrittenNumber);
      return;
    }
    if (end - begin > exactDigits) {
      const text = String.fromCharCode(...bytes.subarray(begin, Math.min(end, begin + 2 * exactDigits)));
      if (String(Number(text)) !== text || point - begin > exactDigits) this.#words.add(rewrittenNumber);
      return;
    }
    let last = end;
    while (bytes[last - 1] === zero && last - 1 > point + 1) last--;
    if (last === end) return;
    let hash = emptyWord;
    for (let i = point + 1; i < last; i++) hash = Math.imul(hash ^ (bytes[i] as number), wordPrime);
    this.#words.add(hash);
  }
}
