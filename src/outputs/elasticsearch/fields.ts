/** What is done with a record's fields on the way into a document. Source: fluent-plugin-elasticsearch 6.0. */
import { stringifyJson } from '../../core/json.ts';
import { rubyText } from '../../codecs/ruby.ts';
import {
  copyFields,
  deleteField,
  fieldEntries,
  fieldsFromEntries,
  getField,
  isFields,
  setField,
} from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

/** One level: the names of nested fields joined. Arrays stay as they are. */
export function flattened(fields: Fields, separator: string): Fields {
  const entries: [string, Value][] = [];
  const add = (prefix: string, inner: Fields): void => {
    for (const [key, value] of fieldEntries(inner)) {
      const name = prefix === '' ? key : `${prefix}${separator}${key}`;
      if (isFields(value)) add(name, value);
      else entries.push([name, value]);
    }
  };
  add('', fields);
  return fieldsFromEntries(entries);
}

/** The object that holds the last key of a path, each object on the way copied, so that it may be changed; undefined: there is none. */
export function parentOf(fields: Fields, path: readonly string[]): Fields | undefined {
  let parent = fields;
  for (const key of path.slice(0, -1)) {
    const inner = getField(parent, key);
    if (!isFields(inner)) return undefined;
    const copy = copyFields(inner);
    setField(parent, key, copy);
    parent = copy;
  }
  return parent;
}

export interface UpdateSettings {
  readonly removeKeysOnUpdate: readonly string[];
  readonly removeKeysOnUpdateKey: string | undefined;
  readonly suppressDocWrap: boolean;
}

/** The body of an update. The caller owns `fields`. */
export function updateBody(fields: Fields, operation: string, settings: UpdateSettings): string {
  const { removeKeysOnUpdate, removeKeysOnUpdateKey: listKey, suppressDocWrap } = settings;
  const own = listKey === undefined ? undefined : getField(fields, listKey);
  if (listKey !== undefined) deleteField(fields, listKey);
  const removed = Array.isArray(own) ? own.map(rubyText) : removeKeysOnUpdate;
  const update = copyFields(fields);
  for (const key of removed) deleteField(update, key);
  const text = stringifyJson(update);
  if (suppressDocWrap) return text;
  if (operation !== 'upsert') return `{"doc":${text}}`;
  const whole = stringifyJson(fields);
  return whole === text ? `{"doc":${text},"doc_as_upsert":true}` : `{"doc":${text},"upsert":${whole}}`;
}
