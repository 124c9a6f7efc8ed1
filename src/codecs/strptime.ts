/**
 * Text as times: the directives of Ruby's strptime that time_format options use. As there, white space in a format takes
 * any run of white space or none, and text behind what the format takes is ignored. Source: Fluentd 1.16 time.rb, which
 * tries the strptime gem 0.2 and falls back to Ruby's Time.strptime where a directive is none of the gem's.
 */
import type { Clock, Instant } from '../core/clock.ts';
import { civilSeconds, compileLocal, instantOf, nanosOf, ordinalSeconds, parseOffset } from './civil.ts';
import type { FromLocal } from './civil.ts';
import { zoneOf } from './strftime.ts';
import type { TimeOptions } from './strftime.ts';
import { composites, dayNames, monthNames } from './strptime-words.ts';

/** Undefined: the text is no such time. */
export type ParseTime = (text: string) => Instant | undefined;

/** What the directives found; undefined is what the format does not have. */
interface Parts {
  year: number | undefined;
  month: number | undefined;
  day: number | undefined;
  dayOfYear: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  /** Whole seconds since 1970 (`%s`). */
  epoch: number | undefined;
  isAfternoon: boolean | undefined;
  /** Seconds ahead of UTC. */
  offset: number | undefined;
}
/** Reads at a place; gives the place behind what it took, or -1. */
type Step = (text: string, at: number, parts: Parts) => number;

/** Ruby has two more of them. */
const rubyComposites: Readonly<Record<string, string>> = {
  ...composites,
  v: '%e-%b-%Y',
  '+': '%a %b %e %H:%M:%S %Z %Y',
};

/** Directives by letter. `%N` and `%L` that digits follow have their width: see compileStep. */
const steps: Readonly<Record<string, Step>> = {
  A: word(dayNames, () => {}),
  a: word(dayNames, () => {}),
  B: word(monthNames, (parts, index) => (parts.month = index + 1)),
  b: word(monthNames, (parts, index) => (parts.month = index + 1)),
  h: word(monthNames, (parts, index) => (parts.month = index + 1)),
  d: number(2, 1, 31, (parts, value) => (parts.day = value)),
  e: number(2, 1, 31, (parts, value) => (parts.day = value)),
  H: number(2, 0, 24, (parts, value) => (parts.hour = value)),
  k: number(2, 0, 24, (parts, value) => (parts.hour = value)),
  I: number(2, 1, 12, (parts, value) => (parts.hour = value % 12)),
  l: number(2, 1, 12, (parts, value) => (parts.hour = value % 12)),
  j: number(3, 1, 366, (parts, value) => (parts.dayOfYear = value)),
  L: fraction(Number.POSITIVE_INFINITY),
  M: number(2, 0, 59, (parts, value) => (parts.minute = value)),
  m: number(2, 1, 12, (parts, value) => (parts.month = value)),
  N: fraction(Number.POSITIVE_INFINITY),
  n: skipSpace,
  P: halfOfDay,
  p: halfOfDay,
  Q: signed(18, (parts, value) => {
    parts.epoch = Math.floor(value / 1000);
    parts.nanos = (value - parts.epoch * 1000) * 1_000_000;
  }),
  S: number(2, 0, 60, (parts, value) => (parts.second = value)),
  s: signed(15, (parts, value) => (parts.epoch = value)),
  t: skipSpace,
  u: number(1, 1, 7, () => {}),
  w: number(1, 0, 6, () => {}),
  Y: signed(4, (parts, value) => (parts.year = value)),
  y: number(2, 0, 99, (parts, value) => (parts.year = value + (value < 69 ? 2000 : 1900))),
  Z: zone,
  z: zone,
  '%': literal('%'),
};

