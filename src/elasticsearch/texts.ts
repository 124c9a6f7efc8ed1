/** Tests of analyzed texts: the server knows their words, as its analyzer made them. */
import type { ValueTest, WildcardPart } from '../store/query/tree.ts';
import { all, any, exists, not } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { Target } from './dsl.ts';
import { keywordClause } from './keywords.ts';
import type { FieldVariant } from './mapping.ts';

/** What a keyword beside a text keeps unless its mapping says more (ignore_above): longer texts have none. */
const keywordCharsMax = 256;

/** Undefined: it cannot be asked. */
export function textClause(
  field: FieldVariant,
  test: ValueTest,
  target: Pick<Target, 'ignoresCase'>,
): Clause | undefined {
  const { name, keyword } = field;
  const beside: FieldVariant | undefined =
    keyword === undefined ? undefined : { ...field, name: keyword, kind: 'keyword', keyword: undefined };
  switch (test.kind) {
    case 'exists':
      return exists(name);
    case 'phrase':
      return test.text === '' ? exists(name) : textPhrase([name], test.text);
    case 'exact':
      return exactClause(field, beside, test.text, target);
    case 'wildcard':
      return beside ? keywordClause(beside, test, target) : wordsOfPattern(name, test.parts, target);
    case 'regexp':
      return beside && keywordClause(beside, test, target);
    case 'compare':
    case 'range':
      return beside && keywordClause(beside, test, target);
    default:
      return test satisfies never;
  }
}

/** The words in their order. Of scripts that are written without blanks, or with endings on words, also inside of words. */
export function textPhrase(names: readonly string[], text: string): Clause {
  const phrase: Clause = { multi_match: { query: text, type: 'phrase', fields: names, lenient: true } };
  if (!endsInForeignWord(text)) return phrase;
  if (/^[\p{L}\p{N}_]+$/u.test(text))
    return any([
      phrase,
      ...names.map((name): Clause => ({ wildcard: { [name]: { value: `*${text.toLowerCase()}*` } } })),
    ]);
  return any([
    phrase,
    { multi_match: { query: text, type: 'phrase_prefix', max_expansions: 1000, fields: names, lenient: true } },
  ]);
}

/** Hangul and others have words longer than what one looks for; of Chinese and Japanese each character is a word to the servers. */
function endsInForeignWord(text: string): boolean {
  return /[^\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\P{L}]$/u.test(text);
}

function exactClause(
  field: FieldVariant,
  beside: FieldVariant | undefined,
  text: string,
  target: Pick<Target, 'ignoresCase'>,
): Clause | undefined {
  // An empty text has no words, and no other text has none and is kept as a keyword.
  if (!beside) return text === '' ? undefined : textPhrase([field.name], text);
  const kept = keywordClause(beside, { kind: 'exact', text }, target);
  if (text.length <= keywordCharsMax) return kept;
  return any([kept, all([textPhrase([field.name], text), not(exists(beside.name))])]);
}

/** Without a keyword beside: each run of letters and digits of the pattern has to fit one word. */
function wordsOfPattern(name: string, parts: readonly WildcardPart[], target: Pick<Target, 'ignoresCase'>): Clause {
  const text = parts
    .map((part) => (part.kind === 'text' ? part.text.replaceAll(/[*?\\]/g, ' ') : part.kind === 'any' ? '*' : '?'))
    .join('');
  const words = text
    .split(/[^\p{L}\p{N}_*?]+/u)
    .filter((word) => !/^[*?]*$/.test(word))
    .map((word): Clause => ({
      wildcard: { [name]: { value: word.toLowerCase(), ...(target.ignoresCase && { case_insensitive: true }) } },
    }));
  return words.length === 0 ? exists(name) : all(words);
}
