/**
 * What lies in the store's directory (`<dataDir>/store/`), format 2.
 *
 *     00000007-20261121T1500Z.duckdb   partitions: DuckDB files named by number and by the hour their first record was
 *                                      appended in; only the one with the highest number takes rows
 *     00000007-20261121T1500Z.hot-00000012.duckdb   a hot table of that partition, with its WAL: rows as they came in
 *     *.new                            a file being made: it gets its name once it is whole and on disk
 *     set-aside/                       files that could not be read, moved away whole, and why
 *     index.json                       what is known of partitions that are closed, see summaries.ts; a cache
 *     opening                          the file that is being opened, and how often in a row: one that the process did not
 *                                      survive twice is tried in another process before, and set aside when that ends by it
 *     tmp/                             spilled by queries; emptied at start
 *
 * In each partition:
 *
 *     meta(key, value)                 `format`; `sealed`: hot tables up to this number are in segments; `version`:
 *                                      counts changes of segments; `closed`: no more rows come
 *     shards(number, shard)            short numbers of the journal's shards. A number belongs to its shard for as long as
 *                                      any partition has rows of it: new partitions copy the rows they need
 *     done(shard, ordinal, low, high)  offsets [low, high) whose emissions of this ordinal (-1: the only one; -2: whatever
 *                                      their ordinal) are in the store, or were not for it. Written anew, with all that is
 *                                      known then, when a partition begins and when a hot table is sealed
 *     segment_<n>                      rows of one or several hot tables, sealed: `fields` compressed with Zstandard, frequent fields
 *                                      as columns of their own, rows in the order they came in
 *     segments(segment, ...)           one row for each segment: rows, ranges of times, rows per block
 *     fields(segment, path, ...)       the fields that occur in a segment and where they are; `path` is a JSON array of
 *                                      keys, `types` are joined by commas; `low` and `high` where all values
 *                                      of a field are in its numeric column
 *     filters(segment, part, bits)     block token filters, see filters.ts
 *     minutes(segment, minute, tag, rows)   rows per minute of record time and tag
 *
 * In the file of a hot table: `hot_<n>`, the rows; `shards` and `done` as above, of these rows alone. Numbers of hot tables
 * and segments of a partition come from one count and are not used again.
 *
 * What has been taken is the union of `done` in the newest partition and in its hot tables.
 *
 * One transaction each, since DuckDB changes one file in a transaction: {rows, shards, done} in a hot table's file, durable
 * with the fsync of its WAL; {segment, segments, fields, filters, minutes, shards, done, sealed} in the partition's, after
 * which the hot table's file is deleted. A process killed in between finds from `sealed` that the file is of no use. When a
 * file is made the directory is synced, and again after the first commit of a hot table, which makes its WAL.
 * Row columns: `seconds BIGINT, nanos INTEGER` record time; `append_ms BIGINT`; `shard INTEGER, "offset" BIGINT,
 * ordinal INTEGER` (-1: the only one); `tag VARCHAR, source VARCHAR`; `fields VARCHAR` the record's JSON object. In a segment
 * also, for a promoted field number i: `t<i> VARCHAR` and, where most values are numbers, `n<i> BIGINT` or
 * `n<i> DOUBLE`. `n<i>` holds the values that it can print exactly as they are written in `fields`; all others (texts,
 * `1.0`, objects and arrays as JSON text, booleans as true and false) are in `t<i>`. A record without the field, or with
 * null, has NULL in both. Strings are kept without their quotes.
 */

import { rowGroupRows, sqlName } from './database.ts';
import type { Survey } from './survey.ts';

/** Number of the format; a store with a higher one was written by a newer program, one with a lower one by one from before 0.1. */
export const formatNumber = 2;

/** Columns of every hot table and the first columns of every segment, in this order. */
export const rowColumns = [
  ['seconds', 'BIGINT'],
  ['nanos', 'INTEGER'],
  ['append_ms', 'BIGINT'],
  ['shard', 'INTEGER'],
  ['offset', 'BIGINT'],
  ['ordinal', 'INTEGER'],
  ['tag', 'VARCHAR'],
  ['source', 'VARCHAR'],
  ['fields', 'VARCHAR'],
] as const;