/** Compiles a format. @throws Error for a directive that is not known */
export function compileStrptime(format: string, options: TimeOptions, clock: Clock): ParseTime {
  if (format === '%iso8601') return compileIso8601(options);
  const expanded = format.replaceAll(/%([DFRTXxrcv+])/g, (_, letter: string) => rubyComposites[letter] as string);
  const found = [...expanded.matchAll(/%[-0^#:_]*\d*([A-Za-z%])|\s+|[^%\s]+|%/g)].map(([text, letter]) => {
    if (letter !== undefined && steps[letter] === undefined)
      throw new Error(`time format ${format}: ${text} is not known`);
    return { text, letter };
  });
  const compiled = found.map(({ text, letter }, i) => {
    if (letter === undefined) return /^\s/.test(text) ? skipSpace : literal(text);
    // A fraction that runs into digits of the next directive has its own width.
    if ((letter === 'N' || letter === 'L') && /^[CDdeFGgHIjkLlMmNQRrSsTUuVvWwXxYy]$/.test(found[i + 1]?.letter ?? ''))
      return fraction(letter === 'L' ? 3 : 9);
    return steps[letter] as Step;
  });
  const fromLocal = compileLocal(zoneOf(options));
  return (text) => {
    const parts: Parts = {
      year: undefined,
      month: undefined,
      day: undefined,
      dayOfYear: undefined,
      hour: 0,
      minute: 0,
      second: 0,
      nanos: 0,
      epoch: undefined,
      isAfternoon: undefined,
      offset: undefined,
    };
    let at = 0;
    for (const step of compiled) {
      at = step(text, at, parts);
      if (at < 0) return undefined;
    }
    return partsInstant(parts, fromLocal, clock);
  };
}

function partsInstant(parts: Parts, fromLocal: FromLocal, clock: Clock): Instant | undefined {
  if (parts.epoch !== undefined) return { seconds: parts.epoch, nanos: parts.nanos };
  const { month, day, dayOfYear, minute, second } = parts;
  const hour = parts.isAfternoon === undefined ? parts.hour : (parts.hour % 12) + (parts.isAfternoon ? 12 : 0);
  let local: number | undefined;
  if (parts.year !== undefined && month !== undefined && day !== undefined)
    local = civilSeconds(parts.year, month, day, hour, minute, second);
  else {
    // What a format leaves out before its first part is today's, behind it the first.
    const now = new Date(clock.nowMs());
    const year = parts.year ?? now.getFullYear();
    if (dayOfYear !== undefined && month === undefined) {
      const start = ordinalSeconds(year, dayOfYear);
      local = start === undefined ? undefined : start + hour * 3600 + minute * 60 + second;
    } else {
      const usedMonth = month ?? (parts.year === undefined ? now.getMonth() + 1 : 1);
      const usedDay = day ?? (parts.year === undefined && month === undefined ? now.getDate() : 1);
      local = civilSeconds(year, usedMonth, usedDay, hour, minute, second);
    }
  }
  return local === undefined ? undefined : instantOf(local, parts.nanos, parts.offset, fromLocal);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Up to `width` digits, the first of which may be a space. */
function number(width: number, min: number, max: number, put: (parts: Parts, value: number) => void): Step {
  return (text, from, parts) => {
    let at = from;
    let left = width;
    if (width > 1 && text.charCodeAt(at) === 32) {
      at++;
      left--;
    }
    let value = 0;
    const start = at;
    for (; left > 0 && isDigit(text.charCodeAt(at)); at++, left--) value = value * 10 + text.charCodeAt(at) - 48;
    if (at === start || value < min || value > max) return -1;
    put(parts, value);
    return at;
  };
}

function signed(width: number, put: (parts: Parts, value: number) => void): Step {
  return (text, from, parts) => {
    const sign = text.charCodeAt(from);
    let at = sign === 43 || sign === 45 ? from + 1 : from;
    let value = 0;
    const start = at;
    for (; at - start < width && isDigit(text.charCodeAt(at)); at++) value = value * 10 + text.charCodeAt(at) - 48;
    if (at === start || !Number.isSafeInteger(value)) return -1;
    put(parts, sign === 45 ? -value : value);
    return at;
  };
}

function fraction(width: number): Step {
  return (text, from, parts) => {
    let at = from;
    let nanos = 0;
    let unit = 100_000_000;
    for (; at - from < width && isDigit(text.charCodeAt(at)); at++) {
      nanos += (text.charCodeAt(at) - 48) * unit;
      unit = unit >= 10 ? unit / 10 : 0;
    }
    if (at === from) return -1;
    parts.nanos = nanos;
    return at;
  };
}

function literal(expected: string): Step {
  return (text, at) => (text.startsWith(expected, at) ? at + expected.length : -1);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 32 && !(code >= 9 && code <= 13)) break;
  }
  return at;
}

/** A name in full or its first three letters, in any case. */
function word(names: readonly string[], put: (parts: Parts, index: number) => void): Step {
  return (text, at, parts) => {
    const start = text.slice(at, at + 3).toLowerCase();
    const index = names.findIndex((name) => name.startsWith(start));
    const name = names[index];
    if (start.length < 3 || name === undefined) return -1;
    put(parts, index);
    return text.slice(at, at + name.length).toLowerCase() === name ? at + name.length : at + 3;
  };
}

function halfOfDay(text: string, at: number, parts: Parts): number {
  const found = /^([ap])\.?m\.?/i.exec(text.slice(at, at + 4));
  if (!found) return -1;
  parts.isAfternoon = found[1]?.toLowerCase() === 'p';
  return at + found[0].length;
}

const zonePattern =
  /(?:gmt|utc?)?[+-]\d\d?(?::?\d\d)?(?::?\d\d)?|\d\d(?::?\d\d)?|[a-z]+(?: (?:standard|daylight) time\b| dst\b)?/iy;

/** A name that is not known counts as no zone: the time is one of the zone configured. */
function zone(text: string, at: number, parts: Parts): number {
  zonePattern.lastIndex = at;
  const found = zonePattern.exec(text)?.[0];
  if (found === undefined) return -1;
  parts.offset = parseOffset(found);
  return at + found.length;
}

const isoPattern = /^\s*([+-]?\d{4,})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?\s*$/i;

/** ISO 8601 in the form of XML Schema, as Ruby's Time.iso8601 takes it; a time without a zone is one of the zone configured. */
function compileIso8601(options: TimeOptions): ParseTime {
  const fromLocal = compileLocal(zoneOf(options));
  return (text) => {
    const [, year, month, day, hour = '0', minute = '0', second = '0', digits = '', offset] =
      isoPattern.exec(text) ?? [];
    if (year === undefined) return undefined;
    const local = civilSeconds(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
    if (local === undefined) return undefined;
    return instantOf(local, nanosOf(digits), offset === undefined ? undefined : parseOffset(offset), fromLocal);
  };
}
