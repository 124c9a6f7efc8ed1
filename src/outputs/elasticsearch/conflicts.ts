/**
 * Fields that an index holds as another type than a record has them: what the server refused is learned, and such a value
 * is written as text into a field of its own, `<name>__str`. Learned for each index, since a new one may take what the
 * old one did not. Wordings: Elasticsearch 6 to 9, OpenSearch 1 to 3.
 */
import type { Batch } from '../../core/batch.ts';
import { stringifyJson } from '../../core/json.ts';
import { Float, copyFields, deleteField, fieldKeys, getField, isFields, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { BulkEntry } from './answer.ts';
import type { Divert } from './lines.ts';

/** Indices and fields that are remembered; what is forgotten is learned again for the price of a request. */
const indicesMax = 1000;
const fieldsMax = 1000;

const suffix = '__str';

type ValueKind = 'text' | 'number' | 'boolean' | 'object';

/** Types that take a part of the texts: what one text tells nothing about the next. Numbers can be told by looking. */
const numeric = /^(?:long|integer|short|byte|double|float|half_float|scaled_float|unsigned_long)$/;
const picky = /^(?:date|date_nanos|ip|boolean|geo_point|version)$/;

interface Conflict {
  /** The type that the index holds the field as; empty where the server did not say. */
  type: string;
  readonly kinds: Set<ValueKind>;
}

/** Where a refusal names the field; the second group is the type the index has, where it is told. */
const wordings = [
  /failed to parse field \[([^\]]+)\] of type \[([^\]]+)\]/,
  /object mapping for \[([^\]]+)\] tried to parse field \[[^\]]*\] as (object), but found a concrete value/,
  /object mapping \[([^\]]+)\] can't be changed from (nested) to non-nested/,
  /mapper \[([^\]]+)\] cannot be changed from type \[([^\]]+)\]/,
  /mapper \[([^\]]+)\] of different type, current_type \[([^\]]+)\]/,
  /[Ee]xisting mapping for \[([^\]]+)\] must be of type object but found \[([^\]]+)\]/,
  /can't merge a non object mapping \[([^\]]+)\] with an (object) mapping/,
  /failed to parse \[([^\]]+)\]/,
] as const;

/** The field that a refusal is about, and its type in the index; undefined: it is about something else. */
function conflictIn({ status, reason }: BulkEntry): { path: string; type: string } | undefined {
  if (status !== 400) return undefined;
  for (const wording of wordings) {
    const found = wording.exec(reason);
    if (found?.[1] !== undefined) return { path: found[1], type: found[2] ?? '' };
  }
  return undefined;
}

export class FieldConflicts implements Divert {
  readonly #byIndex = new Map<string, Map<string, Conflict>>();
  /** Fields of records that were refused for them, until their chunk is over. */
  readonly #named = new Map<Batch, Map<number, Set<string>>>();

  /** Learns from a refusal; true when the record can be written otherwise. `index`: as the record was written to. */
  learn(index: string, item: BulkEntry, batch: Batch, row: number): boolean {
    const conflict = conflictIn(item);
    if (!conflict) return false;
    const { path, type } = conflict;
    const rows = this.#named.get(batch) ?? new Map<number, Set<string>>();
    this.#named.set(batch, rows);
    const named = rows.get(row) ?? new Set();
    // It was written otherwise already, or has no such field: the server means something else.
    if (named.has(path) || kindsAt(batch.fields(row), path).size === 0) return false;
    rows.set(row, named.add(path));
    const known = this.#conflict(index, path);
    known.type = type;
    for (const kind of kindsAt(batch.fields(row), path)) known.kinds.add(kind);
    return true;
  }
  /** The records of these batches are over. */
  forget(batches: Iterable<Batch>): void {
    for (const batch of batches) this.#named.delete(batch);
  }
  knows(index: string): boolean {
    return this.#byIndex.has(index);
  }
  apply(index: string, fields: Fields, batch: Batch, row: number): Fields {
    const named = this.#named.get(batch)?.get(row);
    let changed = fields;
    for (const [path, conflict] of this.#byIndex.get(index) ?? []) {
      const isNamed = named?.has(path) === true;
      changed = divertAt(changed, path, (value) => isNamed || isRefused(conflict, value));
    }
    return changed;
  }
  #conflict(index: string, path: string): Conflict {
    if (this.#byIndex.size >= indicesMax && !this.#byIndex.has(index)) forgetFirst(this.#byIndex);
    const paths = this.#byIndex.get(index) ?? new Map<string, Conflict>();
    this.#byIndex.set(index, paths);
    if (paths.size >= fieldsMax && !paths.has(path)) forgetFirst(paths);
    const conflict = paths.get(path) ?? { type: '', kinds: new Set<ValueKind>() };
    paths.set(path, conflict);
    return conflict;
  }
}

function forgetFirst(map: Map<string, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}

function isRefused({ type, kinds }: Conflict, value: Value): boolean {
  const kind = kindOf(value);
  if (kind === undefined || !kinds.has(kind)) return false;
  if (picky.test(type)) return kind === 'object';
  if (typeof value === 'string' && numeric.test(type)) return !Number.isFinite(Number(value)) || value.trim() === '';
  return true;
}

/** Null is taken by any type; an array is what its elements are. */
function kindOf(value: Value): ValueKind | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    const kinds = value.map(kindOf).filter((kind) => kind !== undefined);
    return kinds.includes('object') ? 'object' : kinds[0];
  }
  if (typeof value === 'string' || value instanceof Uint8Array) return 'text';
  if (typeof value === 'boolean') return 'boolean';
  return isFields(value) && !(value instanceof Float) ? 'object' : 'number';
}

/** Kinds of the values at a path; an object in an array counts as if it stood there alone. */
function kindsAt(fields: Fields, path: string): Set<ValueKind> {
  const kinds = new Set<ValueKind>();
  divertAt(fields, path, (value) => {
    const kind = kindOf(value);
    if (kind !== undefined) kinds.add(kind);
    return false;
  });
  return kinds;
}

/** Writes the values at a path that `chosen` says as text, beside where they stood. Keys may hold dots themselves. */
function divertAt(fields: Fields, path: string, chosen: (value: Value) => boolean): Fields {
  let changed = fields;
  const own = (): Fields => {
    if (changed === fields) changed = copyFields(fields);
    return changed;
  };
  const value = getField(fields, path);
  if (value !== undefined && value !== null && chosen(value)) {
    deleteField(own(), path);
    setField(changed, `${path}${suffix}`, typeof value === 'string' ? value : stringifyJson(value));
  }
  for (const key of fieldKeys(fields)) {
    if (!path.startsWith(`${key}.`)) continue;
    const inner = getField(fields, key);
    const rest = path.slice(key.length + 1);
    if (isFields(inner)) {
      const after = divertAt(inner, rest, chosen);
      if (after !== inner) setField(own(), key, after);
    } else if (Array.isArray(inner)) {
      const after = inner.map((one) => (isFields(one) ? divertAt(one, rest, chosen) : one));
      if (after.some((one, at) => one !== inner[at])) setField(own(), key, after);
    }
  }
  return changed;
}
