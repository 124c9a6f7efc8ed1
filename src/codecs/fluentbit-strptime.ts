/**
 * Text as times, by Fluent Bit's own strptime (5.1 flb_strptime.c, flb_parser_time_lookup): stricter than Ruby's. White space
 * in a format takes any run of it, everything else has to be there; `%L` takes one to nine digits, further ones are text that
 * is left over, and text behind what the format takes is passed over. A day that its month does not have is one of the next.
 */
import type { Clock, Instant } from '../core/clock.ts';
import { compileLocal } from './civil.ts';
import { parseZone } from './strftime.ts';
import type { FractionPlace, ReadPlaced } from './remembered-time.ts';
import { composites, dayNames, monthNames } from './strptime-words.ts';

/** Which zone a time without one is in. */
export interface FluentbitZone {
  /** Seconds ahead of UTC (`Time_Offset`). */
  readonly offset: number;
  /** A zone's name (`Time_Zone`), or this machine's zone (`Time_System_Timezone`); goes before the offset. */
  readonly zone?: string | undefined;
  readonly isSystem?: boolean | undefined;
  /** False (`Time_Strict Off`): what stands behind the last part of the date and time of day may be missing. */
  readonly isStrict?: boolean | undefined;
}

interface Parts {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  dayOfYear: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  century: number | undefined;
  yearOfCentury: number | undefined;
  epoch: number | undefined;
  /** Seconds ahead of UTC, where the text says it. */
  offset: number | undefined;
}

/** Reads at a place; gives the place behind what it took, or -1. */
type Step = (text: string, at: number, parts: Parts) => number;

const steps: Readonly<Record<string, Step>> = {
  A: name(dayNames, () => {}),
  a: name(dayNames, () => {}),
  B: name(monthNames, (parts, index) => (parts.month = index)),
  b: name(monthNames, (parts, index) => (parts.month = index)),
  h: name(monthNames, (parts, index) => (parts.month = index)),
  C: digits(0, 99, (parts, value) => (parts.century = value * 100)),
  d: digits(1, 31, (parts, value) => (parts.day = value)),
  e: spaced(digits(1, 31, (parts, value) => (parts.day = value))),
  H: digits(0, 23, (parts, value) => (parts.hour = value)),
  k: digits(0, 23, (parts, value) => (parts.hour = value)),
  I: digits(1, 12, (parts, value) => (parts.hour = value)),
  l: digits(1, 12, (parts, value) => (parts.hour = value)),
  j: digits(1, 366, (parts, value) => (parts.dayOfYear = value)),
  L: fraction,
  M: digits(0, 59, (parts, value) => (parts.minute = value)),
  m: digits(1, 12, (parts, value) => (parts.month = value - 1)),
  n: skipSpace,
  p: halfOfDay,
  S: digits(0, 60, (parts, value) => (parts.second = value)),
  s: digits(0, Number.MAX_SAFE_INTEGER, (parts, value) => (parts.epoch = value)),
  t: skipSpace,
  U: digits(0, 53, () => {}),
  u: digits(1, 7, () => {}),
  V: digits(0, 53, () => {}),
  W: digits(0, 53, () => {}),
  w: digits(0, 6, () => {}),
  g: digits(0, 99, () => {}),
  G: digits(0, 9999, () => {}),
  Y: digits(0, 9999, (parts, value) => (parts.year = value)),
  y: digits(0, 99, (parts, value) => (parts.yearOfCentury = value)),
  Z: zoneName,
  z: zoneOffset,
  '%': literal('%'),
};

/** Those without which there is no date and time of day. */
const dateSteps = new Set('BbhCdeHkIljMmpSsYy'.split('').map((letter) => steps[letter]));

export interface FluentbitTime {
  /** Undefined for a text that is no such time. */
  readonly read: (text: string) => Instant | undefined;
  /** Undefined where a text does not say all of a time. */
  readonly readPlaced: ReadPlaced | undefined;
}

