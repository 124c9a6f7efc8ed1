/** The time of an entry: where a record says one of its own, and how the API writes it. Source: fluent-plugin-google-cloud 0.13; RFC 3339. */
import type { Instant } from '../../core/clock.ts';
import { Float, deleteField, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

/** Years that the API can write: 0001 to 9999. */
const secondsMin = -62_135_596_800;
const secondsMax = 253_402_300_799;

/** The time that a record says in `timestamp` (seconds and nanos), or in `timestampSeconds` and `timestampNanos`, which are taken out of it. */
export function writtenPair(record: Fields): Instant | undefined {
  const object = getField(record, 'timestamp');
  const whole = isFields(object) ? instantOf(getField(object, 'seconds'), getField(object, 'nanos')) : undefined;
  if (whole) deleteField(record, 'timestamp');
  if (whole) return whole;
  const pair = instantOf(getField(record, 'timestampSeconds'), getField(record, 'timestampNanos'));
  if (!pair) return undefined;
  deleteField(record, 'timestampSeconds');
  deleteField(record, 'timestampNanos');
  return pair;
}

/** The same, or in `timeNanos` or `time`; else its own. What is no time stays where it is. */
export function writtenTime(record: Fields, own: Instant): Instant {
  const pair = writtenPair(record);
  if (pair) return pair;
  const nanos = wholeOf(getField(record, 'timeNanos'));
  if (nanos !== undefined) {
    const seconds = nanos / 1_000_000_000n;
    const found = instantOf(seconds, nanos - seconds * 1_000_000_000n);
    if (found) deleteField(record, 'timeNanos');
    if (found) return found;
  }
  const text = getField(record, 'time');
  const found = typeof text === 'string' ? iso8601(text) : undefined;
  if (found) deleteField(record, 'time');
  return found ?? own;
}

/** A time as RFC 3339, with as many digits as it needs. */
export function timeOf({ seconds, nanos }: Instant): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0')}`;
  return `${whole}${fraction}Z`;
}

/** Seconds and nanoseconds as an instant; undefined: they are none. */
function instantOf(seconds: Value | undefined, nanos: Value | undefined): Instant | undefined {
  const whole = wholeOf(seconds);
  const rest = wholeOf(nanos);
  if (whole === undefined || rest === undefined || rest < 0n || rest > 999_999_999n) return undefined;
  if (whole < secondsMin || whole > secondsMax) return undefined;
  return { seconds: Number(whole), nanos: Number(rest) };
}

function wholeOf(value: Value | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value;
  const number = value instanceof Float ? value.value : value;
  if (typeof number === 'number') return Number.isFinite(number) ? BigInt(Math.trunc(number)) : undefined;
  return typeof value === 'string' && /^\s*[+-]?\d{1,20}\s*$/.test(value) ? BigInt(value.trim()) : undefined;
}

/** ISO 8601 with date, time and zone, as Ruby's Time.iso8601 takes it. */
function iso8601(text: string): Instant | undefined {
  const match = /^\s*(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)\s*$/i.exec(text);
  if (!match) return undefined;
  const [, day = '', clock = '', fraction = '', zone = ''] = match;
  const ms = Date.parse(`${day}T${clock}${zone.toUpperCase().replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2')}`);
  if (Number.isNaN(ms)) return undefined;
  return { seconds: ms / 1000, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}
