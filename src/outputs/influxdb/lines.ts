/** A chunk as lines of the line protocol, each kept apart, so that any of them can be sent again as it was. */
import { rubyText } from '../../codecs/ruby.ts';
import type { Batch } from '../../core/batch.ts';
import { ByteWriter } from '../../core/bytes.ts';
import type { Chunk } from '../../core/plugin.ts';
import { getField } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import { freeName, takeApart, writeFieldKey, writeTag, writeTags } from './form.ts';
import type { Point, PointForm } from './form.ts';
import { escapeMeasurement } from './names.ts';
import { RawWriter } from './raw.ts';
import { MovedTimes, Slots, stampOf, stampOfValue } from './stamp.ts';
import type { Precision } from './stamp.ts';
import { divertedSuffix, fitField } from './types.ts';
import type { TypesOf } from './types.ts';

/** A tag that counts points of the same time. */
export interface SequenceForm {
  readonly tag: string;
  /** `time`: from 0 for each new time, behind the other tags. `endless`: on and on, before the other tags. */
  readonly counts: 'time' | 'endless';
}

export interface LineSettings {
  readonly form: PointForm;
  readonly precision: Precision;
  readonly isTimeRounded: boolean;
  readonly movesEqualTimes: boolean;
  readonly sequence: SequenceForm | undefined;
  readonly isExactlyOnce: boolean;
  readonly isDiverting: boolean;
  /** A tag with the record's own tag. */
  readonly routeTag: string | undefined;
  /** Its text is the whole line. */
  readonly lineKey: string | undefined;
}

/** A record's line in `bytes`: `[from, until)`; a line feed follows. */
export interface Line {
  /** Counts through the chunk. */
  readonly row: number;
  readonly batch: Batch;
  readonly batchRow: number;
  readonly from: number;
  /** Where its fields begin and where its time does; the blanks are before them. */
  readonly fieldsFrom: number;
  readonly stampFrom: number;
  readonly until: number;
  /** Undefined: the one that the configuration names, or the server's own. */
  readonly policy: string | undefined;
}

export interface EncodedLines {
  readonly bytes: Buffer;
  readonly lines: readonly Line[];
  readonly refused: readonly { readonly row: number; readonly reason: string }[];
}

const LINE_FEED = 10;
const BLANK = 32;
/** Fluent Bit counts so far. It then stays at 1; here it begins again. */
const endlessMax = 100_000;
/** What the tag of exactly_once is called where the configuration names none: as Fluent Bit calls its own. */
const slotTagDefault = '_seq';
const noFields = 'OUTPUT_REFUSED: the record has no field that InfluxDB could hold: all are null or tags';

/** Writes the lines of one output's chunks, one chunk at a time. */
export class LineEncoder {
  readonly #settings: LineSettings;
  readonly #raw: RawWriter | undefined;
  readonly #slots: Slots | undefined;
  readonly #moved: MovedTimes | undefined;
  /** Behind the one that is returned nothing is written: `take()` hands it over. */
  readonly #out = new ByteWriter();
  readonly #scratch = new ByteWriter();
  #sequence = 0;
  #sequenceStamp: string | undefined;

  constructor(settings: LineSettings) {
    this.#settings = settings;
    const { form, precision, isExactlyOnce, movesEqualTimes } = settings;
    this.#slots = isExactlyOnce ? new Slots(precision) : undefined;
    this.#moved = movesEqualTimes && !isExactlyOnce ? new MovedTimes() : undefined;
    this.#raw =
      settings.lineKey === undefined && settings.routeTag === undefined
        ? RawWriter.of(form, settings.sequence?.tag ?? (isExactlyOnce ? slotTagDefault : undefined))
        : undefined;
  }

