/**
 * From a request to records: which parameter or body holds them, in which form. Content types as Fluentd 1.16's
 * in_http.rb compares them: from their beginning, by case.
 */
import type { IncomingMessage } from 'node:http';
import { fitsJson } from '../../codecs/encode.ts';
import { compileRecordTime, recordTimeDefaults } from '../../codecs/in_http.ts';
import type { RecordTime, RecordTimeOptions } from '../../codecs/in_http.ts';
import { parseTexts } from '../../codecs/parse-texts.ts';
import { codecs } from '../../core/batch.ts';
import type { Codec } from '../../core/batch.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import { parseExact, scanJson, stringifyJson } from '../../core/json.ts';
import { decodeMsgpackEach, encodeMsgpack } from '../../core/msgpack.ts';
import { copyFields, deleteField, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { Parsed, Parser } from '../../core/plugin.ts';
import { OperatingError } from '../../core/errors.ts';
import type { EncodedRecord } from '../requests/append-queue.ts';
import { jsonObjects, ndjsonObjects } from '../requests/json-body.ts';
import type { JsonObject } from '../requests/json-body.ts';
import { parseMultipart } from '../requests/multipart.ts';
import { parsePairs } from '../requests/pairs.ts';
import type { Pairs } from '../requests/pairs.ts';
import { Refusal } from '../requests/refusal.ts';
import { addTo, additionsOf } from './additions.ts';
import type { HttpOptions } from './options.ts';
import { parameterTime } from './time.ts';

/** The records of one request, all of one codec; perhaps none. */
export interface RequestRecords {
  readonly codec: Codec;
  readonly records: readonly EncodedRecord[];
}

/** A parser that the configuration names, and how it is called. */
export interface NamedParser {
  readonly name: string;
  readonly parser: Parser;
}

// A million maps and arrays are some 100 MB in memory; a body of 32 MiB has as many when each is of 32 bytes.
const containersMax = 1_000_000;

/** What is the same for all records of a request. */
interface Shared {
  readonly additions: ReturnType<typeof additionsOf>;
  /** From the parameter `time`; undefined: each record's own. */
  readonly time: Instant | undefined;
  readonly hasTimeParameter: boolean;
}

export class RequestReader {
  readonly #options: HttpOptions;
  readonly #named: NamedParser | undefined;
  readonly #time: RecordTimeOptions;
  readonly #timeOf: RecordTime;

  /** `named`: undefined for the source's own parsers, whose time field `time` says. */
  constructor(options: HttpOptions, named: NamedParser | undefined, time: RecordTimeOptions | undefined, clock: Clock) {
    this.#options = options;
    this.#named = named;
    this.#time = time ?? recordTimeDefaults;
    this.#timeOf = compileRecordTime(this.#time, clock);
  }

  /** Records of a request whose content codings are undone. @throws Refusal */
  read(req: IncomingMessage, queryText: string, body: Buffer): RequestRecords {
    const query = parsePairs(queryText, 'query', 'first', '&;');
    const type = req.headers['content-type'] ?? '';
    const form = this.#named ? undefined : formOf(body, type);
    const written = textOf(form?.get('time') ?? query.get('time'));
    const shared: Shared = {
      additions: additionsOf(req, query, this.#options),
      time: written === undefined ? undefined : parameterTime(written),
      hasTimeParameter: written !== undefined,
    };
    if (this.#named) return this.#parsed(this.#named, body, shared);
    const found = bodyRecords(body, type) ?? parameterRecords(form) ?? parameterRecords(query);
    if (!found) throw new Refusal('no_records', "'json', 'ndjson' or 'msgpack' parameter is required");
    if (found.form === 'msgpack') return this.#fromMsgpack(found.bytes, shared);
    return this.#fromJson(found.form, found.bytes, shared);
  }

  #fromJson(form: 'json' | 'ndjson', bytes: Buffer, shared: Shared): RequestRecords {
    checkContainers(bytes);
    const records: EncodedRecord[] = [];
    const loose: { fields: Fields; time: Instant | undefined }[] = [];
    for (const object of this.#objects(form, bytes)) {
      const time = this.#objectTime(object, shared);
      const isWhole = this.#time.keepTimeKey || !hasKey(object, this.#time.timeKey);
      if (loose.length === 0 && shared.additions.length === 0 && (isWhole || shared.hasTimeParameter))
        records.push({ codec: codecs.json, payload: textInJournal(object), exact: object.isExact, ...timed(time) });
      else {
        const fields = object.isExact ? parseExact(object.text) : object.parsed;
        loose.push({ fields: this.#finished(fields, shared), time });
      }
    }
    if (loose.length === 0) return { codec: codecs.json, records };
    const { codec, records: encoded } = encodeAll(loose);
    // Only what a request adds to all its records can be bytes, and then none of them stayed whole.
    return { codec, records: [...records, ...encoded] };
  }
  #objects(form: 'json' | 'ndjson', bytes: Buffer): JsonObject[] {
    const { recordsLimit } = this.#options;
    try {
      return form === 'json' ? jsonObjects(bytes, recordsLimit) : ndjsonObjects(bytes, recordsLimit);
    } catch (error) {
      if (error instanceof Refusal && error.reason === 'empty_array') return [];
      throw form === 'json' ? asPeerTakesJson(error, bytes) : error;
    }
  }
  #objectTime({ parsed, isExact, text }: JsonObject, shared: Shared): Instant | undefined {
    const { timeKey } = this.#time;
    if (shared.hasTimeParameter) return shared.time;
    if (!Object.hasOwn(parsed, timeKey)) return undefined;
    return this.#instant(isExact ? parseExact(text).get(timeKey) : parsed[timeKey]);
  }
  #instant(value: Value | undefined): Instant | undefined {
    const time = this.#timeOf(value);
    if (time !== undefined && 'problem' in time) throw new Refusal('invalid_time', time.problem);
    return time;
  }
  /** The fields with what the request adds, without the time field where that was the record's time. */
  #finished(fields: Fields, { additions, hasTimeParameter }: Shared): Fields {
    if (!hasTimeParameter && !this.#time.keepTimeKey) deleteField(fields, this.#time.timeKey);
    addTo(fields, additions);
    return fields;
  }

  #fromMsgpack(bytes: Buffer, shared: Shared): RequestRecords {
    const loose: { fields: Fields; time: Instant | undefined }[] = [];
    const take = (value: Value, place: string): void => {
      if (!isFields(value)) throw new Refusal('not_an_object', `expected a map at ${place}`);
      if (loose.length === this.#options.recordsLimit)
        throw new Refusal('too_many_records', `the body holds more than ${loose.length} records, at ${place}`);
      const time = shared.hasTimeParameter ? shared.time : this.#instant(getField(value, this.#time.timeKey));
      loose.push({ fields: this.#finished(value, shared), time });
    };
    try {
      for (const { value, at } of decodeMsgpackEach(bytes, containersMax)) {
        if (Array.isArray(value))
          for (const [index, element] of value.entries()) take(element, `element ${index + 1} of byte ${at}`);
        else take(value, `byte ${at}`);
      }
    } catch (error) {
      throw msgpackRefusal(error, loose.length === 0);
    }
    if (bytes.length === 0)
      throw new Refusal('invalid_msgpack', 'the body is empty: expected a MessagePack map or array', {
        isPeerYes: true,
      });
    return encodeAll(loose);
  }

  #parsed({ name, parser }: NamedParser, body: Buffer, shared: Shared): RequestRecords {
    const loose: { fields: Fields; time: Instant | undefined }[] = [];
    parseTexts(parser, [body], (parsed: Parsed) => {
      if ('problem' in parsed) {
        const shown = body.toString('utf8', 0, shownBytesMax);
        throw new Refusal('parse_failed', `no ${name}: ${parsed.problem}`, {
          peerText: `Received event is not ${name}: ${shown}`,
        });
      }
      if (loose.length === this.#options.recordsLimit)
        throw new Refusal('too_many_records', `the body holds more than ${loose.length} records`);
      const fields = shared.additions.length > 0 ? copyFields(parsed.fields) : parsed.fields;
      addTo(fields, shared.additions);
      loose.push({ fields, time: shared.hasTimeParameter ? shared.time : parsed.time });
    });
    return encodeAll(loose);
  }
}

/** Of a body that no parser takes, so much is told to its sender. */
const shownBytesMax = 200;

/** The body itself, where its content type says what it is. */
function bodyRecords(body: Buffer, type: string): Found | undefined {
  if (type.startsWith('application/json')) return { form: 'json', bytes: withoutMark(body) };
  if (type.startsWith('application/msgpack')) return { form: 'msgpack', bytes: body };
  if (type.startsWith('application/x-ndjson')) return { form: 'ndjson', bytes: withoutMark(body) };
  return undefined;
}
interface Found {
  readonly form: 'json' | 'ndjson' | 'msgpack';
  readonly bytes: Buffer;
}

/** The parameter that holds records: MessagePack before JSON before NDJSON. */
function parameterRecords(pairs: Pairs | undefined): Found | undefined {
  for (const form of ['msgpack', 'json', 'ndjson'] as const) {
    const value = pairs?.get(form);
    if (value !== undefined)
      return { form, bytes: typeof value === 'string' ? Buffer.from(value) : Buffer.from(value) };
  }
  return undefined;
}

function formOf(body: Buffer, type: string): Pairs | undefined {
  if (type.startsWith('application/x-www-form-urlencoded')) return parsePairs(body.toString('latin1'), 'form', 'first');
  if (type.startsWith('multipart/form-data') && body.length > 0)
    return parseMultipart(body, type, { repeated: 'first', takesFiles: true });
  return undefined;
}

const textOf = (value: string | Uint8Array | undefined): string | undefined =>
  value === undefined || typeof value === 'string' ? value : Buffer.from(value).toString('latin1');

const hasKey = ({ parsed }: JsonObject, key: string): boolean => Object.hasOwn(parsed, key);
const timed = (time: Instant | undefined): { time?: Instant } => (time === undefined ? {} : { time });
const withoutMark = (body: Buffer): Buffer =>
  body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;

/** An object's text as it came; one whose keys may be written with escapes or twice as it is read. */
function textInJournal({ text, isExact }: JsonObject): string {
  return isExact ? stringifyJson(parseExact(text)) : oneLine(text);
}

/** A line break in valid JSON stands outside strings. */
function oneLine(text: string): string {
  return text.includes('\n') || text.includes('\r') ? text.replaceAll(/[\r\n]+/g, ' ') : text;
}

/** All as JSON, or all as MessagePack where one of them needs it: they are appended together. @throws Refusal */
function encodeAll(loose: readonly { readonly fields: Fields; readonly time: Instant | undefined }[]): RequestRecords {
  if (loose.every(({ fields }) => fitsJson(fields))) {
    const records = loose.map(({ fields, time }) => {
      const payload = stringifyJson(fields);
      return { codec: codecs.json, payload, exact: scanJson(Buffer.from(payload)).exact, ...timed(time) };
    });
    return { codec: codecs.json, records };
  }
  try {
    const records = loose.map(({ fields, time }) => ({
      codec: codecs.msgpack,
      payload: encodeMsgpack(fields),
      exact: true,
      ...timed(time),
    }));
    return { codec: codecs.msgpack, records };
  } catch (error) {
    const detail = 'a record holds bytes and an integer beyond 64 bits: no encoding holds both';
    throw new Refusal('invalid_json', detail, { cause: error });
  }
}

/** A bomb of small objects is found before it is unpacked. Counts brackets in strings too. */
function checkContainers(bytes: Buffer): void {
  if (bytes.length <= containersMax) return;
  let count = 0;
  for (const byte of bytes) if (byte === 123 || byte === 91) count++;
  if (count > containersMax)
    throw new Refusal('too_many_values', `the body holds more than ${containersMax} objects and arrays`);
}

/** Fluentd's JSON parser gives nothing for what it cannot read and for `null`, and in_http says yes to nothing. */
function asPeerTakesJson(error: unknown, bytes: Buffer): unknown {
  if (!(error instanceof Refusal)) return error;
  const isNothing =
    error.reason === 'invalid_json' || error.reason === 'invalid_utf8' || bytes.toString('latin1').trim() === 'null';
  return isNothing ? new Refusal(error.reason, error.message, { cause: error, isPeerYes: true }) : error;
}

function msgpackRefusal(error: unknown, isNothingTaken: boolean): unknown {
  if (!(error instanceof OperatingError)) return error;
  // 0xc1 is the one byte that stands for nothing; Fluentd has this text for it. What only ends too early it waits for.
  const isInvalid = error.message.includes('0xc1 begins');
  const isShort = isNothingTaken && /the end in the middle|beyond the end/.test(error.message);
  return new Refusal('invalid_msgpack', error.message, {
    cause: error,
    isPeerYes: isShort,
    ...(isInvalid && { peerText: 'invalid byte' }),
  });
}
