/**
 * Fluent Bit's value grammar: text into the value of an option's kind, by the rules of flb_utils.c and flb_config_map.c
 * (5.1). Where those rules read something else than a person would expect (`lots` is no limit at all, `10x` is 10), the value
 * is read as Fluent Bit does, because the configuration has run that way, and a warning says what was read.
 */
import type { OptionKind } from '../../core/options.ts';
import { quote } from '../fluentd/values.ts';
import type { ReadValue } from '../fluentd/values.ts';

/** Reads a written value as the kind of an option; `unit` as in core/fluentbit.ts. */
export function readKind(
  kind: OptionKind,
  text: string,
  { choices = [], unit }: { readonly choices?: readonly string[] | undefined; readonly unit?: 'ms' | undefined } = {},
): ReadValue {
  if (kind === 'choice') return readChoice(text, choices);
  if (kind === 'duration' && unit === 'ms') return readInteger(text);
  return readers[kind](text);
}

/** What a kind expects, for problems: "expected …". */
export function expectedForm(kind: OptionKind, choices?: readonly string[], unit?: 'ms'): string {
  if (kind === 'choice') return `one of ${(choices ?? []).join(', ')}`;
  return kind === 'duration' && unit === 'ms' ? 'milliseconds' : forms[kind];
}

const readers: Readonly<Record<Exclude<OptionKind, 'choice'>, (text: string) => ReadValue>> = {
  text: (text) => ({ value: text }),
  secret: (text) => ({ value: text }),
  pattern: (text) => ({ value: text }),
  boolean: readBoolean,
  integer: readInteger,
  number: readNumber,
  duration: readDuration,
  bytes: readBytes,
  list: (text) => ({ value: commaList(text) }),
  map: readMap,
};

const forms: Readonly<Record<Exclude<OptionKind, 'choice'>, string>> = {
  text: 'text',
  secret: 'text',
  pattern: 'a regular expression',
  boolean: 'on or off, true or false, yes or no',
  integer: 'a whole number',
  number: 'a number',
  duration: 'a time: seconds, or a number with s, m, h or d',
  bytes: 'a size: bytes, or a number with K, M or G (powers of 1000)',
  list: 'a list: a,b,c',
  map: 'a map: a:b,c:d',
};

/** Words are compared without case. */
function readChoice(text: string, choices: readonly string[]): ReadValue {
  const word = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
  return word === undefined ? { problem: `found ${quote(text)}` } : { value: word };
}

function readBoolean(text: string): ReadValue {
  if (/^(?:true|on|yes)$/i.test(text)) return { value: true };
  if (/^(?:false|off|no)$/i.test(text)) return { value: false };
  return { problem: `found ${quote(text)}` };
}

/** atoi: leading digits. A text without any is 0 there, which is what nobody means: a problem here. */
function readInteger(text: string): ReadValue {
  const found = /^\s*([-+]?\d+)(.*)$/s.exec(text);
  const value = Number(found?.[1]);
  if (!found || !Number.isSafeInteger(value)) return { problem: `found ${quote(text)}` };
  if ((found[2] ?? '').trim() === '') return { value };
  return { value, warning: `found ${quote(text)}, which Fluent Bit reads as ${value}; write ${value}` };
}

function readNumber(text: string): ReadValue {
  const found = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(.*)$/s.exec(text);
  const value = Number(found?.[1]);
  if (!found || !Number.isFinite(value)) return { problem: `found ${quote(text)}` };
  if ((found[2] ?? '').trim() === '') return { value };
  return { value, warning: `found ${quote(text)}, which Fluent Bit reads as ${value}; write ${value}` };
}

const timeUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Leading digits are seconds; the last letter m, h or d makes them minutes, hours or days. Anything else is passed over. */
function readDuration(text: string): ReadValue {
  const digits = /^\s*(\d+)(.*)$/s.exec(text);
  if (!digits) return { problem: `found ${quote(text)}` };
  const rest = (digits[2] ?? '').trim();
  const seconds = Number(digits[1]) * (timeUnits[rest.slice(-1).toLowerCase()] ?? 1);
  const value = seconds * 1000;
  if (!Number.isSafeInteger(value)) return { problem: `found ${quote(text)}, which is longer than any clock runs` };
  if (/^[smhd]?$/i.test(rest)) return { value };
  const meant = rest.toLowerCase() === 'ms' ? '; write whole seconds' : `; write ${seconds}`;
  return { value, warning: `found ${quote(text)}, which Fluent Bit reads as ${seconds} seconds${meant}` };
}

const sizeUnits: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/** A number with K, M or G, perhaps a B behind it; what cannot be read is no limit there. */
function readBytes(text: string): ReadValue {
  if (/^false$/i.test(text)) return { value: 0 };
  const found = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)b?\s*$/i.exec(text);
  if (!found || (found[2] === '' && /b\s*$/i.test(text))) return { problem: `found ${quote(text)}` };
  const value = Math.floor(Number(found[1]) * (sizeUnits[(found[2] ?? '').toLowerCase()] ?? 1));
  return Number.isSafeInteger(value) ? { value } : { problem: `found ${quote(text)}, which is larger than any disk` };
}

/** A number with K, M or G as powers of 1024, perhaps with B or iB behind it; undefined: Fluent Bit takes its default. Source: flb_utils_size_to_binary_bytes. */
export function readBinaryBytes(text: string): number | undefined {
  if (/^false$/i.test(text)) return 0;
  const found = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(text);
  if (!found) return undefined;
  const power = ['', 'k', 'm', 'g'].indexOf((found[2] ?? '').toLowerCase());
  const value = Math.floor(Number(found[1]) * 1024 ** power);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Texts between commas, without blanks around them and without empty ones. */
function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readMap(text: string): ReadValue {
  const pairs: [string, string][] = [];
  for (const part of commaList(text)) {
    const colon = part.indexOf(':');
    if (colon < 0) return { problem: `found ${quote(part)}, which has no colon` };
    pairs.push([part.slice(0, colon).trim(), part.slice(colon + 1).trim()]);
  }
  return { value: Object.fromEntries(pairs) };
}
