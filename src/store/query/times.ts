/** Times as queries write them. */

/** A moment: whole seconds since 1970 and nanoseconds, 0 to 999,999,999. */
export interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

/** What a written time covers, [start, end): `2026-11-21` is that day, `2026-11-21T15:04` that minute. */
export interface TimeSpan {
  readonly start: Moment;
  readonly end: Moment;
}

/** For error texts: what a time may look like. */
export const timeForms = '2026-11-21, 2026-11-21T15:04:05.123Z, milliseconds since 1970, now, now-15m';

const isoForm =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?)?)?$/;
/** Five digits and more, so that `2026` is a year. */
const msForm = /^-?\d{5,16}$/;
const relativeForm = /^now(?:([+-])(\d{1,9})(ms|s|m|h|d|w))?$/;
const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** What JavaScript's dates can hold, to both sides of 1970. */
const msMax = 8.64e15;

/** Reads a time: ISO 8601 (without a zone it is UTC; cut short it is the whole year, month, day, …) or ms since 1970. Undefined: it is none. */
export function parseTime(text: string): TimeSpan | undefined {
  if (msForm.test(text)) {
    const ms = Number(text);
    return Math.abs(ms) < msMax ? { start: momentOf(ms), end: momentOf(ms + 1) } : undefined;
  }
  const parts = isoForm.exec(text);
  return parts ? isoSpan(parts) : undefined;
}

/** `now`, `now-15m`, `now+1h` as ms since 1970. Undefined: the text is none of them. */
export function relativeMs(text: string, nowMs: number): number | undefined {
  const parts = relativeForm.exec(text);
  if (!parts) return undefined;
  const [, sign, count, unit] = parts;
  if (sign === undefined) return Math.floor(nowMs);
  const ms = Number(count) * (unitMs[unit ?? ''] ?? 0);
  return Math.floor(nowMs) + (sign === '-' ? -ms : ms);
}

/** Milliseconds since 1970, with a fraction or without. */
export function momentOf(ms: number): Moment {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

function isoSpan(parts: RegExpExecArray): TimeSpan | undefined {
  const [, year, month, day, hour, minute, second, fraction, , sign, zoneHour, zoneMinute] = parts;
  const fields = [Number(year), Number(month ?? 1), Number(day ?? 1), Number(hour ?? 0), Number(minute ?? 0)] as const;
  const date = utc(...fields, Number(second ?? 0));
  // 31 February and hour 25 come back as something else.
  const isReal =
    date.getUTCMonth() === fields[1] - 1 &&
    date.getUTCDate() === fields[2] &&
    date.getUTCHours() === fields[3] &&
    date.getUTCMinutes() === fields[4] &&
    date.getUTCSeconds() === Number(second ?? 0);
  if (!isReal || Number(zoneHour ?? 0) > 23 || Number(zoneMinute ?? 0) > 59) return undefined;
  const zoneSeconds = (Number(zoneHour ?? 0) * 3600 + Number(zoneMinute ?? 0) * 60) * (sign === '-' ? -1 : 1);
  const seconds = date.getTime() / 1000 - zoneSeconds;
  if (fraction !== undefined) {
    const nanos = Number(fraction.padEnd(9, '0'));
    return { start: { seconds, nanos }, end: added({ seconds, nanos }, 10 ** (9 - fraction.length)) };
  }
  const start = { seconds, nanos: 0 };
  if (second !== undefined) return { start, end: { seconds: seconds + 1, nanos: 0 } };
  if (minute !== undefined) return { start, end: { seconds: seconds + 60, nanos: 0 } };
  if (hour !== undefined) return { start, end: { seconds: seconds + 3600, nanos: 0 } };
  if (day !== undefined) return { start, end: { seconds: seconds + 86_400, nanos: 0 } };
  const next = month === undefined ? utc(fields[0] + 1, 1, 1, 0, 0, 0) : utc(fields[0], fields[1] + 1, 1, 0, 0, 0);
  return { start, end: { seconds: next.getTime() / 1000, nanos: 0 } };
}

/** Date.UTC takes years below 100 for 19xx; this does not. */
function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): Date {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date;
}

function added(moment: Moment, nanos: number): Moment {
  const sum = moment.nanos + nanos;
  return sum < 1e9 ? { seconds: moment.seconds, nanos: sum } : { seconds: moment.seconds + 1, nanos: sum - 1e9 };
}
