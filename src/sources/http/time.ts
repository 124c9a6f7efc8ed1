/** The `time` parameter of a request. Source: Fluentd 1.16 in_http.rb: `to_f`, where 0 and what is no number mean now. */
import { decimalInstant } from '../../codecs/in_http.ts';
import type { Instant } from '../../core/clock.ts';
import { Refusal } from '../requests/refusal.ts';

/** Ruby's String#to_f: the number that a text begins with, digits perhaps grouped by `_`; 0 where there is none. */
function leadingNumber(text: string): number {
  const [, found = ''] = /^\s*([-+]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][-+]?\d+)?)/.exec(text) ?? [];
  return found === '' ? 0 : Number(found.replaceAll('_', ''));
}

/** The time that all records of a request get, or undefined for that of their arrival. @throws Refusal invalid_time */
export function parameterTime(text: string): Instant | undefined {
  const seconds = leadingNumber(text);
  if (seconds === 0) return undefined;
  // By the digits of the shortest text that is this number, as there: `.123456789` behind ten digits is `.1234567`.
  const instant = decimalInstant(Math.abs(seconds) < 1e-6 ? seconds.toFixed(9) : String(seconds));
  if (instant) return instant;
  throw new Refusal(
    'invalid_time',
    `time ${JSON.stringify(text.slice(0, 60))} is beyond all calendars: write seconds since 1970`,
  );
}
