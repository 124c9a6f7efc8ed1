/** Records of Kafka as records of ours: values parsed, tags, times, and appends that say how far they go. */
import { isUtf8 } from 'node:buffer';
import type { EncodedRecords } from '../../core/batch.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { parseRecord, scanJson } from '../../core/json.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';
import { OriginBuilder } from '../../core/origin.ts';
import type { RowOrigin } from '../../core/origin.ts';
import type { Parser } from '../../core/plugin.ts';
import { copyFields, getField, isFields, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { RecordGatherer } from '../../codecs/encode.ts';
import { compileReadTime } from '../../codecs/parse-time.ts';
import { parseTexts, refusalReason } from '../../codecs/parse-texts.ts';
import { rubyText } from '../../codecs/ruby.ts';
import type { ReadRecord } from '../../kafka/read-batches.ts';
import { decodeOrigin, originHeader } from '../../kafka/origin-header.ts';
import type { RecordSettings } from './settings.ts';

/** The journal's largest record, less what may be added to it. */
const valueBytesMax = 15 * 1024 * 1024;
const LF = 10;
const originBytes = Buffer.from(originHeader);

/** Records of one tag that follow each other. */
export interface TaggedRun {
  readonly tag: string;
  readonly records: EncodedRecords;
  /** Where reading goes on behind the last of them: at this offset, behind so many records that its value gave. */
  readonly next: number;
  readonly skip: number;
}
/** A value that gave no record. */
export interface RefusedValue {
  readonly reason: string;
  readonly problem: string;
  readonly offset: number;
  readonly raw: Uint8Array;
}
export interface Converted {
  readonly runs: readonly TaggedRun[];
  readonly refused: readonly RefusedValue[];
}

interface Open {
  readonly tag: string;
  readonly gatherer: RecordGatherer;
  /** Where reading goes on behind each. */
  readonly ends: { readonly next: number; readonly skip: number }[];
  readonly origins: (RowOrigin | undefined)[];
}

export class RecordConverter {
  readonly #settings: RecordSettings;
  readonly #parser: Parser | undefined;
  readonly #clock: Clock;
  readonly #readTime: (value: Value) => Instant | undefined;

  constructor(settings: RecordSettings, parser: Parser | undefined, clock: Clock) {
    this.#settings = settings;
    this.#parser = parser;
    this.#clock = clock;
    const { timeFormat } = settings;
    this.#readTime = compileReadTime(
      timeFormat === undefined ? { timeType: 'float' } : { timeType: 'string', timeFormat },
      clock,
    );
  }
  /** Records of one partition, in order. `skip`: so many that the first value gives are there already. */
  convert(topic: string, partition: number, read: readonly ReadRecord[], skip: number): Converted {
    const topicTag = this.#tag(topic);
    const now = this.#clock.now();
    const runs: TaggedRun[] = [];
    const refused: RefusedValue[] = [];
    let open: Open | undefined;
    for (const record of read) {
      const { offset } = record;
      try {
        const all = this.#make(record, topic, partition, now);
        for (const [place, made] of all.entries()) {
          if (place < skip && record === read[0]) continue;
          const tag = this.#settings.tagField === undefined ? topicTag : this.#ownTag(made.fields);
          if (open?.tag !== tag) {
            if (open) runs.push(...runsOf(open));
            open = { tag, gatherer: new RecordGatherer(), ends: [], origins: [] };
          }
          if ('json' in made && made.json) open.gatherer.addJson(made.json, made.time);
          else open.gatherer.add(made.fields, made.time);
          const isLast = place === all.length - 1;
          open.ends.push(isLast ? { next: offset + 1, skip: 0 } : { next: offset, skip: place + 1 });
          // Several records of one value cannot share its origin: all but one would count as arrived before.
          open.origins.push(all.length === 1 ? originOf(record) : undefined);
        }
      } catch (error) {
        const reason = error instanceof NoRecord ? error.reason : 'parse_failed';
        refused.push({ reason, problem: errorText(error), offset, raw: record.value ?? Buffer.alloc(0) });
      }
    }
    if (open) runs.push(...runsOf(open));
    return { runs, refused };
  }
  #tag(from: string): string {
    const { tagPrefix, tagSuffix, fixedTag } = this.#settings;
    if (fixedTag !== undefined) return fixedTag;
    return [tagPrefix, from, tagSuffix].filter((part) => part !== undefined).join('.');
  }
  #ownTag(fields: Fields): string {
    const value = getField(fields, this.#settings.tagField ?? '');
    if (typeof value === 'string' && value !== '') return this.#tag(value);
    throw new NoRecord('no_tag', `field ${this.#settings.tagField} is no tag: a text was expected`);
  }
  /** The records of a value, mostly one. @throws NoRecord */
  #make(record: ReadRecord, topic: string, partition: number, now: Instant): Made[] {
    const { value } = record;
    if ((value?.length ?? 0) > valueBytesMax) throw new NoRecord('record_too_large', `it has ${value?.length} bytes`);
    const { format } = this.#settings;
    if (format === 'whole' || format === 'whole-json')
      return [{ fields: wholeRecord(record, topic, partition, format === 'whole-json'), time: now }];
    // A tombstone of a compacted topic says that a key is gone: there is nothing to keep of it.
    if (value === null) throw new NoRecord('no_value', 'it has no value');
    const plain = format === 'json' ? this.#plainJson(value) : undefined;
    if (plain) return [{ ...plain, time: this.#time(plain.fields, record, now) }];
    return this.#parsed(value).map(({ fields, time }) => {
      const own = this.#settings.time === 'now' ? time : undefined;
      const whole = this.#withAdditions(fields, record, topic, partition);
      return { fields: whole, time: own ?? this.#time(fields, record, now) };
    });
  }
  /** A JSON object that goes on as it is; undefined: it has to be looked at more closely. */
  #plainJson(value: Buffer): { json: Buffer; fields: Fields } | undefined {
    const { keyField, addsHeaders, addsOffset } = this.#settings;
    if (keyField !== undefined || addsHeaders || addsOffset || value.includes(LF) || !isUtf8(value)) return undefined;
    const text = value.toString();
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (error) {
      throw new NoRecord('parse_failed', `not JSON: ${errorText(error)}`);
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return { json: value, fields: scanJson(value).exact ? parseRecord(text, true) : (parsed as Fields) };
  }
  #parsed(value: Buffer): { fields: Fields; time: Instant | undefined }[] {
    const { format, textKey } = this.#settings;
    if (format === 'text')
      return [{ fields: { [textKey]: isUtf8(value) ? value.toString() : new Uint8Array(value) }, time: undefined }];
    if (format === 'msgpack') {
      const decoded = decodeMsgpack(value);
      if (!isFields(decoded)) throw new NoRecord('parse_failed', 'not a MessagePack map');
      return [{ fields: decoded, time: undefined }];
    }
    const found: { fields: Fields; time: Instant | undefined }[] = [];
    if (!this.#parser) throw new Error('there is no parser');
    parseTexts(this.#parser, [value], (parsed) => {
      if ('problem' in parsed) throw new NoRecord(refusalReason(parsed), parsed.problem);
      found.push(parsed);
    });
    return found;
  }
  #time(fields: Fields, record: ReadRecord, now: Instant): Instant {
    const { time, timeField } = this.#settings;
    if (time === 'now') return now;
    if (time === 'kafka') return instantOf(record.timeMs);
    const value = getField(fields, timeField);
    const found = value === undefined ? undefined : this.#readTime(value);
    if (found) return found;
    throw new NoRecord(
      'invalid_time',
      `field ${timeField} is no time: ${value === undefined ? 'there is none' : rubyText(value).slice(0, 64)}`,
    );
  }
  #withAdditions(fields: Fields, record: ReadRecord, topic: string, partition: number): Fields {
    const { keyField, addsHeaders, addsOffset } = this.#settings;
    if (keyField === undefined && !addsHeaders && !addsOffset) return fields;
    const whole = copyFields(fields);
    if (addsOffset) {
      setField(whole, 'kafka_topic', topic);
      setField(whole, 'kafka_partition', partition);
      setField(whole, 'kafka_offset', record.offset);
    }
    if (keyField !== undefined) setField(whole, keyField, textOrBytes(record.key));
    if (addsHeaders)
      for (const [name, value] of record.headers)
        setField(whole, (name ?? Buffer.alloc(0)).toString(), textOrBytes(value));
    return whole;
  }
}

