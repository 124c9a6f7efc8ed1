/** `Decode_Field` and `Decode_Field_As` of parsers. Source: Fluent Bit 5.1 flb_parser_decoder.c, flb_unescape.c. */
import { fieldEntries, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { withFields } from './fields.ts';
import { readFluentbitJson } from './fluentbit-json.ts';

/** The ways a text is decoded. */
export const decoderNames = ['json', 'escaped', 'escaped_utf8', 'mysql_quoted'] as const;
type DecoderName = (typeof decoderNames)[number];

/** A rule: what is decoded how, whether the value itself is replaced, and when the next rule of the field follows. */
export interface DecoderRule {
  readonly field: string;
  readonly decoder: DecoderName;
  /** `Decode_Field_As`: the value becomes what was decoded. Otherwise the keys of what was decoded join the record. */
  readonly replaces: boolean;
  /** `try_next`: if it fails; `do_next`: in any case. */
  readonly next: 'try_next' | 'do_next' | undefined;
}

/** Applies rules to a record. */
export function compileDecoders(rules: readonly DecoderRule[]): (fields: Fields) => Fields {
  const byField = new Map<string, DecoderRule[]>();
  for (const rule of rules) byField.set(rule.field, [...(byField.get(rule.field) ?? []), rule]);
  return (fields) => {
    let decoded = fields;
    const extra: [string, Value][] = [];
    for (const [field, own] of byField) {
      const value = getField(fields, field);
      if (typeof value !== 'string') continue;
      const replaced = applyRules(own, value, extra);
      if (replaced !== value) decoded = withFields(decoded, [[field, replaced]]);
    }
    return extra.length === 0 ? decoded : withFields(decoded, extra);
  };
}

/** The field's new value; keys for the record go to `extra`. */
function applyRules(rules: readonly DecoderRule[], text: string, extra: [string, Value][]): Value {
  let value: Value = text;
  let isMerged = false;
  for (const { decoder, replaces, next } of rules) {
    if (typeof value !== 'string') break;
    if (!replaces && next === 'do_next' && isMerged) continue;
    const decoded = decode(decoder, value);
    if (decoded === undefined) {
      if (next === undefined) break;
      continue;
    }
    if (replaces) value = decoded;
    else if (isFields(decoded)) {
      extra.push(...fieldEntries(decoded));
      isMerged = true;
    }
    if (next !== 'do_next') break;
  }
  return value;
}

function decode(decoder: DecoderName, text: string): Value | undefined {
  switch (decoder) {
    case 'json': {
      if (!/^ *[{[]/.test(text)) return undefined;
      return readFluentbitJson(text);
    }
    case 'escaped':
      return text.replaceAll(/\\([nabtvfr\\]|(?=.|$))/gs, (_, letter: string) => simple[letter] ?? '');
    case 'escaped_utf8':
      return unescapedUtf8(text);
    default:
      return unquotedMysql(text);
  }
}

const simple: Readonly<Record<string, string>> = {
  n: '\n',
  a: '\x07',
  b: '\b',
  t: '\t',
  v: '\v',
  f: '\f',
  r: '\r',
  '\\': '\\',
};

const escape =
  /\\(?:u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?|U([0-9a-fA-F]{1,8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))/gs;

function unescapedUtf8(text: string): string {
  return text
    .replaceAll(
      escape,
      (_, high?: string, low?: string, long?: string, hex?: string, octal?: string, letter?: string) => {
        if (high !== undefined) return unit(high) + (low === undefined ? '' : unit(low));
        if (long !== undefined) return codePoint(Number.parseInt(long, 16));
        if (hex !== undefined) return codePoint(Number.parseInt(hex, 16));
        if (octal !== undefined) return codePoint(Number.parseInt(octal, 8));
        return simple[letter ?? ''] ?? letter ?? '';
      },
    )
    .toWellFormed();
}

function unit(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function codePoint(code: number): string {
  return code > 0x10ffff ? '\uFFFD' : String.fromCodePoint(code);
}

const mysqlEscapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '0': '\0',
  Z: '\x1A',
};

function unquotedMysql(text: string): string {
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) return text;
  return text.slice(1, -1).replaceAll(/\\(.)/gs, (whole, letter: string) => mysqlEscapes[letter] ?? whole);
}
