/** Times as the API and the command line write and read them. */
import { readVariable } from '../../config/env-values.ts';
import type { Instant } from '../../core/clock.ts';

/** What `parseTime` takes, for errors. */
export const timeForms =
  'ms since 1970, ISO 8601 such as 2026-11-21T15:00:00Z (UTC where no zone is given), now, or now-15m (units ms, s, m, h, d, w)';

const daySeconds = 86_400;
const daysOf400Years = 146_097;

/**
 * ISO 8601 in UTC with nanoseconds. Years outside 0 to 9999 have a sign and at least six digits (`+012345-…`), beyond
 * what Date can hold too.
 */
export function timeText(seconds: number, nanos: number): string {
  const fraction = `${String(nanos).padStart(9, '0')}Z`;
  // 0000-01-01 to 9999-12-31, where Date prints four digits; several times faster than what follows.
  if (seconds >= -62_167_219_200 && seconds < 253_402_300_800)
    return `${new Date(seconds * 1000).toISOString().slice(0, 20)}${fraction}`;
  const days = Math.floor(seconds / daySeconds);
  const rest = seconds - days * daySeconds;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const { year, month, day } = dateOf(days);
  const sign = year < 0 ? '-' : '+';
  return `${sign}${String(Math.abs(year)).padStart(6, '0')}-${two(month)}-${two(day)}T${two(rest / 3600)}:${two((rest % 3600) / 60)}:${two(rest % 60)}.${fraction}`;
}

/** Ms since 1970, rounded down, or undefined for a text of another form or a date that does not exist. `nowMs` is what `now` stands for. */
export function parseTime(text: string, nowMs: number): number | undefined {
  const written = text.trim();
  if (/^[-+]?\d+$/.test(written)) return within(Number(written));
  const relative = /^now(?:([-+ ])(.+))?$/i.exec(written);
  if (relative) {
    if (relative[2] === undefined) return nowMs;
    const weeks = /^(\d{1,9})w$/.exec(relative[2].trim())?.[1];
    const span = readVariable('duration', weeks === undefined ? relative[2].trim() : `${Number(weeks) * 7}d`);
    // A + that was not escaped in a URL arrives as a blank.
    return typeof span === 'number' ? within(Math.floor(nowMs + (relative[1] === '-' ? -span : span))) : undefined;
  }
  const instant = parseInstant(written);
  return instant && within(instant.seconds * 1000 + Math.floor(instant.nanos / 1_000_000));
}

function within(ms: number): number | undefined {
  return Number.isSafeInteger(ms) ? ms : undefined;
}

const isoForm =
  /^([-+]\d{4,12}|\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)? ?(Z|[-+ ]?\d{2}(?::?\d{2})?)?)?$/i;

/** A time of ISO 8601, or undefined for a text of another form or a date that does not exist. */
export function parseInstant(text: string): Instant | undefined {
  const found = isoForm.exec(text);
  if (!found) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offsetMinutes = zoneMinutes(found[8]);
  if (offsetMinutes === undefined) return undefined;
  const seconds = daysUntil(year, month, day) * daySeconds + (hour * 60 + minute - offsetMinutes) * 60 + second;
  return { seconds, nanos: Number((found[7] ?? '').slice(0, 9).padEnd(9, '0')) };
}

/** Minutes east of UTC. The sign is missing where a URL turned + into a blank. */
function zoneMinutes(text: string | undefined): number | undefined {
  if (text === undefined || /^z$/i.test(text)) return 0;
  const found = /^([-+ ]?)(\d{2}):?(\d{2})?$/.exec(text);
  if (!found) return undefined;
  const [hours, minutes] = [Number(found[2]), Number(found[3] ?? 0)];
  if (hours > 23 || minutes > 59) return undefined;
  return (found[1] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

// The Gregorian calendar repeats every 400 years; counted from 1 March, leap days come last in their year.

/** Days from 1970-01-01 to a date. */
function daysUntil(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const cycle = Math.floor(marchYear / 400);
  const yearInCycle = marchYear - cycle * 400;
  const dayInYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayInCycle = yearInCycle * 365 + Math.floor(yearInCycle / 4) - Math.floor(yearInCycle / 100) + dayInYear;
  return cycle * daysOf400Years + dayInCycle - 719_468;
}

function dateOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const cycle = Math.floor(shifted / daysOf400Years);
  const dayInCycle = shifted - cycle * daysOf400Years;
  const yearInCycle = Math.floor(
    (dayInCycle -
      Math.floor(dayInCycle / 1460) +
      Math.floor(dayInCycle / 36_524) -
      Math.floor(dayInCycle / (daysOf400Years - 1))) /
      365,
  );
  const dayInYear = dayInCycle - (365 * yearInCycle + Math.floor(yearInCycle / 4) - Math.floor(yearInCycle / 100));
  const marchMonth = Math.floor((5 * dayInYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearInCycle + cycle * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayInYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}
