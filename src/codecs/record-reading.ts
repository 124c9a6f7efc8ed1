/**
 * What parsers do once a text's fields are known: take the record's time out of them, empty what stands for nothing, and
 * give fields their types. Source: Fluentd 1.16 parser.rb.
 */
import { realClock } from '../core/clock.ts';
import { stringifyJson } from '../core/json.ts';
import type { Clock } from '../core/clock.ts';
import { boolean, duration, map, pattern, text } from '../core/options.ts';
import type { OptionTable } from '../core/options.ts';
import type { Parsed, ParseProblem } from '../core/plugin.ts';
import { fieldKeys, getField, setField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { compileConverters } from './field-types.ts';
import { compilePattern, scrub } from './onigmo.ts';
import { compileReadTime, timeOptions } from './parse-time.ts';
import type { TimeReading } from './parse-time.ts';

/** Options of every parser that makes fields of a text; `time_key` is each parser's own. */
export const recordOptions = {
  ...timeOptions,
  keepTimeKey: boolean('Leaves the time in the record.', { default: false }),
  estimateCurrentEvent: boolean(
    'Gives a record that carries no time the time it is read at; otherwise it is refused, and a filter keeps the time it had.',
    { default: true },
  ),
  types: map(
    'Types of fields: string, integer, float, bool, time[:format], array[:delimiter], as `size:integer,tags:array`.',
  ),
  nullValuePattern: pattern('Values that match become null.'),
  nullEmptyString: boolean('Empty values become null.', { default: false }),
  timeout: duration('How long one record may take; 500 ms unless set.'),
};
/** `time_key` of parsers that have a default for it. */
export const timeKeyOption = text("The field that holds the record's time.", { default: 'time' });

/** Options that a parser takes and that have no effect on it, with the reason. */
export function withoutEffect<T extends OptionTable>(options: T, reason: string): T {
  const marked = Object.entries(options).map(([name, spec]) => [name, { ...spec, ignored: reason }]);
  return Object.fromEntries(marked) as T;
}
/** Of recordOptions those that change fields. */
export const convertingOptions = {
  types: recordOptions.types,
  nullValuePattern: recordOptions.nullValuePattern,
  nullEmptyString: recordOptions.nullEmptyString,
};
/** Why they have no effect where a parser of Fluentd leaves its fields alone. */
export const notConverted = 'this parser leaves its fields as they are, as in Fluentd; convert them in a filter';

/** What is read of a parser's options. */
export interface RecordReading extends TimeReading {
  readonly timeKey?: string | undefined;
  readonly keepTimeKey: boolean;
  readonly estimateCurrentEvent: boolean;
  readonly types?: Readonly<Record<string, string>> | undefined;
  readonly nullValuePattern?: string | undefined;
  readonly nullEmptyString: boolean;
}

export interface Finish {
  /** The field that the time is taken from and that the record loses by it. */
  readonly takesKey: string | undefined;
  /** Makes a record of fields that the caller hands over; the time is in them. */
  fields(fields: Fields): Parsed;
  /** The same where the caller kept the value of `takesKey` out of the fields. */
  taken(fields: Fields, time: Value | undefined): Parsed;
}

/** Checks the options as a parser's `check`. @throws Error saying what is wrong */
export function checkReading(options: RecordReading): void {
  compileFinish(options, realClock);
}

/** Compiles the options. @throws Error where they are wrong */
export function compileFinish(options: RecordReading, clock: Clock): Finish {
  const { timeKey } = options;
  const readTime = compileReadTime(options, clock);
  const convert = compileConvert(options, clock);
  const takesKey = options.keepTimeKey ? undefined : timeKey;
  const none: ParseProblem = {
    kind: 'mismatch',
    problem: `${timeKey === undefined ? 'no time_key is set' : `there is no field ${timeKey}`}, and estimate_current_event is false`,
  };
  function taken(fields: Fields, value: Value | undefined): Parsed {
    if (value === undefined)
      return options.estimateCurrentEvent ? { fields: convert ? convert(fields) : fields, time: undefined } : none;
    const time = readTime(value);
    if (!time) return badTime(timeKey ?? '', value, options);
    return { fields: convert ? convert(fields) : fields, time };
  }
  return {
    takesKey,
    taken,
    fields(fields) {
      const value = timeKey === undefined ? undefined : getField(fields, timeKey);
      if (value === undefined || takesKey === undefined) return taken(fields, value);
      return taken(withoutField(fields, takesKey), value);
    },
  };
}

function badTime(key: string, value: Value, { timeFormat, timeType = 'string' }: RecordReading): ParseProblem {
  const shown = typeof value === 'string' ? value : value instanceof Uint8Array ? scrub(value) : stringifyJson(value);
  const wanted =
    timeType !== 'string'
      ? `time_type ${timeType}`
      : timeFormat === undefined
        ? 'any usual form'
        : `time_format ${timeFormat}`;
  return {
    kind: 'invalid',
    problem: `field ${key} is no time (expected ${wanted}): ${shown.slice(0, 100)}`,
  };
}

/** The fields without one: a new object, because V8 turns one with a deleted property into a slow one. */
function withoutField(fields: Fields, key: string): Fields {
  if (fields instanceof Map) {
    fields.delete(key);
    return fields;
  }
  const kept: Fields = {};
  for (const name in fields) if (name !== key) kept[name] = fields[name] as Value;
  return kept;
}

/** Empties and converts fields that it may change; undefined where the options ask for nothing. */
function compileConvert(options: RecordReading, clock: Clock): ((fields: Fields) => Fields) | undefined {
  const converters = compileConverters(options.types ?? {}, options, clock);
  const empties = options.nullValuePattern === undefined ? undefined : compilePattern(options.nullValuePattern);
  if (converters.length === 0 && !empties && !options.nullEmptyString) return undefined;
  const isNull = (value: Value | undefined) => {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) return false;
    if (options.nullEmptyString && value.length === 0) return true;
    return empties?.test(typeof value === 'string' ? value : scrub(value)) === true;
  };
  return (fields) => {
    if (empties || options.nullEmptyString)
      for (const key of fieldKeys(fields)) if (isNull(getField(fields, key))) setField(fields, key, null);
    for (const { key, convert: typed } of converters) {
      const value = getField(fields, key);
      // Null and false are left as they are.
      if (value !== undefined && value !== null && value !== false) setField(fields, key, typed(value));
    }
    return fields;
  };
}
