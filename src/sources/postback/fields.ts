/**
 * A record's fields: query parameters, then the body's fields over them, then the fields we make.
 *
 * A JSON body is spliced into the record as text, so that numbers, strings and their order arrive as they were sent.
 * Only a body that splicing would make wrong (null fields to drop, a name that the query or we give too, an exact text
 * that may hold a name twice) goes through fields.
 */
import { hostname } from 'node:os';
import { codecs } from '../../core/batch.ts';
import { parseExact, scanJson, stringifyJson } from '../../core/json.ts';
import { encodeMsgpack } from '../../core/msgpack.ts';
import { fieldEntries, isFields, needsExactKey, setField } from '../../core/record.ts';
import type { ExactFields, Fields, PlainFields, Value } from '../../core/record.ts';
import type { EncodedRecord } from '../requests/append-queue.ts';
import type { JsonObject } from '../requests/json-body.ts';
import type { Pairs } from '../requests/pairs.ts';
import { Refusal } from '../requests/refusal.ts';

const OPENING = 123;
const CLOSING = 125;
const COMMA = 44;

/** What all records of one request share. */
export interface RequestFields {
  /** Undefined: no query, or not logged. */
  readonly query: QueryFields | undefined;
  readonly path: string;
  readonly pathJson: string;
  /** Time of the request, ms since 1970. */
  readonly nowMs: number;
}

/** Query parameters as fields and as the text they begin a record with. */
export interface QueryFields {
  readonly pairs: Pairs;
  /** `"p1":"v1",` for each. */
  readonly text: string;
  readonly isExact: boolean;
  /** A value is not UTF-8: the records must be MessagePack. */
  readonly hasBytes: boolean;
}

/** Which fields are made and how; the options of the same names. */
export interface FieldSettings {
  readonly skipNullFields: boolean;
  readonly fieldAliases: boolean;
  readonly nodeName?: string | undefined;
  readonly podName?: string | undefined;
  readonly workloadName?: string | undefined;
}

/** What a pod's name has behind its workload's name and a dash; undefined when it has not. */
export function podHash(podName: string | undefined, workloadName: string | undefined): string | undefined {
  if (!podName || !workloadName || !podName.startsWith(`${workloadName}-`)) return undefined;
  return podName.slice(workloadName.length + 1) || undefined;
}

/** Makes records of requests. One for each source; its time text is remembered for a second. */
export class RecordMaker {
  readonly #skipsNull: boolean;
  readonly #hasAliases: boolean;
  /** Names of the fields we make. */
  readonly #names: readonly string[];
  /** The made fields that never change, as fields and as the text that ends a record. */
  readonly #fixed: readonly (readonly [string, string])[];
  readonly #fixedText: string;
  #second = Number.NaN;
  #secondText = '';

