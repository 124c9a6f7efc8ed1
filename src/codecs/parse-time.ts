/**
 * Field values as times, by the options that parsers and sources share: time_type, time_format, time_format_fallbacks and
 * the zone. Source: Fluentd 1.16 time.rb.
 */
import type { Clock, Instant } from '../core/clock.ts';
import { boolean, choice, list, text } from '../core/options.ts';
import { Float } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { nanosOf } from './civil.ts';
import { compileAnyTime } from './guess-time.ts';
import { zoneOf } from './strftime.ts';
import { compileStrptime } from './strptime.ts';
import type { ParseTime } from './strptime.ts';

const timeTypes = ['string', 'unixtime', 'float', 'mixed'] as const;
export type TimeType = (typeof timeTypes)[number];

/** Options under which times are read. */
export const timeOptions = {
  timeType: choice(timeTypes)(
    'What a time is: text, whole seconds since 1970, seconds with a fraction, or what time_format and time_format_fallbacks say in turn.',
  ),
  timeFormat: text('How a text is read (strptime, or %iso8601); any usual form unless set.'),
  timeFormatFallbacks: list(
    'With time_type mixed: further formats, or `unixtime` and `float`, that are tried in turn.',
    { default: [] },
  ),
  localtime: boolean("Takes text without a zone as this machine's time, which is the default; false: as UTC."),
  utc: boolean('Takes text without a zone as UTC.'),
  timezone: text('Takes text without a zone as time of this zone: +09:00 or Asia/Tokyo.'),
};

export interface TimeReading {
  readonly timeType?: TimeType | undefined;
  readonly timeFormat?: string | undefined;
  readonly timeFormatFallbacks?: readonly string[] | undefined;
  readonly localtime?: boolean | undefined;
  readonly utc?: boolean | undefined;
  readonly timezone?: string | undefined;
}

/** Undefined: the value is no time of the form wanted. */
export type ReadTime = (value: Value) => Instant | undefined;

/** Compiles the options. @throws Error where they do not go together, or the format or zone is not known */
export function compileReadTime(options: TimeReading, clock: Clock): ReadTime {
  const type = options.timeType ?? 'string';
  if (options.localtime !== undefined && options.localtime === options.utc)
    throw new Error(`localtime and utc are both ${options.utc}; write only one of them`);
  zoneOf(options);
  if (type === 'mixed') return mixed(options, clock);
  if (type !== 'string') return (value) => numericInstant(value, type === 'unixtime');
  return textual(options.timeFormat, options, clock);
}

function textual(format: string | undefined, options: TimeReading, clock: Clock): ReadTime {
  if (format === undefined && zoneOf(options).kind !== 'local')
    throw new Error('specifying a timezone requires time_format; without it the zone must stand in the text');
  const parse = remember(
    format === undefined ? compileAnyTime(options, clock) : compileStrptime(format, options, clock),
  );
  return (value) => (typeof value === 'string' ? parse(value) : undefined);
}

function mixed(options: TimeReading, clock: Clock): ReadTime {
  const formats = [options.timeFormat, ...(options.timeFormatFallbacks ?? [])].filter((one) => one !== undefined);
  if (formats.length === 0) throw new Error('time_type mixed needs time_format or time_format_fallbacks');
  const readers = formats.map((format): ReadTime => {
    // Of a number in seconds the fraction counts under either name.
    if (format === 'unixtime' || format === 'float') return (value) => numericInstant(value, false);
    return textual(format, options, clock);
  });
  return (value) => {
    for (const read of readers) {
      const found = read(value);
      if (found) return found;
    }
    return undefined;
  };
}

/** Lines beside each other mostly carry the same second. */
function remember(parse: ParseTime): ParseTime {
  let last: { readonly text: string; readonly time: Instant | undefined } | undefined;
  return (value) => {
    if (last?.text !== value) last = { text: value, time: parse(value) };
    return last.time;
  };
}

/** Seconds since 1970 as number or text. Digits are taken from the text where there is one: a double has too few for nanoseconds. */
function numericInstant(value: Value, isWhole: boolean): Instant | undefined {
  const shown = numberText(value);
  if (shown === undefined) return undefined;
  const [whole = '', fraction = ''] = shown.split('.');
  const seconds = Number(whole);
  if (!Number.isSafeInteger(seconds)) return undefined;
  const nanos = isWhole ? 0 : nanosOf(fraction);
  if (shown.startsWith('-') && nanos > 0) return { seconds: seconds - 1, nanos: 1_000_000_000 - nanos };
  return { seconds: seconds + 0, nanos };
}

/** Decimal digits with an optional fraction, or undefined. */
function numberText(value: Value): string | undefined {
  if (typeof value === 'bigint') return String(value);
  const shown =
    typeof value === 'string'
      ? value.trim()
      : value instanceof Float
        ? value.text
        : typeof value === 'number'
          ? String(value)
          : '';
  if (/^[+-]?\d+(?:\.\d*)?$/.test(shown)) return shown;
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(shown)) return undefined;
  const number = Number(shown);
  return Math.abs(number) < 1e15 ? number.toFixed(9) : undefined;
}
