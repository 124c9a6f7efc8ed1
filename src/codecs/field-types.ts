/** The `types` option of parsers: fields as numbers, booleans, times and arrays. Source: Fluentd 1.16 parser.rb. */
import type { Clock } from '../core/clock.ts';
import { Float } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { compileReadTime } from './parse-time.ts';
import type { TimeReading } from './parse-time.ts';
import { rubyFloat, rubyText } from './ruby.ts';
import { parseZone } from './strftime.ts';

export interface Converter {
  readonly key: string;
  /** Of a value that is neither null nor false. */
  readonly convert: (value: Value) => Value;
}

/** Compiles types by field. @throws Error for a type that is not known */
export function compileConverters(
  types: Readonly<Record<string, string>>,
  reading: TimeReading,
  clock: Clock,
): Converter[] {
  return Object.entries(types).map(([key, definition]) => {
    const colon = definition.indexOf(':');
    const type = colon < 0 ? definition : definition.slice(0, colon);
    const argument = colon < 0 ? undefined : definition.slice(colon + 1);
    return { key, convert: compileType(key, type, argument, reading, clock) };
  });
}

function compileType(
  key: string,
  type: string,
  argument: string | undefined,
  reading: TimeReading,
  clock: Clock,
): (value: Value) => Value {
  switch (type) {
    case 'string':
      return rubyText;
    case 'integer':
      return rubyInteger;
    case 'float':
      return floatOf;
    case 'bool':
      return (value) => /^(?:true|yes|1)$/i.test(rubyText(value));
    case 'array': {
      const delimiter = argument ?? ',';
      return (value) => rubySplit(rubyText(value), delimiter);
    }
    case 'time': {
      const read = compileReadTime(timeReading(argument, reading), clock);
      return (value) => read(value)?.seconds ?? null;
    }
    default:
      throw new Error(
        `types: ${key} is to become ${type}, which is none of string, integer, float, bool, time and array`,
      );
  }
}

/** `[zone:]format`, where the format may be unixtime or float; without any, what Time.parse takes. */
function timeReading(argument: string | undefined, { localtime, utc }: TimeReading): TimeReading {
  const own = { localtime, utc };
  if (argument === undefined) return own;
  const [, zone, behind] = /^([+-]\d\d(?::?\d\d)?|[^:]*)(?::(.*))?$/s.exec(argument) ?? [];
  const hasZone = zone !== undefined && isZone(zone);
  const format = hasZone ? behind : argument;
  const timezone = hasZone ? zone : undefined;
  if (format === 'unixtime' || format === 'float') return { ...own, timeType: format };
  return { ...own, timezone, timeFormat: format };
}

function isZone(text: string): boolean {
  if (!/^[+-]\d\d(?::?\d\d)?$|^[^/]+\/[^/]+(?:\/[^/]+)?$/.test(text) || text.includes('%')) return false;
  try {
    parseZone(text);
    return true;
  } catch {
    return false;
  }
}

/** `to_i`: the digits a text begins with, with underscores between them; `0x1f` is 0. Fractions are cut. */
function rubyInteger(value: Value): Value {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' || value instanceof Float) {
    const whole = Math.trunc(typeof value === 'number' ? value : value.value);
    if (!Number.isFinite(whole)) return 0;
    return Number.isSafeInteger(whole) ? whole + 0 : BigInt(whole);
  }
  const digits = /^\s*([+-]?\d+(?:_\d+)*)/.exec(rubyText(value))?.[1]?.replaceAll('_', '');
  if (digits === undefined) return 0;
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number + 0 : BigInt(digits.replace('+', ''));
}

/** `to_f`, always a float: `12` becomes `12.0`. */
function floatOf(value: Value): Value {
  const number = rubyFloat(value) ?? rubyFloat(rubyText(value)) ?? 0;
  if (!Number.isInteger(number)) return number;
  return value instanceof Float ? value : new Float(number, Object.is(number, -0) ? '-0.0' : floatDigits(number));
}

function floatDigits(number: number): string {
  const shown = String(number);
  return /[.e]/.test(shown) ? shown : `${shown}.0`;
}

/** `String#split`: empty parts at the end are dropped; a single space splits at runs of white space. */
export function rubySplit(text: string, delimiter: string | RegExp): string[] {
  const parts = delimiter === ' ' ? text.trimStart().split(/[\0\t-\r ]+/) : text.split(delimiter);
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts;
}
