/** Which words a block of rows must hold for a query to find anything in it. */
import type { FieldTest, QueryTree, ValueTest, WildcardPart } from './tree.ts';
import { isPlace } from './paths.ts';
import { isWordChar, wordsOf } from './words.ts';

/**
 * What must be there, as words.ts defines words: `any` says nothing. Too little may be asked for, never too much. One exception:
 * a JSON number written with an exponent or with more digits than a DOUBLE has (1e5, 0.99999999999999999999) is found as the number
 * that DuckDB prints (100000.0, 1.0), and its block has only the words as written.
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

/** A number may be written with another fraction in the record (10.50 for 10.5), or with an exponent. */
function valueWords(test: ValueTest): string[] {
  if (test.kind === 'phrase' || test.kind === 'exact') {
    const [, whole, exponent] = /^-?(\d+)(?:\.\d+)?([eE][+-]?\d+)?$/.exec(test.text) ?? [];
    return whole === undefined ? wordsOf(test.text) : exponent === undefined ? [whole] : [];
  }
  // In a wildcard any digits may be those of a fraction.
  return test.kind === 'wildcard' ? wholeWords(test.parts).filter((word) => !/^\d+(?:e\d*)?$/.test(word)) : [];
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
