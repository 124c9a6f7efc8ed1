/**
 * Times in whatever form, where no format is given: the forms of Ruby's Time.parse that logs have. As there, the parts are
 * looked for one after the other (time of day, then the date as words, ISO, slashes or digits), and what is left over is
 * ignored. Source: Ruby 3.2 Date._parse and Time.parse.
 */
import type { Clock } from '../core/clock.ts';
import { civilSeconds, compileLocal, instantOf, nanosOf, ordinalSeconds, parseOffset } from './civil.ts';
import { zoneOf } from './strftime.ts';
import type { TimeOptions } from './strftime.ts';
import type { ParseTime } from './strptime.ts';

interface Found {
  year?: number;
  month?: number;
  day?: number;
  dayOfYear?: number;
  hour?: number;
  minute?: number;
  second?: number;
  nanos?: number;
  zone?: string;
}

/** Text longer than this is no time; Ruby's limit. */
const lengthMax = 128;

/** A parser for any form. A text without a zone is a time of the zone configured, one without a date today's. */
export function compileAnyTime(options: TimeOptions, clock: Clock): ParseTime {
  const fromLocal = compileLocal(zoneOf(options));
  return (text) => {
    if (text.length > lengthMax) return undefined;
    const found: Found = {};
    const rest = takeTime(text, found);
    const hasDate = dateForms.some((form) => form(rest, found));
    if (!hasDate && found.hour === undefined) return undefined;
    const now = new Date(clock.nowMs());
    const { hour = 0, minute = 0, second = 0, nanos = 0 } = found;
    const year = found.year ?? now.getFullYear();
    let local: number | undefined;
    if (found.dayOfYear === undefined) {
      const month = found.month ?? (found.year === undefined ? now.getMonth() + 1 : 1);
      const day = found.day ?? (found.year === undefined && found.month === undefined ? now.getDate() : 1);
      local = civilSeconds(year, month, day, hour, minute, second);
    } else {
      const start = ordinalSeconds(year, found.dayOfYear);
      const ofDay = civilSeconds(1970, 1, 1, hour, minute, second);
      local = start === undefined || ofDay === undefined ? undefined : start + ofDay;
    }
    if (local === undefined) return undefined;
    return instantOf(local, nanos, found.zone === undefined ? undefined : parseOffset(found.zone), fromLocal);
  };
}

const timePattern =
  /(\d+)\s*(?::\s*(\d+)(?:\s*:\s*(\d+)(?:[,.](\d+))?)?(?:\s*([ap])(?:m\b|\.m\.))?|\s([ap])(?:m\b|\.m\.))(?:\s*((?:gmt|utc?)?[-+]\d+(?::?\d+(?::?\d+)?)?|[a-z]+(?:\s(?:standard|daylight)\stime\b|\sdst\b)?\b))?/i;

/** Takes the time of day out of the text. */
function takeTime(text: string, found: Found): string {
  const match = timePattern.exec(text);
  if (!match) return text;
  const [whole, hour = '', minute, second, fraction, half, lone, zone] = match;
  const letter = (half ?? lone)?.toLowerCase();
  found.hour = letter === undefined ? Number(hour) : (Number(hour) % 12) + (letter === 'p' ? 12 : 0);
  if (minute !== undefined) found.minute = Number(minute);
  if (second !== undefined) found.second = Number(second);
  if (fraction !== undefined) found.nanos = nanosOf(fraction);
  if (zone !== undefined) found.zone = zone;
  return `${text.slice(0, match.index)} ${text.slice(match.index + whole.length)}`;
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const monthSource = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)';

/** A number of one or two digits is a year of 1969 to 2068. */
function yearOf(text: string): number {
  const value = Number(text.replace("'", ''));
  return /^'?\d{1,2}$/.test(text) ? value + (value < 69 ? 2000 : 1900) : value;
}

type Part = 'day' | 'month' | 'year';
type DateForm = (text: string, found: Found) => boolean;

