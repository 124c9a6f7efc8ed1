/** Fields that a request adds to its records: headers, query parameters, the client's address. Source: Fluentd 1.16 in_http.rb. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { Pairs } from '../requests/pairs.ts';
import type { HttpOptions } from './options.ts';

type AdditionOptions = Pick<HttpOptions, 'addHttpHeaders' | 'addQueryParams' | 'addRemoteAddr'>;

/** Names and values to set in every record of a request; empty where no option asks for them. */
export function additionsOf(
  req: IncomingMessage,
  query: Pairs,
  options: AdditionOptions,
): readonly (readonly [string, Value])[] {
  const added: (readonly [string, Value])[] = [];
  if (options.addHttpHeaders) added.push(...headerFields(req.rawHeaders));
  if (options.addQueryParams)
    for (const [name, value] of query) added.push([`QUERY_${capitals(name.replaceAll('-', '_'))}`, value]);
  if (options.addRemoteAddr) added.push(['REMOTE_ADDR', clientAddress(req)]);
  return added;
}

/** Sets them in fields that the caller owns. */
export function addTo(fields: Fields, additions: readonly (readonly [string, Value])[]): void {
  for (const [name, value] of additions) setField(fields, name, value);
}

/**
 * `X-Custom-Id` → `HTTP_X_CUSTOM_ID`; a header that comes more than once has a list of its values. Of two whose names
 * differ in case or in `-` and `_` the later one counts.
 */
function headerFields(rawHeaders: readonly string[]): Map<string, Value> {
  const headers = new Map<string, Value>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = headerValue(rawHeaders[at + 1] as string);
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value]);
  }
  return new Map([...headers].map(([name, value]) => [`HTTP_${capitals(name.replaceAll('-', '_'))}`, value]));
}

/** Node gives a character for each byte. */
function headerValue(latin1: string): Value {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : new Uint8Array(bytes);
}

/** ASCII letters alone, as Ruby has it for bytes. */
function capitals(text: string): string {
  return text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function clientAddress(req: IncomingMessage): string | null {
  const forwarded = req.headers['x-forwarded-for'];
  // Node joins several such headers with commas: the first address is that of the first.
  if (typeof forwarded === 'string') return forwarded.split(',', 1)[0] || null;
  return req.socket.remoteAddress ?? null;
}
