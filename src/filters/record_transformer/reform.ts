/** What both ways of writing `<record>` share: the pairs as they were read, and records put together from their values. */
import type { PluginConfig } from '../../core/plugin.ts';
import type { Batch } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import { parseRecord, scanJson } from '../../core/json.ts';
import { fieldEntries, getField, isFields, needsExactKey, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

/** Makes new records of a batch, one row after the other. */
export interface Reform {
  /** Begins a batch. */
  begin(batch: Batch): void;
  /** The new record, which the caller owns. `changed` is told what `fields` became by it. @throws ReformFailure */
  row(fields: Fields, row: number, changed?: (fields: Fields) => void): Fields;
  /** The time that the field of `renew_time_key` stood for, where it was one and not a number. */
  readonly time: Instant | undefined;
  /** A row can take long: it needs a limit. */
  readonly mayTakeLong: boolean;
}

/** A record cannot be made; the reason is one of few words. */
export class ReformFailure extends Error {
  readonly reason: string;
  constructor(reason: string, text: string, cause?: unknown) {
    super(text, { cause });
    this.reason = reason;
  }
}

/** A line of `<record>`. */
export interface WrittenPair {
  readonly key: string;
  readonly value: Value;
  /** Where the key and the value begin. */
  readonly keyAt: Location;
  readonly valueAt: Location;
  /** The value is JSON: positions in its texts are not known. */
  readonly isJson: boolean;
}

/** The lines; of several with one key the last, in the first one's place. `warn`: about values that only look like JSON. */
export function writtenPairs(config: PluginConfig, warn: (text: string) => void): WrittenPair[] {
  const pairs = new Map<string, WrittenPair>();
  for (const section of config.sections['record'] ?? [])
    for (const { key, value, json, at, valueAt = at } of section.pairs) {
      const read = json === null ? null : pairValue(value, warn);
      pairs.set(key, { key, value: read, keyAt: at, valueAt, isJson: typeof read !== 'string' });
    }
  return [...pairs.values()];
}

/** A value written as JSON object or array; any other is text, `12` and `true` too. */
function pairValue(written: string, warn: (problem: string) => void): Value {
  if (!/^[{[]/.test(written)) return written;
  try {
    JSON.parse(written);
    const wrapped = `{"value":${written}}`;
    return getField(parseRecord(wrapped, scanJson(Buffer.from(wrapped)).exact), 'value') ?? null;
  } catch (error) {
    warn(`${written} is not JSON (${errorText(error)}); it is taken as text.`);
    return written;
  }
}

/** Puts values into a record that the caller owns; gives it, or an exact one where a plain one cannot hold them. */
export function withValues(
  owned: Fields,
  keys: readonly string[],
  values: readonly Value[],
  mayBeExact: boolean,
): Fields {
  const needsExact = mayBeExact && !(owned instanceof Map) && (keys.some(needsExactKey) || values.some(holdsMap));
  const fields: Fields = needsExact ? new Map(fieldEntries(owned)) : owned;
  for (let i = 0; i < keys.length; i++) setField(fields, keys[i] as string, values[i] as Value);
  return fields;
}

/** Plain objects print and compare as such only while no Map is in them. */
function holdsMap(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Map) return true;
  if (Array.isArray(value)) return value.some(holdsMap);
  return isFields(value) && fieldEntries(value).some(([, inner]) => holdsMap(inner));
}

/** The fields to begin with: `keep_keys` of the record, or all of them. */
export function keptFields(fields: Fields, keys: readonly string[] | undefined): Fields {
  if (keys === undefined) return fields instanceof Map ? new Map(fields) : { ...fields };
  const kept: Fields = fields instanceof Map ? new Map() : {};
  for (const key of keys) {
    const value = getField(fields, key);
    if (value !== undefined) setField(kept, key, value);
  }
  return kept;
}