function partsOf(format: string): RegExpExecArray[] {
  const expanded = format.replaceAll(/%[EO]?([DFRTXxrc])/g, (_, letter: string) => composites[letter] as string);
  return [...expanded.matchAll(/%[EO]?([A-Za-z%])|\s+|[^%\s]+|%/g)];
}

/** The first directive of a format that Fluent Bit does not know: no text is a time of such a form. */
export function unknownDirective(format: string): string | undefined {
  return partsOf(format).find(([, letter]) => letter !== undefined && !steps[letter])?.[0];
}

/** Compiles a format. @throws Error for a zone that is not known */
export function compileFluentbitTime(format: string, zone: FluentbitZone, clock: Clock): FluentbitTime {
  const compiled = partsOf(format).map(([text, letter]): Step => {
    if (letter === undefined) return /^\s/.test(text) ? skipSpace : literal(text);
    return steps[letter] ?? (() => -1);
  });
  const last = compiled.findLastIndex((step) => step !== fraction && dateSteps.has(step));
  const hasYear = /%[EO]?[YysG]|%[DFcx]/.test(format);
  const fromLocal =
    zone.zone !== undefined
      ? compileLocal(parseZone(zone.zone))
      : zone.isSystem === true
        ? compileLocal({ kind: 'local' })
        : undefined;
  const read: ReadPlaced = (text, place) => {
    const parts = blankParts(hasYear ? undefined : clock.now(), zone.offset);
    let at = 0;
    for (const [index, step] of compiled.entries()) {
      const from = at;
      at = step(text, at, parts);
      if (at < 0) {
        if (zone.isStrict === false && index > last && last >= 0) break;
        return undefined;
      }
      if (step === fraction) [place.from, place.until] = [from, at];
    }
    // Fluent Bit takes seconds since 1970 for a time of the zone too.
    const local = parts.epoch ?? localSeconds(parts);
    const ahead = parts.offset ?? (fromLocal ? undefined : zone.offset);
    const seconds = ahead === undefined && fromLocal ? fromLocal(local) : local - (ahead ?? 0);
    return { seconds, nanos: parts.nanos };
  };
  const unused: FractionPlace = { from: -1, until: -1 };
  const fractions = compiled.filter((step) => step === fraction).length;
  return {
    read: (text) => read(text, unused),
    readPlaced: hasYear && fractions <= 1 ? read : undefined,
  };
}

/** Without a year in the format it is this year's, and today where there is no day. */
function blankParts(now: Instant | undefined, offset: number): Parts {
  const today = now && new Date((now.seconds + offset) * 1000);
  return {
    year: today?.getUTCFullYear() ?? 1900,
    month: today?.getUTCMonth() ?? 0,
    day: today?.getUTCDate() ?? 1,
    dayOfYear: undefined,
    hour: 0,
    minute: 0,
    second: 0,
    nanos: 0,
    century: undefined,
    yearOfCentury: undefined,
    epoch: undefined,
    offset: undefined,
  };
}

function localSeconds(parts: Parts): number {
  const { month, day, hour, minute, second, dayOfYear, century, yearOfCentury } = parts;
  let { year } = parts;
  if (yearOfCentury !== undefined) year = (century ?? (yearOfCentury <= 68 ? 2000 : 1900)) + yearOfCentury;
  // Date takes years below 100 for those of the last century.
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second));
  if (dayOfYear === undefined) date.setUTCFullYear(year, month, day);
  else date.setUTCFullYear(year, 0, dayOfYear);
  return date.getTime() / 1000;
}

/** As many digits as the greatest value has, and no more than can still make a value in range. */
function digits(min: number, max: number, put: (parts: Parts, value: number) => void): Step {
  return (text, from, parts) => {
    let value = 0;
    let at = from;
    for (let left = max; ;) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at++;
      left = Math.floor(left / 10);
      if (value * 10 > max || left === 0) break;
    }
    if (at === from || value < min || value > max) return -1;
    put(parts, value);
    return at;
  };
}

