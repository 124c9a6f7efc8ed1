/**
 * Hot tables: rows as they came in. Each has a file of its own (layout.ts), which lives on its WAL: it is never
 * checkpointed, and deleted once its rows are in a segment. So a commit is one write and one fsync, nothing that is done
 * to segments makes inserts wait, and the partition's file has no holes where rows were for some seconds.
 */
import { basename, join } from 'node:path';
import type { Disk } from '../core/disk.ts';
import { addDoneSql, addShardsSql } from './catalog.ts';
import type { Connection, Database } from './database.ts';
import { sqlName } from './database.ts';
import type { DoneRange } from './done.ts';
import { rowColumns } from './layout.ts';
import type { RowTable } from './layout.ts';
import { fileEnding } from './opening.ts';
import type { Place } from './opening.ts';
import { Survey } from './survey.ts';

/** A table that takes rows, or did and waits to be sealed. */
export interface HotTable {
  readonly number: number;
  readonly path: string;
  /** Of its attached file. */
  readonly alias: string;
  readonly sql: string;
  /** Numbers of the shards that its file lists. */
  readonly shards: Set<number>;
  rows: number;
  /** Bytes of JSON in it. */
  bytes: number;
  secondsMin: number;
  secondsMax: number;
  /** This process committed to it, which made its WAL. */
  hasLog: boolean;
  /** What its rows are like; undefined: it has rows that this process did not see come, or a commit to it failed. */
  survey: Survey | undefined;
}

/** Where a hot table of a partition lies. */
export function hotTableOf(directory: string, place: Place, number: number): HotTable {
  const alias = `h${place.number}_${number}`;
  return {
    number,
    path: join(directory, `${place.name}.hot-${String(number).padStart(8, '0')}${fileEnding}`),
    alias,
    sql: `${sqlName(alias)}.hot_${number}`,
    shards: new Set(),
    rows: 0,
    bytes: 0,
    secondsMin: Number.POSITIVE_INFINITY,
    secondsMax: Number.NEGATIVE_INFINITY,
    hasLog: false,
    survey: undefined,
  };
}

/** What the name of a file says; undefined: it is no hot table's. */
export function parseHotFile(file: string): { readonly partition: string; readonly number: number } | undefined {
  const parts = /^(\d{8,}-\d{8}T\d{4}Z)\.hot-(\d{8,})\.duckdb$/.exec(file);
  return parts?.[1] === undefined ? undefined : { partition: parts[1], number: Number(parts[2]) };
}

/** As questions see it. */
export function tableOf(hot: HotTable): RowTable {
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
    survey: hot.survey,
  };
}

/** Makes its file, which gets its name once it is whole, and attaches it. */
export async function makeHot(database: Database, disk: Disk, directory: string, hot: HotTable): Promise<void> {
  const columns = rowColumns.map(([name, type]) => `${sqlName(name)} ${type} NOT NULL`);
  await makeFile(database, disk, directory, hot.path, (alias) => [
    `CREATE TABLE ${sqlName(alias)}.hot_${hot.number}(${columns.join(', ')})`,
    `CREATE TABLE ${sqlName(alias)}.shards(number INTEGER NOT NULL, shard VARCHAR NOT NULL)`,
    `CREATE TABLE ${sqlName(alias)}.done(shard INTEGER NOT NULL, ordinal INTEGER NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL)`,
  ]);
  await database.attach(hot.path, hot.alias, false);
  hot.survey = new Survey();
}

/** Makes a database file by statements; durable under its name when it resolves, or not there. */
export async function makeFile(
  database: Database,
  disk: Disk,
  directory: string,
  path: string,
  statements: (alias: string) => readonly string[],
): Promise<void> {
  const making = `${path}.new`;
  const alias = `making ${basename(path)}`;
  for (const ending of ['', '.wal']) await disk.remove(making + ending);
  await database.attach(making, alias, false);
  const connection = await database.connect();
  try {
    await connection.run('BEGIN');
    for (const sql of statements(alias)) await connection.run(sql);
    await connection.run('COMMIT');
    await connection.run(`CHECKPOINT ${sqlName(alias)}`);
  } finally {
    connection.close();
    await database.detach(alias).catch(() => {});
  }
  await disk.rename(making, path);
  await disk.syncDirectory(directory);
}

/** What a hot table's file says beside its rows. */
export interface HotContent {
  readonly shards: ReadonlyMap<number, string>;
  /** By shard number. */
  readonly done: readonly (Omit<DoneRange, 'shard'> & { readonly shard: number })[];
}

/** Reads an attached file; fills in the counts. Throws DuckDB's errors. */
export async function readHot(connection: Connection, hot: HotTable): Promise<HotContent> {
  const name = sqlName(hot.alias);
  const [counts] = await connection.rows(
    `SELECT count(*), coalesce(sum(strlen(fields)), 0)::BIGINT, min(seconds), max(seconds) FROM ${hot.sql}`,
  );
  hot.rows = Number(counts?.[0] ?? 0);
  hot.bytes = Number(counts?.[1] ?? 0);
  if (hot.rows > 0) {
    hot.secondsMin = Number(counts?.[2]);
    hot.secondsMax = Number(counts?.[3]);
  }
  const shards = await connection.rows(`SELECT number, shard FROM ${name}.shards`);
  for (const [number] of shards) hot.shards.add(Number(number));
  const done = await connection.rows(`SELECT shard, ordinal, low, high FROM ${name}.done ORDER BY rowid`);
  return {
    shards: new Map(shards.map((row) => [Number(row[0]), String(row[1])])),
    done: done.map((row) => ({
      shard: Number(row[0]),
      ordinal: Number(row[1]),
      low: Number(row[2]),
      high: Number(row[3]),
    })),
  };
}

/** Statements that note, in the transaction that adds the rows, what is done with them. */
export function noteSql(
  hot: HotTable,
  shards: ReadonlyMap<number, string>,
  done: readonly DoneRange[],
  numberOf: (shard: string) => number,
): string[] {
  const added = [...shards].filter(([number]) => !hot.shards.has(number));
  return [...addShardsSql(hot.alias, added), ...addDoneSql(hot.alias, done, numberOf)];
}

/** Detaches it and deletes its files. Those who still read it go on undisturbed. */
export async function removeHot(database: Database, disk: Disk, hot: HotTable): Promise<void> {
  await database.detach(hot.alias);
  await removeFiles(disk, hot.path);
}

/** The WAL last: without its file it means nothing, but a file without its WAL would be an older state. */
export async function removeFiles(disk: Disk, path: string): Promise<void> {
  for (const ending of ['', '.wal']) await disk.remove(path + ending);
}
