/** Which words a block of rows must hold for a query to find anything in it. */
import type { FieldTest, QueryTree, ValueTest, WildcardPart } from './tree.ts';
import { foreignPairs, isRareCode, letterHash, mixPair, mixPart, wordCodes } from '../word-set.ts';
import { isPlace } from './paths.ts';
import { isWordChar, wordsOf } from './words.ts';

/**
 * What must be there, as words.ts defines words: `any` says nothing. Too little may be asked for, never too much. Digits (with an
 * exponent, perhaps) are those of a number as DuckDB prints it: what else is to be looked for where a record has it written in
 * another way (1.50, 1e3), filters.ts knows.
 */
export type Need =
  | { readonly kind: 'any' }
  | { readonly kind: 'word'; readonly word: string }
  /** Something that word-set.ts mixes of two words or of a part of one. */
  | { readonly kind: 'part'; readonly hash: number }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Need[] };

const any: Need = { kind: 'any' };

export function neededWords(tree: QueryTree): Need {
  switch (tree.kind) {
    case 'all':
    case 'not':
      return any;
    case 'and':
      return allOf(tree.operands.map(neededWords));
    case 'or': {
      const operands = tree.operands.map(neededWords);
      return operands.some((need) => need.kind === 'any') ? any : { kind: 'or', operands };
    }
    case 'test':
      return testNeed(tree);
    default:
      return tree satisfies never;
  }
}

function allOf(needs: readonly Need[]): Need {
  const seen = new Set<string | number>();
  const operands = needs
    .flatMap((need) => (need.kind === 'and' ? need.operands : [need]))
    .filter((need) => {
      if (need.kind === 'any') return false;
      if (need.kind !== 'word' && need.kind !== 'part') return true;
      const name = need.kind === 'word' ? need.word : need.hash;
      if (seen.has(name)) return false;
      seen.add(name);
      return true;
    });
  const [first] = operands;
  if (!first) return any;
  return operands.length === 1 ? first : { kind: 'and', operands };
}

function allWords(words: readonly string[], parts: readonly number[] = []): Need {
  return allOf([
    ...words.map((word) => ({ kind: 'word', word }) as const),
    ...parts.map((hash) => ({ kind: 'part', hash }) as const),
  ]);
}

function testNeed({ field, test }: FieldTest): Need {
  if (field === undefined) return allWords(freeWords(test), partsOf(test));
  if (field === '_time' || field === '_tag' || field === '_source' || field === '_id') return any;
  const need = allWords(valueWords(test), partsOf(test));
  if (need.kind !== 'any') return need;
  // Whatever a name's reading, its last part ends a key. A place in an array is no key.
  const last = field.split('.').at(-1) ?? '';
  return isPlace(last) ? any : allWords(wordsOf(last));
}

/** Of free text: what is written is what is found. */
function freeWords(test: ValueTest): string[] {
  if (test.kind === 'phrase') return wordsOf(test.text);
  return test.kind === 'wildcard' ? wholeWords(test.parts) : [];
}

function valueWords(test: ValueTest): string[] {
  if (test.kind === 'wildcard') return wholeWords(test.parts);
  if (test.kind !== 'phrase' && test.kind !== 'exact') return [];
  // The JSON of an array or object has escapes, and numbers as DuckDB prints them.
  if (test.kind === 'exact' && /^[[{]/.test(test.text)) return [];
  const [, whole, fraction, exponent] = /^-?(\d+)(?:\.(\d+))?([eE][+-]?\d+)?$/.exec(test.text) ?? [];
  if (whole === undefined) return wordsOf(test.text);
  if (exponent !== undefined) return [];
  // 1.50 is found as 1.5, too, and 5.0 as 5.
  return fraction === undefined || fraction.endsWith('0') ? [whole] : [whole, fraction];
}

/** Words that no wildcard can be a part of. At the ends of a pattern a word ends, too. */
function wholeWords(parts: readonly WildcardPart[]): string[] {
  return parts.flatMap((part, index) => {
    if (part.kind !== 'text') return [];
    const words = wordsOf(part.text);
    if (index > 0 && isWordChar(part.text[0])) words.shift();
    if (index < parts.length - 1 && isWordChar(part.text.at(-1))) words.pop();
    return words;
  });
}

/** Parts of texts that are long enough to tell blocks apart. Texts of a phrase have whole words at their ends. */
function partsOf(test: ValueTest): number[] {
  if (test.kind === 'phrase') return [...pairsIn(test.text), ...foreignIn(test.text)];
  // The JSON of an array or object.
  if (test.kind === 'exact') return /^[[{]/.test(test.text) ? [] : [...pairsIn(test.text), ...foreignIn(test.text)];
  if (test.kind !== 'wildcard') return [];
  return test.parts.flatMap((part, index) => {
    if (part.kind !== 'text') return [];
    const { text } = part;
    const start = index > 0 && isWordChar(text[0]) ? (/[^A-Za-z0-9_]/.exec(text)?.index ?? text.length) : 0;
    const isCut = index < test.parts.length - 1 && isWordChar(text.at(-1));
    const whole = isCut ? text.slice(start).replace(/[A-Za-z0-9_]+$/, '') : text.slice(start);
    return [...pairsIn(whole), ...wordParts(text), ...foreignIn(text)];
  });
}

/** Neighbours that stand in every JSON text like this: what is between them is never escaped. */
function pairsIn(text: string): number[] {
  const pairs: number[] = [];
  let before: { readonly hash: number; readonly end: number } | undefined;
  for (const { 0: word, index } of text.matchAll(/[A-Za-z0-9_]+/g)) {
    const hash = letterHash(word);
    // oxlint-disable-next-line no-control-regex
    const isPlain = before !== undefined && !/[\0-\x1f"\\\x7f]/.test(text.slice(before.end, index));
    if (hash && before?.hash && isPlain) pairs.push(mixPair(before.hash, hash));
    before = { hash: hash ?? 0, end: index + word.length };
  }
  return pairs;
}

function wordParts(text: string): number[] {
  return wordsOf(text).flatMap((word) => {
    const codes = Array.from(word, (char) => wordCodes[char.charCodeAt(0)] ?? 0);
    return codes.slice(2).flatMap((third, i) => {
      const first = codes[i] ?? 0;
      const second = codes[i + 1] ?? 0;
      return [first, second, third].some(isRareCode) ? [mixPart(first, second, third)] : [];
    });
  });
}

function foreignIn(text: string): number[] {
  const pairs: number[] = [];
  // A half of a surrogate pair is none of the characters that records have.
  for (const [run] of text.matchAll(/[^\0-\x7f]{2,}/gu))
    if (run.isWellFormed()) foreignPairs(Buffer.from(`${run} `), 0, (hash) => pairs.push(hash));
  return pairs;
}
