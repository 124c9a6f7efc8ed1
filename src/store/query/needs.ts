/** Which words a block of rows must hold for a query to find anything in it. */
import type { FieldTest, QueryTree, ValueTest, WildcardPart } from './tree.ts';
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
  const seen = new Set<string>();
  const operands = needs
    .flatMap((need) => (need.kind === 'and' ? need.operands : [need]))
    .filter((need) => {
      if (need.kind === 'any' || (need.kind === 'word' && seen.has(need.word))) return false;
      if (need.kind === 'word') seen.add(need.word);
      return true;
    });
  const [first] = operands;
  if (!first) return any;
  return operands.length === 1 ? first : { kind: 'and', operands };
}

function allWords(words: readonly string[]): Need {
  return allOf(words.map((word) => ({ kind: 'word', word })));
}

function testNeed({ field, test }: FieldTest): Need {
  if (field === undefined) return allWords(freeWords(test));
  if (field === '_time' || field === '_tag' || field === '_source' || field === '_id') return any;
  const need = allWords(valueWords(test));
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