  constructor(settings: FieldSettings) {
    this.#skipsNull = settings.skipNullFields;
    this.#hasAliases = settings.fieldAliases;
    const hash = podHash(settings.podName, settings.workloadName);
    this.#fixed = [
      ['_nodeName', settings.nodeName || hostname()],
      ...(hash === undefined ? [] : [['_workerPodHash', hash] as const]),
      ['_workerProcId', String(process.pid)],
    ];
    this.#fixedText = this.#fixed.map(([name, value]) => `,"${name}":${JSON.stringify(value)}`).join('');
    this.#names = [
      '_path',
      '_postTimestamp',
      '_postDatetimeGMT',
      ...this.#fixed.map(([name]) => name),
      ...(this.#hasAliases ? ['_endpoint', '_postDateTimeGMT'] : []),
    ];
  }

  /** Prepares parsed pairs for use in records. The pairs lose the names that we give, and are held on to. */
  query(pairs: Pairs): QueryFields {
    for (const name of this.#names) pairs.delete(name);
    let text = '';
    let isExact = false;
    let hasBytes = false;
    for (const [name, value] of pairs) {
      if (needsExactKey(name)) isExact = true;
      if (typeof value === 'string') text += `${JSON.stringify(name)}:${JSON.stringify(value)},`;
      else hasBytes = true;
    }
    return { pairs, text, isExact, hasBytes };
  }

  /** A record of the query alone. */
  fromNothing(request: RequestFields): EncodedRecord {
    const { query } = request;
    if (query?.hasBytes) return this.#fromFields(new Map(), false, request);
    const payload = `{${query ? query.text : ''}${this.#madeText(request)}`;
    return { codec: codecs.json, payload, exact: query?.isExact === true };
  }

  /** A record of a form's fields. */
  fromPairs(pairs: Pairs, request: RequestFields): EncodedRecord {
    return this.#fromFields(pairs, false, request);
  }

  /** A record of a JSON object. */
  fromObject({ text, bytes, parsed, isExact }: JsonObject, request: RequestFields): EncodedRecord {
    const { query } = request;
    if (isExact || this.#mustRebuild(text, parsed, query)) {
      const body = isExact ? parseExact(text) : new Map(Object.entries(parsed));
      return this.#fromFields(body, isExact, request);
    }
    const start = query === undefined ? '{' : `{${query.text}`;
    const made = this.#madeText(request);
    // A line break in valid JSON stands outside strings.
    const hasBreaks = text.includes('\n') || text.includes('\r');
    const inside = insideOf(text, parsed, hasBreaks);
    const exact = query?.isExact === true;
    if (inside === '') return { codec: codecs.json, payload: start + made, exact };
    // Text beyond ASCII would be turned into UTF-8 once more; its bytes are here already.
    if (bytes.length !== text.length && !hasBreaks)
      return { codec: codecs.json, payload: splice(start, bytes, made), exact };
    return { codec: codecs.json, payload: `${start}${inside},${made}`, exact };
  }

  /** True when the text of a plain object cannot stand in the record as it is. */
  #mustRebuild(text: string, parsed: PlainFields, query: QueryFields | undefined): boolean {
    if (this.#skipsNull && text.includes('null') && hasNull(parsed)) return true;
    // A plain text has no escapes in its keys: a key that begins with `_` is written `"_…`.
    if (text.includes('"_')) for (const name of this.#names) if (Object.hasOwn(parsed, name)) return true;
    if (query === undefined) return false;
    if (query.hasBytes) return true;
    for (const name of query.pairs.keys()) if (Object.hasOwn(parsed, name)) return true;
    return false;
  }

  #fromFields(body: ReadonlyMap<string, Value>, isExact: boolean, request: RequestFields): EncodedRecord {
    const fields: ExactFields = new Map<string, Value>(request.query?.pairs);
    for (const [name, value] of body) fields.set(name, value);
    if (this.#skipsNull) for (const [name, value] of fields) this.#dropNull(fields, name, value);
    for (const name of this.#names) fields.delete(name);
    this.#addMade(fields, request);
    // One append has one codec: where the query needs MessagePack, a record whose body overrides that field gets it too.
    if (request.query?.hasBytes) return { codec: codecs.msgpack, payload: packed(fields), exact: true };
    let hasExactKey = false;
    let payload = '';
    for (const [name, value] of fields) {
      if (value instanceof Uint8Array) return { codec: codecs.msgpack, payload: packed(fields), exact: true };
      if (needsExactKey(name)) hasExactKey = true;
      if (!isExact) payload += `${payload === '' ? '{' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    }
    if (!isExact) return { codec: codecs.json, payload: `${payload}}`, exact: hasExactKey };
    payload = stringifyJson(fields);
    return { codec: codecs.json, payload, exact: scanJson(Buffer.from(payload)).exact };
  }
  #dropNull(fields: ExactFields, name: string, value: Value): void {
    if (value === null) fields.delete(name);
    else if (typeof value === 'object') fields.set(name, withoutNulls(value));
  }

  /** The made fields as text, closing brace included. */
  #madeText(request: RequestFields): string {
    const time = this.#timeText(request.nowMs);
    const aliases = this.#hasAliases ? `,"_endpoint":${request.pathJson},"_postDateTimeGMT":"${time}"` : '';
    return `"_path":${request.pathJson},"_postTimestamp":${request.nowMs},"_postDatetimeGMT":"${time}"${this.#fixedText}${aliases}}`;
  }
  #addMade(fields: ExactFields, request: RequestFields): void {
    const time = this.#timeText(request.nowMs);
    fields.set('_path', request.path).set('_postTimestamp', request.nowMs).set('_postDatetimeGMT', time);
    for (const [name, value] of this.#fixed) fields.set(name, value);
    if (this.#hasAliases) fields.set('_endpoint', request.path).set('_postDateTimeGMT', time);
  }
  /** `2023-04-28T09:57:42Z` */
  #timeText(nowMs: number): string {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
    }
    return this.#secondText;
  }
}

/** A record with bytes in it. Forms hold only text and bytes: what MessagePack cannot hold comes from a JSON body. */
function packed(fields: ExactFields): Buffer {
  try {
    return encodeMsgpack(fields);
  } catch (error) {
    const detail = 'the query is not UTF-8 and the body has an integer beyond 64 bits: no encoding holds both';
    throw new Refusal('invalid_query', detail, { cause: error });
  }
}

/** `start`, what stands between the braces of the object in `bytes`, a comma and `made`, as UTF-8. */
function splice(start: string, bytes: Buffer, made: string): Buffer {
  const from = bytes.indexOf(OPENING) + 1;
  const until = bytes.lastIndexOf(CLOSING);
  // Three bytes are the most that UTF-8 needs for one UTF-16 unit.
  const spliced = Buffer.allocUnsafe((start.length + made.length) * 3 + until - from + 1);
  let at = spliced.write(start, 0);
  at += bytes.copy(spliced, at, from, until);
  spliced[at++] = COMMA;
  at += spliced.write(made, at);
  return spliced.subarray(0, at);
}

/** What stands between an object's braces, in one line; empty for an object without fields. */
function insideOf(text: string, parsed: PlainFields, hasBreaks: boolean): string {
  for (const _ in parsed) {
    const inside = text.slice(1, -1);
    return hasBreaks ? inside.replaceAll(/[\r\n]+/g, ' ') : inside;
  }
  return '';
}

/** True when an object in `value` has a field that is null. Nulls in arrays do not count: they are not fields. */
function hasNull(value: Value): boolean {
  if (Array.isArray(value)) {
    for (const inner of value) if (inner !== null && typeof inner === 'object' && hasNull(inner)) return true;
    return false;
  }
  const fields = value as PlainFields;
  for (const name in fields) {
    const inner = fields[name] as Value;
    if (inner === null || (typeof inner === 'object' && hasNull(inner))) return true;
  }
  return false;
}

/** The value without the fields that are null, at any depth; elements of arrays stay. What was plain stays plain. */
function withoutNulls(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept: Fields = value instanceof Map ? new Map() : {};
  for (const [name, inner] of fieldEntries(value)) if (inner !== null) setField(kept, name, withoutNulls(inner));
  return kept;
}
