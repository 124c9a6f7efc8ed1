/**
 * Query strings and urlencoded forms. Grammar: WHATWG URL, application/x-www-form-urlencoded parsing, over bytes; what it
 * leaves to the reader is done as Starlette does for the original: a name without `=` has an empty value, an invalid
 * percent escape stands for itself, the last of a repeated name wins.
 */
import { isUtf8 } from 'node:buffer';
import { fieldsMax } from './limits.ts';
import { Refusal } from './refusal.ts';

/** Field names and values in order of first appearance; a value that is not UTF-8 stays as bytes. */
export type Pairs = Map<string, string | Uint8Array>;

/** Which value of a repeated name counts. */
export type Repeated = 'first' | 'last';

/** What stands between two pairs; WEBrick, which Fluentd reads queries with, takes the semicolon too. */
export type Separator = '&' | '&;';

/**
 * Parses `text`, in which each character stands for one byte (Buffer's latin1). `where` names it in the detail of a
 * refusal.
 * @throws Refusal invalid_query, invalid_form: a name is not UTF-8; too_many_fields
 */
export function parsePairs(
  text: string,
  where: 'query' | 'form',
  repeated: Repeated = 'last',
  separator: Separator = '&',
): Pairs {
  const pairs: Pairs = new Map();
  let count = 0;
  for (let start = 0; start <= text.length;) {
    let end = text.indexOf('&', start);
    if (end < 0) end = text.length;
    const semicolon = separator === '&' ? -1 : text.indexOf(';', start);
    if (semicolon >= 0 && semicolon < end) end = semicolon;
    if (end > start) {
      if (++count > fieldsMax)
        throw new Refusal('too_many_fields', `the ${where} has more than ${fieldsMax} fields, at byte ${start}`);
      let equals = text.indexOf('=', start);
      if (equals < 0 || equals > end) equals = end;
      const name = decodePart(text.slice(start, equals));
      if (typeof name !== 'string')
        throw new Refusal(
          where === 'query' ? 'invalid_query' : 'invalid_form',
          `a field name in the ${where} is not UTF-8, at byte ${start}`,
        );
      if (repeated === 'last' || !pairs.has(name))
        pairs.set(name, equals === end ? '' : decodePart(text.slice(equals + 1, end)));
    }
    start = end + 1;
  }
  return pairs;
}

const plainPart = /^[\x20-\x24\x26-\x2a\x2c-\x7e]*$/;

/** `+` and percent escapes undone; bytes where the result is not UTF-8. */
function decodePart(part: string): string | Uint8Array {
  if (plainPart.test(part)) return part;
  const bytes = Buffer.allocUnsafe(part.length);
  const length = unescapeInto(bytes, part, true);
  const view = bytes.subarray(0, length);
  return isUtf8(view) ? view.toString('utf8') : Uint8Array.from(view);
}

function unescapeInto(bytes: Buffer, part: string, isPlusSpace: boolean): number {
  let length = 0;
  for (let at = 0; at < part.length; at++) {
    let byte = part.charCodeAt(at) & 0xff;
    if (byte === 43 && isPlusSpace) byte = 32;
    else if (byte === 37) {
      const high = hexDigit(part.charCodeAt(at + 1));
      const low = hexDigit(part.charCodeAt(at + 2));
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[length++] = byte;
  }
  return length;
}

/** The value of a hexadecimal digit's character code, or -1 (also for the NaN behind the end of a string). */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** A request path with its percent escapes undone; undefined when it then is not UTF-8 or an escape is invalid. */
export function decodePath(path: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  const bytes = Buffer.allocUnsafe(path.length);
  const view = bytes.subarray(0, unescapeInto(bytes, path, false));
  return isUtf8(view) ? view.toString('utf8') : undefined;
}