function spaced(step: Step): Step {
  return (text, at, parts) => step(text, isSpace(text.charCodeAt(at)) ? at + 1 : at, parts);
}

function fraction(text: string, at: number, parts: Parts): number {
  const found = /^\d{1,9}/.exec(text.slice(at, at + 9));
  if (!found) return -1;
  parts.nanos = Number(found[0].padEnd(9, '0'));
  return at + found[0].length;
}

function literal(expected: string): Step {
  return (text, at) => (text.startsWith(expected, at) ? at + expected.length : -1);
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** A name in full or its first three letters, in any case. */
function name(names: readonly string[], put: (parts: Parts, index: number) => void): Step {
  return (text, at, parts) => {
    const index = names.findIndex((one) => text.slice(at, at + 3).toLowerCase() === one.slice(0, 3));
    const found = names[index];
    if (found === undefined) return -1;
    put(parts, index);
    return text.slice(at, at + found.length).toLowerCase() === found ? at + found.length : at + 3;
  };
}

function halfOfDay(text: string, at: number, parts: Parts): number {
  const half = text.slice(at, at + 2).toUpperCase();
  if ((half !== 'AM' && half !== 'PM') || parts.hour > 12) return -1;
  parts.hour = (parts.hour % 12) + (half === 'PM' ? 12 : 0);
  return at + 2;
}

const north: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/** `Z`, `UT`, `UTC`, `GMT`, `+hh`, `+hhmm`, `+hh:mm`, North American zones. */
function zoneOffset(text: string, from: number, parts: Parts): number {
  const at = skipSpace(text, from);
  const rest = text.slice(at, at + 6);
  const word = /^(?:Z|UTC?|GMT|[ECMP][SD]T)/.exec(rest)?.[0];
  if (word !== undefined) {
    parts.offset = (north[word] ?? 0) * 3600;
    return at + word.length;
  }
  const [whole, sign, hours, minutes = '0'] = /^([-+])(\d\d)(?::?(\d\d))?/.exec(rest) ?? [];
  if (whole === undefined) return -1;
  parts.offset = (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
  return at + whole.length;
}

/** Hours ahead of UTC of the names that `%Z` knows. */
const zoneHours = new Map(
  [
    ...Object.entries(north).flat(),
    ...'GMT 0 UTC 0 Z 0 UT 0 AKST -9 AKDT -8 HST -10 HADT -9 AST -4 ADT -3 NST -3.5 NDT -2.5 WET 0 WEST 1 CET 1 CEST 2'.split(
      ' ',
    ),
    ...'EET 2 EEST 3 MSK 3 ART -3 BRT -3 BRST -2 CLT -4 CLST -3 AEST 10 AEDT 11 ACST 9.5 ACDT 10.5 AWST 8 NZST 12'.split(
      ' ',
    ),
    ...'NZDT 13 JST 9 KST 9 SGT 8 IST 5.5 GST 4 ICT 7 WIB 7 WITA 8 WIT 9 MYT 8 BDT 6 NPT 5.75 WAT 1 CAT 2 EAT 3'.split(
      ' ',
    ),
    ...'SAST 2 A 1 B 2 C 3 D 4 E 5 F 6 G 7 H 8 I 9 K 10 L 11 M 12 N -1 O -2 P -3 Q -4 R -5 S -6 T -7 U -8 V -9 W -10'.split(
      ' ',
    ),
    ...'X -11 Y -12'.split(' '),
  ].flatMap((word, index, all) => (index % 2 === 0 ? [[String(word), Number(all[index + 1])] as const] : [])),
);

function zoneName(text: string, at: number, parts: Parts): number {
  const word = /^[A-Za-z]+(?![0-9])/.exec(text.slice(at, at + 8))?.[0];
  const hours = word === undefined ? undefined : zoneHours.get(word.toUpperCase());
  if (word === undefined || hours === undefined) return -1;
  parts.offset = hours * 3600;
  return at + word.length;
}
