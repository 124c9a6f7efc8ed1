/** Methods of Time and DateTime, and what makes them from text and numbers. Source: Ruby 3.1 time.c, time.rb. */
import { civilSeconds, compileLocal, instantOf } from '../../codecs/civil.ts';
import { compileAnyTime } from '../../codecs/guess-time.ts';
import { parseZone, zoneOffset } from '../../codecs/strftime.ts';
import type { Zone } from '../../codecs/strftime.ts';
import { compileStrptime } from '../../codecs/strptime.ts';
import { errorText } from '../../core/errors.ts';
import { Float } from '../../core/record.ts';
import { coerced } from '../arithmetic.ts';
import { LimitError, RubyError, argumentError, typeError } from '../failures.ts';
import type { Frame, MethodTable } from '../frame.ts';
import { compare, hashGet, needInteger, needText, order, timeText, toText } from '../semantics.ts';
import {
  RubyRecordTime,
  RubyTime,
  doubleOf,
  floatOf,
  isHash,
  isInteger,
  isNumber,
  isText,
  symbolOf,
  textOf,
} from '../values.ts';
import type { RubyValue } from '../values.ts';

const local: Zone = { kind: 'local' };
const utc: Zone = { kind: 'utc' };

/** The parts of a time in its zone. */
function civil(time: RubyTime): Date {
  return new Date((time.seconds + zoneOffset(time.zone, time.seconds)) * 1000);
}
function field(read: (date: Date, time: RubyTime) => RubyValue): MethodTable<RubyTime>[string] {
  return [0, 0, (self) => read(civil(self), self)];
}
function written(format: string): MethodTable<RubyTime>[string] {
  return [0, 0, (self) => timeText(self, format)];
}

/** A zone as Ruby takes it: `+09:00`, `UTC`, seconds. @throws RubyError */
function zoneOf(value: RubyValue): Zone {
  if (isNumber(value)) return { kind: 'offset', seconds: needInteger(value) };
  const text = needText(value);
  if (/^(?:utc|z|-00:00)$/i.test(text)) return utc;
  try {
    return parseZone(text);
  } catch {
    throw argumentError(`"+HH:MM", "-HH:MM", "UTC" or "A".."I","K".."Z" expected for utc_offset: ${text}`);
  }
}

/** A number of seconds split exactly: fractions of text and doubles to the nanosecond. */
function splitSeconds(value: RubyValue): readonly [number, number] {
  if (isInteger(value)) return [Number(value), 0];
  if (value instanceof Float || typeof value === 'number') {
    const double = doubleOf(value);
    if (!Number.isFinite(double)) throw new RubyError('FloatDomainError', String(double));
    const seconds = Math.floor(double);
    return [seconds, Math.floor((double - seconds) * 1e9)];
  }
  throw typeError(`can't convert ${value === null ? 'nil' : isText(value) ? 'String' : 'this'} into an exact number`);
}
function timeOf(seconds: number, nanos: number, zone: Zone, isDateTime = false): RubyTime {
  const whole = seconds + Math.floor(nanos / 1e9);
  // What JavaScript's Date holds, within a day; no log is from elsewhere.
  if (Math.abs(whole) > 8_640_000_000_000 - 86_400) throw new RubyError('RangeError', `time ${whole} out of range`);
  return new RubyTime(whole, ((nanos % 1e9) + 1e9) % 1e9, zone, isDateTime);
}

function moved(self: RubyTime, by: RubyValue, sign: 1 | -1): RubyTime {
  if (by instanceof RubyTime) throw typeError('time + time?');
  // A DateTime counts in days.
  const size = self.isDateTime ? splitSeconds(floatOf(doubleOf(coerced(0, by)) * 86_400)) : splitSeconds(by);
  return timeOf(self.seconds + sign * size[0], self.nanos + sign * size[1], self.zone, self.isDateTime);
}
function minus(self: RubyTime, other: RubyValue): RubyValue {
  if (!(other instanceof RubyTime)) return moved(self, other, -1);
  const seconds = self.seconds - other.seconds + (self.nanos - other.nanos) / 1e9;
  return floatOf(self.isDateTime ? seconds / 86_400 : seconds);
}

