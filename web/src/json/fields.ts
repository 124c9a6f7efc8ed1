/** A record's fields as the query language names them. */
import { JsonObject, JsonText } from './exact.ts';
import type { Json } from './exact.ts';

export type FieldKind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

export interface FieldRow {
  /** Keys joined by dots. */
  readonly name: string;
  readonly value: Json;
}

/** Every leaf, in the record's order. Arrays and empty objects are leaves: the language does not look into arrays. */
export function flatten(fields: JsonObject): FieldRow[] {
  const rows: FieldRow[] = [];
  const add = (prefix: string, object: JsonObject): void => {
    for (const [key, value] of object.entries) {
      const name = prefix + key;
      if (value instanceof JsonObject && value.entries.length > 0) add(`${name}.`, value);
      else rows.push({ name, value });
    }
  };
  add('', fields);
  return rows;
}

/** The value under a dotted name, whether its dots are nesting or part of a key. */
export function valueAt(fields: JsonObject, name: string): Json | undefined {
  const whole = fields.get(name);
  if (whole !== undefined) return whole;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const inner = fields.get(name.slice(0, dot));
    if (!(inner instanceof JsonObject)) continue;
    const found = valueAt(inner, name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

export function kindOf(value: Json): FieldKind {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'boolean';
  if (value instanceof JsonObject) return 'object';
  if (value instanceof JsonText) return value.isNumber ? 'number' : 'array';
  return 'array';
}

/** What is shown of a value and compared by `field:="…"`: a string itself, everything else as its JSON text. */
export function textOf(value: Json): string {
  return typeof value === 'string' ? value : jsonOf(value);
}

/** JSON on one line, digits as received. Exported for tests. */
export function jsonOf(value: Json): string {
  if (value instanceof JsonObject) return value.source;
  if (value instanceof JsonText) return value.text;
  if (typeof value === 'object' && value !== null) return `[${value.map(jsonOf).join(',')}]`;
  return JSON.stringify(value);
}
