/** What can be completed where the caret stands, and the query after a choice. */
import { quote, writeField } from './edit.ts';
import { tokenize } from './tokens.ts';

/** `from`, `to`: what the choice replaces. `typed`: what it must begin with or contain. */
export type CompletionPlace =
  | { readonly kind: 'field'; readonly from: number; readonly to: number; readonly typed: string }
  | {
      readonly kind: 'value';
      readonly from: number;
      readonly to: number;
      readonly typed: string;
      readonly field: string;
    };

/** Undefined where nothing can be completed: inside of a regular expression, or behind a finished word. */
export function placeAt(query: string, caret: number): CompletionPlace | undefined {
  const tokens = tokenize(query);
  const index = tokens.findIndex((token) => token.start < caret && caret <= token.end);
  const token = tokens[index];
  if (!token || token.kind === 'space' || token.kind === 'mark')
    return { kind: 'field', from: caret, to: caret, typed: '' };
  if (token.kind === 'operator') {
    const field = fieldBefore(tokens, index);
    if (field === undefined) return { kind: 'field', from: caret, to: caret, typed: '' };
    return isValueOperator(token.text) && caret === token.end
      ? { kind: 'value', from: caret, to: caret, typed: '', field }
      : undefined;
  }
  const before = tokens[index - 1];
  const field = before?.kind === 'operator' ? fieldBefore(tokens, index - 1) : undefined;
  const typed = query.slice(token.start, caret);
  if (field !== undefined)
    return before && isValueOperator(before.text) && token.kind !== 'regexp'
      ? { kind: 'value', from: token.start, to: token.end, typed: unquote(typed), field }
      : undefined;
  if (token.kind === 'string') return undefined;
  const sign = /^[-!]/.test(typed) ? 1 : 0;
  return { kind: 'field', from: token.start + sign, to: token.end, typed: typed.slice(sign) };
}

export interface Completed {
  readonly query: string;
  readonly caret: number;
}

/** The query with the field's name in place, and its colon behind it unless an operator follows already. */
export function completeField(query: string, place: CompletionPlace, name: string): Completed {
  const rest = query.slice(place.to);
  const hasOperator = /^\s*(?::|>=|<=|>|<|=)/.test(rest);
  return replaced(query, place, writeField(name) + (hasOperator ? '' : ':'));
}

/** The query with the value in place, in quotes where it must be, and a space behind it. */
export function completeValue(query: string, place: CompletionPlace, value: string): Completed {
  const isPlain = /^[\w./@-]+$/.test(value) && !/^(?:AND|OR|NOT|TO)$|^-/.test(value);
  const written = isPlain ? value : quote(value);
  return replaced(query, place, /^\s/.test(query.slice(place.to)) ? written : `${written} `);
}

/** Names that fit what is typed: beginning with it first, then containing it. ASCII case ignored. */
export function ranked<T>(entries: readonly T[], typed: string, nameOf: (entry: T) => string, limit: number): T[] {
  const wanted = typed.replaceAll('\\', '').toLowerCase();
  if (wanted === '') return entries.slice(0, limit);
  const begins: T[] = [];
  const contains: T[] = [];
  for (const entry of entries) {
    const at = nameOf(entry).toLowerCase().indexOf(wanted);
    if (at === 0) begins.push(entry);
    else if (at > 0) contains.push(entry);
  }
  return [...begins, ...contains].slice(0, limit);
}

function replaced(query: string, place: CompletionPlace, text: string): Completed {
  return { query: query.slice(0, place.from) + text + query.slice(place.to), caret: place.from + text.length };
}

const isValueOperator = (text: string): boolean => text === ':' || text === ':=' || text === '=';

type Tokens = ReturnType<typeof tokenize>;

function fieldBefore(tokens: Tokens, index: number): string | undefined {
  const near = tokens[index - 1];
  const token = near?.kind === 'space' ? tokens[index - 2] : near;
  return token?.kind === 'field' ? unquote(token.text).replaceAll(/\\([^])/g, '$1') : undefined;
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.replaceAll(/^"|"$/g, '').replaceAll(/\\([^])/g, '$1') : text;
}
