/**
 * Text as times: the directives of Ruby's strptime that time_format options use. Text must match as a whole; a run of
 * spaces in the format takes any run of spaces. Source: Ruby 3.2 Time.strptime, Fluentd 1.16 time.rb.
 */
import type { Clock, Instant } from '../core/clock.ts';
import { zoneOf, zoneOffset } from './strftime.ts';
import type { TimeOptions, Zone } from './strftime.ts';

/** Undefined: the text is no such time. */
export type ParseTime = (text: string) => Instant | undefined;

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const dayNames = '(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*';

/** What a directive matches; each has one group, or none where the text is not used. */
const sources: Readonly<Record<string, string>> = {
  A: dayNames,
  a: dayNames,
  B: '([a-z]{3})[a-z]*',
  b: '([a-z]{3})[a-z]*',
  h: '([a-z]{3})[a-z]*',
  d: '([ 0-3]?\\d)',
  e: '([ 0-3]?\\d)',
  H: '([ 0-2]?\\d)',
  k: '([ 0-2]?\\d)',
  I: '([ 0-1]?\\d)',
  l: '([ 0-1]?\\d)',
  j: '(\\d{1,3})',
  L: '(\\d+)',
  M: '([0-5]?\\d)',
  m: '([01]?\\d)',
  N: '(\\d+)',
  P: '([ap]\\.?m\\.?)',
  p: '([ap]\\.?m\\.?)',
  S: '([0-6]?\\d)',
  s: '(-?\\d+)',
  Y: '([+-]?\\d{1,6})',
  y: '(\\d\\d)',
  Z: '([a-z][a-z ]*|[+-]\\d\\d:?\\d\\d)',
  z: '(z|utc|gmt|[+-]\\d\\d(?::?\\d\\d(?::?\\d\\d)?)?)',
  n: '\\s+',
  t: '\\s+',
  '%': '%',
};
const composites: Readonly<Record<string, string>> = {
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  r: '%I:%M:%S %p',
  c: '%a %b %e %H:%M:%S %Y',
};

/** Compiles a format. @throws Error for a directive that is not known */
export function compileStrptime(format: string, options: TimeOptions, clock: Clock): ParseTime {
  if (format === '%iso8601') return compileIso8601(options);
  const zone = zoneOf(options);
  const letters: string[] = [];
  const expanded = format.replaceAll(/%([DFRTXrc])/g, (_, letter: string) => composites[letter] as string);
  let source = '';
  let from = 0;
  for (const found of expanded.matchAll(/%[-0^#:]*\d*([A-Za-z%])/g)) {
    const letter = found[1] as string;
    const directive = sources[letter];
    if (directive === undefined) throw new Error(`time format ${format}: ${found[0]} is not known`);
    source += literal(expanded.slice(from, found.index));
    // Digits that run into the next directive have their full width, as in %Y%m%d.
    const isTight = /^%[-0^#:]*\d*[HIMSYdmyjLN]/.test(expanded.slice(found.index + found[0].length));
    source += isTight ? tight(letter, directive) : directive;
    if (directive.includes('(') && !directive.startsWith('(?:')) letters.push(letter);
    from = found.index + found[0].length;
  }
  const expression = new RegExp(`^${source}${literal(expanded.slice(from))}$`, 'i');
  return (text) => {
    const found = expression.exec(text);
    if (!found) return undefined;
    return instantOf(new Map(letters.map((letter, i) => [letter, (found[i + 1] ?? '').trim()])), zone, clock);
  };
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll(/\s+/g, '\\s+');
}

function tight(letter: string, source: string): string {
  if (letter === 'Y') return '(\\d{4})';
  if (letter === 'j') return '(\\d{3})';
  return 'HIMSdm'.includes(letter) ? '(\\d\\d)' : source;
}

/** ISO 8601 with an optional fraction and zone, also with a space for the T: what `Time.parse` is mostly given. */
export function compileIso8601(options: TimeOptions): ParseTime {
  const zone = zoneOf(options);
  const expression =
    /^\s*([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(z|utc|gmt|[+-]\d\d(?::?\d\d)?)?\s*$/i;
  return (text) => {
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] =
      expression.exec(text) ?? [];
    if (year === undefined || month === undefined || day === undefined) return undefined;
    const civil = [year, month, day, hour, minute, second].map(Number);
    return place(civil, nanosOf(fraction), offset, zone);
  };
}

function nanosOf(digits: string): number {
  return Number(digits.slice(0, 9).padEnd(9, '0'));
}

function instantOf(parts: ReadonlyMap<string, string>, zone: Zone, clock: Clock): Instant | undefined {
  const nanos = nanosOf(parts.get('N') ?? parts.get('L') ?? '');
  const epoch = parts.get('s');
  if (epoch !== undefined) return { seconds: Number(epoch), nanos };
  const now = new Date(clock.nowMs());
  const number = (...letters: string[]): number | undefined => {
    const found = letters.map((letter) => parts.get(letter)).find((text) => text !== undefined);
    return found === undefined ? undefined : Number(found);
  };
  const short = number('y');
  const year = number('Y') ?? (short === undefined ? now.getFullYear() : short + (short < 69 ? 2000 : 1900));
  const name = (parts.get('b') ?? parts.get('B') ?? parts.get('h'))?.toLowerCase();
  let month = number('m') ?? (name === undefined ? undefined : monthNames.indexOf(name) + 1);
  let day = number('d', 'e');
  const ofYear = number('j');
  if (ofYear !== undefined && month === undefined) [month, day] = [1, ofYear];
  // Without any date Ruby takes today's.
  const hasDate = month !== undefined || day !== undefined || parts.has('Y') || parts.has('y');
  month ??= hasDate ? 1 : now.getMonth() + 1;
  day ??= hasDate ? 1 : now.getDate();
  const half = (parts.get('p') ?? parts.get('P'))?.toLowerCase();
  const twelve = number('I', 'l');
  const hour = number('H', 'k') ?? (twelve === undefined ? 0 : (twelve % 12) + (half?.startsWith('p') ? 12 : 0));
  const civil = [year, month, day, hour, number('M') ?? 0, number('S') ?? 0];
  return place(civil, nanos, parts.get('z') ?? parts.get('Z'), zone, ofYear !== undefined);
}

/** Civil time in a zone to an instant; undefined for a date that does not exist. */
function place(
  [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[],
  nanos: number,
  offset: string | undefined,
  zone: Zone,
  isDayOfYear = false,
): Instant | undefined {
  if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (!isDayOfYear && (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day)) return undefined;
  const local = date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
  if (!Number.isFinite(local)) return undefined;
  const fixed = offset === undefined ? undefined : parseOffset(offset);
  if (fixed !== undefined) return { seconds: local - fixed, nanos };
  // The offset holds at the instant, which is not known yet: the second look corrects the first.
  const guess = local - zoneOffset(zone, local);
  return { seconds: local - zoneOffset(zone, guess), nanos };
}

function parseOffset(text: string): number | undefined {
  if (/^(?:z|utc|gmt)$/i.test(text)) return 0;
  const found = /^([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?$/.exec(text);
  if (!found) return undefined;
  const size = Number(found[2]) * 3600 + Number(found[3] ?? '0') * 60 + Number(found[4] ?? '0');
  return found[1] === '-' ? -size : size;
}
