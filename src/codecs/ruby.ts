/**
 * Values as Ruby prints and reads them. Fluentd's plugins call `to_s`, `inspect` and `to_f` on whatever a record holds, so
 * grep's patterns, mixed placeholders and the line formats see these texts. Source: Ruby 3.2 (Fluentd 1.16's).
 */
import { Float, fieldEntries } from '../core/record.ts';
import type { Value } from '../core/record.ts';

/** `to_s`: null and missing are empty, objects and arrays in inspect form, bytes that are not UTF-8 as U+FFFD. */
export function rubyText(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
  return rubyInspect(value);
}

/** `inspect`: `{"a"=>1, "b"=>[nil, 1.0]}`. */
export function rubyInspect(value: Value): string {
  if (value === null) return 'nil';
  switch (typeof value) {
    case 'string':
      return inspectText(value);
    case 'number':
      return Number.isSafeInteger(value) ? String(value) : floatText(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      break;
  }
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Uint8Array) return inspectBytes(value);
  if (Array.isArray(value)) return `[${value.map(rubyInspect).join(', ')}]`;
  const pairs = fieldEntries(value).map(([key, inner]) => `${inspectText(key)}=>${rubyInspect(inner)}`);
  return `{${pairs.join(', ')}}`;
}

/** Ruby's Float#to_s: fixed point from 1e-4 up to 1e15, and beyond where there is a fraction, else `1.0e+15`. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  if (size >= 1e-4 && (size < 1e15 || !Number.isInteger(value))) {
    // JavaScript writes 1e-5 and 1e-6 in fixed point too, nothing in this range in exponent form.
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const digits = exponent.slice(1).padStart(2, '0');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent[0]}${digits}`;
}

const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\v': '\\v',
  '\b': '\\b',
  '\x07': '\\a',
  '\x1b': '\\e',
};

function inspectText(text: string): string {
  const escapedText = text.replaceAll(
    /["\\]|#(?=[{$@])|(?!\u0085)[\p{Cc}\p{Cn}\p{Cs}\u2028\u2029]/gu,
    (char) => named[char] ?? (char === '#' ? '\\#' : unicodeEscape(char)),
  );
  return `"${escapedText}"`;
}

function unicodeEscape(char: string): string {
  const code = (char.codePointAt(0) as number).toString(16).toUpperCase();
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
}

function inspectBytes(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes) {
    if (byte >= 32 && byte < 127) text += inspectText(String.fromCharCode(byte)).slice(1, -1);
    else text += named[String.fromCharCode(byte)] ?? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return `${text}"`;
}

/** `to_f`; undefined for what has none (booleans, objects, arrays): Ruby raises there. Text: its numeric start, else 0. */
export function rubyFloat(value: Value): number | undefined {
  if (value === null) return 0;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Float) return value.value;
  if (typeof value === 'string' || value instanceof Uint8Array) {
    const start = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?/.exec(
      rubyText(value),
    )?.[0];
    return start === undefined ? 0 : Number(start.replaceAll('_', ''));
  }
  return undefined;
}

/** `tag.split('.')`: empty parts at the end are dropped, and an empty tag has none. */
export function rubyParts(tag: string): string[] {
  const parts = tag.split('.');
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts;
}
