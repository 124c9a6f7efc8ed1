/**
 * The query's text cut into coloured tokens while it is being typed. It never fails: what is no query yet is still shown.
 * The program's own reader (src/store/query/) says what is wrong and where.
 */

export type TokenKind =
  'space' | 'field' | 'operator' | 'string' | 'regexp' | 'number' | 'keyword' | 'wildcard' | 'word' | 'mark';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const space = /\s+/y;
const quoted = /"(?:[^"\\]|\\[^])*(?:"|$)/y;
const operator = /:[=~]|:?(?:>=|<=|>|<)|:|=|&&|\|\||!/y;
const mark = /[()[\]{}]/y;
/** A bare word: up to what ends one. A backslash takes the next character with it. */
const bare = /(?:[^\s"():<>=[\]{}\\!]|\\[^])+|\\$|./suy;
const number = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const keywords = new Set(['AND', 'OR', 'NOT', 'TO', 'and', 'or', 'not']);

/** Tokens without gaps: together they are the text. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(query)?.[0];
  };
  const push = (kind: TokenKind, text: string): void => {
    tokens.push({ kind, start: at, end: at + text.length, text });
    at += text.length;
  };
  while (at < query.length) {
    const blank = take(space);
    if (blank) {
      push('space', blank);
      continue;
    }
    const string = take(quoted);
    if (string) {
      push(tokens.at(-1)?.text === ':~' ? 'regexp' : isField(query, at + string.length) ? 'field' : 'string', string);
      continue;
    }
    const sign = take(operator);
    if (sign) {
      push('operator', sign);
      continue;
    }
    const bracket = take(mark);
    if (bracket) {
      push('mark', bracket);
      continue;
    }
    const word = take(bare) ?? query.charAt(at);
    push(kindOfWord(word, isField(query, at + word.length), tokens), word);
  }
  return tokens;
}

/** True where an operator of a field follows, with or without spaces before a comparison. */
function isField(query: string, end: number): boolean {
  const after = query.slice(end, end + 40).trimStart();
  return query[end] === ':' || /^(?:>=|<=|>|<|=)/.test(after);
}

function kindOfWord(word: string, hasOperator: boolean, before: readonly Token[]): TokenKind {
  const last = before.at(-1);
  const isValue = last?.kind === 'operator' && /[:=~<>]$/.test(last.text);
  if (hasOperator && !isValue) return 'field';
  if (keywords.has(word)) return 'keyword';
  if (word === '-' || (word.startsWith('-') && !isValue && !number.test(word))) return 'word';
  if (number.test(word)) return 'number';
  return /(?<!\\)[*?]/.test(word) ? 'wildcard' : 'word';
}
