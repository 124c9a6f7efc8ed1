/**
 * Records: the values a log record can hold, and the few functions that read and change them.
 *
 * A record is an ordered set of named fields. Most records are *plain*: plain JavaScript objects hold them without
 * loss. A record that plain objects would change (integers beyond 2^53, `1.0`, integer-like, duplicate or `__proto__`
 * keys, lone surrogates) is *exact*: every object in it is a Map in written order, and its numbers are `number`
 * (integers and fractions that doubles hold), `Float` (written with a fraction or exponent, integral in value) or
 * `bigint` (integers beyond 2^53). Code that only uses the functions below works on both.
 */

/** A floating-point number whose written form (`1.0`, `1e3`, more digits than a double holds) plain numbers would change. */
export class Float {
  readonly value: number;
  /** As written, a valid JSON number. */
  readonly text: string;
  constructor(value: number, text: string = Number.isInteger(value) ? `${value}.0` : String(value)) {
    this.value = value;
    this.text = text;
  }
  /** JSON.stringify prints the written form. */
  toJSON(): unknown {
    return rawJson(this.text);
  }
}

// ES2026 `JSON.rawJSON`, in Node since 21; TypeScript's library does not name it yet.
/** A number that JSON.stringify prints as written. */
export const rawJson = (JSON as unknown as { rawJSON(this: void, text: string): unknown }).rawJSON;

export type Value = null | boolean | number | bigint | string | Float | Uint8Array | Value[] | Fields;
/** An object without prototype-sensitive, integer-like or duplicate keys. */
export interface PlainFields {
  [key: string]: Value;
}
/** An object in written key order; holds any key. */
export type ExactFields = Map<string, Value>;
/** The fields of one record, or of an object inside it. Never mutate fields you did not create or copy. */
export type Fields = PlainFields | ExactFields;

/** True for a value that is an object with fields (not an array, bytes, Float or null). */
export function isFields(value: Value | undefined): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Float)
  );
}

/** The value of a top-level key, or undefined when the record has no such key. */
export function getField(fields: Fields, key: string): Value | undefined {
  if (fields instanceof Map) return fields.get(key);
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** Sets a key in fields that the caller owns (see copyFields). An existing key keeps its position. */
export function setField(fields: Fields, key: string, value: Value): void {
  if (fields instanceof Map) fields.set(key, value);
  else fields[key] = value;
}

/** Removes a key from fields that the caller owns. */
export function deleteField(fields: Fields, key: string): void {
  if (fields instanceof Map) fields.delete(key);
  else delete fields[key];
}

/** Keys in order. */
export function fieldKeys(fields: Fields): string[] {
  return fields instanceof Map ? [...fields.keys()] : Object.keys(fields);
}

/** Key and value pairs in order. */
export function fieldEntries(fields: Fields): [string, Value][] {
  return fields instanceof Map ? [...fields.entries()] : Object.entries(fields);
}

/** A shallow copy that the caller owns. Nested objects and arrays are shared: copy them too before changing them. */
export function copyFields(fields: Fields): Fields {
  return fields instanceof Map ? new Map(fields) : { ...fields };
}

/** True when a plain object could not hold this key in its place: integer-like keys move to the front, `__proto__` is lost. */
export function needsExactKey(key: string): boolean {
  if (key === '__proto__') return true;
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57 && key.length <= 10 && /^(?:0|[1-9]\d*)$/.test(key);
}

/** Fields from entries: plain where a plain object holds them, else exact. A repeated key keeps its last value. */
export function fieldsFromEntries(entries: Iterable<readonly [string, Value]>): Fields {
  const list = [...entries];
  if (list.some(([key]) => needsExactKey(key))) return new Map(list);
  return Object.fromEntries(list);
}
