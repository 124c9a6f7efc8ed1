/** Values as Fluent Bit prints them for people: MessagePack’s text form. Source: msgpack-c 6 object.c (msgpack_object_print), which Fluent Bit 5.1 uses. */
import type { ByteWriter } from '../core/bytes.ts';
import { stringifyJson } from '../core/json.ts';
import { Float, fieldEntries, isFields } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { generalNumber } from './printf-number.ts';

/** Writes `{"log"=>"text", "n"=>1, "f"=>1.500000, "nil"=>nil}`. Texts are not escaped, bytes are written as they are. */
export function writeFluentbitText(value: Value, out: ByteWriter): void {
  if (value === null) out.text('nil');
  else if (typeof value === 'string') out.text(`"${value}"`);
  else if (value instanceof Uint8Array) {
    out.byte(QUOTE);
    out.bytes(value);
    out.byte(QUOTE);
  } else if (Array.isArray(value)) {
    out.text('[');
    for (const [index, inner] of value.entries()) {
      if (index > 0) out.text(', ');
      writeFluentbitText(inner, out);
    }
    out.text(']');
  } else if (isFields(value)) {
    out.text('{');
    for (const [index, [key, inner]] of fieldEntries(value).entries()) {
      out.text(`${index > 0 ? ', ' : ''}"${key}"=>`);
      writeFluentbitText(inner, out);
    }
    out.text('}');
  } else out.text(fluentbitScalar(value) ?? '');
}

/** A text, number, boolean or bytes as Fluent Bit puts it into a text; undefined for what it does not: null, lists, maps. */
export function fluentbitScalar(value: Value | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return isWhole(value) ? String(value) : floatText(value);
  if (value instanceof Float) return floatText(value.value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
}

/** A value as Fluent Bit writes JSON, for places where its text counts: ASCII alone, doubles by C's %.16g. */
export function fluentbitJson(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(fluentbitJson).join(',')}]`;
  if (isFields(value))
    return `{${fieldEntries(value)
      .map(([key, inner]) => `${asciiText(key)}:${fluentbitJson(inner)}`)
      .join(',')}}`;
  const number = value instanceof Float ? value.value : value;
  if (typeof number === 'number' && (value instanceof Float || !isWhole(number))) return fluentbitDouble(number);
  return asciiText(value);
}

/** C's %.16g, with a digit behind the point where there is no exponent. */
export function fluentbitDouble(value: number): string {
  const text = generalNumber(value, 16);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function asciiText(value: Value): string {
  return stringifyJson(value).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON writes whole numbers from 1e21 on with an exponent, which makes them doubles there. */
function isWhole(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 1e21;
}

const QUOTE = 34;

/** C's %f: six digits behind the point, whatever the size. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  // toFixed turns to exponents from 1e21 on; those doubles are whole numbers.
  return Math.abs(value) >= 1e21 ? `${BigInt(value)}.000000` : value.toFixed(6);
}
