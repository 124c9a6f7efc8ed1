/**
 * What a filter puts behind the fields of many records, encoded once: a record's JSON text gets it spliced in before its closing
 * brace, and is not parsed for that. Where the text cannot be used (MessagePack, a field of the same name) fields are set.
 */
import { withFields } from '../codecs/fields.ts';
import { fitsJson } from '../codecs/encode.ts';
import { Reencoding } from '../codecs/reencoding.ts';
import type { Batch } from '../core/batch.ts';
import { codecs } from '../core/batch.ts';
import { scanJson, stringifyJson } from '../core/json.ts';
import { fieldEntries, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

/** Fields for the end of a record. */
export interface Members {
  readonly entries: readonly (readonly [string, Value])[];
  /** `"kubernetes":{…}`, without a comma before it. */
  readonly text: Buffer;
  /** The same as the end of a record that has other fields. */
  readonly ending: Buffer;
  /** `"kubernetes"`: a text that holds none of these has no such field. */
  readonly names: readonly Buffer[];
  readonly isExact: boolean;
}

export function membersOf(entries: readonly (readonly [string, Value])[]): Members | undefined {
  if (entries.length === 0) return undefined;
  // Only exact fields print what is exact inside of them.
  const whole = Buffer.from(stringifyJson(new Map(entries)));
  return {
    entries,
    text: whole.subarray(1, -1),
    ending: Buffer.concat([Buffer.from(','), whole.subarray(1)]),
    names: entries.map(([key]) => Buffer.from(JSON.stringify(key))),
    isExact: scanJson(whole).exact,
  };
}

/** The batch with the same members behind all its records. */
export function withSameMembers(batch: Batch, members: Members | undefined): Batch {
  if (!members) return batch;
  const { payload, bounds, exact } = batch.block.parts;
  // One look for all of them: where a record may have such a field already, each is looked at.
  const isPlain = Reencoding.suits(batch) && !members.names.some((name) => payload.includes(name));
  if (!isPlain)
    return withMembers(
      batch,
      Array.from({ length: batch.count }, () => ({ fields: undefined, members })),
    );
  if (haveFields(batch)) return withEnding(batch, members);
  const made = new Reencoding(batch, batch.count * (members.text.length + 2));
  for (let row = 0; row < batch.count; row++) {
    const index = batch.index(row);
    const out = made.begin(row);
    let end = (bounds[index + 1] as number) - 1;
    while (payload[end] !== CLOSE) end--;
    let last = end - 1;
    while ((payload[last] as number) <= 32) last--;
    out.copy(payload, bounds[index] as number, end);
    if (payload[last] !== OPEN) out.byte(COMMA);
    out.bytes(members.text);
    out.byte(CLOSE);
    made.end(row, exact[index] === 1 || members.isExact);
  }
  return made.finish(undefined) ?? batch;
}

function withEnding(batch: Batch, { ending, isExact }: Members): Batch {
  const { exact } = batch.block.parts;
  return batch.withEnding(ending, isExact ? new Uint8Array(exact.length).fill(1) : exact);
}

/** Whether the JSON of all records is an object that has a member, and ends with its brace. */
function haveFields(batch: Batch): boolean {
  const { payload, bounds } = batch.block.parts;
  for (let row = 0; row < batch.count; row++) {
    const end = (bounds[batch.index(row) + 1] as number) - 1;
    if (payload[end] !== CLOSE) return false;
    const before = payload[end - 1] as number;
    if (before === OPEN || before <= 32) return false;
  }
  return true;
}

/** What becomes of a record. */
export interface Change {
  /** Its fields, where they are others; undefined: they stay, and the text may be used. */
  readonly fields: Fields | undefined;
  readonly members: Members | undefined;
}
const CLOSE = 125;
const OPEN = 123;
const COMMA = 44;

/** The batch with each record changed as `changes` says, by row. */
export function withMembers(batch: Batch, changes: readonly (Change | undefined)[]): Batch {
  return spliced(batch, changes) ?? batch.map((fields, row) => changedFields(fields, changes[row]));
}

function changedFields(fields: Fields, change: Change | undefined): Fields {
  if (!change) return fields;
  const own = change.fields ?? fields;
  if (!change.members) return own;
  const { entries } = change.members;
  const isExact = own instanceof Map || entries.some(([, value]) => holdsMap(value));
  return withFields(isExact ? new Map(fieldEntries(own)) : own, entries);
}
function holdsMap(value: Value): boolean {
  if (value instanceof Map) return true;
  if (Array.isArray(value)) return value.some(holdsMap);
  return isFields(value) && fieldEntries(value).some(([, inner]) => holdsMap(inner));
}

/** Undefined: the texts cannot be used. */
function spliced(batch: Batch, changes: readonly (Change | undefined)[]): Batch | undefined {
  const { parts } = batch.block;
  if (parts.codec !== codecs.json || !batch.isOrdered) return undefined;
  const rows: Row[] = [];
  for (let row = 0; row < batch.count; row++) {
    const prepared = prepare(batch, row, changes[row]);
    if (!prepared) return undefined;
    rows.push(prepared);
  }
  const members = rows[0]?.members;
  if (!members || rows.some((row) => row.members !== members)) return written(batch, rows);
  const own = rows.some(({ text }) => text)
    ? written(
        batch,
        rows.map(({ text }) => ({ text, members: undefined })),
      )
    : batch;
  return haveFields(own) ? withEnding(own, members) : written(batch, rows);
}

/** The batch with what becomes of its rows written one behind the other. */
function written(batch: Batch, rows: readonly Row[]): Batch {
  const { parts } = batch.block;
  let bytes = 0;
  for (const [row, { text, members }] of rows.entries())
    bytes += (text?.length ?? batch.sizeBytes(row)) + (members?.text.length ?? 0) + 2;
  const payload = Buffer.allocUnsafe(bytes);
  const bounds = new Uint32Array(batch.block.count + 1);
  const exact = new Uint8Array(batch.block.count);
  let at = 0;
  let next = 0;
  for (const [row, { text, members }] of rows.entries()) {
    const index = batch.index(row);
    while (next <= index) bounds[next++] = at;
    const source = text ?? parts.payload;
    const from = text ? 0 : (parts.bounds[index] as number);
    const until = text ? text.length : (parts.bounds[index + 1] as number);
    at = members ? splice(source, from, until, members.text, payload, at) : at + source.copy(payload, at, from, until);
    const wasExact = text ? scanJson(text).exact : parts.exact[index] === 1;
    exact[index] = wasExact || members?.isExact === true ? 1 : 0;
  }
  while (next < bounds.length) bounds[next++] = at;
  return batch.reencoded(payload.subarray(0, at), bounds, exact);
}

/** A record's text where it has another than in the block, and what is put at its end. */
interface Row {
  readonly text: Buffer | undefined;
  readonly members: Members | undefined;
}

/** Undefined: it cannot be written in JSON. */
function prepare(batch: Batch, row: number, change: Change | undefined): Row | undefined {
  const members = change?.members;
  const fields = change?.fields ?? (batch.isChanged(row) ? batch.fields(row) : undefined);
  if (fields && !fitsJson(fields)) return undefined;
  const text = fields && Buffer.from(stringifyJson(fields));
  const known = text ?? batch.rawJson(row);
  if (!members || !known || !members.names.some((name) => known.includes(name))) return { text, members };
  // It may be there already, and would be twice.
  return { text: Buffer.from(stringifyJson(changedFields(batch.fields(row), change))), members: undefined };
}

/** Copies an object's text with more members in it; returns where it ends. */
function splice(source: Buffer, from: number, until: number, members: Buffer, target: Buffer, start: number): number {
  let end = until - 1;
  while (source[end] !== CLOSE) end--;
  let at = start + source.copy(target, start, from, end);
  let last = at - 1;
  while ((target[last] as number) <= 32) last--;
  if (target[last] !== OPEN) target[at++] = COMMA;
  at += members.copy(target, at);
  target[at++] = CLOSE;
  return at;
}