/** A date by an expression whose groups are the parts in order. A year that is shorter than the day has its place. */
function byParts(source: string, order: readonly Part[]): DateForm {
  const expression = new RegExp(source, 'i');
  return (text, found) => {
    const match = expression.exec(text);
    if (!match) return false;
    const texts = new Map(order.map((part, i) => [part, match[i + 1]]));
    const [year, day] = [texts.get('year'), texts.get('day')];
    if (year !== undefined && day !== undefined && /^\d{1,2}$/.test(year) && /^\d{3,}$/.test(day))
      texts.set('year', day).set('day', year);
    for (const [part, value] of texts) {
      if (value === undefined) continue;
      const month = part === 'month' ? monthNames.indexOf(value.toLowerCase()) + 1 : 0;
      found[part] = month > 0 ? month : part === 'year' ? yearOf(value) : Number(value.replace("'", ''));
    }
    return true;
  };
}

/** `20240305`, `20240305060708`, `20240305T060708Z`, `2024065`. */
function digitsForm(text: string, found: Found): boolean {
  const match = /([-+]?)(\d{2,14})(?:\s*T?\s*(\d{2,6})?(?:[,.](\d*))?)?(z\b|[-+]\d{1,4}\b)?/i.exec(text);
  const digits = match?.[2];
  if (!match || digits === undefined) return false;
  const at = (from: number, width = 2) => Number(digits.slice(from, from + width));
  if (digits.length === 7) [found.year, found.dayOfYear] = [at(0, 4), at(4, 3)];
  else if (digits.length >= 8) [found.year, found.month, found.day] = [at(0, 4), at(4), at(6)];
  else if (digits.length === 4) [found.month, found.day] = [at(0), at(2)];
  else if (digits.length === 2) found.day = at(0);
  else return false;
  const clockDigits = digits.length > 8 ? digits.slice(8) : (match[3] ?? '');
  if (clockDigits.length >= 2) found.hour = Number(clockDigits.slice(0, 2));
  if (clockDigits.length >= 4) found.minute = Number(clockDigits.slice(2, 4));
  if (clockDigits.length >= 6) found.second = Number(clockDigits.slice(4, 6));
  if (match[4] !== undefined && match[4] !== '') found.nanos = nanosOf(match[4]);
  if (match[5] !== undefined) found.zone = match[5];
  return true;
}

const dateForms: readonly DateForm[] = [
  // 2024-Mar-05
  byParts(`('?-?\\d{3,})-${monthSource}[^-/.]*-('?-?\\d+)`, ['year', 'month', 'day']),
  // 5 March 2024, 5-Mar-24
  byParts(`(\\d+)[^-\\d\\s]*\\s*-?\\s*${monthSource}[^-\\d\\s']*(?:\\s*-?,?\\s*('?-?\\d+))?`, ['day', 'month', 'year']),
  // March 5, 2024
  byParts(`\\b${monthSource}[^-\\d\\s']*\\s*(\\d+)[^-\\d\\s']*(?:\\s*,?\\s*('?-?\\d+))?`, ['month', 'day', 'year']),
  // 2024-03-05, 05-03-2024
  byParts(`('?[-+]?\\d+)-(\\d+)-('?-?\\d+)`, ['year', 'month', 'day']),
  // 2024-065
  (text, found) => {
    const match = /(?:^|\s)([-+]?\d{4})-(\d{3})\b/.exec(text);
    if (match) [found.year, found.dayOfYear] = [Number(match[1]), Number(match[2])];
    return match !== null;
  },
  // 2024/03/05, 05/03/2024 (day first), 3/5 (month and day)
  byParts(`('?-?\\d+)/\\s*('?\\d+)\\D\\s*('?-?\\d+)`, ['year', 'month', 'day']),
  byParts(`(\\d+)/\\s*(\\d+)`, ['month', 'day']),
  // 2024.03.05
  byParts(`('?-?\\d+)\\.\\s*('?\\d+)\\.\\s*('?-?\\d+)`, ['year', 'month', 'day']),
  digitsForm,
];
