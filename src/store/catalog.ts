/** The tables of one partition, as its files list them and as they change while it is open. */
import type { Connection } from './database.ts';
import { sqlName, sqlText } from './database.ts';
import type { DoneRange } from './done.ts';
import type { HotTable } from './hot.ts';
import { formatNumber } from './layout.ts';
import type { RowTable } from './layout.ts';
import { newerError, olderError } from './opening.ts';
import { readSegments } from './segments.ts';

export interface Catalog {
  /** Oldest first. */
  hot: HotTable[];
  /** Newest first. */
  segments: RowTable[];
  /** Of its rows and of what is done. */
  readonly shards: Map<number, string>;
  /** Those of them that are in the partition's own file. */
  readonly shardsFiled: Set<number>;
  /** For the next table, hot or segment. */
  numberNext: number;
  /** Hot tables up to this number are in segments. */
  sealed: number;
  /** Counts the transactions that changed which segments there are: whether a snapshot has the tables that this lists. */
  version: number;
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

/** Reads what an attached partition's own file says. @throws OperatingError DATA_DIR_NEWER, DuckDB's errors. */
export async function readCatalog(connection: Connection, alias: string, path: string): Promise<Catalog> {
  const name = sqlName(alias);
  const meta = new Map(
    (await connection.rows(`SELECT key, value FROM ${name}.meta`)).map((row) => [String(row[0]), String(row[1])]),
  );
  if (Number(meta.get('format')) > formatNumber) throw newerError(path);
  if (Number(meta.get('format')) < formatNumber) throw olderError(path);
  const shards = await connection.rows(`SELECT number, shard FROM ${name}.shards`);
  const segments = await readSegments(connection, alias);
  const sealed = Number(meta.get('sealed') ?? 0);
  return {
    hot: [],
    segments,
    shards: new Map(shards.map((row) => [Number(row[0]), String(row[1])])),
    shardsFiled: new Set(shards.map((row) => Number(row[0]))),
    numberNext: Math.max(sealed, ...segments.map((segment) => segment.number)) + 1,
    sealed,
    version: Number(meta.get('version') ?? 0),
    isClosed: meta.get('closed') === 'true',
  };
}

/** Sums up the tables; append times are asked of the files. */
export async function readSummary(connection: Connection, catalog: Catalog): Promise<Summary> {
  const tables = [...catalog.segments, ...catalog.hot].filter((table) => table.rows > 0);
  if (tables.length === 0) return { records: 0, secondsMin: undefined, secondsMax: undefined, appendMsMax: undefined };
  let appendMsMax = Number.NEGATIVE_INFINITY;
  for (const { sql } of tables) {
    const [row] = await connection.rows(`SELECT max(append_ms) FROM ${sql}`);
    appendMsMax = Math.max(appendMsMax, Number(row?.[0]));
  }
  return {
    records: tables.reduce((sum, table) => sum + table.rows, 0),
    secondsMin: Math.min(...tables.map((table) => table.secondsMin)),
    secondsMax: Math.max(...tables.map((table) => table.secondsMax)),
    appendMsMax,
  };
}

/** Reads what a partition's own file says is done. */
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

/** Statements that set a value of `meta`. */
export function setMetaSql(alias: string, key: string, value: string): string[] {
  const meta = `${sqlName(alias)}.meta`;
  return [
    `DELETE FROM ${meta} WHERE key = ${sqlText(key)}`,
    `INSERT INTO ${meta} VALUES (${sqlText(key)}, ${sqlText(value)})`,
  ];
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
