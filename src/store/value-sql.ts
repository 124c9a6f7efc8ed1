/** A field's value as a text, for those who group by it. */
import { sqlText } from './database.ts';
import type { SegmentField, RowTable } from './layout.ts';
import { placesOf } from './query/field-sql.ts';
import { pointerOf } from './query/paths.ts';
import { QueryError } from './query/query-error.ts';

/**
 * An expression over a table's rows: strings as they are, everything else as JSON text, NULL where the field is missing or
 * null. Where a record has several fields of this name, the first.
 * @throws QueryError for _time and _id, of which every record has its own.
 */
export function fieldTextSql(field: string, table: RowTable): string {
  if (field === '_time' || field === '_id')
    throw new QueryError(`every record has its own ${field}; ask for the values of another field`, {
      start: 0,
      end: 0,
    });
  if (field === '_tag' || field === '_source') return field.slice(1);
  const { columns, paths } = placesOf(table, field);
  const texts = columns.map(columnSql);
  const [first, ...others] = paths.map((path) => sqlText(pointerOf(path)));
  if (first !== undefined && others.length === 0) texts.push(`TRY(json_extract_string(fields, ${first}))`);
  else if (first !== undefined) {
    const found = `TRY(json_extract_string(fields, [${[first, ...others].join(', ')}]))`;
    texts.push(`list_filter(${found}, lambda v: v IS NOT NULL)[1]`);
  }
  return texts.length === 1
    ? (texts[0] ?? 'NULL')
    : texts.length === 0
      ? 'NULL::VARCHAR'
      : `coalesce(${texts.join(', ')})`;
}

function columnSql({ number, numeric }: SegmentField): string {
  return numeric ? `coalesce(t${number}, CAST(n${number} AS VARCHAR))` : `t${number}`;
}