function iso(self: RubyTime, args: readonly RubyValue[]): string {
  const digits = args.length > 0 ? needInteger(args[0] ?? null) : 0;
  const fraction = digits > 0 ? `.%${Math.min(digits, 100)}N` : '';
  return timeText(self, `%FT%T${fraction}${self.zone.kind === 'utc' && !self.isDateTime ? 'Z' : '%:z'}`);
}
function inZone(self: RubyTime, args: readonly RubyValue[], isCopy: boolean): RubyTime {
  const [offset = null] = args;
  const zone = offset === null ? local : zoneOf(offset);
  if (isCopy) return new RubyTime(self.seconds, self.nanos, zone, self.isDateTime);
  self.zone = zone;
  return self;
}
function toUtc(self: RubyTime): RubyTime {
  self.zone = utc;
  return self;
}
function roundedTo(self: RubyTime, args: readonly RubyValue[], mode: (value: number) => number): RubyTime {
  const digits = args.length > 0 ? needInteger(args[0] ?? null) : 0;
  if (digits < 0 || digits > 9) return self;
  const unit = 10 ** (9 - digits);
  return timeOf(self.seconds, mode(self.nanos / unit) * unit, self.zone, self.isDateTime);
}
function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}
const dayNames = ['sunday?', 'monday?', 'tuesday?', 'wednesday?', 'thursday?', 'friday?', 'saturday?'];
const comparisons: MethodTable<RubyTime> = {
  '<': [1, 1, (self, [other = null]) => order(self, other) < 0],
  '<=': [1, 1, (self, [other = null]) => order(self, other) <= 0],
  '>': [1, 1, (self, [other = null]) => order(self, other) > 0],
  '>=': [1, 1, (self, [other = null]) => order(self, other) >= 0],
  '<=>': [1, 1, (self, [other = null]) => compare(self, other) ?? null],
  'between?': [2, 2, (self, [low = null, high = null]) => order(self, low) >= 0 && order(self, high) <= 0],
};

