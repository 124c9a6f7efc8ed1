/** Fields of records that were looked at, by name. */
import type { FieldType } from './contract.ts';

/** Paths of one record that are looked at: a record of 10,000 fields does not make the sample slow. */
const pathsMax = 2000;
/** Levels of a record that are looked at, as many as records may have. */
const depthMax = 200;

export interface CountedField {
  readonly types: Set<FieldType>;
  /** Records that have it. */
  count: number;
}

/** Adds the fields of one record; each name counts once. */
export function countFields(record: unknown, fields: Map<string, CountedField>): void {
  const seen = new Set<string>();
  const visit = (value: unknown, name: string, depth: number): void => {
    const type = typeOf(value);
    if (type === undefined || seen.size >= pathsMax) return;
    const entries = type === 'object' && depth < depthMax ? Object.entries(value as object) : [];
    for (const [key, inner] of entries) visit(inner, depth === 0 ? key : `${name}.${key}`, depth + 1);
    if (depth === 0 || entries.length > 0) return;
    const field = fields.get(name) ?? { types: new Set(), count: 0 };
    fields.set(name, field);
    field.types.add(type);
    if (!seen.has(name)) field.count++;
    seen.add(name);
  };
  visit(record, '', 0);
}

/** Undefined for null: a field without a value is not there. */
function typeOf(value: unknown): FieldType | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' || type === 'object' ? type : undefined;
}
