/**
 * `_bulk` lines as Fluent Bit's `es` and `opensearch` write them. Source: Fluent Bit 5.1 es.c, opensearch.c. The time comes
 * first in a document; where the record has a field of that name, the record's counts, as it does there.
 */
import { isAscii } from 'node:buffer';
import { compileStrftime } from '../../codecs/strftime.ts';
import type { TimeFormat } from '../../codecs/strftime.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import { encodeMsgpack } from '../../core/msgpack.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import { fieldEntries, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { compileTemplate } from './fluentbit-template.ts';
import type { Template } from './fluentbit-template.ts';
import { murmur3, xxh3 } from './hashes.ts';
import type { Divert, Lines, Operation, Placed } from './lines.ts';
import { KeyFinder } from '../../codecs/key-finder.ts';
import { isPlain, jsonField, writeWithBefore } from './raw-document.ts';
import { takesTypes } from './server.ts';
import { UsualLines } from './usual-lines.ts';
import type { Server } from './server.ts';

export interface FluentbitDocuments {
  readonly index: string;
  readonly type: string;
  readonly suppressTypeName: boolean;
  readonly logstashFormat: boolean;
  readonly logstashPrefix: string;
  readonly logstashPrefixSeparator: string;
  readonly logstashPrefixKey: string | undefined;
  readonly logstashDateformat: string;
  readonly timeKey: string;
  readonly timeKeyFormat: string;
  readonly timeKeyNanos: boolean;
  readonly includeTagKey: boolean;
  readonly tagKey: string;
  readonly generateId: boolean;
  readonly idKey: string | undefined;
  readonly writeOperation: string;
  readonly replaceDots: boolean;
  readonly currentTimeIndex: boolean;
  readonly exactlyOnce: boolean;
}

/** Of `logstash_prefix_key`'s value so many bytes count. */
const prefixBytesMax = 128;
const utc = { kind: 'offset', seconds: 0 } as const;
// Fluent Bit's own seed.
const murmurSeed = 42n;

export class FluentbitLines implements Lines {
  readonly hasOwnIds: boolean;
  readonly indexInUrl = false;
  readonly #settings: FluentbitDocuments;
  readonly #kind: 'es' | 'opensearch';
  readonly #clock: Clock;
  readonly #divert: Divert | undefined;
  readonly #finder: KeyFinder;
  readonly #stampText: TimeFormat;
  readonly #dateText: TimeFormat;
  readonly #indexText: TimeFormat;
  readonly #prefix: Template | undefined;
  readonly #indexOf: Template | undefined;
  readonly #id: Template | undefined;
  readonly #operation: Operation;
  #server: Server | undefined;
  /** The time of writing, for index names that follow it. */
  #now = { seconds: 0, nanos: 0 };

  /** Undefined: not every record has lines of the usual form. */
  readonly #usual: UsualLines | undefined;
  #isUsual = false;

  // The record that was placed last.
  #one: ChunkBatch | undefined;
  #row = 0;
  #first = '';
  #before = '';
  #document: string | undefined;

  constructor(settings: FluentbitDocuments, kind: 'es' | 'opensearch', clock: Clock, divert: Divert | undefined) {
    const { timeKeyFormat, timeKeyNanos, logstashPrefixKey, index, idKey, writeOperation, exactlyOnce } = settings;
    this.#settings = settings;
    this.#kind = kind;
    this.#clock = clock;
    this.#divert = divert;
    this.hasOwnIds = exactlyOnce || (settings.generateId && idKey === undefined);
    this.#finder = new KeyFinder([settings.timeKey, ...(settings.includeTagKey ? [settings.tagKey] : [])]);
    this.#stampText = compileStrftime(`${timeKeyFormat}.%${timeKeyNanos ? 9 : 3}NZ`, utc);
    this.#dateText = compileStrftime(settings.logstashDateformat, utc);
    this.#indexText = compileStrftime(index, utc);
    this.#prefix = logstashPrefixKey === undefined ? undefined : compileTemplate(withDollar(logstashPrefixKey));
    this.#indexOf = kind === 'opensearch' && index.includes('$') ? compileTemplate(index) : undefined;
    this.#id = idKey === undefined ? undefined : compileTemplate(withDollar(idKey));
    const operation = exactlyOnce ? 'create' : writeOperation.toLowerCase();
    this.#operation = operation === 'create' || operation === 'index' ? operation : 'update';
    const isUsual = this.#operation !== 'update' && !exactlyOnce && !this.#looksAtFields && !settings.includeTagKey;
    if (isUsual && !settings.currentTimeIndex) this.#usual = UsualLines.for(settings);
  }

  begin(_chunk: Chunk, server: Server | undefined): void {
    this.#server = server;
    this.#now = this.#clock.now();
    this.#usual?.begin();
  }
  place(one: ChunkBatch, row: number): Placed | { readonly refused: string } {
    this.#one = one;
    this.#row = row;
    this.#document = undefined;
    const { batch } = one;
    const usual = this.#placeUsual(one, row);
    this.#isUsual = usual !== undefined;
    if (usual) return usual;
    const { timeKey, includeTagKey, tagKey, currentTimeIndex } = this.#settings;
    const seconds = currentTimeIndex ? this.#now.seconds : batch.seconds(row);
    const stamp = this.#stampText(seconds, currentTimeIndex ? this.#now.nanos : batch.nanos(row));
    this.#before = jsonField(timeKey, stamp);
    if (includeTagKey) this.#before += `,${jsonField(tagKey, batch.tag)}`;
    const looks = this.#looksAtFields;
    const isCopied = !looks && isPlain(batch, row, this.#finder);
    const index = this.#index(one, row, seconds);
    if (isCopied && !this.#divert?.knows(index)) {
      const id = this.#settings.exactlyOnce ? one.emissionId(row) : undefined;
      this.#first = this.#line(index, id);
      if (this.#operation === 'update') this.#document = this.#wrapped(this.#copied());
      return { index, operation: this.#operation };
    }
    return this.#placeFields(one, row, index, stamp);
  }
  #placeUsual(one: ChunkBatch, row: number): Placed | undefined {
    const usual = this.#usual;
    if (!usual || !isPlain(one.batch, row, this.#finder)) return undefined;
    const index = this.#index(one, row, one.batch.seconds(row));
    if (this.#divert?.knows(index) === true) return undefined;
    if (index === usual.placed?.index) return usual.placed;
    return usual.use({ index, operation: this.#operation }, this.#line(index, undefined));
  }
  write(out: ByteWriter): void {
    if (this.#isUsual && this.#one && this.#usual?.write(this.#one.batch, this.#row, out) === true) return;
    this.#writePlaced(out);
  }
  #writePlaced(out: ByteWriter): void {
    if (this.#isUsual && this.#one) {
      const { batch } = this.#one;
      this.#first = this.#line(this.#usual?.placed?.index ?? '', undefined);
      this.#before = jsonField(
        this.#settings.timeKey,
        this.#stampText(batch.seconds(this.#row), batch.nanos(this.#row)),
      );
    }
    const start = out.length;
    out.text(this.#first);
    const batch = this.#one?.batch;
    if (this.#document !== undefined) out.text(this.#document);
    else if (batch) writeWithBefore(batch, this.#row, this.#before, out);
    escapeBeyondAscii(out, start);
    out.byte(10);
  }

  get #looksAtFields(): boolean {
    const { replaceDots, generateId, exactlyOnce } = this.#settings;
    return replaceDots || this.#id !== undefined || (generateId && !exactlyOnce);
  }
  #placeFields(one: ChunkBatch, row: number, index: string, stamp: string): Placed | { readonly refused: string } {
    const { batch } = one;
    const { replaceDots, timeKey, includeTagKey, tagKey, generateId, exactlyOnce, idKey } = this.#settings;
    const record = batch.fields(row);
    let fields = replaceDots ? undotted(record) : record;
    if (this.#divert?.knows(index) === true) fields = this.#divert.apply(index, fields, batch, row);
    const before: [string, Value][] = [[timeKey, stamp]];
    if (includeTagKey) before.push([tagKey, batch.tag]);
    let id = exactlyOnce ? one.emissionId(row) : undefined;
    if (id === undefined && this.#id) id = safeText(this.#id.value(batch.tag, record));
    if (id === undefined && generateId) id = this.#hash([...before, ...fieldEntries(fields)]);
    if (id === undefined && this.#id && this.#operation === 'update')
      return { refused: `its ${idKey} is no text that can be an id, which ${this.#settings.writeOperation} needs` };
    this.#first = this.#line(index, id);
    const added = before.filter(([key]) => getField(fields, key) === undefined);
    const parts = [...added, ...fieldEntries(fields)].map(
      ([key, value]) => `${JSON.stringify(key)}:${stringifyJson(value)}`,
    );
    this.#document = this.#wrapped(`{${parts.join(',')}}`);
    return { index, operation: this.#operation };
  }
  /** The document of a record that is copied, as text. */
  #copied(): string {
    const record = this.#one?.batch.json(this.#row).toString() ?? '{}';
    const inner = record.trim().slice(1).trimStart();
    return `{${this.#before}${inner.startsWith('}') ? '' : ','}${inner}`;
  }
  #wrapped(document: string): string {
    if (this.#operation !== 'update') return document;
    const isUpsert = this.#settings.writeOperation.toLowerCase() === 'upsert';
    return isUpsert ? `{"doc_as_upsert":true,"doc":${document}}` : `{"doc":${document}}`;
  }
  #index({ batch }: ChunkBatch, row: number, seconds: number): string {
    const { logstashFormat, logstashPrefix, logstashPrefixSeparator, index } = this.#settings;
    if (logstashFormat) {
      const own = this.#prefix && safeText(this.#prefix.text(batch.tag, batch.fields(row)));
      const prefix = own === undefined || own === '' ? logstashPrefix : firstBytes(own);
      return `${prefix}${logstashPrefixSeparator}${this.#dateText(seconds, 0)}`;
    }
    if (!this.#indexOf) return this.#indexText(this.#now.seconds, 0);
    const own = safeText(this.#indexOf.text(batch.tag, batch.fields(row)));
    return own === undefined || own === '' ? index : own;
  }
  #line(index: string, id: string | undefined): string {
    const { type, suppressTypeName } = this.#settings;
    const isTyped = !suppressTypeName && !(this.#server && !takesTypes(this.#server));
    const typed = isTyped ? `,"_type":${JSON.stringify(type)}` : '';
    const named = id === undefined ? '' : `,"_id":${JSON.stringify(id)}`;
    return `{"${this.#operation}":{"_index":${JSON.stringify(index)}${typed}${named}}}\n`;
  }
  /** An id of the document's MessagePack, the time first. */
  #hash(entries: readonly (readonly [string, Value])[]): string {
    const bytes = packedMap(entries);
    if (this.#kind === 'es') {
      const hash = murmur3(bytes, murmurSeed);
      // Printed as eight numbers of 16 bits.
      return uuidText(Buffer.from(hash).swap16().toString('hex'));
    }
    return uuidText(xxh3(bytes).toString('hex').toUpperCase());
  }
}

/** What is not ASCII as `\\uXXXX`, as Fluent Bit prints it: signatures and hashes are made of the bytes. */
function escapeBeyondAscii(out: ByteWriter, start: number): void {
  const written = out.view().subarray(start);
  if (isAscii(written)) return;
  const text = written.toString();
  out.truncate(start);
  out.text(text.replaceAll(/[^\0-\x7f]/gu, escaped));
}
function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

/** A map that may hold a key twice, as Fluent Bit packs it. */
function packedMap(entries: readonly (readonly [string, Value])[]): Buffer {
  const { length } = entries;
  const head =
    length < 16
      ? Buffer.from([0x80 | length])
      : length < 65_536
        ? Buffer.from([0xde, length >> 8, length & 255])
        : Buffer.from([0xdf, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255]);
  return Buffer.concat([head, ...entries.flatMap(([key, value]) => [encodeMsgpack(key), packed(value)])]);
}
function packed(value: Value): Buffer {
  try {
    return encodeMsgpack(value);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    // An integer beyond 64 bits: its digits tell it as well.
    return encodeMsgpack(stringifyJson(value));
  }
}

function uuidText(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The text where it may stand in a first line as it is: Fluent Bit takes no other. */
function safeText(value: Value | undefined): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return typeof value === 'string' && !/["\\\u0000-\u001f]/.test(value) ? value : undefined;
}

function firstBytes(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= prefixBytesMax ? text : bytes.toString('utf8', 0, prefixBytesMax).replace(/\ufffd$/, '');
}

function withDollar(written: string): string {
  return written.startsWith('$') ? written : `$${written}`;
}

/** Dots in names of fields, at any depth, as underscores. */
function undotted(fields: Fields): Fields {
  const entries = fieldEntries(fields).map(([key, value]): [string, Value] => [
    key.replaceAll('.', '_'),
    undottedValue(value),
  ]);
  return new Map(entries);
}
function undottedValue(value: Value): Value {
  if (Array.isArray(value)) return value.map(undottedValue);
  return isFields(value) ? undotted(value) : value;
}
