/** Civil times (year to second, in a zone) as instants. */
import type { Instant } from '../core/clock.ts';
import { zoneOffset } from './strftime.ts';
import type { Zone } from './strftime.ts';

/** Offsets of zone names that times carry, in hours: those of RFC 2822, and such as name one zone only. */
const namedHours: Readonly<Record<string, number>> = {
  z: 0,
  utc: 0,
  ut: 0,
  gmt: 0,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
  jst: 9,
  kst: 9,
  wet: 0,
  west: 1,
  cet: 1,
  cest: 2,
  eet: 2,
  eest: 3,
  msk: 3,
};

/** `+09:00`, `-0330`, `+9`, `Z`, `GMT+1` or a known name as seconds ahead of UTC; undefined for another name. */
export function parseOffset(text: string): number | undefined {
  const named = namedHours[text.toLowerCase()];
  if (named !== undefined) return named * 3600;
  const found = /^(?:gmt|utc?)?([+-]?)(\d\d?)(?::?(\d\d))?(?::?(\d\d))?$/i.exec(text);
  if (!found) return undefined;
  const size = Number(found[2]) * 3600 + Number(found[3] ?? '0') * 60 + Number(found[4] ?? '0');
  return found[1] === '-' ? -size : size;
}

/** Turns civil seconds (what a clock of the zone shows, as if it were UTC) into seconds since 1970. */
export type FromLocal = (local: number) => number;

/**
 * For a zone. A time that the clocks showed twice is the first of them; one that they left out counts on from before the
 * change. Source: Ruby's Time.local.
 */
export function compileLocal(zone: Zone): FromLocal {
  if (zone.kind === 'utc') return (local) => local;
  if (zone.kind === 'offset') return (local) => local - zone.seconds;
  // Clocks change at whole quarters of an hour, so what holds for one time holds for its quarter.
  let known: { readonly quarter: number; readonly offset: number } | undefined;
  return (local) => {
    const quarter = Math.floor(local / 900);
    if (known?.quarter !== quarter) known = { quarter, offset: offsetOfLocal(zone, quarter * 900) };
    return local - known.offset;
  };
}

/** More than any zone is away from UTC. */
const daySeconds = 86_400;

function offsetOfLocal(zone: Zone, local: number): number {
  const before = zoneOffset(zone, local - daySeconds);
  const after = zoneOffset(zone, local + daySeconds);
  if (before === after && zoneOffset(zone, local - before) === before) return before;
  if (zoneOffset(zone, local - before) === before) return before;
  return zoneOffset(zone, local - after) === after ? after : before;
}

const yearMax = 9999;

/**
 * Civil seconds of a date and time; undefined for one that does not exist. Second 60 is the next minute's first, and a day
 * up to the 31st that its month has not is one of the next month's, as for Ruby's Time: 30 February is 1 or 2 March.
 */
export function civilSeconds(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  if (hour > 24 || minute > 59 || second > 60 || (hour === 24 && minute + second > 0)) return undefined;
  if (Math.abs(year) > yearMax) return undefined;
  return dayNumber(year, month, day) * daySeconds + hour * 3600 + minute * 60 + second;
}

/** Civil seconds of the n-th day of a year. */
export function ordinalSeconds(year: number, dayOfYear: number): number | undefined {
  if (dayOfYear < 1 || dayOfYear > (isLeap(year) ? 366 : 365)) return undefined;
  return (dayNumber(year, 1, 1) + dayOfYear - 1) * daySeconds;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

/** Days since 1970 in the Gregorian calendar: years counted from March, so that the leap day is their last. */
function dayNumber(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const ofEra = marchYear - era * 400;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

/** An instant of civil seconds: in the zone of `offset` where the text had one, else in the caller's. */
export function instantOf(local: number, nanos: number, offset: number | undefined, fromLocal: FromLocal): Instant {
  return { seconds: offset === undefined ? fromLocal(local) : local - offset, nanos };
}

/** Digits behind a point as nanoseconds; what is beyond the ninth is cut. */
export function nanosOf(digits: string): number {
  return Number(digits.slice(0, 9).padEnd(9, '0'));
}
