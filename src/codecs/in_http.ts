/**
 * What the `http` source makes of JSON and MessagePack bodies where no other parser is named: which field is a record's
 * time, and how that is read. Source: Fluentd 1.16 in_http.rb, InHttpParser and convert_time_field.
 */
import type { Clock, Instant } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { jsonDepthMax, parseExact, scanJson } from '../core/json.ts';
import { packedTime } from '../core/msgpack.ts';
import { boolean, choice, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { Float, copyFields, deleteField, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { compileAnyTime } from './guess-time.ts';
import { rubyText } from './ruby.ts';
import { zoneOf } from './strftime.ts';
import { compileStrptime } from './strptime.ts';

const options = {
  timeKey: text("The field that holds the record's time.", { default: 'time' }),
  keepTimeKey: boolean('Leaves that field in the record.', { default: false }),
  timeType: choice(['float', 'unixtime', 'string'])(
    'What it holds: seconds with a fraction, whole seconds, or text. Without it and time_format: a number of seconds.',
  ),
  timeFormat: text('How text is read (strptime); any usual form unless set.'),
  localtime: boolean("Takes text without a zone as this machine's time.", { default: true }),
  utc: boolean('Takes text without a zone as UTC.', { default: false }),
  timezone: text('Takes text without a zone as time of this zone: +09:00 or Asia/Tokyo.'),
};
export type RecordTimeOptions = OptionValues<typeof options>;

/** The options that nobody wrote. */
export const recordTimeDefaults: RecordTimeOptions = {
  timeKey: 'time',
  keepTimeKey: false,
  timeType: undefined,
  timeFormat: undefined,
  localtime: true,
  utc: false,
  timezone: undefined,
};

export const inHttpParser = definePlugin({
  kind: 'parser',
  name: 'in_http',
  summary: 'Takes bodies of the http source as JSON or MessagePack, and says which field is the time.',
  options,
  example: `<source>
  @type http
  bind 127.0.0.1
  <parse>
    time_key at
    time_format %Y-%m-%dT%H:%M:%S%z
  </parse>
</source>`,
  check: ({ options: values }) => void zoneOf(values),
  create({ options: values }, { clock }) {
    const timeOf = compileRecordTime(values, clock);
    return {
      parse(line) {
        let parsed: unknown;
        const written = line.toString();
        try {
          parsed = JSON.parse(written);
        } catch (error) {
          return { problem: `not JSON: ${errorText(error)}`, kind: 'mismatch' };
        }
        if (!isFields(parsed as Value)) return { problem: 'expected a JSON object', kind: 'mismatch' };
        const { exact, tooDeep } = scanJson(Buffer.from(written));
        if (tooDeep) return { problem: `nested deeper than ${jsonDepthMax} levels`, kind: 'invalid' };
        const fields = exact ? parseExact(written.trim()) : (parsed as Fields);
        const time = timeOf(getField(fields, values.timeKey));
        if (time !== undefined && 'problem' in time) return { ...time, kind: 'invalid' };
        if (values.keepTimeKey) return { fields, time };
        const rest = copyFields(fields);
        deleteField(rest, values.timeKey);
        return { fields: rest, time };
      },
    };
  },
});

/** Reads the value of the time field; undefined: there is none, the record has the time of its arrival. */
export type RecordTime = (value: Value | undefined) => Instant | { readonly problem: string } | undefined;

/** Compiles how the time field is read. Texts of problems that Fluentd has too are its own. */
export function compileRecordTime(values: RecordTimeOptions, clock: Clock): RecordTime {
  const parse =
    values.timeType === undefined && values.timeFormat === undefined ? numberTime : writtenTime(values, clock);
  return (value) => {
    // Ruby takes false for nothing too.
    if (value === undefined || value === null || value === false) return undefined;
    return packedTime(value) ?? parse(value);
  };
}

function numberTime(value: Value): Instant | { readonly problem: string } {
  const seconds = numberOf(value);
  if (seconds === undefined) return { problem: `can't convert ${rubyKind(value)} into an exact number` };
  return secondsInstant(seconds) ?? { problem: `the time ${String(seconds)} is beyond all calendars` };
}

function writtenTime(
  values: RecordTimeOptions,
  clock: Clock,
): (value: Value) => Instant | { readonly problem: string } {
  const isText = (values.timeType ?? 'string') === 'string';
  if (isText) {
    const parse =
      values.timeFormat === undefined
        ? compileAnyTime(values, clock)
        : compileStrptime(values.timeFormat, values, clock);
    return (value) => {
      if (typeof value !== 'string') return { problem: `value must be string: ${shown(value)}` };
      return parse(value) ?? { problem: `invalid time format: value = ${shown(value)}` };
    };
  }
  return (value) => {
    const isNumeric = typeof value !== 'string' || /^\s*[-+]?\d+(?:\.\d+)?\s*$/.test(value);
    const seconds = isNumeric ? (typeof value === 'string' ? Number(value) : numberOf(value)) : undefined;
    const digits = typeof value === 'string' ? value.trim() : undefined;
    const instant =
      seconds === undefined
        ? undefined
        : values.timeType === 'unixtime'
          ? secondsInstant(Math.trunc(seconds))
          : decimalInstant(digits ?? String(seconds));
    return instant ?? { problem: `invalid time format: value = ${shown(value)}` };
  };
}

/** A value as it stands in an answer: not more of it than a person reads. */
const shown = (value: Value): string => rubyText(value).slice(0, 100);

function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Float ? value.value : undefined;
}

/** How Ruby calls what is no number. */
function rubyKind(value: Value): string {
  if (typeof value === 'boolean') return value ? 'TrueClass' : 'FalseClass';
  if (value === null) return 'nil';
  if (typeof value === 'string' || value instanceof Uint8Array) return 'String';
  return Array.isArray(value) ? 'Array' : 'Hash';
}

/** The last second that a Date of JavaScript can tell. */
const secondsMax = 8_640_000_000_000;

/** Seconds as the number stands in memory, to the nanosecond below it: Ruby's Time.at. */
function secondsInstant(value: number): Instant | undefined {
  if (!(Math.abs(value) <= secondsMax)) return undefined;
  const seconds = Math.floor(value);
  // Exact for times of this age: the fraction of a number beyond 2^30 has 22 bits, a thousand million 30.
  return { seconds, nanos: Math.min(999_999_999, Math.floor((value - seconds) * 1e9)) };
}

/** Seconds by the digits that are written, nine behind the point at most. */
export function decimalInstant(written: string): Instant | undefined {
  const [, sign = '', whole = '', fraction = ''] = /^([-+]?)(\d+)(?:\.(\d+))?$/.exec(written) ?? [];
  const seconds = Number(whole);
  if (whole === '' || seconds > secondsMax) return undefined;
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-' || (seconds === 0 && nanos === 0)) return { seconds, nanos };
  return nanos === 0 ? { seconds: -seconds, nanos } : { seconds: -seconds - 1, nanos: 1_000_000_000 - nanos };
}
