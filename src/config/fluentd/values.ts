/**
 * Fluentd's value grammar: text into the value of an option's kind, by the rules of fluent/config/types.rb (1.16 to
 * 1.19). Where those rules read something else than a person would expect (`500ms` is 500 minutes there), the value is
 * read as Fluentd does, because the configuration has run that way, and a warning says what was read.
 */
import type { OptionKind } from '../../core/options.ts';
import type { WrittenValue } from './element.ts';

/** A value read, perhaps with a warning; or what is wrong with the text. Neither text repeats the value of a secret. */
export type ReadValue =
  | {
      readonly value: unknown;
      readonly warning?: string | undefined;
      /** Fluentd refuses the text with --strict-config-value. */
      readonly isLoose?: boolean;
    }
  | { readonly problem: string };

/** Reads a written value as the kind of an option. `choices` are those of kind `choice`. */
export function readKind(kind: OptionKind, written: WrittenValue, choices?: readonly string[]): ReadValue {
  return kind === 'choice' ? readChoice(written.text, choices ?? []) : readers[kind](written.text);
}

/** What a kind expects, for problems: "expected …". */
export function expectedForm(kind: OptionKind, choices?: readonly string[]): string {
  return kind === 'choice' ? `one of ${(choices ?? []).join(', ')}` : forms[kind];
}

const readers: Readonly<Record<Exclude<OptionKind, 'choice'>, (text: string) => ReadValue>> = {
  text: (text) => ({ value: text }),
  secret: (text) => ({ value: text }),
  boolean: readBoolean,
  integer: readInteger,
  number: readNumber,
  duration: readDuration,
  bytes: readBytes,
  list: readList,
  map: readMap,
  pattern: readPattern,
};

const forms: Readonly<Record<Exclude<OptionKind, 'choice'>, string>> = {
  text: 'text',
  secret: 'text',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  duration: 'a duration: 10s, 5m, 1h, 1d, or seconds such as 0.5',
  bytes: 'a size: 512k, 8m, 1g, 1t, or bytes',
  list: 'a list: a,b,c or a JSON array',
  map: 'a map: a:b,c:d or a JSON object',
  pattern: 'a regular expression: /…/, /…/i or bare',
};

/** Symbols may be written with a colon before them, as in Ruby. */
function readChoice(text: string, choices: readonly string[]): ReadValue {
  const word = choices.includes(text) ? text : text.replace(/^:/, '');
  return choices.includes(word) ? { value: word } : { problem: `found ${quote(text)}` };
}

function readBoolean(text: string): ReadValue {
  // A key alone on its line is true; so is one followed by a comment, which Fluentd takes for the value.
  if (text === 'true' || text === 'yes' || text === '' || text.startsWith('#')) return { value: true };
  if (text === 'false' || text === 'no') return { value: false };
  if (text === '1') return { value: true, warning: 'found 1, read as true; write true', isLoose: true };
  if (/^(?:0|off|nil|null|none)$/i.test(text))
    return { value: false, warning: `found ${text}, read as false; write false`, isLoose: true };
  if (/^(?:on|true|yes|enabled?|t|y)$/i.test(text))
    return {
      value: false,
      warning: `found ${text}, which Fluentd reads as false: only true and yes are true; write what you mean`,
      isLoose: true,
    };
  return { problem: `found ${quote(text)}` };
}

/** `nil`, as Fluentd's own example writes it, is no number: Ruby makes 0 of it. */
function readNil(text: string, unit = ''): ReadValue | undefined {
  if (text !== 'nil') return undefined;
  return { value: 0, warning: `found nil, which Fluentd reads as 0${unit}; write 0`, isLoose: true };
}

/** Ruby's String#to_i: leading digits count, with underscores between them. */
function readInteger(text: string): ReadValue {
  const nothing = readNil(text);
  if (nothing) return nothing;
  const found = /^\s*([-+]?\d+(?:_\d+)*)(.*)$/s.exec(text);
  if (!found || /^\s*[-+]?0[xbo]/i.test(text)) return { problem: `found ${quote(text)}` };
  const value = Number((found[1] ?? '').replaceAll('_', ''));
  if (!Number.isSafeInteger(value)) return { problem: `found ${quote(text)}, which is beyond 2^53` };
  if ((found[2] ?? '').trim() === '') return { value };
  return { value, warning: `found ${quote(text)}, read as ${value}; write ${value}`, isLoose: true };
}

/** Ruby's String#to_f, in the same way. */
function readNumber(text: string): ReadValue {
  const nothing = readNil(text);
  if (nothing) return nothing;
  const found = leadingFloat(text);
  if (!found) return { problem: `found ${quote(text)}` };
  if (found.rest.trim() === '') return { value: found.value };
  const warning = `found ${quote(text)}, read as ${found.value}; write ${found.value}`;
  return { value: found.value, warning, isLoose: true };
}