  /** `measurementOf`: the measurement's name for records of a tag. `typesOf`: what is known of its fields. */
  encode(
    chunk: Chunk,
    measurementOf: (tag: string) => string,
    typesOf: (measurement: string) => TypesOf | undefined,
  ): EncodedLines {
    const lines: Line[] = [];
    const refused: { row: number; reason: string }[] = [];
    let row = 0;
    for (const one of chunk.batches) {
      const { batch } = one;
      const name = measurementOf(batch.tag);
      const measurement = Buffer.from(escapeMeasurement(name));
      const types = typesOf(name);
      for (let batchRow = 0; batchRow < batch.count; batchRow++, row++) {
        const start = this.#out.length;
        const id = this.#slots && one.emissionId(batchRow);
        const made = this.#line({ row, batch, batchRow, id, measurement, types });
        if (typeof made === 'string') {
          this.#out.truncate(start);
          refused.push({ row, reason: made });
        } else {
          this.#out.byte(LINE_FEED);
          lines.push(made);
        }
      }
    }
    return { bytes: this.#out.take(), lines, refused };
  }

  /** The line with its fields fitted to other types; undefined where that changes nothing, a text where it cannot be. */
  refit(bytes: Buffer, line: Line, types: TypesOf): Buffer | string | undefined {
    // A line that the record brought has no fields of ours.
    if (this.#settings.lineKey !== undefined) return undefined;
    const out = new ByteWriter();
    out.copy(bytes, line.from, line.fieldsFrom);
    const problem = this.#writeFields(this.#takeApart(line).point, types, out);
    if (problem !== undefined) return problem;
    out.copy(bytes, line.stampFrom, line.until);
    const fitted = out.take();
    return fitted.compare(bytes, line.from, line.until) === 0 ? undefined : fitted;
  }

  #line(one: RowToWrite): Line | string {
    const { lineKey, sequence } = this.#settings;
    if (lineKey !== undefined) return this.#wholeLine(one, lineKey);
    // Before the record is looked at: this tag comes first, and no time of the record's own decides it.
    const first = sequence?.counts === 'endless' ? this.#extraTag(one, this.#recordStamp(one)) : undefined;
    const { batch, batchRow, types } = one;
    const raw = this.#raw && types === undefined ? batch.rawJson(batchRow) : undefined;
    if (this.#raw && raw && batch.block.parts.exact[batch.index(batchRow)] === 0) {
      const line = this.#rawLine(one, first, this.#raw, raw);
      if (line !== undefined) return line;
    }
    return this.#decodedLine(one, first);
  }
  /** Undefined: nothing is written, the record goes the long way. */
  #rawLine(one: RowToWrite, first: ExtraTag | undefined, writer: RawWriter, raw: Buffer): Line | string | undefined {
    const out = this.#out;
    const from = out.length;
    out.bytes(one.measurement);
    if (first) out.text(first.tag);
    this.#scratch.reset();
    const found = writer.write(raw, 0, raw.length, out, this.#scratch);
    if (!found) {
      out.truncate(from);
      return undefined;
    }
    const stamp = found.time ?? this.#recordStamp(one);
    const extra = first ?? this.#extraTag(one, stamp);
    if (!first) out.text(extra.tag);
    if (found.fieldCount === 0) return noFields;
    out.byte(BLANK);
    const fieldsFrom = out.length;
    out.bytes(this.#scratch.view());
    return this.#end(one, from, fieldsFrom, extra.stamp ?? this.#movedStamp(one, stamp, found.time), undefined);
  }
  #decodedLine(one: RowToWrite, first: ExtraTag | undefined): Line | string {
    const out = this.#out;
    const from = out.length;
    const { point, given } = this.#takeApart(one);
    const stamp = given ?? this.#recordStamp(one);
    const extra = first ?? this.#extraTag(one, stamp);
    out.bytes(one.measurement);
    out.text(this.#tags(point, extra));
    out.byte(BLANK);
    const fieldsFrom = out.length;
    const problem = this.#writeFields(point, one.types, out);
    if (problem !== undefined) return problem;
    return this.#end(one, from, fieldsFrom, extra.stamp ?? this.#movedStamp(one, stamp, given), policyOf(point.policy));
  }
  /** The record's parts, and the time that its time key holds. A value that is no time stays as a field. */
  #takeApart({ batch, batchRow }: Pick<RowToWrite, 'batch' | 'batchRow'>): { point: Point; given: string | undefined } {
    const { form, isTimeRounded, precision, routeTag } = this.#settings;
    const point = takeApart(batch.fields(batchRow), form);
    const { time = null } = point;
    const given = stampOfValue(time, precision, isTimeRounded);
    if (given === undefined && time !== null && time !== false)
      point.fields.set(freeName(point.fields, `${form.timeKey ?? ''}_`), time);
    if (routeTag !== undefined && batch.tag !== '') point.tags.set(routeTag, batch.tag);
    return { point, given };
  }
  #tags({ tags }: Point, extra: ExtraTag): string {
    const { form, sequence } = this.#settings;
    let all = tags;
    if (extra.key !== '') {
      tags.delete(extra.key);
      all =
        sequence?.counts === 'endless'
          ? new Map([[extra.key, extra.value], ...tags])
          : tags.set(extra.key, extra.value);
    }
    const entries = form.isSorted ? [...all].sort(([a], [b]) => (a < b ? -1 : 1)) : [...all];
    return writeTags(entries, form);
  }
  /** Gives what keeps the record from being written. */
  #writeFields({ fields }: Point, types: TypesOf | undefined, out: ByteWriter): string | undefined {
    const { form, isDiverting } = this.#settings;
    const entries: [string, Value][] = form.isSorted ? [...fields].sort(([a], [b]) => (a < b ? -1 : 1)) : [...fields];
    let count = 0;
    for (const [key, value] of entries) {
      const fitted = fitField(value, types?.get(key), form, isDiverting);
      if (fitted === undefined) continue;
      if ('problem' in fitted)
        return `OUTPUT_REFUSED: field type conflict: ${JSON.stringify(key)} ${fitted.problem}; on_type_conflict divert keeps such records`;
      const name = writeFieldKey(fitted.isDiverted ? `${key}${divertedSuffix}` : key, form);
      out.text(`${count++ > 0 ? ',' : ''}${name}=${fitted.text}`);
    }
    return count === 0 ? noFields : undefined;
  }
  #end(one: RowToWrite, from: number, fieldsFrom: number, stamp: string, policy: string | undefined): Line {
    const out = this.#out;
    const stampFrom = out.length;
    out.text(` ${stamp}`);
    const { row, batch, batchRow } = one;
    return { row, batch, batchRow, from, fieldsFrom, stampFrom, until: out.length, policy };
  }

  #recordStamp({ batch, batchRow }: RowToWrite): string {
    return stampOf(batch.time(batchRow), this.#settings.precision, this.#settings.isTimeRounded);
  }
  /** Only the record's own time is moved, and only where its line is written. */
  #movedStamp({ batch, batchRow }: RowToWrite, stamp: string, given: string | undefined): string {
    if (!this.#moved || given !== undefined) return stamp;
    return stampOf(this.#moved.move(batch.time(batchRow)), this.#settings.precision, this.#settings.isTimeRounded);
  }
  #extraTag({ id }: RowToWrite, stamp: string): ExtraTag {
    const { sequence, form } = this.#settings;
    const key = sequence?.tag ?? slotTagDefault;
    if (this.#slots && id !== undefined) {
      const { stamp: own, tagValue } = this.#slots.identify(stamp, id);
      if (tagValue === undefined) return { key: '', value: '', tag: '', stamp: own };
      return { key, value: tagValue, tag: writeTag(key, tagValue, form), stamp: own };
    }
    if (!sequence) return none;
    const value = String(sequence.counts === 'endless' ? this.#nextEndless() : this.#nextOf(stamp));
    return { key, value, tag: writeTag(key, value, form), stamp: undefined };
  }
  #nextEndless(): number {
    const value = this.#sequence;
    this.#sequence = value + 1 < endlessMax ? value + 1 : 0;
    return value;
  }
  #nextOf(stamp: string): number {
    this.#sequence = stamp === this.#sequenceStamp ? this.#sequence + 1 : 0;
    this.#sequenceStamp = stamp;
    return this.#sequence;
  }
  #wholeLine(one: RowToWrite, lineKey: string): Line | string {
    const text = rubyText(getField(one.batch.fields(one.batchRow), lineKey)).trim();
    if (text === '') return `OUTPUT_REFUSED: the record has no line protocol under ${JSON.stringify(lineKey)}`;
    const from = this.#out.length;
    this.#out.text(text);
    const { row, batch, batchRow } = one;
    const until = this.#out.length;
    return { row, batch, batchRow, from, fieldsFrom: until, stampFrom: until, until, policy: undefined };
  }
}

interface RowToWrite {
  readonly row: number;
  readonly batch: Batch;
  readonly batchRow: number;
  /** The emission id, with exactly_once. */
  readonly id: string | undefined;
  readonly measurement: Buffer;
  readonly types: TypesOf | undefined;
}
interface ExtraTag {
  /** Empty: no tag. */
  readonly key: string;
  readonly value: string;
  /** As it is written. */
  readonly tag: string;
  /** Undefined: the point's time is the record's. */
  readonly stamp: string | undefined;
}
const none: ExtraTag = { key: '', value: '', tag: '', stamp: undefined };

function policyOf(value: Value | undefined): string | undefined {
  const text = rubyText(value === false ? null : value);
  return text === '' ? undefined : text;
}
