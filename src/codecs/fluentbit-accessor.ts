/**
 * Record accessors and templates as Fluent Bit's configurations write them: `$key['sub'][0]`, and texts with `$key`, `$TAG`,
 * `$TAG[1]` and `$1` in them. Compiled once, then used on every record. Source: Fluent Bit 5.1 flb_record_accessor.c,
 * flb_ra_key.c, record_accessor/ra.l and ra.y.
 */
import { stringifyJson } from '../core/json.ts';
import { getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { fluentbitScalar } from './fluentbit-text.ts';

export interface FluentbitAccessor {
  /** As written. */
  readonly text: string;
  /** The value; undefined where the record has no such place. Behind a text or number what else is written is passed over. */
  get(fields: Fields): Value | undefined;
  /** What stands behind the accessor, which is not looked at: `.level` in `$log.level`. */
  readonly rest: string;
  /** The keys and indexes on the way to the value. */
  readonly path: readonly (string | number)[];
}

/** What a template is filled from. */
export interface TemplateSource {
  readonly tag: string;
  readonly fields: Fields;
  /** `$0` to `$9`. */
  readonly captures: readonly (string | undefined)[];
}

/** A key, and what stands in brackets behind it. */
interface KeyPart {
  readonly kind: 'key';
  readonly key: string;
  readonly steps: readonly (string | number)[];
}
type Part =
  | KeyPart
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag' }
  | { readonly kind: 'tagPart' | 'capture'; readonly index: number };

/**
 * Compiles an accessor. A text that does not begin with `$` is a key as it stands there. @throws Error saying what is wrong
 */
export function compileFluentbitAccessor(text: string): FluentbitAccessor {
  const [first] = partsOf(text);
  if (first?.kind === 'text')
    return { text, rest: '', path: [first.text], get: (fields) => getField(fields, first.text) };
  if (first?.kind !== 'key') throw new Error(`record accessor ${text}: a key was expected, such as $log or $a['b'][0]`);
  const path = [first.key, ...first.steps];
  return { text, rest: text.slice(partEnd(text, 0)), path, get: (fields) => valueOf(first, fields) };
}

/** Compiles a text with accessors, tags and captures in it. @throws Error saying what is wrong */
export function compileFluentbitTemplate(text: string): (source: TemplateSource) => string {
  const parts = partsOf(text);
  return (source) => parts.map((part) => partText(part, source)).join('');
}

function valueOf({ key, steps }: KeyPart, fields: Fields): Value | undefined {
  let value = getField(fields, key);
  // Brackets behind a text or number have no effect there.
  if (!isFields(value) && !Array.isArray(value)) return value;
  for (const step of steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
    else value = isFields(value) ? getField(value, step) : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

function partText(part: Part, { tag, fields, captures }: TemplateSource): string {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'key':
      return valueText(valueOf(part, fields));
    case 'tag':
      return tag;
    case 'tagPart':
      return tagParts(tag)[part.index] ?? '';
    default:
      return captures[part.index] ?? '';
  }
}

/** A dot at the end of a tag opens no part. */
function tagParts(tag: string): string[] {
  const parts = tag.split('.');
  if (parts.length > 1 && parts.at(-1) === '') parts.pop();
  return parts;
}

/** A value inside of a text. Lists count as missing there. */
function valueText(value: Value | undefined): string {
  if (value === undefined || Array.isArray(value)) return '';
  if (value === null) return 'null';
  return fluentbitScalar(value) ?? stringifyJson(value);
}

/** Splits as Fluent Bit does; what stands directly behind a tag or key begins no other part. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let before = 0;
  let end = 0;
  let at = 0;
  const plain = (until: number) => {
    if (until > before) parts.push({ kind: 'text', text: text.slice(before, until) });
  };
  for (; at < text.length; at++) {
    if (text[at] !== '$') continue;
    plain(at);
    before = at;
    if (at + 1 >= text.length) break;
    const found = special(text, at);
    if (found) {
      parts.push(found.part);
      before = found.end;
      // A digit is the whole of a capture, so that another part may follow at once.
      at = found.part.kind === 'capture' ? found.end - 1 : found.end;
      continue;
    }
    end = partEnd(text, at);
    parts.push(parseKey(text.slice(at, end)));
    before = end;
    at = end;
  }
  if ((at - 1 > end && before < at) || at === 1) plain(text.length);
  return parts;
}

/** `$1`, `$TAG` and `$TAG[1]` at the place of a `$`. */
function special(text: string, at: number): { part: Part; end: number } | undefined {
  const digits = /^\d+/.exec(text.slice(at + 1, at + 12));
  if (digits) return { part: { kind: 'capture', index: Number(digits[0]) }, end: at + 2 };
  if (!text.startsWith('TAG', at + 1)) return undefined;
  const end = at + 4;
  if (text[end] !== '[' || end + 1 >= text.length) return { part: { kind: 'tag' }, end };
  const close = text.indexOf(']', end);
  const index = Number(/^\d+/.exec(text.slice(end + 1))?.[0] ?? 0);
  return { part: { kind: 'tagPart', index }, end: close < 0 ? end : close + 1 };
}

/** Where a key with its brackets ends: at a dot, blank, comma or quotation mark outside of quotes. */
function partEnd(text: string, from: number): number {
  let isQuoted = false;
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === "'") isQuoted = !isQuoted;
    else if (!isQuoted && '. ,"'.includes(char)) return at;
  }
  return text.length;
}

function parseKey(text: string): KeyPart {
  const key = /^\$([_A-Za-z][\w/-]*)/.exec(text)?.[1];
  if (key === undefined) throw accessorError(text, 1, 'a key of letters, digits, _, - and /');
  const steps: (string | number)[] = [];
  const step = /\[(?:'((?:[^']|'')*)'|(\d+))\]/y;
  for (let at = key.length + 1; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const found = step.exec(text);
    if (!found) throw accessorError(text, at, "['key'] or [0]");
    steps.push(found[1] === undefined ? Number(found[2]) : found[1].replaceAll("''", "'"));
  }
  return { kind: 'key', key, steps };
}

function accessorError(text: string, at: number, expected: string): Error {
  return new Error(
    `record accessor ${text}: expected ${expected} at character ${at + 1}, found ${text.slice(at) || 'the end'}`,
  );
}
