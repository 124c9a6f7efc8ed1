/** The bytes that a record becomes: its value, and its headers. */
import { compileAccessor } from '../../core/accessor.ts';
import type { Accessor } from '../../core/accessor.ts';
import { codecs } from '../../core/batch.ts';
import type { Batch } from '../../core/batch.ts';
import { ByteWriter } from '../../core/bytes.ts';
import { OperatingError } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import type { Formatter } from '../../core/plugin.ts';
import { copyFields, deleteField, fieldKeys, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { writeJson } from '../../codecs/rows.ts';
import { encodeHeaders, noHeaders } from '../../kafka/record-batch.ts';
import { keyBytes } from './addressing.ts';
import type { KafkaSettings } from './settings.ts';

/** Where a value lies: source[from, until). */
export interface ValuePlace {
  source: Buffer;
  from: number;
  until: number;
}

/** Writes values and headers of rows. Made once for an output; not for two chunks at a time. */
export class RowWriter {
  readonly #settings: KafkaSettings;
  readonly #formatter: Formatter | undefined;
  readonly #scratch = new ByteWriter();
  readonly #place: ValuePlace = { source: Buffer.alloc(0), from: 0, until: 0 };
  readonly #fixedHeaders: readonly (readonly [string, Buffer])[];
  readonly #fixedBytes: Buffer;
  readonly #fromRecord: readonly (readonly [string, Accessor])[];

  /** `formatter`: undefined for JSON without a line end. */
  constructor(settings: KafkaSettings, formatter: Formatter | undefined) {
    this.#settings = settings;
    this.#formatter = formatter;
    this.#fixedHeaders = Object.entries(settings.headers).map(([name, value]) => [name, Buffer.from(value)] as const);
    this.#fixedBytes = this.#fixedHeaders.length === 0 ? noHeaders : encodeHeaders(this.#fixedHeaders);
    this.#fromRecord = Object.entries(settings.headersFromRecord).map(
      ([name, path]) => [name, compileAccessor(path)] as const,
    );
  }
  /** The batch without the fields that are left out before headers are read. */
  withoutKeys(batch: Batch): Batch {
    const keys = this.#settings.excludedKeys;
    return keys.length === 0 ? batch : batch.map((fields) => without(fields, keys));
  }
  /** The batch whose values are sent, made of what withoutKeys() gave. */
  withoutFields(batch: Batch): Batch {
    const { excludedFields } = this.#settings;
    if (excludedFields.length === 0) return batch;
    return batch.map((fields) => {
      if (excludedFields.every((one) => one.get(fields) === undefined)) return fields;
      const copy = copyFields(fields);
      for (const one of excludedFields) one.delete(copy);
      return copy;
    });
  }
  /** Encoded headers of a row of withoutKeys(). `origin`: one more. */
  headers(batch: Batch, row: number, origin: readonly [string, Buffer] | undefined): Buffer {
    if (this.#fromRecord.length === 0 && !origin) return this.#fixedBytes;
    const all = new Map(this.#fixedHeaders);
    if (this.#fromRecord.length > 0) {
      const fields = batch.fields(row);
      for (const [name, accessor] of this.#fromRecord)
        all.set(name, keyBytes(accessor.get(fields) ?? undefined) ?? Buffer.alloc(0));
    }
    return encodeHeaders(origin ? [...all, origin] : [...all]);
  }
  /** The value of a row of withoutFields(). Valid until the next call. @throws OperatingError where it cannot be written */
  value(batch: Batch, row: number): ValuePlace {
    const place = this.#place;
    const { recordKey, rawField } = this.#settings;
    if (rawField !== undefined) return this.#raw(batch, row, rawField);
    if (recordKey) return this.#part(batch, row, recordKey);
    if (!this.#formatter && !batch.isChanged(row) && !batch.block.shared) {
      const { codec, payload, bounds } = batch.block.parts;
      if (codec === codecs.json) {
        const index = batch.index(row);
        place.source = payload;
        place.from = bounds[index] as number;
        place.until = bounds[index + 1] as number;
        return place;
      }
    }
    this.#scratch.reset();
    if (this.#formatter) this.#formatter.write(batch, row, row + 1, this.#scratch);
    else writeJson(batch, row, this.#scratch);
    return this.#written();
  }
  #raw(batch: Batch, row: number, name: string): ValuePlace {
    const value = getField(batch.fields(row), name);
    if (typeof value !== 'string' && !(value instanceof Uint8Array))
      throw new OperatingError('OUTPUT_REFUSED', `raw_log_key: the record has no text ${name}`);
    this.#scratch.reset();
    if (typeof value === 'string') this.#scratch.text(value);
    else this.#scratch.bytes(value);
    return this.#written();
  }
  #part(batch: Batch, row: number, accessor: Accessor): ValuePlace {
    const value: Value = accessor.get(batch.fields(row)) ?? null;
    this.#scratch.reset();
    if (!this.#formatter) this.#scratch.text(stringifyJson(value));
    else if (isFields(value)) {
      const part = batch.select([row]).map(() => value);
      this.#formatter.write(part, 0, 1, this.#scratch);
    } else
      throw new OperatingError(
        'OUTPUT_REFUSED',
        `record_key ${accessor.text} gives no object, which this format needs; use the format json`,
      );
    return this.#written();
  }
  #written(): ValuePlace {
    const place = this.#place;
    place.source = this.#scratch.view();
    place.from = 0;
    place.until = this.#scratch.length;
    return place;
  }
}

function without(fields: Fields, keys: readonly string[]): Fields {
  const present = new Set(fieldKeys(fields));
  const found = keys.filter((key) => present.has(key));
  if (found.length === 0) return fields;
  const copy = copyFields(fields);
  for (const key of found) deleteField(copy, key);
  return copy;
}
