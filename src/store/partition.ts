/** One partition: its files are attached when somebody needs it, and its catalog is in memory as long as they are. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Disk } from '../core/disk.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { addShardsSql, readCatalog, readSummary, setMetaSql } from './catalog.ts';
import type { Catalog, Summary } from './catalog.ts';
import type { Connections } from './connections.ts';
import type { Connection, Database } from './database.ts';
import { isFatal, readError, sqlName } from './database.ts';
import type { DoneRange } from './done.ts';
import { hotTableOf, makeHot, parseHotFile, readHot, removeFiles, removeHot, tableOf } from './hot.ts';
import type { HotTable } from './hot.ts';
import type { RowTable } from './layout.ts';
import { fileEnding, isBroken } from './opening.ts';
import type { Place } from './opening.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';
import { Turn } from './waiting.ts';

/** A commit that a snapshot has seen tells of itself within a turn of the event loop. */
const catalogWaitMs = 1;
const catalogTriesMax = 1000;

/** What a partition needs of the set it belongs to. */
export interface PartitionHost {
  readonly database: Database;
  readonly connections: Connections;
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly isReadOnly: boolean;
  attach(name: string, path: string, alias: string): Promise<void>;
  /** Moves the partition's files away; nobody sees it any more when it resolves. */
  setAside(partition: Partition, error: unknown): Promise<void>;
  /** Moves one hot table's files away. */
  setAsideHot(partition: Partition, hot: HotTable, error: unknown): Promise<void>;
  /** Called after each use, so that others can be detached. */
  used(partition: Partition): void;
  /** DuckDB said that it can no longer be used. */
  fatal(error: unknown): void;
  /** A reader has gone; a checkpoint that waited may be possible now. */
  released(partition: Partition): void;
}

export class Partition implements PartitionView, Place {
  readonly number: number;
  readonly name: string;
  readonly startMs: number;
  readonly path: string;
  readonly alias: string;
  readonly #host: PartitionHost;
  /** Who changes which tables there are, or begins a snapshot: one at a time. */
  readonly turn = new Turn();
  /** It was dropped or set aside: its rows are no longer part of the store. */
  isGone = false;
  /** Takes rows. */
  isOpen = false;
  /** Bytes of its files when they were last looked at. */
  bytes = 0;
  /** Closed, sealed and checkpointed: nothing has to be done but, where it says so, merging. */
  isFinished = false;
  needsMerge = false;
  /** Sealed or merged since the last checkpoint. */
  needsCheckpoint = false;
  /** Why the last background job on it failed, and when it is tried again (monotonic time). */
  failure: { readonly error: unknown; readonly retryAtMs: number } | undefined;
  summary: Summary = { records: 0, secondsMin: undefined, secondsMax: undefined, appendMsMax: undefined };
  /** What its hot tables said is done when they were read. */
  hotDone: readonly DoneRange[] = [];
  #catalog: Catalog | undefined;
  #readers = 0;
  #workers = 0;

