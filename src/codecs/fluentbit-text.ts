/** Values as Fluent Bit prints them for people: MessagePack’s text form. Source: msgpack-c 6 object.c (msgpack_object_print), which Fluent Bit 5.1 uses. */
import { Float, fieldEntries } from '../core/record.ts';
import type { Value } from '../core/record.ts';

/** `{"log"=>"text", "n"=>1, "f"=>1.500000, "nil"=>nil}`; texts are not escaped. */
export function fluentbitText(value: Value): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : floatText(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Uint8Array) return `"${bytesText(value)}"`;
  if (Array.isArray(value)) return `[${value.map(fluentbitText).join(', ')}]`;
  const pairs = fieldEntries(value).map(([key, inner]) => `"${key}"=>${fluentbitText(inner)}`);
  return `{${pairs.join(', ')}}`;
}

/** C's %f: six digits behind the point, whatever the size. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  // toFixed turns to exponents from 1e21 on; those doubles are whole numbers.
  return Math.abs(value) >= 1e21 ? `${BigInt(value)}.000000` : value.toFixed(6);
}

/** Printable ASCII as it is, other bytes as \xNN. */
function bytesText(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}
