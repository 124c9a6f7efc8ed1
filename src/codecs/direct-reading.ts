/** What the short way of a parser does about the record's time, by the options that parsers of Fluentd share. */
import type { Clock } from '../core/clock.ts';
import { nanosOf } from './civil.ts';
import type { DirectTimeRules } from './direct-json.ts';
import { compileReadTime } from './parse-time.ts';
import type { ReadTime } from './parse-time.ts';
import type { RecordReading } from './record-reading.ts';
import type { FractionPlace, ReadPlaced } from './remembered-time.ts';

/** Directives that say which year it is: without one a time depends on when it is read. */
const hasYear = /%[-0^#:_]*\d*[YysQDFcxv+]|^%iso8601$/;
/** A fraction of a second, as far as its digits are kept. */
const fractionForm = /(?<=[.,])\d{1,9}(?!\d)/g;

/** Undefined where records have to be taken apart. */
export function directRules(reading: RecordReading, clock: Clock): DirectTimeRules | undefined {
  const { types = {}, nullValuePattern, nullEmptyString, estimateCurrentEvent, timeKey, keepTimeKey } = reading;
  if (Object.keys(types).length > 0 || nullValuePattern !== undefined || nullEmptyString || !estimateCurrentEvent)
    return undefined;
  if (timeKey === undefined) return { timeKey: '', timeKeep: true, readTime: undefined };
  const readTime = placedTime(reading, clock);
  return readTime && { timeKey, timeKeep: keepTimeKey, readTime, mustBeTime: true };
}

/** Undefined where the same text may be another time later. */
function placedTime(reading: RecordReading, clock: Clock): ReadPlaced | undefined {
  const { timeType = 'string', timeFormat } = reading;
  if (timeType === 'mixed') return undefined;
  const read = compileReadTime(reading, clock);
  if (timeType !== 'string') return (text) => read(text);
  if (timeFormat === undefined || !hasYear.test(timeFormat)) return undefined;
  return (text, place) => {
    const found = read(text);
    if (found) findFraction(read, text, found, place);
    return found;
  };
}

/** Says where the fraction stands, where other digits there make it another one and change nothing else. */
function findFraction(read: ReadTime, text: string, found: Found, place: FractionPlace): void {
  const [match, ...others] = text.matchAll(fractionForm);
  if (!match || others.length > 0) return;
  const from = match.index;
  const until = from + match[0].length;
  const isFraction = (digits: string): boolean => {
    const other = read(text.slice(0, from) + digits + text.slice(until));
    return other?.seconds === found.seconds && other.nanos === nanosOf(digits);
  };
  if (!isFraction('987654321') || !isFraction('0') || !isFraction('05') || nanosOf(match[0]) !== found.nanos) return;
  place.from = from;
  place.until = until;
}

interface Found {
  readonly seconds: number;
  readonly nanos: number;
}
