/** Fields of names and values that stand in order. */
import { needsExactKey } from '../core/record.ts';
import type { Fields, PlainFields, Value } from '../core/record.ts';
import { pieceOf } from './onigmo.ts';

/**
 * Values under their names. A name that has none gets `missing`, or no field where that is undefined; values beyond the
 * names are left out. `isBinary`: they are pieces of a text of bytes.
 */
export function keyedFields(
  keys: readonly string[],
  values: readonly (string | null)[],
  missing: null | undefined,
  isBinary: boolean,
): Fields {
  const plain: PlainFields = {};
  const exact = keys.some(needsExactKey) ? new Map<string, Value>() : undefined;
  for (let i = 0; i < keys.length; i++) {
    const piece = i < values.length ? values[i] : missing;
    if (piece === undefined) continue;
    const value = isBinary && piece !== null ? pieceOf(piece) : piece;
    if (exact) exact.set(keys[i] as string, value);
    else plain[keys[i] as string] = value;
  }
  return exact ?? plain;
}
