/**
 * `_bulk` lines as Fluentd's plugins write them. Source: fluent-plugin-elasticsearch 6.0, process_message and
 * append_record_to_messages. Where no option looks at fields, a record's bytes are copied and never read.
 */
import { compileChunkText } from '../../codecs/chunk-placeholders.ts';
import type { BufferModel } from '../../config/model.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import { stringifyJson } from '../../core/json.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import { copyFields, deleteField, getField, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { flattened, parentOf, updateBody } from './fields.ts';
import type { Divert, Lines, Operation, Placed, WantedDocuments } from './lines.ts';
import { KeyFinder } from '../../codecs/key-finder.ts';
import { isPlain, jsonField, writeWithBehind } from './raw-document.ts';
import { elasticMajor, takesTypes } from './server.ts';
import type { Server } from './server.ts';
import type { DocumentSettings, Meaning } from './settings.ts';
import { TimeReader, ZonedFormat, inUtc, isoFormat, ownTime } from './timestamps.ts';
import type { ZonedTime } from './timestamps.ts';
import { writeJson } from '../../codecs/rows.ts';
import type { Clock } from '../../core/clock.ts';

const timestampKey = '@timestamp';

export interface LinesContext {
  readonly clock: Clock;
  readonly buffer: BufferModel;
  readonly divert: Divert | undefined;
  /** A value of time_key or @timestamp that is no time. */
  badTime(key: string): void;
}

/** What a chunk's keys make of the options, or, for elasticsearch_dynamic, a record. */
export interface Names {
  readonly indexName: string;
  readonly logstashPrefix: string;
  readonly date: ZonedFormat;
  readonly typeName: string;
  readonly pipeline: string;
}

/** Metadata of one document, as it stands in its line behind index and type. */
interface Meta {
  readonly hasId: boolean;
  readonly text: string;
}

export class FluentdLines implements Lines {
  readonly hasOwnIds: boolean;
  readonly indexInUrl: boolean;
  protected readonly settings: DocumentSettings;
  protected readonly context: LinesContext;
  readonly #expand: (chunk: Chunk) => Names;
  readonly #iso: ZonedFormat;
  readonly #times: TimeReader;
  #finder: KeyFinder;
  #chunkId = '';
  #server: Server | undefined;
  #names: Names;
  /** First lines up to the metadata, by what they are made of. */
  readonly #heads = new Map<string, string>();

  /** Where documents are that are to be updated, by id. */
  readonly #places = new WeakMap<Chunk, ReadonlyMap<string, string>>();
  #found: ReadonlyMap<string, string> | undefined;

  // The record that was placed last.
  #one: ChunkBatch | undefined;
  #row = 0;
  #first = '';
  #behind = '';
  #document: string | undefined;

  constructor(settings: DocumentSettings, context: LinesContext) {
    this.settings = settings;
    this.context = context;
    this.hasOwnIds = settings.exactlyOnce;
    this.indexInUrl = settings.includeIndexInUrl || settings.dataStream !== undefined;
    this.#expand = compileNames(settings, context.buffer);
    this.#names = { indexName: '', logstashPrefix: '', date: new ZonedFormat(''), typeName: '', pipeline: '' };
    this.#iso = isoFormat(settings.timePrecision);
    this.#times = new TimeReader(settings.timeKeyFormat, context.clock);
    this.#finder = finderOf(settings, settings);
  }

  wantsIndices(chunk: Chunk, server: Server | undefined): WantedDocuments | undefined {
    const { targetIndexAffinity, logstashFormat, idKey, writeOperation } = this.settings;
    if (!targetIndexAffinity || !logstashFormat || !idKey || !/^(?:update|upsert)$/.test(writeOperation))
      return undefined;
    this.begin(chunk, server);
    const ids = new Set<string>();
    for (const { batch } of chunk.batches)
      for (let row = 0; row < batch.count; row++) {
        const id = idText(idKey.get(batch.fields(row)));
        if (id !== undefined) ids.add(id);
      }
    return { prefix: this.#names.logstashPrefix.toLowerCase(), ids };
  }
  knowIndices(chunk: Chunk, found: ReadonlyMap<string, string>): void {
    this.#places.set(chunk, found);
  }
  begin(chunk: Chunk, server: Server | undefined): void {
    this.#chunkId = chunk.id;
    this.#found = this.#places.get(chunk);
    if (server !== this.#server) this.#heads.clear();
    this.#server = server;
    this.#names = this.#expand(chunk);
  }
  place(one: ChunkBatch, row: number): Placed | { readonly refused: string } {
    this.moveTo(one, row);
    const { settings } = this;
    if (!looksAtFields(settings) && isPlain(one.batch, row, this.#finder)) {
      const placed = this.#placePlain(one, row);
      const isNamed = placed.index !== '' || this.indexInUrl;
      if (isNamed && !this.context.divert?.knows(placed.index)) return placed;
    }
    return this.placeFields(one, row, settings, this.#names);
  }
  write(out: ByteWriter): void {
    out.text(this.#first);
    const batch = this.#one?.batch;
    if (this.#document !== undefined) out.text(this.#document);
    else if (batch && this.#behind !== '') writeWithBehind(batch, this.#row, this.#behind, out);
    else if (batch) writeJson(batch, this.#row, out);
    out.byte(10);
  }

  protected moveTo(one: ChunkBatch, row: number): void {
    this.#one = one;
    this.#row = row;
    this.#document = undefined;
  }
  /** A record whose fields no option looks at, and which has none of those that are added. */
  #placePlain(one: ChunkBatch, row: number): Placed {
    const { settings } = this;
    const { batch } = one;
    const time = ownTime(batch.seconds(row), batch.nanos(row));
    const isTagBoth = settings.includeTagKey && settings.tagKey === timestampKey;
    this.#behind = hasTimestamp(settings) && !isTagBoth ? `"${timestampKey}":"${this.#iso.text(time)}"` : '';
    if (settings.includeTagKey)
      this.#behind += `${this.#behind === '' ? '' : ','}${jsonField(settings.tagKey, batch.tag)}`;
    const index = settings.logstashFormat
      ? this.#datedIndex(time, settings, this.#names)
      : this.#names.indexName.toLowerCase();
    const operation = this.#operation(settings.writeOperation);
    this.#first = this.#line(operation, index, this.#type(undefined, this.#names.typeName), this.#ownId(one, row));
    return { index, operation };
  }
  protected placeFields(
    one: ChunkBatch,
    row: number,
    meaning: Meaning,
    names: Names,
  ): Placed | { readonly refused: string } {
    const { settings } = this;
    const { batch } = one;
    let fields = copyFields(batch.fields(row));
    if (settings.flattenHashes) fields = flattened(fields, settings.flattenHashesSeparator);
    if (settings.chunkIdKey !== undefined) setField(fields, settings.chunkIdKey, this.#chunkId);
    const own = ownTime(batch.seconds(row), batch.nanos(row));
    const time = hasTimestamp(meaning) ? this.#stamp(fields, own, meaning) : own;
    const written = takeOut(fields, settings.targetIndexKey);
    const id = this.#found && idText(meaning.idKey?.get(fields));
    const index =
      (id === undefined ? undefined : this.#found?.get(id)) ??
      (written ?? (meaning.logstashFormat ? this.#datedIndex(time, meaning, names) : names.indexName)).toLowerCase();
    if (index === '' && !this.indexInUrl) return { refused: 'its index has no name' };
    if (meaning.includeTagKey) setField(fields, meaning.tagKey, batch.tag);
    const type = this.#type(takeOut(fields, settings.targetTypeKey), names.typeName);
    const meta = this.#meta(one, row, fields, meaning);
    for (const key of settings.removeKeys) deleteField(fields, key);
    const operation = this.#operation(meaning.writeOperation);
    if (operation !== 'index' && !meta.hasId && settings.dataStream === undefined)
      return {
        refused: `it has no id, which ${meaning.writeOperation} needs: check ${meaning.idKey?.text ?? 'id_key'}`,
      };
    const { divert } = this.context;
    if (divert?.knows(index)) fields = divert.apply(index, fields, batch, row);
    this.#first = this.#line(operation, index, type, meta.text);
    this.#document =
      operation === 'update' ? updateBody(fields, meaning.writeOperation, settings) : stringifyJson(fields);
    return { index, operation };
  }

  /** Adds @timestamp; the time that dates the index. */
  #stamp(fields: Fields, own: ZonedTime, meaning: Meaning): ZonedTime {
    const { timeKeyExcludeTimestamp, dataStream } = this.settings;
    const there = getField(fields, timestampKey);
    const overwrites = dataStream === 'opensearch';
    if (there !== undefined && !meaning.logstashFormat && !overwrites) return own;
    const key = there === undefined ? meaning.timeKey : timestampKey;
    const value = there ?? (key === undefined ? undefined : getField(fields, key));
    let time = value === undefined ? own : this.#times.read(value);
    if (!time) {
      this.context.badTime(key ?? timestampKey);
      time = own;
    }
    const isLeftOut = there === undefined && value !== undefined && timeKeyExcludeTimestamp;
    if ((there === undefined && !isLeftOut) || overwrites) setField(fields, timestampKey, this.#iso.text(time));
    return time;
  }
  #datedIndex(time: ZonedTime, { utcIndex }: Meaning, { logstashPrefix, date }: Names): string {
    return `${logstashPrefix}${date.text(utcIndex ? inUtc(time) : time)}`.toLowerCase();
  }
  #operation(written: string): Operation {
    if (this.hasOwnIds || this.settings.dataStream !== undefined) return 'create';
    return written === 'upsert' || written === 'update' ? 'update' : written === 'create' ? 'create' : 'index';
  }
  #ownId(one: ChunkBatch, row: number): string {
    return this.hasOwnIds ? `"_id":${JSON.stringify(one.emissionId(row))}` : '';
  }
  #meta(one: ChunkBatch, row: number, fields: Fields, { idKey, parentKey, routingKey }: Meaning): Meta {
    const parts = this.hasOwnIds ? [this.#ownId(one, row)] : [];
    let hasId = this.hasOwnIds;
    const add = (name: string, value: Value | undefined): boolean => {
      // As in Ruby nil and false are nothing.
      if (value === undefined || value === null || value === false) return false;
      parts.push(`"${name}":${stringifyJson(value)}`);
      return true;
    };
    if (!this.hasOwnIds && idKey) hasId = add('_id', idKey.get(fields));
    if (parentKey) add('_parent', parentKey.get(fields));
    const isNew = (this.#server ? elasticMajor(this.#server) : this.settings.defaultMajor) >= 7;
    if (routingKey) add(isNew ? 'routing' : '_routing', routingKey.get(fields));
    return { hasId, text: parts.join(',') };
  }
  /** `_type`, as the server's version has it; undefined: none. `written`: the record's own. */
  #type(written: string | undefined, typeName: string): string | undefined {
    const { suppressTypeName, typeRule, dataStream } = this.settings;
    const server = this.#server;
    if (dataStream !== undefined || (server && !takesTypes(server))) return undefined;
    if (typeRule === 'opensearch') return suppressTypeName ? undefined : '_doc';
    const major = server ? elasticMajor(server) : this.settings.defaultMajor;
    if (major >= 8 || (suppressTypeName && major >= 7)) return undefined;
    if (major === 7) return '_doc';
    return written !== undefined && major !== 6 ? written : typeName;
  }
  #line(operation: Operation, index: string, type: string | undefined, meta: string): string {
    const key = `${operation}\n${index}\n${type ?? ''}`;
    let head = this.#heads.get(key);
    if (head === undefined) {
      // Names may come from records: what is kept of them is bounded.
      if (this.#heads.size > 1000) this.#heads.clear();
      const parts = this.indexInUrl ? [] : [`"_index":${JSON.stringify(index)}`];
      if (type !== undefined) parts.push(`"_type":${JSON.stringify(type)}`);
      if (this.#names.pipeline !== '') parts.push(`"pipeline":${JSON.stringify(this.#names.pipeline)}`);
      head = `{"${operation}":{${parts.join(',')}`;
      this.#heads.set(key, head);
    }
    if (meta === '') return `${head}}}\n`;
    return `${head}${head.endsWith('{') ? '' : ','}${meta}}}\n`;
  }
}

function hasTimestamp({ logstashFormat, includeTimestamp }: Meaning): boolean {
  return logstashFormat || includeTimestamp;
}

/** A value as the id of a document, as the server has it. */
function idText(value: Value | undefined): string | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  return typeof value === 'string' ? value : stringifyJson(value);
}

/** Whether an option needs a record's fields. */
function looksAtFields(settings: DocumentSettings): boolean {
  const { targetIndexKey, targetTypeKey, removeKeys, flattenHashes, chunkIdKey, writeOperation } = settings;
  return (
    settings.idKey !== undefined ||
    settings.parentKey !== undefined ||
    settings.routingKey !== undefined ||
    targetIndexKey !== undefined ||
    targetTypeKey !== undefined ||
    removeKeys.length > 0 ||
    flattenHashes ||
    chunkIdKey !== undefined ||
    (writeOperation !== 'index' && !settings.exactlyOnce && settings.dataStream === undefined)
  );
}

/** Looks for the fields that a record must not have so that they can be added without reading it. */
function finderOf(settings: DocumentSettings, meaning: Meaning): KeyFinder {
  const keys = hasTimestamp(meaning) ? [timestampKey] : [];
  if (hasTimestamp(meaning) && meaning.timeKey !== undefined) keys.push(meaning.timeKey);
  if (settings.includeTagKey) keys.push(settings.tagKey);
  return new KeyFinder(keys);
}

/** The options with the placeholders of a chunk filled in. */
function compileNames(settings: DocumentSettings, buffer: BufferModel): (chunk: Chunk) => Names {
  const expand = (template: string): ((chunk: Chunk) => string) => {
    const fill = compileChunkText(template, buffer);
    return (chunk) => fill(chunk).text;
  };
  const indexName = expand(settings.dataStream === undefined ? settings.indexName : settings.dataStreamName);
  const prefix = expand(settings.logstashPrefix);
  const dateformat = expand(settings.logstashDateformat);
  const typeName = expand(settings.typeName);
  const pipeline = expand(settings.pipeline);
  let known = '';
  let date = new ZonedFormat('');
  return (chunk) => {
    const format = dateformat(chunk);
    if (format !== known) date = new ZonedFormat(format);
    known = format;
    return {
      indexName: indexName(chunk),
      logstashPrefix: `${prefix(chunk)}${settings.logstashPrefixSeparator}`,
      date,
      typeName: typeName(chunk),
      pipeline: pipeline(chunk),
    };
  };
}

/** The text at a path, taken out of the record; undefined where it has none. */
function takeOut(fields: Fields, path: readonly string[] | undefined): string | undefined {
  if (!path) return undefined;
  const parent = parentOf(fields, path);
  const key = path.at(-1) as string;
  const value = parent && getField(parent, key);
  if (!parent || value === undefined || value === null || value === false) return undefined;
  deleteField(parent, key);
  return typeof value === 'string' ? value : stringifyJson(value);
}
