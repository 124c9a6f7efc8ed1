/** Segments as their partition lists them. */
import { sqlName } from './database.ts';
import type { Connection, SqlRow } from './database.ts';
import type { SegmentField, RowTable } from './layout.ts';

/** Qualified and quoted name of a segment's table. */
export function segmentSql(alias: string, number: number): string {
  return `${sqlName(alias)}.segment_${number}`;
}

/** All segments of a partition, those written last first. */
export async function readSegments(connection: Connection, alias: string): Promise<RowTable[]> {
  const name = sqlName(alias);
  const fields = new Map<number, SegmentField[]>();
  for await (const rows of connection.stream(
    `SELECT segment, path, number, "numeric", types, rows, low, high FROM ${name}.fields ORDER BY segment, rowid`,
  ))
    for (const row of rows) {
      const segment = Number(row[0]);
      const list = fields.get(segment) ?? [];
      list.push(fieldOf(row));
      fields.set(segment, list);
    }
  const rows = await connection.rows(
    'SELECT segment, rows, seconds_min, seconds_max, is_field_list_complete, block_rows, filter_parts ' +
      `FROM ${name}.segments ORDER BY segment DESC`,
  );
  return rows.map((row) => ({
    kind: 'segment',
    number: Number(row[0]),
    sql: segmentSql(alias, Number(row[0])),
    rows: Number(row[1]),
    secondsMin: Number(row[2]),
    secondsMax: Number(row[3]),
    fields: fields.get(Number(row[0])) ?? [],
    isFieldListComplete: row[4] === true,
    blockRows: optionalNumber(row[5]),
    filterParts: optionalNumber(row[6]),
  }));
}

function fieldOf(row: SqlRow): SegmentField {
  const path = JSON.parse(String(row[1])) as string[];
  const numeric = row[3] === 'BIGINT' || row[3] === 'DOUBLE' ? row[3] : undefined;
  return {
    path,
    name: path.join('.'),
    number: optionalNumber(row[2]),
    numeric,
    types: String(row[4]).split(','),
    rows: Number(row[5]),
    bounds: typeof row[6] === 'string' && typeof row[7] === 'string' ? { low: row[6], high: row[7] } : undefined,
  };
}

function optionalNumber(value: SqlRow[number] | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