  constructor(host: PartitionHost, place: Place) {
    this.#host = host;
    this.number = place.number;
    this.name = place.name;
    this.startMs = place.startMs;
    this.alias = `p${place.number}`;
    this.path = join(host.directory, `${place.name}${fileEnding}`);
  }
  get appendMsMax(): number | undefined {
    return this.summary.appendMsMax;
  }
  get records(): number {
    return this.summary.records;
  }
  get secondsMin(): number | undefined {
    return this.summary.secondsMin;
  }
  get secondsMax(): number | undefined {
    return this.summary.secondsMax;
  }
  get isAttached(): boolean {
    return this.#catalog !== undefined;
  }
  /** Snapshots or background work are under way: it has to stay attached. */
  get isUsed(): boolean {
    return this.#readers + this.#workers > 0;
  }
  /** Snapshots under way. DuckDB cannot checkpoint when one is older than what was committed since. */
  get readers(): number {
    return this.#readers;
  }
  /** Keeps it attached until leave(). */
  enter(): void {
    this.#workers++;
  }
  leave(): void {
    this.#workers--;
    this.#host.used(this);
  }
  /** Only while it is attached. */
  get catalog(): Catalog {
    if (!this.#catalog) throw new OperatingError('STORE_UNAVAILABLE', `partition ${this.name} is not open just now`);
    return this.#catalog;
  }

  /** Attaches it where it is not, and reads its catalog. For those who have its turn. Throws DuckDB's errors and Attacher's. */
  async load(): Promise<Catalog> {
    if (this.#catalog) return this.#catalog;
    const { database } = this.#host;
    await this.#host.attach(this.name, this.path, this.alias);
    const connection = await database.connect();
    const hot: HotTable[] = [];
    try {
      const catalog = await readCatalog(connection, this.alias, this.path);
      await this.#loadHot(connection, catalog, hot);
      if (this.summary.records === 0) this.summary = await readSummary(connection, catalog);
      this.#catalog = catalog;
      await this.measure();
      return catalog;
    } catch (error) {
      for (const { alias } of [...hot, this]) await database.detach(alias).catch(() => {});
      throw error;
    } finally {
      connection.close();
    }
  }
  /** Finds the hot tables that are not in segments yet. One that cannot be read is set aside alone. */
  async #loadHot(connection: Connection, catalog: Catalog, attached: HotTable[]): Promise<void> {
    const done: DoneRange[] = [];
    for (const hot of await this.#hotFiles()) {
      catalog.numberNext = Math.max(catalog.numberNext, hot.number + 1);
      if (hot.number <= catalog.sealed) {
        // The process ended between the commit and this.
        if (!this.#host.isReadOnly) await removeFiles(this.#host.disk, hot.path);
        continue;
      }
      try {
        await this.#host.attach(`${this.name} hot ${hot.number}`, hot.path, hot.alias);
        attached.push(hot);
        const content = await readHot(connection, hot);
        for (const [number, shard] of content.shards) catalog.shards.set(number, shard);
        for (const { shard, ...range } of content.done) {
          const name = content.shards.get(shard) ?? catalog.shards.get(shard);
          if (name !== undefined) done.push({ ...range, shard: name });
        }
        catalog.hot.push(hot);
      } catch (error) {
        if (!isBroken(error)) throw error;
        await this.#host.setAsideHot(this, hot, error);
      }
    }
    this.hotDone = done;
  }
  async #hotFiles(): Promise<HotTable[]> {
    const files = await this.#host.disk.list(this.#host.directory);
    const found = files.flatMap((file) => parseHotFile(file) ?? []);
    return found
      .filter(({ partition }) => partition === this.name)
      .map(({ number }) => hotTableOf(this.#host.directory, this, number))
      .sort((a, b) => a.number - b.number);
  }
  /** For those who have its turn. */
  async detach(): Promise<void> {
    const catalog = this.#catalog;
    if (!catalog) return;
    this.#catalog = undefined;
    for (const { alias } of catalog.hot) await this.#host.database.detach(alias).catch(() => {});
    await this.#host.database.detach(this.alias);
  }
  /** Files of it, its hot tables' included, without their WALs. */
  async files(): Promise<string[]> {
    return [this.path, ...(await this.#hotFiles()).map((hot) => hot.path)];
  }
  /** Looks at how large its files are. */
  async measure(): Promise<number> {
    const paths = [this.path, ...(this.#catalog?.hot ?? []).map((hot) => hot.path)];
    const files = await Promise.all(
      paths.flatMap((path) => [path, `${path}.wal`]).map((path) => this.#host.disk.stat(path)),
    );
    this.bytes = files.reduce((sum, file) => sum + (file?.size ?? 0), 0);
    return this.bytes;
  }

  /** A new hot table, which is not the partition's before beginHot(). */
  async makeHot(): Promise<HotTable> {
    const { database, disk, directory } = this.#host;
    const hot = hotTableOf(directory, this, this.catalog.numberNext++);
    await makeHot(database, disk, directory, hot);
    return hot;
  }
  /** From now on this table takes rows; those before it can be sealed. */
  async beginHot(hot: HotTable): Promise<void> {
    await this.turn.run(() => {
      this.catalog.hot.push(hot);
      return Promise.resolve();
    });
  }
  /** Removes one that did not begin, where that can be done: else it is found empty at the next start. */
  async dropHot(hot: HotTable): Promise<void> {
    await removeHot(this.#host.database, this.#host.disk, hot).catch(() => undefined);
  }
  /** Says before a commit which times it brings, so that no snapshot finds rows outside of what its table says. */
  widen(hot: HotTable, rows: { readonly secondsMin: number; readonly secondsMax: number }): void {
    hot.secondsMin = Math.min(hot.secondsMin, rows.secondsMin);
    hot.secondsMax = Math.max(hot.secondsMax, rows.secondsMax);
    this.summary = {
      ...this.summary,
      secondsMin: Math.min(this.secondsMin ?? rows.secondsMin, rows.secondsMin),
      secondsMax: Math.max(this.secondsMax ?? rows.secondsMax, rows.secondsMax),
    };
  }
  /** Counts rows that were committed. */
  count(hot: HotTable, rows: number, bytes: number, appendMsMax: number): void {
    hot.rows += rows;
    hot.bytes += bytes;
    this.summary = {
      ...this.summary,
      records: this.records + rows,
      appendMsMax: rows === 0 ? this.appendMsMax : Math.max(this.appendMsMax ?? appendMsMax, appendMsMax),
    };
  }

  /** Makes the places of all files in the directory durable, also those of WALs: DuckDB syncs these, but not the directory. */
  link(): Promise<void> {
    return this.#host.disk.syncDirectory(this.#host.directory);
  }

  /**
   * Puts a new segment in place of tables whose rows it has, in one transaction. `write` makes it, given its number; `also`
   * gives statements to run with it, asked right before the commit.
   */
  async replace(
    connection: Connection,
    sources: readonly RowTable[],
    write: (number: number) => Promise<RowTable>,
    also: () => readonly string[],
  ): Promise<void> {
    const { catalog } = this;
    const gone = new Set(sources.map((source) => source.sql));
    const hot = catalog.hot.filter((table) => gone.has(table.sql));
    const sealed = Math.max(catalog.sealed, ...hot.map((table) => table.number));
    await connection.run('BEGIN');
    try {
      const segment = await write(catalog.numberNext++);
      const more = also();
      const shards = [...catalog.shards].filter(([number]) => !catalog.shardsFiled.has(number));
      const version = catalog.version + 1;
      const statements = [
        ...removeSql(this.alias, sources),
        ...addShardsSql(this.alias, shards),
        ...setMetaSql(this.alias, 'sealed', String(sealed)),
        ...setMetaSql(this.alias, 'version', String(version)),
        ...more,
        // Packs what lies behind the last whole row group, a tenth of a second perhaps. Questions go on meanwhile.
        'COMMIT',
      ];
      await connection.run(statements.join(';\n'));
      await this.turn.run(() => {
        for (const [number] of shards) catalog.shardsFiled.add(number);
        catalog.hot = catalog.hot.filter((table) => !gone.has(table.sql));
        const at = catalog.segments.findIndex((table) => gone.has(table.sql));
        const left = catalog.segments.filter((table) => !gone.has(table.sql));
        catalog.segments = left.toSpliced(Math.max(0, at), 0, segment);
        catalog.sealed = sealed;
        catalog.version = version;
        return Promise.resolve();
      });
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => {});
      throw error;
    }
    this.needsCheckpoint = true;
    // The rows are in the partition's WAL now, which this transaction may have made.
    if (hot.length > 0) await this.link();
    for (const table of hot) await removeHot(this.#host.database, this.#host.disk, table);
  }
  /** Brings the WAL into the partition's file. False: DuckDB cannot do it now, because of those who read. */
  async checkpoint(): Promise<boolean> {
    const connection = await this.#host.database.connect();
    try {
      await connection.run(`CHECKPOINT ${sqlName(this.alias)}`);
      this.needsCheckpoint = false;
      return true;
    } catch (error) {
      if (errorText(error).includes('Cannot CHECKPOINT')) return false;
      throw error;
    } finally {
      connection.close();
    }
  }

  async snapshot(): Promise<Snapshot> {
    const lease = await this.#host.connections.take();
    try {
      for (let tries = 0; tries < catalogTriesMax; tries++) {
        const snapshot = await this.turn.run(() => this.#begin(lease.connection, () => lease.release()));
        this.#host.used(this);
        if (snapshot) return snapshot;
        await wait(catalogWaitMs);
      }
      throw new OperatingError(
        'STORE_UNAVAILABLE',
        `asking partition ${this.name} of the store: it has other tables than this process knows of; try again`,
      );
    } catch (error) {
      await lease.release();
      if (error instanceof OperatingError) throw error;
      await this.failed(error);
      throw readError(`reading partition ${this.name} of the store`, error);
    }
  }
  /** Undefined: tables were replaced, and the catalog does not know of it yet. */
  async #begin(connection: Connection, giveBack: () => Promise<void>): Promise<Snapshot | undefined> {
    // Dropped between views() and now: it has no rows any more.
    if (this.isGone) return { connection, alias: this.alias, tables: [], shards: new Map(), release: giveBack };
    const catalog = await this.load();
    const hot = catalog.hot.filter((table) => table.rows > 0);
    // A transaction begins in each file when it is first looked at.
    const looks = hot.map((table) => `SELECT 1 FROM ${table.sql} LIMIT 1`);
    const version = `SELECT max(value) FROM ${sqlName(this.alias)}.meta WHERE key = 'version'`;
    // The answer is the first statement's that has one.
    const [row] = await connection.rows(['BEGIN TRANSACTION READ ONLY', version, ...looks].join(';\n'));
    if (Number(row?.[0] ?? 0) !== catalog.version) {
      await connection.run('ROLLBACK');
      return undefined;
    }
    this.#readers++;
    let isReleased = false;
    return {
      connection,
      alias: this.alias,
      tables: [...hot.map(tableOf).toReversed(), ...catalog.segments],
      shards: new Map(catalog.shards),
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        await giveBack();
        this.#readers--;
        this.#host.released(this);
      },
    };
  }
  async failed(error: unknown): Promise<boolean> {
    if (this.isGone) return true;
    const cause = error instanceof OperatingError && error.cause !== undefined ? error.cause : error;
    if (isFatal(cause)) this.#host.fatal(cause);
    if (!isBroken(cause)) return false;
    await this.#host.setAside(this, cause);
    return true;
  }
}

/** Statements that drop what is in the partition's own file of tables whose rows are in another now. */
function removeSql(alias: string, sources: readonly RowTable[]): string[] {
  const segments = sources.filter((source) => source.kind === 'segment');
  if (segments.length === 0) return [];
  const numbers = segments.map((segment) => segment.number).join(', ');
  return [
    ...segments.map((segment) => `DROP TABLE ${segment.sql}`),
    ...['segments', 'fields', 'filters', 'minutes'].map(
      (table) => `DELETE FROM ${sqlName(alias)}.${table} WHERE segment IN (${numbers})`,
    ),
  ];
}
