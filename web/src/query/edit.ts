/** Changes of the query by click: filters for and against a value, taken in and out again. */
import { tokenize } from './tokens.ts';

/** Longer values are filtered for by hand: an address with more of them is refused on its way. */
export const filterLengthMax = 1000;

export type FilterTest = { readonly kind: 'is'; readonly value: string } | { readonly kind: 'exists' };

/** `field:="value"` or `field:*`, with NOT before it when it rules out. */
function clause(field: string, test: FilterTest, isExcluded: boolean): string {
  const text = test.kind === 'exists' ? `${writeField(field)}:*` : `${writeField(field)}:=${quote(test.value)}`;
  return isExcluded ? `NOT ${text}` : text;
}

/** The query with the clause added; unchanged when it has it, turned round when it has its opposite. */
export function withFilter(query: string, field: string, test: FilterTest, isExcluded: boolean): string {
  const wanted = clause(field, test, isExcluded);
  const opposite = clause(field, test, !isExcluded);
  const parts = conjuncts(query);
  if (parts.includes(wanted)) return query.trim();
  const index = parts.indexOf(opposite);
  if (index >= 0) return parts.with(index, wanted).join(' AND ');
  return [...parts, wanted].join(' AND ');
}

const special = new RegExp(String.raw`["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]`, 'g');

/** Text in quotes as the language reads it back: on one line, so that it fits the search bar. */
export function quote(text: string): string {
  return `"${text.replaceAll(special, escaped)}"`;
}

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(char: string): string {
  return escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A field name as the language reads it back: in quotes when it has characters that mean something there. */
export function writeField(name: string): string {
  const isPlain = /^[\p{L}_@$%#][\p{L}\p{N}_@$%#./-]*$/u.test(name) && !/^(?:and|or|not|to)$/i.test(name);
  return isPlain ? name : quote(name);
}

/** What the query joins by AND at its top, as texts; a query with OR there is one part, in parentheses. Exported for tests. */
export function conjuncts(query: string): string[] {
  const text = query.trim();
  if (text === '') return [];
  const cuts: { start: number; end: number }[] = [];
  let depth = 0;
  let hasOr = false;
  for (const token of tokenize(text)) {
    if (token.kind === 'mark') depth += '([{'.includes(token.text) ? 1 : -1;
    if (depth !== 0) continue;
    const isWord = token.kind === 'keyword' || token.kind === 'operator';
    if (isWord && /^(?:OR|or|\|\|)$/.test(token.text)) hasOr = true;
    if (isWord && /^(?:AND|and|&&)$/.test(token.text)) cuts.push(token);
  }
  if (hasOr) return [`(${text})`];
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of [...cuts, { start: text.length, end: text.length }]) {
    parts.push(text.slice(from, start).trim());
    from = end;
  }
  return parts.filter((part) => part !== '');
}
