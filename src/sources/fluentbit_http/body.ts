/** From a request to records: what is in a body, and which tag it has. Source: Fluent Bit 5.1 in_http/http_prot.c. */
import type { IncomingMessage } from 'node:http';
import { stringifyJson } from '../../core/json.ts';
import { codecs } from '../../core/batch.ts';
import { jsonDepthMax, parseExact, scanJson } from '../../core/json.ts';
import { copyFields, fieldsFromEntries, getField, isFields, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { tagBytesMax } from '../../core/tag.ts';
import type { EncodedRecord } from '../requests/append-queue.ts';
import { Refusal } from '../requests/refusal.ts';
import type { FluentbitHttpOptions } from './index.ts';

/** Records of a body by their tag. */
export type ByTag = ReadonlyMap<string, readonly EncodedRecord[]>;

/** More would be a bomb: records are objects in memory before they are written. */
const recordsMax = 200_000;

/** `/app/sub/x-y` → `app_sub_x_y`; the path `/` gives `otherwise`. @throws Refusal invalid_path */
export function tagOfTarget(target: string, otherwise: string): string {
  const path = (target.split('?', 1)[0] ?? '').replace(/^\//, '');
  if (path.length > tagBytesMax)
    throw new Refusal('invalid_path', `the path is longer than a tag may be: ${tagBytesMax} bytes`);
  return path === '' ? otherwise : cleanTag(path);
}

/** Letters, digits, `_` and `.` stay; every other byte is `_`. */
function cleanTag(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[^A-Za-z0-9_.]/g, '_');
}

/** The records of a body. `tag`: of those that name no other. @throws Refusal */
export function recordsOf(req: IncomingMessage, body: Buffer, tag: string, options: FluentbitHttpOptions): ByTag {
  const type = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json' && type !== 'application/x-www-form-urlencoded')
    throw new Refusal('unsupported_type', `Content-Type ${type === '' ? 'is missing' : type}`, {
      peerText: type === '' ? "error: header 'Content-Type' is not set" : "error: invalid 'Content-Type'",
    });
  if (body.length === 0) throw new Refusal('no_records', 'the body is empty', { peerText: 'error: no payload found' });
  const found = type === 'application/json' ? jsonRecords(body) : [formRecord(body)];
  const address = options.addRemoteAddr ? forwardedFor(req) : undefined;
  const byTag = new Map<string, EncodedRecord[]>();
  for (const written of found) {
    const hasAddress = address === undefined || getField(written, options.remoteAddrKey) !== undefined;
    const fields = hasAddress ? written : withField(written, options.remoteAddrKey, address);
    const own = options.tagKey === undefined ? undefined : getField(fields, options.tagKey);
    const recordTag = typeof own === 'string' && own !== '' ? cleanTag(own) : tag;
    const payload = stringifyJson(fields);
    const records = byTag.get(recordTag) ?? [];
    byTag.set(recordTag, records);
    records.push({ codec: codecs.json, payload, exact: scanJson(Buffer.from(payload)).exact });
  }
  return byTag;
}

function withField(fields: Fields, key: string, value: Value): Fields {
  const copy = copyFields(fields);
  setField(copy, key, value);
  return copy;
}

/** The first address of the header; nothing where there is none. */
function forwardedFor(req: IncomingMessage): string | undefined {
  const header = req.headers['x-forwarded-for'];
  const first = (Array.isArray(header) ? header[0] : header)?.split(',', 1)[0]?.trim();
  return first === '' ? undefined : first;
}

/** Pairs without a key or without `=` are passed over, and keys are taken as they stand there. @throws Refusal */
function formRecord(body: Buffer): Fields {
  const pairs = body
    .toString('latin1')
    .split('&')
    .map((part) => part.replace(/^\n/, ''))
    .filter((part) => part.indexOf('=') > 0)
    .map((part): [string, Value] => {
      const split = part.indexOf('=');
      const key = Buffer.from(part.slice(0, split).trim(), 'latin1').toString();
      return [key, decoded(part.slice(split + 1).trim())];
    });
  if (pairs.length === 0) throw new Refusal('no_records', 'the form has no key=value', { peerText: unable });
  return fieldsFromEntries(pairs);
}

/** What is no percent-encoding stays as it is. */
function decoded(value: string): string {
  const text = Buffer.from(value, 'latin1').toString();
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const unable = 'error: unable to process records';

/** Objects, and arrays of them, one behind the other. @throws Refusal */
function jsonRecords(body: Buffer): Fields[] {
  const text = body.toString('utf8');
  const records: Fields[] = [];
  const take = (value: Value): void => {
    if (!isFields(value)) throw new Refusal('not_an_object', 'expected JSON objects', { peerText: unable });
    if (records.length === recordsMax)
      throw new Refusal('too_many_records', `the body holds more than ${recordsMax} records`, { peerText: unable });
    records.push(value);
  };
  for (const piece of values(text)) {
    const value = parsed(piece);
    if (Array.isArray(value)) for (const one of value) take(one);
    else take(value);
  }
  return records;
}

function parsed(text: string): Value {
  let value: Value;
  try {
    value = JSON.parse(text) as Value;
  } catch (error) {
    throw new Refusal('invalid_json', 'the body is no JSON', { cause: error, peerText: unable });
  }
  const { exact, tooDeep } = scanJson(Buffer.from(text));
  if (tooDeep) throw new Refusal('too_deep', `nested deeper than ${jsonDepthMax} levels`, { peerText: unable });
  return exact ? (parseExact(`{"v":${text}}`).get('v') as Value) : value;
}

/** The texts of the values in a body, each from its bracket to the one that closes it, commas between them or not; the last may be anything. */
function* values(text: string): Generator<string> {
  let from = 0;
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isString) {
      if (char === '\\') at++;
      else if (char === '"') isString = false;
    } else if (char === '"') isString = true;
    else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) {
      yield piece(text.slice(from, at + 1));
      from = at + 1;
    }
  }
  const rest = from === 0 ? text.trim() : piece(text.slice(from));
  if (rest !== '') yield rest;
}

function piece(text: string): string {
  return text.replace(/^[\s,]+/, '').trimEnd();
}
