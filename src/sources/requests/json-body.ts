/** JSON bodies: one object, an array of objects, or one object a line. */
import { isUtf8 } from 'node:buffer';
import { jsonDepthMax, scanJson } from '../../core/json.ts';
import type { PlainFields, Value } from '../../core/record.ts';
import { describePlace, findJsonError, invalidUtf8At } from './json-position.ts';
import { Refusal } from './refusal.ts';

/** One object of a body: its text from brace to brace, what JSON.parse made of it, and what scanJson said. */
export interface JsonObject {
  readonly text: string;
  /** The bytes it was read from; blanks may stand around it. */
  readonly bytes: Buffer;
  readonly parsed: PlainFields;
  readonly isExact: boolean;
}

const NEWLINE = 10;
const QUOTE = 34;
const BACKSLASH = 92;

/** Text of bytes that must be UTF-8. @throws Refusal invalid_utf8 */
function utf8Text(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Refusal('invalid_utf8', `the body is not UTF-8, at byte ${invalidUtf8At(bytes)}`);
  return bytes.toString('utf8', 0, bytes.length);
}

/**
 * The objects of a body that begins with `{` or `[` or is said to be JSON. A body that is not one JSON value but has an
 * object on its first line, with more lines behind it, is read as NDJSON.
 * @throws Refusal invalid_json, not_an_object, empty_array, too_many_records, too_deep, invalid_utf8
 */
export function jsonObjects(bytes: Buffer, recordsMax: number): JsonObject[] {
  const text = utf8Text(bytes);
  let value: Value;
  try {
    value = JSON.parse(text) as Value;
  } catch (error) {
    if (isNdjson(bytes)) return ndjsonObjects(bytes, recordsMax);
    throw invalidJson(text, error);
  }
  if (isObject(value)) return [jsonObject(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1), bytes, value)];
  if (!Array.isArray(value))
    throw new Refusal(
      'not_an_object',
      `expected a JSON object or an array of objects at ${describePlace(text, text.search(/\S/))}`,
    );
  return arrayObjects(bytes, text, value, recordsMax);
}

/** The objects of a body with one on each line; blank lines are skipped. @throws Refusal as jsonObjects, with the line */
export function ndjsonObjects(bytes: Buffer, recordsMax: number): JsonObject[] {
  utf8Text(bytes);
  const objects: JsonObject[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length;) {
    line++;
    let end = bytes.indexOf(NEWLINE, start);
    if (end < 0) end = bytes.length;
    const text = bytes.toString('utf8', start, end);
    const trimmed = text.trim();
    if (trimmed !== '') {
      let value: Value;
      try {
        value = JSON.parse(text) as Value;
      } catch (error) {
        throw invalidJson(text, error, line, start);
      }
      if (!isObject(value))
        throw new Refusal(
          'not_an_object',
          `expected a JSON object at ${describePlace(text, text.search(/\S/), line, start)}`,
        );
      if (objects.length === recordsMax) throw tooMany(recordsMax, `line ${line} (byte ${start})`);
      objects.push(jsonObject(trimmed, bytes.subarray(start, end), value));
    }
    start = end + 1;
  }
  if (objects.length === 0) throw new Refusal('empty_array', `the body holds no record, at byte ${bytes.length}`);
  return objects;
}

function arrayObjects(bytes: Buffer, text: string, values: readonly Value[], recordsMax: number): JsonObject[] {
  const bounds = elementBounds(bytes);
  const place = (index: number): string => {
    const start = bounds[index * 2] ?? bytes.length;
    return `element ${index + 1}, ${describePlace(text, bytes.toString('utf8', 0, start).length)}`;
  };
  if (values.length === 0)
    throw new Refusal('empty_array', `the array holds no record, at ${describePlace(text, text.indexOf('['))}`);
  if (values.length > recordsMax) throw tooMany(recordsMax, place(recordsMax));
  return values.map((value, index) => {
    if (!isObject(value)) throw new Refusal('not_an_object', `expected a JSON object at ${place(index)}`);
    const element = bytes.subarray(bounds[index * 2], bounds[index * 2 + 1]);
    return jsonObject(element.toString('utf8', 0, element.length), element, value);
  });
}

function jsonObject(text: string, bytes: Buffer, parsed: PlainFields): JsonObject {
  const { exact, tooDeep } = scanJson(bytes);
  if (tooDeep) throw new Refusal('too_deep', `the JSON is nested deeper than ${jsonDepthMax} levels`);
  return { text, bytes, parsed, isExact: exact };
}

const isObject = (value: Value): value is PlainFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function tooMany(recordsMax: number, place: string): Refusal {
  return new Refusal('too_many_records', `the body holds more than ${recordsMax} records, at ${place}`);
}

/** The refusal of a text that JSON.parse did not take, which stands at the given line and byte of the body. */
function invalidJson(text: string, cause: unknown, line = 1, byte = 0): Refusal {
  const found = findJsonError(text) ?? { at: text.length, expected: 'valid JSON' };
  const what = found.at >= text.length ? 'the text ends' : 'invalid JSON';
  return new Refusal(
    'invalid_json',
    `${what} at ${describePlace(text, found.at, line, byte)}: expected ${found.expected}`,
    {
      cause,
    },
  );
}

/** True when the first line that is not blank is an object by itself and another one follows. */
function isNdjson(bytes: Buffer): boolean {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) return false;
    const text = bytes.toString('utf8', start, end);
    if (text.trim() !== '') {
      try {
        return isObject(JSON.parse(text) as Value);
      } catch {
        return false;
      }
    }
    start = end + 1;
  }
  return false;
}

/** Start and end of each element of the array that the valid JSON text in `bytes` is. */
function elementBounds(bytes: Buffer): number[] {
  const bounds: number[] = [];
  let depth = 0;
  let start = -1;
  let end = -1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte <= 32) continue;
    if (depth === 1 && (byte === 44 || byte === 93)) {
      if (start >= 0) bounds.push(start, end);
      start = -1;
      if (byte === 93) break;
      continue;
    }
    if (depth === 1 && start < 0) start = at;
    if (byte === 123 || byte === 91) depth++;
    else if (byte === 125 || byte === 93) depth--;
    else if (byte === QUOTE) for (at++; bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    end = at + 1;
  }
  return bounds;
}
