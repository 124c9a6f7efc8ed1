/** Batches and engines for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import type { StoredBatch } from '../core/record-store.ts';
import { sqlName } from './database.ts';
import type { WriteSegment } from './background.ts';
import { openEngine } from './engine.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { rowColumns } from './layout.ts';

export const neverAborted = new AbortController().signal;

/** A directory that is removed when the test is over. */
export async function makeStoreDirectory(context: { after(run: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'post2log-store-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function openStore(directory: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({
    directory: join(directory, 'store'),
    memoryBytesMax: 128 * 1024 ** 2,
    bytesMax: 1024 ** 3,
    keepMs: undefined,
    reserveBytes: 0,
    isReadOnly: false,
    clock: new FakeClock(Date.UTC(2026, 10, 21, 15, 30)),
    log: silentLog(),
    writeSegment: copySegment,
    ...options,
  });
}

/** A segment without promoted fields and filters. */
export const copySegment: WriteSegment = async (connection, alias, number, sources) => {
  const columns = rowColumns.map(([name]) => sqlName(name)).join(', ');
  const sql = `${alias}.segment_${number}`;
  const rows = sources.map((source) => `FROM (SELECT ${columns} FROM ${source.sql} ORDER BY rowid)`);
  await connection.run(`CREATE TABLE ${sql} AS ${rows.join(' UNION ALL ')}`);
  const [row] = await connection.rows(`SELECT count(*), min(seconds), max(seconds) FROM ${sql}`);
  const [count, secondsMin, secondsMax] = (row ?? []).map(Number);
  await connection.run(
    `INSERT INTO ${alias}.segments VALUES (${number}, ${count}, ${secondsMin}, ${secondsMax}, true, NULL, NULL)`,
  );
  await connection.run(
    `INSERT INTO ${alias}.minutes SELECT ${number}, seconds // 60, tag, count(*) FROM ${sql} GROUP BY ALL`,
  );
  return {
    kind: 'segment',
    number,
    sql,
    rows: count ?? 0,
    secondsMin: secondsMin ?? 0,
    secondsMax: secondsMax ?? 0,
    fields: [],
    isFieldListComplete: true,
    blockRows: undefined,
    filterParts: undefined,
  };
};

/** A record as a test says it: offset, perhaps an ordinal, and its JSON. */
export interface TestRow {
  readonly offset: number;
  readonly ordinal?: number;
  readonly json?: string;
  readonly seconds?: number;
}

export function makeBatch(rows: readonly TestRow[], over: Partial<StoredBatch> = {}): StoredBatch {
  const texts = rows.map((row) => Buffer.from(row.json ?? `{"n":${row.offset}}`));
  const bounds = new Uint32Array(rows.length + 1);
  for (const [row, text] of texts.entries()) bounds[row + 1] = (bounds[row] as number) + text.length;
  return {
    shard: 'shard-a',
    source: 'postback',
    tag: 'test.tag',
    appendMs: Date.UTC(2026, 10, 21, 15, 30),
    span: undefined,
    doneBelow: 0,
    offsets: Float64Array.from(rows, (row) => row.offset),
    ordinals: rows.some((row) => row.ordinal !== undefined)
      ? Int32Array.from(rows, (row) => row.ordinal ?? -1)
      : undefined,
    seconds: Float64Array.from(rows, (row) => row.seconds ?? 1_795_275_000 + row.offset),
    nanos: Uint32Array.from(rows, (row) => row.offset % 1000),
    payload: Buffer.concat(texts),
    bounds,
    ...over,
  };
}

/** Rows with these offsets, one ordinal each. */
export function rowsOf(from: number, to: number): TestRow[] {
  return Array.from({ length: to - from }, (_, i) => ({ offset: from + i }));
}

/** Every record of a store as `<shard>-<offset>[.<ordinal>] <json>`, sorted. */
export async function allRecords(engine: Engine): Promise<string[]> {
  const found: string[] = [];
  for (const view of engine.views()) {
    const snapshot = await view.snapshot();
    try {
      for (const table of snapshot.tables)
        for (const row of await snapshot.connection.rows(`SELECT shard, "offset", ordinal, fields FROM ${table.sql}`)) {
          const ordinal = Number(row[2]);
          const id = `${snapshot.shards.get(Number(row[0]))}-${Number(row[1])}${ordinal < 0 ? '' : `.${ordinal}`}`;
          found.push(`${id} ${String(row[3])}`);
        }
    } finally {
      await snapshot.release();
    }
  }
  return found.sort();
}
