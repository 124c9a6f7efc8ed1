/** Values of expressions as values of records, and records as hashes that expressions may change. */
import { jsonDepthMax } from '../core/json.ts';
import { needsExactKey } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { ExpressionFailure } from './expression.ts';
import { owned } from './methods/json.ts';
import { hashEntries, toText } from './semantics.ts';
import { RubyRecordTime, RubyObject, isHash } from './values.ts';
import type { RubyHash, RubyValue } from './values.ts';

/** A copy of a record, and of all in it, that expressions may change. */
export function ownedHash(fields: Fields): RubyHash {
  return owned(fields) as RubyHash;
}

/**
 * A value for a record: symbols, times and what else records cannot hold as Ruby prints it. `isExact`: for an exact record,
 * whose objects are all Maps; otherwise only those are that a plain object cannot hold. @throws ExpressionFailure when nested too deep
 */
export function toFieldValue(value: RubyValue, isExact: boolean, depth = 0): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > jsonDepthMax) throw new ExpressionFailure(`a value nested deeper than ${jsonDepthMax} levels`, true);
  if (Array.isArray(value)) return value.map((one) => toFieldValue(one, isExact, depth + 1));
  if (value instanceof RubyRecordTime) return value.seconds;
  if (value instanceof RubyObject) return toText(value);
  if (!isHash(value)) return value;
  // Plain objects come from records and JSON only, and hold nothing but what records do.
  if (!(value instanceof Map) && !isExact) return value;
  const entries = hashEntries(value).map(([key, one]) => [toText(key), toFieldValue(one, isExact, depth + 1)] as const);
  return isExact || entries.some(([key]) => needsExactKey(key)) ? new Map(entries) : Object.fromEntries(entries);
}
