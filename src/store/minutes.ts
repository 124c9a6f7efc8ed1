/** Rows per minute of record time and tag, which answer for whole minutes without reading the rows. */
import { sqlName, sqlText } from './database.ts';
import type { Connection } from './database.ts';
import type { RowTable } from './layout.ts';

/** Counts of a segment whose rows are scattered over more minutes and tags than this share of them would be as long as the rows. */
const countsShareMax = 0.1;

/** SQL of the minute of a row, downwards also before 1970. */
const minuteSql = 'CAST(floor(seconds / 60) AS BIGINT)';

/** Adds a segment's rows of `minutes`, in the caller's transaction. A segment that has none is counted itself. */
export async function writeMinutes(connection: Connection, alias: string, segment: RowTable): Promise<void> {
  const countsMax = Math.max(100, Math.floor(segment.rows * countsShareMax));
  await connection.run(
    `INSERT INTO ${sqlName(alias)}.minutes
     SELECT ${segment.number}, minute, tag, rows FROM (
       SELECT ${minuteSql} AS minute, tag, count(*) AS rows FROM ${segment.sql} GROUP BY ALL
     ) QUALIFY count(*) OVER () <= ${countsMax} ORDER BY minute, tag`,
  );
}

/**
 * Rows of the segments by minute since 1970, from `fromMinute` (inclusive) to `toMinute` (exclusive), ascending; minutes
 * without rows are left out. `tag`: only its rows.
 */
export async function minuteCounts(
  connection: Connection,
  alias: string,
  segments: readonly RowTable[],
  fromMinute: number,
  toMinute: number,
  tag?: string,
): Promise<readonly { readonly minute: number; readonly rows: number }[]> {
  const asked = segments.filter(
    ({ secondsMin, secondsMax }) => secondsMax >= fromMinute * 60 && secondsMin < toMinute * 60,
  );
  if (asked.length === 0) return [];
  const minutes = `${sqlName(alias)}.minutes`;
  const numbers = asked.map(({ number }) => number).join(', ');
  const counted = await connection.rows(`SELECT DISTINCT segment FROM ${minutes} WHERE segment IN (${numbers})`);
  const listed = new Set(counted.map(([number]) => Number(number)));
  const condition = `minute >= ${fromMinute} AND minute < ${toMinute}${tag === undefined ? '' : ` AND tag = ${sqlText(tag)}`}`;
  const sources = [
    `SELECT minute, rows FROM ${minutes} WHERE segment IN (${numbers}) AND ${condition}`,
    ...asked
      .filter(({ number }) => !listed.has(number))
      .map(({ sql }) => `SELECT ${minuteSql} AS minute, 1 AS rows FROM ${sql} WHERE ${condition}`),
  ];
  const rows = await connection.rows(
    `SELECT minute, sum(rows) FROM (${sources.join(' UNION ALL ')}) GROUP BY minute ORDER BY minute`,
  );
  return rows.map((row) => ({ minute: Number(row[0]), rows: Number(row[1]) }));
}
