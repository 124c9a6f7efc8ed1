/** Partitions for tests, made as layout.ts says, without the engine: rows are given, what is sealed is decided by the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatingError } from '../core/errors.ts';
import { Database, sqlName, sqlText, type Connection } from './database.ts';
import { partitionSql, rowColumns, type SegmentField, type RowTable } from './layout.ts';
import { compareKeys, type Order, type RowKey } from './page-key.ts';
import type { PartitionView, Partitions, Snapshot } from './snapshot.ts';

/** A row as the model knows it. */
export interface FixtureRow extends RowKey {
  readonly appendMs: number;
  readonly tag: string;
  readonly source: string;
  readonly record: Readonly<Record<string, unknown>>;
}

interface FixtureTable {
  kind: 'hot' | 'segment';
  readonly number: number;
  readonly rows: FixtureRow[];
  secondsMin: number;
  secondsMax: number;
}

interface Inserted {
  readonly view: FixturePartition;
  readonly hotNumber: number;
  readonly from: number;
  readonly to: number;
}

/** Shards of all fixtures, by number. */
const fixtureShards: ReadonlyMap<number, string> = new Map([1, 2, 3].map((n) => [n, `shard${n}`]));

/** Fields that segments have as columns: one of texts, one of numbers and others. */
const promoted = [
  { path: ['level'], number: 0, numeric: undefined },
  { path: ['status'], number: 1, numeric: 'BIGINT' },
] as const;

/** A partition that counts its open snapshots and can be made to fail. */
export class FixturePartition implements PartitionView {
  readonly name: string;
  readonly alias: string;
  readonly tables: FixtureTable[] = [];
  /** Snapshots taken and not released. */
  open = 0;
  /** Snapshots taken so far. */
  taken = 0;
  /** Called before each statement of a snapshot. */
  onStatement: (sql: string) => void = () => {};
  /** Called before each snapshot. */
  onSnapshot: () => Promise<void> = () => Promise.resolve();
  isBroken = false;
  isGone = false;
  readonly #database: Database;
  readonly #tellInserted: (inserted: Inserted) => void;

  constructor(database: Database, name: string, alias: string, tellInserted: (inserted: Inserted) => void) {
    this.#database = database;
    this.name = name;
    this.alias = alias;
    this.#tellInserted = tellInserted;
  }
  get rows(): FixtureRow[] {
    return this.tables.flatMap((table) => table.rows);
  }
  get records(): number {
    return this.rows.length;
  }
  get secondsMin(): number | undefined {
    return this.tables.length === 0 ? undefined : Math.min(...this.tables.map((table) => table.secondsMin));
  }
  get secondsMax(): number | undefined {
    return this.tables.length === 0 ? undefined : Math.max(...this.tables.map((table) => table.secondsMax));
  }
  /** Adds rows to the newest hot table, or to a new one. */
  async insert(rows: readonly FixtureRow[], isNew = false): Promise<void> {
    let table = this.tables.at(-1);
    const connection = await this.#database.connect();
    try {
      if (!table || table.kind !== 'hot' || isNew) {
        table = { kind: 'hot', number: this.tables.length, rows: [], secondsMin: Infinity, secondsMax: -Infinity };
        this.tables.push(table);
        const columns = rowColumns.map(([name, type]) => `${sqlName(name)} ${type}`).join(', ');
        await connection.run(`CREATE TABLE ${this.#sql(table)}(${columns})`);
      }
      const appender = await connection.appender(`hot_${table.number}`, this.alias);
      for (const row of rows) {
        appender.appendBigInt(BigInt(row.seconds));
        appender.appendInteger(row.nanos);
        appender.appendBigInt(BigInt(row.appendMs));
        appender.appendInteger(row.shard);
        appender.appendBigInt(BigInt(row.offset));
        appender.appendInteger(row.ordinal);
        for (const text of [row.tag, row.source, JSON.stringify(row.record)]) appender.appendVarchar(text);
        appender.endRow();
      }
      appender.closeSync();
      const from = table.rows.length;
      for (const row of rows) {
        table.rows.push(row);
        table.secondsMin = Math.min(table.secondsMin, row.seconds);
        table.secondsMax = Math.max(table.secondsMax, row.seconds);
      }
      this.#tellInserted({ view: this, hotNumber: table.number, from, to: table.rows.length });
    } finally {
      connection.close();
    }
  }
  /** Makes a segment of a hot table, the newest where none is named. */
  async seal(number = this.tables.length - 1): Promise<void> {
    const table = this.tables[number];
    if (table?.kind !== 'hot') return;
    const connection = await this.#database.connect();
    const hot = this.#sql(table);
    const alias = sqlName(this.alias);
    try {
      const extra = promoted.map(({ path, number, numeric }) => {
        const value = `json_extract_string(fields, ${sqlText(`/${path.join('/')}`)})`;
        const isNumber = `json_type(fields, ${sqlText(`/${path.join('/')}`)}) IN ('UBIGINT', 'BIGINT')`;
        return numeric
          ? `CASE WHEN ${isNumber} THEN NULL ELSE ${value} END AS t${number}, CASE WHEN ${isNumber} THEN ${value}::${numeric} END AS n${number}`
          : `${value} AS t${number}`;
      });
      await connection.run(
        `CREATE TABLE ${alias}.segment_${table.number} AS SELECT *, ${extra.join(', ')} FROM ${hot} ORDER BY rowid`,
      );
      await connection.run(
        `INSERT INTO ${alias}.minutes SELECT ${table.number}, ` +
          `CAST(floor(seconds / 60) AS BIGINT), tag, count(*) FROM ${hot} GROUP BY ALL`,
      );
      await connection.run(`DROP TABLE ${hot}`);
      table.kind = 'segment';
    } finally {
      connection.close();
    }
  }
  async snapshot(): Promise<Snapshot> {
    if (this.isBroken && this.isGone) throw new OperatingError('STORE_READ', `opening ${this.name}: it is broken`);
    await this.onSnapshot();
    const connection = await this.#database.connect();
    await connection.run('BEGIN TRANSACTION READ ONLY');
    this.open++;
    this.taken++;
    let isReleased = false;
    return {
      connection: this.#watched(connection),
      alias: this.alias,
      tables: this.tables.map((table) => this.#info(table)).reverse(),
      shards: fixtureShards,
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        this.open--;
        await connection.run('ROLLBACK');
        connection.close();
      },
    };
  }
  failed(): Promise<boolean> {
    this.isGone ||= this.isBroken;
    return Promise.resolve(this.isBroken);
  }