export const timeMethods: MethodTable<RubyTime> = {
  ...comparisons,
  ...Object.fromEntries(dayNames.map((name, day) => [name, field((date) => date.getUTCDay() === day)])),
  to_i: [0, 0, (self) => self.seconds],
  tv_sec: [0, 0, (self) => self.seconds],
  to_f: [0, 0, (self) => floatOf(self.seconds + self.nanos / 1e9)],
  nsec: [0, 0, (self) => self.nanos],
  tv_nsec: [0, 0, (self) => self.nanos],
  usec: [0, 0, (self) => Math.floor(self.nanos / 1000)],
  tv_usec: [0, 0, (self) => Math.floor(self.nanos / 1000)],
  year: field((date) => date.getUTCFullYear()),
  month: field((date) => date.getUTCMonth() + 1),
  mon: field((date) => date.getUTCMonth() + 1),
  day: field((date) => date.getUTCDate()),
  mday: field((date) => date.getUTCDate()),
  hour: field((date) => date.getUTCHours()),
  min: field((date) => date.getUTCMinutes()),
  minute: field((date) => date.getUTCMinutes()),
  sec: field((date) => date.getUTCSeconds()),
  second: field((date) => date.getUTCSeconds()),
  wday: field((date) => date.getUTCDay()),
  yday: field(dayOfYear),
  zone: [0, 0, (self) => (self.isDateTime ? timeText(self, '%:z') : timeText(self, '%Z') || null)],
  utc_offset: [0, 0, (self) => zoneOffset(self.zone, self.seconds)],
  gmt_offset: [0, 0, (self) => zoneOffset(self.zone, self.seconds)],
  gmtoff: [0, 0, (self) => zoneOffset(self.zone, self.seconds)],
  'utc?': [0, 0, (self) => self.zone.kind === 'utc'],
  'gmt?': [0, 0, (self) => self.zone.kind === 'utc'],
  utc: [0, 0, toUtc],
  gmtime: [0, 0, toUtc],
  getutc: [0, 0, (self) => new RubyTime(self.seconds, self.nanos, utc)],
  getgm: [0, 0, (self) => new RubyTime(self.seconds, self.nanos, utc)],
  localtime: [0, 1, (self, args) => inZone(self, args, false)],
  getlocal: [0, 1, (self, args) => inZone(self, args, true)],
  new_offset: [
    0,
    1,
    (self, args) => new RubyTime(self.seconds, self.nanos, args.length > 0 ? zoneOf(args[0] ?? null) : utc, true),
  ],
  to_time: [0, 0, (self) => new RubyTime(self.seconds, self.nanos, self.zone)],
  to_datetime: [0, 0, (self) => new RubyTime(self.seconds, self.nanos, self.zone, true)],
  strftime: [1, 1, (self, [format]) => timeText(self, needText(format ?? null))],
  iso8601: [0, 1, iso],
  xmlschema: [0, 1, iso],
  rfc3339: [0, 1, iso],
  rfc2822: written('%a, %d %b %Y %T %z'),
  rfc822: written('%a, %d %b %Y %T %z'),
  httpdate: [0, 0, (self) => timeText(new RubyTime(self.seconds, self.nanos, utc), '%a, %d %b %Y %T GMT')],
  ctime: written('%a %b %e %T %Y'),
  asctime: written('%a %b %e %T %Y'),
  '+': [1, 1, (self, [by = null]) => moved(self, by, 1)],
  '-': [1, 1, (self, [other = null]) => minus(self, other)],
  round: [0, 1, (self, args) => roundedTo(self, args, Math.round)],
  floor: [0, 1, (self, args) => roundedTo(self, args, Math.floor)],
  ceil: [0, 1, (self, args) => roundedTo(self, args, Math.ceil)],
  to_a: [
    0,
    0,
    (self) => {
      const date = civil(self);
      return [
        date.getUTCSeconds(),
        date.getUTCMinutes(),
        date.getUTCHours(),
        date.getUTCDate(),
        date.getUTCMonth() + 1,
        date.getUTCFullYear(),
        date.getUTCDay(),
        dayOfYear(date),
        false,
        timeText(self, '%Z'),
      ];
    },
  ],
};

/** What Fluentd 1.16's EventTime has of its own (fluent/time.rb). All else is asked of its whole seconds. */
export const recordTimeMethods: MethodTable<RubyRecordTime> = {
  sec: [0, 0, (self) => self.seconds],
  nsec: [0, 0, (self) => self.nanos],
  to_i: [0, 0, (self) => self.seconds],
  to_int: [0, 0, (self) => self.seconds],
  to_f: [0, 0, (self) => floatOf(self.seconds + self.nanos / 1e9)],
  to_time: [0, 0, (self) => new RubyTime(self.seconds, self.nanos, local)],
  to_s: [0, 0, (self) => String(self.seconds)],
  inspect: [0, 0, (self) => timeText(new RubyTime(self.seconds, self.nanos, local), '%F %T.%9N %z')],
};

// ---------------------------------------------------------------------------------------------------- making times

type Make = (args: readonly RubyValue[], frame: Frame) => RubyValue;