function leadingFloat(text: string): { value: number; rest: string } | undefined {
  const found = /^\s*([-+]?(?:\d+(?:_\d+)*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?)\.?(.*)$/s.exec(text);
  if (!found) return undefined;
  const value = Number((found[1] ?? '').replaceAll('_', ''));
  return Number.isFinite(value) ? { value, rest: found[2] ?? '' } : undefined;
}

const durationUnits = [
  ['s', 1000, 'second'],
  ['m', 60_000, 'minute'],
  ['h', 3_600_000, 'hour'],
  ['d', 86_400_000, 'day'],
] as const;

/**
 * Digits before `s` anywhere in the text are seconds; else digits before `m`, `h`, `d`; else leading digits are seconds,
 * with fractions. So `500ms` is 500 minutes, `0.2s` is 2 seconds, `1h30m` is 30 minutes.
 */
function readDuration(text: string): ReadValue {
  for (const [letter, ms, unit] of durationUnits) {
    const found = new RegExp(`([0-9]+)${letter}`).exec(text);
    if (!found) continue;
    const count = Number(found[1]);
    const value = count * ms;
    if (!Number.isSafeInteger(value)) return { problem: `found ${quote(text)}, which is longer than any clock runs` };
    if (found[0] === text) return { value };
    const read = `${count} ${unit}${count === 1 ? '' : 's'}`;
    const hint = durationHint(text, value);
    return { value, warning: `found ${quote(text)}, which Fluentd reads as ${read}${hint}` };
  }
  const nothing = readNil(text, ' seconds');
  if (nothing) return nothing;
  const seconds = leadingFloat(text);
  if (!seconds) return { problem: `found ${quote(text)}` };
  const value = Math.round(seconds.value * 1e6) / 1e3;
  if (seconds.rest.trim() === '') return { value };
  return { value, warning: `found ${quote(text)}, which Fluentd reads as ${seconds.value} seconds`, isLoose: true };
}

/** What to write for a duration that Fluentd reads differently from what it says. */
function durationHint(text: string, readMs: number): string {
  const fraction = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text);
  const factor = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }[fraction?.[2] ?? ''];
  if (!fraction || factor === undefined) return `; write ${readMs / 1000}s for that`;
  return `; if ${text.trim()} is meant, write ${Math.round(Number(fraction[1]) * factor * 1e6) / 1e6}`;
}

const byteUnits = [
  ['k', 1024, 'KiB'],
  ['m', 1024 ** 2, 'MiB'],
  ['g', 1024 ** 3, 'GiB'],
  ['t', 1024 ** 4, 'TiB'],
] as const;

/** Digits before k, m, g or t anywhere in the text, tried in this order, either case; else leading digits are bytes. */
function readBytes(text: string): ReadValue {
  for (const [letter, factor, unit] of byteUnits) {
    const found = new RegExp(`([0-9]+)${letter}`, 'i').exec(text);
    if (!found) continue;
    const value = Number(found[1]) * factor;
    if (!Number.isSafeInteger(value)) return { problem: `found ${quote(text)}, which is larger than any disk` };
    // `4Gi` and `4GiB` say what is read; `4GB` may mean something else.
    if (/^\s*[0-9]+[kmgt](?:ib?)?\s*$/i.test(text)) return { value };
    return { value, warning: `found ${quote(text)}, which Fluentd reads as ${found[1]} ${unit}; write ${found[0]}` };
  }
  return readInteger(text);
}

/** A JSON array, else texts between commas. */
function readList(text: string): ReadValue {
  if (text.startsWith('[')) {
    const value = parseJson(text);
    if (!Array.isArray(value)) return { problem: `found ${quote(text)}, which is no JSON array` };
    return { value: value.map(asText) };
  }
  const parts = text.trim() === '' ? [] : text.trim().split(/\s*,\s*/);
  while (parts.at(-1) === '') parts.pop();
  return { value: parts };
}

/** A JSON object, else `key:value` pairs between commas. Values that are no strings become their JSON text. */
function readMap(text: string): ReadValue {
  if (text.startsWith('{')) {
    const value = parseJson(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { problem: `found ${quote(text)}, which is no JSON object` };
    return { value: Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asText(inner)])) };
  }
  const pairs: [string, string][] = [];
  for (const part of text.trim() === '' ? [] : text.trim().split(/\s*,\s*/)) {
    const colon = part.indexOf(':');
    if (colon < 0) return { problem: `found ${quote(part)}, which has no colon` };
    pairs.push([part.slice(0, colon), part.slice(colon + 1)]);
  }
  return { value: Object.fromEntries(pairs) };
}

/** `/…/` with the letters i and m behind it, or a bare expression; kept as written. */
function readPattern(text: string): ReadValue {
  if (text === '') return { problem: 'found nothing' };
  if (!text.startsWith('/')) return { value: text };
  const close = text.lastIndexOf('/');
  if (close === 0 || close < text.length - 3) return { problem: `found ${quote(text)}, whose closing / is missing` };
  if (/[^imx]/.test(text.slice(close + 1)))
    return {
      value: text,
      warning: `only the letters i and m have a meaning behind the closing /, found ${text.slice(close + 1)}`,
    };
  return { value: text };
}

/** The JSON value of a text that is a JSON array or object, else undefined. */
export function jsonOf(text: string): unknown {
  return /^[[{]/.test(text) ? parseJson(text) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
}

/** A found text as problems show it; at most 60 characters. */
export function quote(text: string): string {
  if (text === '') return 'nothing';
  return `"${text.length > 60 ? `${text.slice(0, 59)}…` : text}"`;
}

/** What a schema expected beyond the kind, such as `<=65535`. Leaves out what it found: that may be a secret. */
export function boundsText(issues: readonly { readonly message: string }[]): string {
  const bounds = issues.map(({ message }) =>
    message.replace(/^Invalid [^:]*: (?:Expected )?/, '').replace(/ but received [\s\S]*$/, ''),
  );
  return bounds.join(', ');
}
