/** The conditions of Fluent Bit's `modify`. Source: Fluent Bit 5.1 filter_modify/modify.c. */
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { compileFluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import type { FluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import { fieldEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

/** Their names; those in the first list take one word, those in the second two. */
export const conditionsOfOne = ['key_exists', 'key_does_not_exist', 'a_key_matches', 'no_key_matches'] as const;
export const conditionsOfTwo = [
  'key_value_equals',
  'key_value_does_not_equal',
  'key_value_matches',
  'key_value_does_not_match',
  'matching_keys_have_matching_values',
  'matching_keys_do_not_have_matching_values',
] as const;
export type ConditionName = (typeof conditionsOfOne)[number] | (typeof conditionsOfTwo)[number];

export interface Condition {
  holds(fields: Fields): boolean;
  readonly patterns: readonly FluentbitPattern[];
}

/** Compiles a condition; `first` is a key, an accessor or an expression, `second` a text or an expression. @throws Error saying what is wrong */
export function compileCondition(name: ConditionName, first: string, second: string): Condition {
  switch (name) {
    case 'key_exists':
    case 'key_does_not_exist':
      return keyCondition(first, undefined, (value) => (value !== undefined) === (name === 'key_exists'));
    case 'key_value_equals':
      return keyCondition(first, undefined, (value) => textOf(value) === second);
    case 'key_value_does_not_equal':
      return keyCondition(first, undefined, (value) => value !== undefined && textOf(value) !== second);
    case 'key_value_matches':
      return keyCondition(first, second, (value, found) => found(value));
    case 'key_value_does_not_match':
      return keyCondition(first, second, (value, found) => value !== undefined && !found(value));
    default:
      return keysCondition(name, first, second);
  }
}

function keyCondition(
  key: string,
  expression: string | undefined,
  holds: (value: Value | undefined, found: (value: Value | undefined) => boolean) => boolean,
): Condition {
  const accessor = compileFluentbitAccessor(key);
  const pattern = expression === undefined ? undefined : compileFluentbitPattern(expression);
  const found = (value: Value | undefined) => pattern !== undefined && pattern.exec(matchable(value)) !== null;
  return { holds: (fields) => holds(accessor.get(fields), found), patterns: pattern ? [pattern] : [] };
}

function keysCondition(name: ConditionName, first: string, second: string): Condition {
  const keys = compileFluentbitPattern(first);
  const some = (fields: Fields) => fieldEntries(fields).some(([key]) => keys.exec(key) !== null);
  if (name === 'a_key_matches') return { holds: some, patterns: [keys] };
  if (name === 'no_key_matches') return { holds: (fields) => !some(fields), patterns: [keys] };
  const values = compileFluentbitPattern(second);
  const all = (fields: Fields) =>
    fieldEntries(fields).every(([key, value]) => keys.exec(key) === null || values.exec(matchable(value)) !== null);
  const isPositive = name === 'matching_keys_have_matching_values';
  return { holds: (fields) => all(fields) === isPositive, patterns: [keys, values] };
}

/** Expressions look at texts and booleans. */
function matchable(value: Value | undefined): Value | undefined {
  return typeof value === 'boolean' ? String(value) : value;
}

function textOf(value: Value | undefined): string | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return typeof value === 'string' ? value : undefined;
}
