/** From a request's body to encoded records, whatever form the body has. */
import { codecs } from '../../core/batch.ts';
import type { Codec } from '../../core/batch.ts';
import { parseExact } from '../../core/json.ts';
import type { Value } from '../../core/record.ts';
import type { EncodedRecord } from '../requests/append-queue.ts';
import type { QueryFields, RecordMaker, RequestFields } from './fields.ts';
import { jsonObjects, ndjsonObjects } from '../requests/json-body.ts';
import type { JsonObject } from '../requests/json-body.ts';
import { parseMultipart } from '../requests/multipart.ts';
import { parsePairs } from '../requests/pairs.ts';
import type { Pairs } from '../requests/pairs.ts';
import { Refusal } from '../requests/refusal.ts';

/** The records of one request, all of one codec. */
export interface BodyRecords {
  readonly codec: Codec;
  readonly records: readonly EncodedRecord[];
  /** Text of the field that serves as idempotency key, where the request has one record with such a field. */
  readonly key: string | undefined;
}

const jsonType = /^(?:application|text)\/(?:json|[^;\s]+\+json)$/;
const ndjsonType = /^(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|json-seq)$/;

/** Reads bodies as the options say. */
export class BodyReader {
  readonly #maker: RecordMaker;
  readonly #recordsMax: number;
  readonly #keyField: string | undefined;
  /** Senders repeat one content type: its media type is worked out once. */
  #lastContentType = '';
  #lastMediaType = '';

  constructor(maker: RecordMaker, options: { recordsLimit: number; idempotencyField?: string | undefined }) {
    this.#maker = maker;
    this.#recordsMax = options.recordsLimit;
    this.#keyField = options.idempotencyField || undefined;
  }

  /** Parses a query string (what stands behind the `?`). @throws Refusal invalid_query, too_many_fields */
  query(text: string): QueryFields {
    return this.#maker.query(parsePairs(text, 'query'));
  }

  /** Records of a decompressed body, at least one. @throws Refusal */
  read(body: Buffer | undefined, contentType: string | undefined, request: RequestFields): BodyRecords {
    const start = body === undefined ? -1 : firstByteAt(body);
    if (body === undefined || start < 0) return this.#one(this.#maker.fromNothing(request), undefined, request);
    const type = this.#mediaType(contentType ?? '');
    if (body[start] === 123 || body[start] === 91) {
      const objects = this.#json(withoutMark(body), type);
      if (objects) return this.#fromObjects(objects, request);
    }
    if (type === 'application/x-www-form-urlencoded')
      return this.#fromPairs(parsePairs(body.toString('latin1'), 'form'), request);
    if (type === 'multipart/form-data') return this.#fromPairs(parseMultipart(body, contentType as string), request);
    if (ndjsonType.test(type)) return this.#fromObjects(ndjsonObjects(withoutMark(body), this.#recordsMax), request);
    if (jsonType.test(type)) return this.#fromObjects(jsonObjects(withoutMark(body), this.#recordsMax), request);
    throw new Refusal(
      'unsupported_type',
      `${type === '' ? 'a body without content type' : `content type ${JSON.stringify(type.slice(0, 80))}`} that does not begin with { or [ at byte ${start} is not supported: send JSON, NDJSON, application/x-www-form-urlencoded or multipart/form-data`,
    );
  }

  /** `Application/JSON; charset=utf-8` → `application/json` */
  #mediaType(contentType: string): string {
    if (contentType !== this.#lastContentType) {
      this.#lastContentType = contentType;
      this.#lastMediaType = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
    }
    return this.#lastMediaType;
  }
  /** Objects of a body that looks like JSON; undefined when it is a form after all. */
  #json(body: Buffer, type: string): JsonObject[] | undefined {
    if (ndjsonType.test(type)) return ndjsonObjects(body, this.#recordsMax);
    try {
      return jsonObjects(body, this.#recordsMax);
    } catch (error) {
      // A form holds `=` and writes a double quote as %22; broken JSON that curl calls a form must not become a field name.
      const isForm = type === 'application/x-www-form-urlencoded' && body.includes(61) && !body.includes(34);
      if (isForm || type === 'multipart/form-data') return undefined;
      throw error;
    }
  }

  #fromObjects(objects: readonly JsonObject[], request: RequestFields): BodyRecords {
    const first = objects.length === 1 ? objects[0] : undefined;
    if (first) {
      const key = this.#keyField === undefined ? undefined : this.#keyOfObject(first, this.#keyField);
      return this.#one(this.#maker.fromObject(first, request), key, request);
    }
    const records = objects.map((object) => this.#maker.fromObject(object, request));
    return { codec: records[0]?.codec ?? codecs.json, records, key: undefined };
  }
  #fromPairs(pairs: Pairs, request: RequestFields): BodyRecords {
    const key = this.#keyField === undefined ? undefined : keyText(pairs.get(this.#keyField));
    return this.#one(this.#maker.fromPairs(pairs, request), key, request);
  }
  #one(record: EncodedRecord, key: string | undefined, request: RequestFields): BodyRecords {
    const own =
      key === undefined && this.#keyField !== undefined ? keyText(request.query?.pairs.get(this.#keyField)) : key;
    return { codec: record.codec, records: [record], key: own };
  }
  #keyOfObject(object: JsonObject, name: string): string | undefined {
    if (object.isExact) return keyText(parseExact(object.text).get(name));
    return Object.hasOwn(object.parsed, name) ? keyText(object.parsed[name]) : undefined;
  }
}

/** A field's value as an idempotency key: text and whole numbers; others have no form that both ends agree on. */
function keyText(value: Value | undefined): string | undefined {
  if (typeof value === 'string') return value || undefined;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
  return undefined;
}

const hasMark = (body: Buffer): boolean => body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
/** JSON may begin with a byte order mark, which RFC 8259 lets a reader ignore, as the original's reader did. */
const withoutMark = (body: Buffer): Buffer => (hasMark(body) ? body.subarray(3) : body);

/** Position of the first byte that is not JSON's white space (or a byte order mark), or -1. */
function firstByteAt(body: Buffer): number {
  for (let at = hasMark(body) ? 3 : 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return at;
  }
  return -1;
}