interface Made {
  readonly fields: Fields;
  readonly time: Instant;
  readonly json?: Buffer;
}

/** Why a value gives no record. */
class NoRecord extends Error {
  readonly reason: string;
  constructor(reason: string, problem: string) {
    super(problem);
    this.reason = reason;
  }
}

/** Fluent Bit's in_kafka: what came around the value, and the value. */
function wholeRecord(record: ReadRecord, topic: string, partition: number, readsJson: boolean): Fields {
  const { offset, key, value } = record;
  let payload = textOrBytes(value);
  if (readsJson && value && isUtf8(value))
    try {
      const text = value.toString();
      const wrapped = `{"v":${text}}`;
      JSON.parse(text);
      payload = getField(parseRecord(wrapped, scanJson(Buffer.from(wrapped)).exact), 'v') ?? null;
    } catch {
      // As Fluent Bit does: what is no JSON stays a text.
    }
  // Exact, as the payload may be.
  return new Map<string, Value>([
    ['topic', topic],
    ['partition', partition],
    ['offset', offset],
    ['error', null],
    ['key', textOrBytes(key)],
    ['payload', payload],
  ]);
}

function textOrBytes(bytes: Buffer | null): Value {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString() : new Uint8Array(bytes);
}

function instantOf(timeMs: number): Instant {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: Math.round((timeMs - seconds * 1000) * 1e6) };
}

function originOf({ headers }: ReadRecord): RowOrigin | undefined {
  for (const [name, value] of headers) if (name && value && originBytes.equals(name)) return decodeOrigin(value);
  return undefined;
}

/** Appends of an open run: one for each codec, with the offsets they reach. */
function runsOf({ tag, gatherer, ends, origins }: Open): TaggedRun[] {
  let from = 0;
  const hasOrigins = origins.some((origin) => origin !== undefined);
  return gatherer.take().map((records) => {
    const until = from + records.payloads.length;
    const builder = new OriginBuilder();
    if (hasOrigins) for (const origin of origins.slice(from, until)) builder.add(origin);
    from = until;
    const end = ends[until - 1] ?? { next: 0, skip: 0 };
    return { tag, records: hasOrigins ? { ...records, origins: builder.runs } : records, ...end };
  });
}
