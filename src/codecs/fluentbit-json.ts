/**
 * JSON texts as Fluent Bit reads them: control characters may stand in strings, text behind an object that begins no other
 * value is passed over, a half surrogate is U+FFFD. Source: Fluent Bit 5.1 flb_pack_json_recs, by its recorded behaviour.
 */
import { jsonDepthMax, parseExact, scanJson } from '../core/json.ts';
import { fieldEntries, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

/** The object that a text holds; undefined where it holds none, or more than one value. */
export function readFluentbitJson(text: string): Fields | undefined {
  const whole = parsed(text);
  if (whole !== undefined) return isFields(whole) ? whole : undefined;
  const end = endOfObject(text);
  if (end < 0 || /^\s*[{[]/.test(text.slice(end))) return undefined;
  const first = parsed(text.slice(0, end));
  return first !== undefined && isFields(first) ? first : undefined;
}

function parsed(text: string): Value | undefined {
  const value = parseJson(text) ?? (hasControl.test(text) ? parseJson(withEscapedControls(text)) : undefined);
  if (!value || typeof value.plain !== 'object' || value.plain === null) return undefined;
  const bytes = Buffer.from(value.text);
  const { exact, tooDeep } = scanJson(bytes);
  if (tooDeep) return undefined;
  if (!exact || Array.isArray(value.plain)) return value.plain as Value;
  const fields = parseExact(value.text.trim());
  return /\\u[dD][89a-fA-F]/.test(value.text) ? wellFormed(fields) : fields;
}

function parseJson(text: string): { readonly plain: unknown; readonly text: string } | undefined {
  try {
    return { plain: JSON.parse(text) as unknown, text };
  } catch {
    return undefined;
  }
}

// eslint-disable-next-line no-control-regex -- they are what is looked for
const hasControl = /[\x00-\x1F]/;

/** Control characters inside of strings as escapes. */
function withEscapedControls(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, (string) =>
    // eslint-disable-next-line no-control-regex -- as above
    string.replaceAll(/[\x00-\x1F]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** Index behind the object that a text begins with, or -1. */
function endOfObject(text: string): number {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isString) {
      if (char === '\\') at++;
      else if (char === '"') isString = false;
    } else if (char === '"') {
      if (depth === 0) return -1;
      isString = true;
    } else if (char === '{' || char === '[') {
      if (++depth > jsonDepthMax) return -1;
    } else if (char === '}' || char === ']') {
      if (--depth === 0) return at + 1;
      if (depth < 0) return -1;
    } else if (depth === 0 && !/\s/.test(char ?? '')) return -1;
  }
  return -1;
}

function wellFormed(value: Fields): Fields {
  return new Map(fieldEntries(value).map(([key, inner]) => [key.toWellFormed(), wellFormedValue(inner)]));
}

function wellFormedValue(value: Value): Value {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormedValue);
  return isFields(value) ? wellFormed(value) : value;
}
