/** The tables of one partition, as its file lists them and as they change while it is open. */
import type { Connection, SqlRow } from './database.ts';
import { sqlName, sqlText } from './database.ts';
import { formatNumber, rowColumns } from './layout.ts';
import type { TableInfo } from './layout.ts';

import type { DoneRange } from './done.ts';
import { newerError } from './opening.ts';
import { readSegments } from './segments.ts';

/** A table that takes rows, or did and waits to be sealed. */
export interface HotTable {
  readonly number: number;
  readonly sql: string;
  rows: number;
  /** Bytes of JSON in it, roughly after the file was opened anew. */
  bytes: number;
  secondsMin: number;
  secondsMax: number;
}

export interface Catalog {
  /** Oldest first. */
  hot: HotTable[];
  /** Newest first. */
  segments: TableInfo[];
  readonly shards: Map<number, string>;
  /** For the next table, hot or segment. */
  numberNext: number;
  isClosed: boolean;
}

/** What pruning and retention need to know of a partition without attaching it. */
export interface Summary {
  readonly records: number;
  readonly secondsMin: number | undefined;
  readonly secondsMax: number | undefined;
  /** Latest append time of its records, ms since 1970; undefined: it has none. */
  readonly appendMsMax: number | undefined;
}

function hotSql(alias: string, number: number): string {
  return `${sqlName(alias)}.hot_${number}`;
}

/**
 * Statement that makes a hot table. Uncompressed: a checkpoint, during which nobody else comes in, takes a third of the
 * time, and what it writes is replaced by a segment soon.
 */
export function createHotSql(alias: string, number: number): string {
  const columns = rowColumns.map(([name, type]) => `${sqlName(name)} ${type} NOT NULL USING COMPRESSION uncompressed`);
  return `CREATE TABLE ${hotSql(alias, number)}(${columns.join(', ')})`;
}

/** A hot table as questions see it. */
export function tableOf(hot: HotTable): TableInfo {
  return {
    kind: 'hot',
    number: hot.number,
    sql: hot.sql,
    rows: hot.rows,
    secondsMin: hot.secondsMin,
    secondsMax: hot.secondsMax,
    fields: [],
    isFieldListComplete: false,
    blockRows: undefined,
    filterParts: undefined,
  };
}

/** Reads the catalog of an attached partition. @throws OperatingError DATA_DIR_NEWER, DuckDB's errors. */
export async function readCatalog(connection: Connection, alias: string, path: string): Promise<Catalog> {
  const name = sqlName(alias);
  const meta = new Map(
    (await connection.rows(`SELECT key, value FROM ${name}.meta`)).map((row) => [String(row[0]), String(row[1])]),
  );
  if (Number(meta.get('format')) > formatNumber) throw newerError(path);
  const shards = await connection.rows(`SELECT number, shard FROM ${name}.shards`);
  const segments = await readSegments(connection, alias);
  const hot = await readHot(connection, alias);
  const numbers = [...segments, ...hot].map((table) => table.number);
  return {
    hot,
    segments,
    shards: new Map(shards.map((row) => [Number(row[0]), String(row[1])])),
    numberNext: Math.max(0, ...numbers) + 1,
    isClosed: meta.get('closed') === 'true',
  };
}

async function readHot(connection: Connection, alias: string): Promise<HotTable[]> {
  const tables = await connection.rows(
    'SELECT CAST(table_name[5:] AS INTEGER) FROM duckdb_tables() ' +
      `WHERE database_name = ${sqlText(alias)} AND regexp_full_match(table_name, 'hot_[0-9]+') ORDER BY 1`,
  );
  const all: HotTable[] = [];
  for (const [number] of tables) {
    const sql = hotSql(alias, Number(number));
    const [row] = await connection.rows(
      `SELECT count(*), coalesce(sum(octet_length(encode(fields))), 0)::BIGINT, min(seconds), max(seconds) FROM ${sql}`,
    );
    all.push({ number: Number(number), sql, ...hotCounts(row ?? []) });
  }
  return all;
}

function hotCounts(row: SqlRow): Pick<HotTable, 'rows' | 'bytes' | 'secondsMin' | 'secondsMax'> {
  const rows = Number(row[0] ?? 0);
  if (rows === 0) return emptyCounts;
  return { rows, bytes: Number(row[1]), secondsMin: Number(row[2]), secondsMax: Number(row[3]) };
}

const emptyCounts = {
  rows: 0,
  bytes: 0,
  secondsMin: Number.POSITIVE_INFINITY,
  secondsMax: Number.NEGATIVE_INFINITY,
} as const;

export function emptyHot(alias: string, number: number): HotTable {
  return { number, sql: hotSql(alias, number), ...emptyCounts };
}

/** Sums up the tables; append times are asked of the file. */
export async function readSummary(connection: Connection, catalog: Catalog): Promise<Summary> {
  let appendMsMax: number | undefined;
  for (const { sql, rows } of [...catalog.segments, ...catalog.hot]) {
    if (rows === 0) continue;
    const [row] = await connection.rows(`SELECT max(append_ms) FROM ${sql}`);
    appendMsMax = Math.max(appendMsMax ?? Number.NEGATIVE_INFINITY, Number(row?.[0]));
  }
  return { ...sumUp(catalog), appendMsMax };
}

function sumUp(catalog: Catalog): Omit<Summary, 'appendMsMax'> {
  const tables = [...catalog.segments, ...catalog.hot].filter((table) => table.rows > 0);
  if (tables.length === 0) return { records: 0, secondsMin: undefined, secondsMax: undefined };
  return {
    records: tables.reduce((sum, table) => sum + table.rows, 0),
    secondsMin: Math.min(...tables.map((table) => table.secondsMin)),
    secondsMax: Math.max(...tables.map((table) => table.secondsMax)),
  };
}

/** Reads what a partition says is done. */
export async function readDone(
  connection: Connection,
  alias: string,
  shards: ReadonlyMap<number, string>,
): Promise<DoneRange[]> {
  const rows = await connection.rows(`SELECT shard, ordinal, low, high FROM ${sqlName(alias)}.done ORDER BY rowid`);
  return rows.flatMap((row) => {
    const shard = shards.get(Number(row[0]));
    return shard === undefined ? [] : [{ shard, ordinal: Number(row[1]), low: Number(row[2]), high: Number(row[3]) }];
  });
}

/** Tuples of one statement: DuckDB parses about a million of them a second. */
const tuplesMax = 1000;

/** Statements that add to `done`. */
export function addDoneSql(alias: string, ranges: Iterable<DoneRange>, numberOf: (shard: string) => number): string[] {
  const tuples = [...ranges].map(
    ({ shard, ordinal, low, high }) => `(${numberOf(shard)}, ${ordinal}, ${low}, ${high})`,
  );
  return insertSql(`${sqlName(alias)}.done`, tuples);
}

/** Statements that add to `shards`. */
export function addShardsSql(alias: string, shards: Iterable<readonly [number, string]>): string[] {
  const tuples = [...shards].map(([number, shard]) => `(${number}, ${sqlText(shard)})`);
  return insertSql(`${sqlName(alias)}.shards`, tuples);
}

function insertSql(table: string, tuples: readonly string[]): string[] {
  const statements: string[] = [];
  for (let at = 0; at < tuples.length; at += tuplesMax)
    statements.push(`INSERT INTO ${table} VALUES ${tuples.slice(at, at + tuplesMax).join(', ')}`);
  return statements;
}