/** `Time.at(seconds)`, `Time.at(seconds, part, unit)`, `Time.at(time)`, each with `in:`. */
export const timeAt: Make = (args) => {
  const options = args.find(isHash);
  const [value = null, part, unit] = args.filter((arg) => !isHash(arg));
  const place = options && hashGet(options, symbolOf('in'));
  const zone = place === undefined || place === null ? local : zoneOf(place);
  if (value instanceof RubyTime)
    return new RubyTime(value.seconds, value.nanos, place === undefined ? value.zone : zone);
  if (value instanceof RubyRecordTime) return timeOf(value.seconds, value.nanos, zone);
  const [seconds, nanos] = splitSeconds(value);
  if (part === undefined) return timeOf(seconds, nanos, zone);
  const name = unit === undefined ? 'microsecond' : toText(unit);
  const scale = { millisecond: 1e6, usec: 1000, microsecond: 1000, nsec: 1, nanosecond: 1 }[name];
  if (scale === undefined) throw argumentError(`unexpected unit: ${name}`);
  return timeOf(seconds, nanos + Math.floor(doubleOf(coerced(0, part)) * scale), zone);
};
/** The zone of a text as Ruby keeps it: UTC for Z, the offset written, else local. */
function writtenZone(text: string): Zone {
  const offset = /([+-]\d\d:?\d\d)\s*(?:\([^)]*\))?\s*$/.exec(text)?.[1];
  if (offset !== undefined) return /^-00:?00$/.test(offset) ? utc : parseZone(offset);
  return /(?:\d\s*Z|\bUTC|\bGMT)\s*$/i.test(text) ? utc : local;
}
/** `Time.parse`, `Time.iso8601` and `DateTime.parse`. */
export function parseTime(isDateTime: boolean): Make {
  return ([value = null], frame) => {
    const text = needText(value);
    const found = compileAnyTime(isDateTime ? { utc: true } : {}, frame.around.clock)(text);
    if (!found)
      throw isDateTime
        ? new RubyError('Date::Error', 'invalid date')
        : argumentError(`no time information in "${text}"`);
    const zone = writtenZone(text);
    return timeOf(found.seconds, found.nanos, isDateTime && zone.kind === 'local' ? utc : zone, isDateTime);
  };
}
export function strptime(isDateTime: boolean): Make {
  return ([value = null, format = null], frame) => {
    const [text, form] = [needText(value), needText(format)];
    let found: ReturnType<ReturnType<typeof compileStrptime>>;
    try {
      found = compileStrptime(form, isDateTime ? { utc: true } : {}, frame.around.clock)(text);
    } catch (error) {
      throw new LimitError(errorText(error));
    }
    if (!found)
      throw isDateTime
        ? new RubyError('Date::Error', 'invalid date')
        : argumentError(`invalid date or strptime format - \`${text}' \`${form}'`);
    const zone = /%:*z|%Z/i.test(form) ? writtenZone(text) : isDateTime ? utc : local;
    return timeOf(found.seconds, found.nanos, isDateTime && zone.kind === 'local' ? utc : zone, isDateTime);
  };
}
export const timeNow: Make = (args, frame) => {
  const now = frame.around.clock.nowMs();
  const options = args.find(isHash);
  const place = options && hashGet(options, symbolOf('in'));
  return timeOf(
    Math.floor(now / 1000),
    Math.round((now % 1000) * 1e6),
    place === undefined || place === null ? local : zoneOf(place),
  );
};
/** `Time.new`, `Time.local`, `Time.utc` with year to second. */
export function timeFrom(zone: Zone): Make {
  return (args, frame) => {
    const values = args.filter((arg) => !isHash(arg));
    if (values.length === 0) return timeNow(args, frame);
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = values
      .slice(0, 5)
      .map((part) => (part === null ? 1 : isText(part) ? monthOrNumber(textOf(part)) : needInteger(part)));
    const [second, nanos] =
      values[5] === undefined || values[5] === null
        ? [0, 0]
        : splitSeconds(isText(values[5]) ? Number(textOf(values[5])) : values[5]);
    const place = values[6] === undefined || values[6] === null ? zone : zoneOf(values[6]);
    const seconds = civilSeconds(year, month, day, hour, minute, second);
    const found = seconds === undefined ? undefined : instantOf(seconds, nanos, undefined, compileLocal(place));
    if (!found) throw argumentError('argument out of range');
    return timeOf(found.seconds, found.nanos, place);
  };
}
const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
function monthOrNumber(text: string): number {
  const month = monthNames.indexOf(text.toLowerCase());
  if (month >= 0) return month + 1;
  if (!/^\d+$/.test(text)) throw argumentError(`invalid value for Integer(): "${text}"`);
  return Number(text);
}
export const timeZones = { local, utc };