/** Rows are sealed by this many and some more, or by twice as many: whole row groups, so that none is half full. */
export const hotRowsMax = rowGroupRows;

const partitionTables = [
  ['meta', 'key VARCHAR NOT NULL, value VARCHAR NOT NULL'],
  ['shards', 'number INTEGER NOT NULL, shard VARCHAR NOT NULL'],
  ['done', 'shard INTEGER NOT NULL, ordinal INTEGER NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL'],
  [
    'segments',
    'segment INTEGER NOT NULL, rows BIGINT NOT NULL, seconds_min BIGINT NOT NULL, seconds_max BIGINT NOT NULL, ' +
      'is_field_list_complete BOOLEAN NOT NULL, block_rows INTEGER, filter_parts INTEGER',
  ],
  [
    'fields',
    'segment INTEGER NOT NULL, path VARCHAR NOT NULL, number INTEGER, "numeric" VARCHAR, types VARCHAR NOT NULL, ' +
      'rows BIGINT NOT NULL, low VARCHAR, high VARCHAR',
  ],
  // A filter's bits look random: packing them saves nothing, and all of a vector would be unpacked to read one row of it.
  ['filters', 'segment INTEGER NOT NULL, part INTEGER NOT NULL, bits BLOB USING COMPRESSION uncompressed NOT NULL'],
  ['minutes', 'segment INTEGER NOT NULL, minute BIGINT NOT NULL, tag VARCHAR NOT NULL, rows BIGINT NOT NULL'],
] as const;

/** Statements that make the tables of a new partition, hot and sealed ones aside. */
export function partitionSql(alias: string): string {
  return partitionTables.map(([table, columns]) => `CREATE TABLE ${sqlName(alias)}.${table}(${columns});`).join('\n');
}

/** A field of a segment. */
export interface SegmentField {
  /** Keys from the outside in: `["kubernetes", "pod_name"]`. */
  readonly path: readonly string[];
  /** The keys joined by dots. Two paths can have the same name. */
  readonly name: string;
  /** Column `t<number>`; undefined: not promoted, it is only in `fields`. */
  readonly number: number | undefined;
  /** Type of column `n<number>`, where there is one. */
  readonly numeric: 'BIGINT' | 'DOUBLE' | undefined;
  /** Types met, in alphabetical order. */
  readonly types: readonly string[];
  /** Rows that have it. */
  readonly rows: number;
  /**
   * Smallest and largest value of column `n<number>` as DuckDB prints them, where all values of the field are in it; undefined:
   * some are texts, or it has no such column.
   */
  readonly bounds?: { readonly low: string; readonly high: string } | undefined;
}

/** A table with rows, as a snapshot of its partition shows it. */
export interface RowTable {
  readonly kind: 'hot' | 'segment';
  /** Number in its name. */
  readonly number: number;
  /** Qualified and quoted, for FROM. */
  readonly sql: string;
  readonly rows: number;
  /** Smallest and largest record time, whole seconds. */
  readonly secondsMin: number;
  readonly secondsMax: number;
  /** Paths of the segment's rows, of objects and of what is in them (arrays are values as a whole); empty for hot tables. */
  readonly fields: readonly SegmentField[];
  /**
   * True: no row has a path that is not in `fields` (with a value other than null). False for hot tables, and for
   * segments with so many paths that not all are listed: one that is not listed may be in any row's JSON.
   */
  readonly isFieldListComplete: boolean;
  /** Rows per block of its token filter; row r is in block r / blockRows. Undefined: it has none. */
  readonly blockRows: number | undefined;
  /** Parts of its token filter. Undefined: it has none. */
  readonly filterParts: number | undefined;
  /** Of a hot table whose rows all came in while this process ran: it has no gaps between its rowids. */
  readonly survey?: Survey | undefined;
}
