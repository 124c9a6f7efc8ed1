/** Fields of records with other fields over them. */
import { copyFields, fieldEntries, needsExactKey, setField } from '../core/record.ts';
import type { ExactFields, Fields, Value } from '../core/record.ts';

/** A copy with the pairs over it, which the caller owns: an existing key keeps its place, a new one comes last. */
export function withFields(fields: Fields, pairs: readonly (readonly [string, Value])[]): Fields {
  const copy = ownedFor(
    fields,
    pairs.map(([key]) => key),
  );
  for (const [key, value] of pairs) setField(copy, key, value);
  return copy;
}

/** A copy that can hold the keys given: exact where a plain object would move or lose one of them. */
function ownedFor(fields: Fields, keys: readonly string[]): Fields {
  if (fields instanceof Map || !keys.some(needsExactKey)) return copyFields(fields);
  const exact: ExactFields = new Map(fieldEntries(fields));
  return exact;
}
