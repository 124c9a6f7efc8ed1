/**
 * Objects of a record that become fields of an entry: httpRequest, operation, sourceLocation. Source: LogEntry of the
 * Logging API v2; which values are taken how: fluent-plugin-google-cloud 0.13, Fluent Bit 5.1 out_stackdriver.
 */
import { Float, copyFields, deleteField, fieldEntries, getField, isFields, setField } from '../../core/record.ts';
import type { ExactFields, Fields, Value } from '../../core/record.ts';

type Kind = 'text' | 'integer' | 'boolean' | 'latency';
export type SubfieldTable = Readonly<Record<string, Kind>>;

export const httpRequestFields: SubfieldTable = {
  cacheFillBytes: 'integer',
  cacheHit: 'boolean',
  cacheLookup: 'boolean',
  cacheValidatedWithOriginServer: 'boolean',
  latency: 'latency',
  protocol: 'text',
  referer: 'text',
  remoteIp: 'text',
  responseSize: 'integer',
  requestMethod: 'text',
  requestSize: 'integer',
  requestUrl: 'text',
  serverIp: 'text',
  status: 'integer',
  userAgent: 'text',
};
export const operationFields: SubfieldTable = { id: 'text', producer: 'text', first: 'boolean', last: 'boolean' };
export const sourceLocationFields: SubfieldTable = { file: 'text', function: 'text', line: 'integer' };

/** Reads one value; undefined: it is none of that kind, and stays in the payload. */
export type ReadSubfield = (value: Value, kind: Kind) => Value | undefined;

/**
 * Takes the fields of `table` out of the object under `key`; what else is in it stays in the record. The caller owns
 * `record`. Undefined: there is no object.
 */
export function takeSubfields(
  record: Fields,
  key: string,
  table: SubfieldTable,
  read: ReadSubfield,
): ExactFields | undefined {
  const object = getField(record, key);
  if (!isFields(object)) return undefined;
  const taken: ExactFields = new Map();
  const rest = copyFields(object);
  for (const [name, kind] of Object.entries(table)) {
    const value = getField(object, name);
    if (value === undefined) continue;
    const made = value === null ? undefined : read(value, kind);
    if (value !== null && made === undefined) continue;
    if (made !== undefined) taken.set(name, made);
    deleteField(rest, name);
  }
  if (fieldEntries(rest).length === 0) deleteField(record, key);
  else setField(record, key, rest);
  return taken;
}

/** As the Fluentd plugin does: Ruby's to_s and to_i. */
export const readLoosely: ReadSubfield = (value, kind) => {
  switch (kind) {
    case 'text':
      return textOf(value);
    case 'boolean':
      return value === true || value === 'true' || value === 1;
    case 'integer':
      if (typeof value === 'string') return Number.parseInt(/^\s*([+-]?\d{1,15})/.exec(value)?.[1] ?? '0', 10);
      if (value instanceof Float) return Math.trunc(value.value);
      if (typeof value === 'bigint') return value;
      return typeof value === 'number' ? Math.trunc(value) : undefined;
    case 'latency':
      return typeof value === 'string' ? latencyOf(value) : undefined;
    default:
      return kind satisfies never;
  }
};

/** As Fluent Bit does: values of the right kind only, and whole numbers in text. */
export const readStrictly: ReadSubfield = (value, kind) => {
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'integer':
      if (typeof value === 'string') return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? value : undefined;
    case 'latency':
      return typeof value === 'string' ? latencyOf(value) : undefined;
    default:
      return kind satisfies never;
  }
};

/** `1.42 s` as the API writes a duration; undefined for anything else. */
function latencyOf(text: string): string | undefined {
  const [, seconds, fraction = ''] = /^\s*(\d{1,12})(\.\d+)?\s*s\s*$/.exec(text) ?? [];
  return seconds === undefined ? undefined : `${Number(seconds)}${fraction.slice(0, 10)}s`;
}

/** A value as label or text: text as it is, anything else as JSON would print it. */
export function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return value instanceof Float ? value.text : undefined;
}