  #watched(connection: Connection): Connection {
    const rows = connection.rows.bind(connection);
    const stream = connection.stream.bind(connection);
    const watch = (sql: string): void => {
      this.onStatement(sql);
      if (this.isBroken) throw new Error('IO Error: Corrupt database file');
    };
    connection.rows = async (sql, values) => {
      watch(sql);
      return rows(sql, values);
    };
    connection.stream = async function* (sql, values) {
      watch(sql);
      yield* stream(sql, values);
    };
    return connection;
  }
  #sql(table: FixtureTable): string {
    return `${sqlName(this.alias)}.${table.kind}_${table.number}`;
  }
  #info(table: FixtureTable): RowTable {
    const isSegment = table.kind === 'segment';
    return {
      kind: table.kind,
      number: table.number,
      sql: this.#sql(table),
      rows: table.rows.length,
      secondsMin: table.secondsMin,
      secondsMax: table.secondsMax,
      fields: isSegment ? fieldsOf(table.rows) : [],
      isFieldListComplete: isSegment,
      blockRows: undefined,
      filterParts: undefined,
    };
  }
}

function fieldsOf(rows: readonly FixtureRow[]): SegmentField[] {
  const fields = new Map<string, SegmentField & { types: string[]; rows: number }>();
  const visit = (value: unknown, path: readonly string[]): void => {
    if (value === null) return;
    const type = Array.isArray(value) ? 'array' : typeof value;
    if (path.length > 0) {
      const known = promoted.find((field) => field.path.join('.') === path.join('.'));
      const field = fields.get(JSON.stringify(path)) ?? {
        path,
        name: path.join('.'),
        number: known?.number,
        numeric: known?.numeric,
        types: [],
        rows: 0,
      };
      fields.set(JSON.stringify(path), field);
      if (!field.types.includes(type)) field.types.push(type);
      field.types.sort();
      fields.set(JSON.stringify(path), { ...field, rows: field.rows + 1 });
    }
    if (type === 'object') for (const [key, inner] of Object.entries(value as object)) visit(inner, [...path, key]);
  };
  for (const row of rows) visit(row.record, []);
  return [...fields.values()];
}

/** A store of fixture partitions in a directory of its own. */
export class FixtureStore implements Partitions {
  /** Oldest first. */
  readonly all: FixturePartition[] = [];
  readonly #database: Database;
  readonly #directory: string;
  readonly #listeners = new Set<(inserted: Inserted) => void>();

  private constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }
  static async open(): Promise<FixtureStore> {
    const directory = mkdtempSync(join(tmpdir(), 'p2l-questions-'));
    const database = await Database.open({
      memoryBytesMax: 512 * 1024 ** 2,
      temporaryDirectory: join(directory, 'tmp'),
      spillBytesMax: 1024 ** 3,
    });
    return new FixtureStore(database, directory);
  }
  async add(): Promise<FixturePartition> {
    const alias = `p${this.all.length}`;
    await this.#database.attach(join(this.#directory, `${alias}.duckdb`), alias, false);
    const connection = await this.#database.connect();
    await connection.run(partitionSql(alias));
    connection.close();
    const name = `${String(this.all.length).padStart(8, '0')}-20261121T1500Z`;
    const partition = new FixturePartition(this.#database, name, alias, (inserted) => {
      for (const listener of this.#listeners) listener(inserted);
    });
    this.all.push(partition);
    return partition;
  }
  views(): readonly PartitionView[] {
    return this.all.filter((partition) => !partition.isGone).reverse();
  }
  notes(): readonly string[] {
    return this.all.filter((partition) => partition.isGone).map(({ name }) => `partition ${name} was set aside`);
  }
  onInserted(listener: (inserted: Inserted) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  get listeners(): number {
    return this.#listeners.size;
  }
  /** Calls what tests have set no more. */
  calm(): void {
    for (const partition of this.all) {
      partition.onStatement = () => {};
      partition.onSnapshot = () => Promise.resolve();
    }
  }
  /** All rows that can be found, in an order. */
  rows(order: Order): FixtureRow[] {
    return this.all
      .filter((partition) => !partition.isGone)
      .flatMap((partition) => partition.rows)
      .sort((a, b) => compareKeys(order, a, b));
  }
  close(): void {
    this.#database.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Id of a row's record. */
export function fixtureId(row: FixtureRow): string {
  return `${fixtureShards.get(row.shard)}-${row.offset}${row.ordinal < 0 ? '' : `.${row.ordinal}`}`;
}
