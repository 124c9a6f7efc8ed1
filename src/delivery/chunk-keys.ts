/** Chunk keys: which records may share a chunk (Fluentd's `<buffer tag,time,key>`, v1.19). */
import type { BufferModel } from '../config/model.ts';
import type { Batch } from '../core/batch.ts';
import { stringifyJson } from '../core/json.ts';
import { Float, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { zoneOffset } from './zone.ts';

/** Values of the chunk keys that the records of one chunk have in common. */
export interface ChunkKey {
  /** Differs when any value does. */
  readonly text: string;
  readonly tag: string | undefined;
  readonly timekeySeconds: number | undefined;
  readonly fields: ReadonlyMap<string, string>;
}

/** Rows of a batch that share a key; undefined rows: all of them. */
interface KeyedRows {
  readonly key: ChunkKey;
  readonly rows: readonly number[] | undefined;
}

interface Accessor {
  readonly key: string;
  readonly read: (fields: Fields) => Value | undefined;
}

const noFields: ReadonlyMap<string, string> = new Map();

/** Returns what splits batches by the buffer's keys. Rows keep their order within a key. */
export function compileChunkKeys(
  buffer: Pick<BufferModel, 'chunkKeys' | 'timekeySeconds' | 'timezone'>,
): (batch: Batch) => readonly KeyedRows[] {
  const hasTag = buffer.chunkKeys.includes('tag');
  const timekey = buffer.chunkKeys.includes('time') ? buffer.timekeySeconds : undefined;
  const timekeyOf = timekey === undefined ? undefined : timekeyStart(timekey, zoneOffset(buffer.timezone));
  const accessors: readonly Accessor[] = buffer.chunkKeys
    .filter((key) => key !== 'tag' && key !== 'time')
    .map((key) => ({ key, read: compileAccessor(key) }));

  const makeKey = (text: string, tag: string, seconds: number | undefined, values: readonly string[]): ChunkKey => ({
    text,
    tag: hasTag ? tag : undefined,
    timekeySeconds: seconds,
    fields: accessors.length === 0 ? noFields : new Map(accessors.map(({ key }, i) => [key, values[i] as string])),
  });
  if (!timekeyOf && accessors.length === 0) {
    let last = makeKey('', '', undefined, []);
    return (batch) => {
      if (hasTag && batch.tag !== last.tag) last = makeKey(batch.tag, batch.tag, undefined, []);
      return [{ key: last, rows: undefined }];
    };
  }
  return (batch) => {
    const groups = new Map<string, { key: ChunkKey; rows: number[] }>();
    let group: { key: ChunkKey; rows: number[] } | undefined;
    for (let row = 0; row < batch.count; row++) {
      const seconds = timekeyOf?.(batch.seconds(row));
      // By time alone most neighbours share a chunk: seen without making a key text.
      if (group && accessors.length === 0 && seconds === group.key.timekeySeconds) {
        group.rows.push(row);
        continue;
      }
      const values = readAll(accessors, batch, row);
      const text = JSON.stringify([hasTag ? batch.tag : '', seconds ?? null, ...values]);
      group = groups.get(text);
      if (!group) groups.set(text, (group = { key: makeKey(text, batch.tag, seconds, values), rows: [] }));
      group.rows.push(row);
    }
    const list = [...groups.values()];
    const only = list.length === 1 ? list[0] : undefined;
    return only ? [{ key: only.key, rows: undefined }] : list;
  };
}

/** Values of field keys; all missing for a record that cannot be decoded: whoever writes it says what is wrong with it. */
function readAll(accessors: readonly Accessor[], batch: Batch, row: number): readonly string[] {
  if (accessors.length === 0) return [];
  try {
    const fields = batch.fields(row);
    return accessors.map(({ read }) => valueText(read(fields)));
  } catch {
    return accessors.map(() => '');
  }
}

/** The start of the timekey a time lies in, local midnight being the start of a day (as Fluentd's calculate_timekey). */
function timekeyStart(timekey: number, offsetAt: (seconds: number) => number): (seconds: number) => number {
  return (seconds) => {
    const local = seconds + offsetAt(seconds);
    return seconds - (((local % timekey) + timekey) % timekey);
  };
}

/** `name`, `$.a.b`, `$['a']['b']`, `$.a[0]`: Fluentd's record accessor. A missing value is undefined. */
function compileAccessor(key: string): (fields: Fields) => Value | undefined {
  if (!key.startsWith('$.') && !key.startsWith('$[')) return (fields) => getField(fields, key);
  const steps = [...key.matchAll(/\.([^.[]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(-?\d+)\]/g)].map((match) =>
    match[4] === undefined ? (match[1] ?? match[2] ?? match[3] ?? '') : Number(match[4]),
  );
  return (fields) => {
    let value: Value | undefined = fields;
    for (const step of steps) {
      if (typeof step === 'number') value = Array.isArray(value) ? value.at(step) : undefined;
      else value = isFields(value) ? getField(value, step) : undefined;
    }
    return value;
  };
}

/** As a placeholder prints it: text as it is, null and missing as nothing, objects as JSON. */
function valueText(value: Value | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (value instanceof Float) return value.text;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return typeof value === 'object' ? stringifyJson(value) : String(value);
}
