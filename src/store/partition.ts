/** One partition file: attached when somebody needs it, its catalog in memory as long as it is. */
import { join } from 'node:path';
import type { Log } from '../core/log.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Disk } from '../core/disk.ts';
import { createHotSql, emptyHot, readCatalog, readSummary, tableOf } from './catalog.ts';
import type { Catalog, HotTable, Summary } from './catalog.ts';
import type { Connections } from './connections.ts';
import type { Connection, Database } from './database.ts';
import { isFatal, readError, sqlName } from './database.ts';
import type { TableInfo } from './layout.ts';
import { fileEnding, isBroken } from './opening.ts';
import type { Place } from './opening.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';
import { Change, Turn } from './waiting.ts';

/** An urgent checkpoint waits so long for those who read: questions take ten seconds at most, unless they export. */
const readersWaitMs = 10_000;

/** What a partition needs of the set it belongs to. */
export interface PartitionHost {
  readonly database: Database;
  readonly connections: Connections;
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Log;
  attach(partition: Partition): Promise<void>;
  /** Moves the file away; nobody sees the partition any more when it resolves. */
  setAside(partition: Partition, error: unknown): Promise<void>;
  /** Called after each use, so that others can be detached. */
  used(partition: Partition): void;
  /**
   * Runs while nobody inserts: an insert that waits for a checkpoint inside DuckDB would keep all questions from
   * beginning, while the checkpoint itself does not.
   */
  alone(partition: Partition, run: () => Promise<void>): Promise<void>;
  /** DuckDB said that it can no longer be used. */
  fatal(error: unknown): void;
  /** A reader has gone; a checkpoint that waited may be possible now. */
  released(partition: Partition): void;
}

export class Partition implements PartitionView {
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
  /** Bytes of its files when they were last looked at, the WAL included. */
  bytes = 0;
  walBytes = 0;
  /** Rows of its table `done`, about. */
  doneRows = 0;
  /** Closed, sealed and checkpointed: nothing has to be done but, where it says so, merging. */
  isFinished = false;
  needsMerge = false;
  /** Why the last background job on it failed, and when it is tried again (monotonic time). */
  failure: { readonly error: unknown; readonly retryAtMs: number } | undefined;
  #summary: Summary = { records: 0, secondsMin: undefined, secondsMax: undefined, appendMsMax: undefined };
  #catalog: Catalog | undefined;
  #isWalLinked = false;
  #readers = 0;
  #workers = 0;
  readonly #readerLeft = new Change();

  constructor(host: PartitionHost, place: Place) {
    this.#host = host;
    this.number = place.number;
    this.name = place.name;
    this.startMs = place.startMs;
    this.alias = `p${place.number}`;
    this.path = join(host.directory, `${place.name}${fileEnding}`);
  }
  get summary(): Summary {
    return this.#summary;
  }
  set summary(summary: Summary) {
    this.#summary = summary;
  }
  get appendMsMax(): number | undefined {
    return this.#summary.appendMsMax;
  }
  get records(): number {
    return this.#summary.records;
  }
  get secondsMin(): number | undefined {
    return this.#summary.secondsMin;
  }
  get secondsMax(): number | undefined {
    return this.#summary.secondsMax;
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

  /** Attaches it where it is not, and reads its catalog. For those who have its turn. Throws DuckDB's errors and attachFile's. */
  async load(): Promise<Catalog> {
    if (this.#catalog) return this.#catalog;
    await this.#host.attach(this);
    const connection = await this.#host.database.connect();
    try {
      const catalog = await readCatalog(connection, this.alias, this.path);
      if (this.#summary.records === 0) this.#summary = await readSummary(connection, catalog);
      await this.measure();
      this.#catalog = catalog;
      this.#isWalLinked = false;
      return catalog;
    } catch (error) {
      await this.#host.database.detach(this.alias).catch(() => {});
      throw error;
    } finally {
      connection.close();
    }
  }
  /** For those who have its turn. */
  async detach(): Promise<void> {
    if (!this.#catalog) return;
    this.#catalog = undefined;
    await this.#host.database.detach(this.alias);
  }
  /** Looks at how large its files are. */
  async measure(): Promise<number> {
    const [file, wal] = await Promise.all([this.#host.disk.stat(this.path), this.#host.disk.stat(`${this.path}.wal`)]);
    this.walBytes = wal?.size ?? 0;
    this.bytes = (file?.size ?? 0) + this.walBytes;
    return this.bytes;
  }

  /**
   * Makes the WAL's place in the directory durable: DuckDB syncs the file, which it makes anew after each checkpoint, and
   * leaves the directory to others. For those who have committed something.
   */
  async linkWal(): Promise<void> {
    if (this.#isWalLinked) return;
    await this.#host.disk.syncDirectory(this.#host.directory);
    this.#isWalLinked = true;
  }

  /** The table that takes rows; a new one where `isNew`, or where there is none. */
  async hotTable(connection: Connection, isNew: boolean): Promise<HotTable> {
    const last = this.catalog.hot.at(-1);
    if (last && !isNew) return last;
    return this.turn.run(async () => {
      const catalog = this.catalog;
      const hot = emptyHot(this.alias, catalog.numberNext++);
      await connection.run(createHotSql(this.alias, hot.number));
      catalog.hot.push(hot);
      return hot;
    });
  }
  /** Says before a commit which times it brings, so that no snapshot finds rows outside of what its table says. */
  widen(hot: HotTable, rows: { readonly secondsMin: number; readonly secondsMax: number }): void {
    hot.secondsMin = Math.min(hot.secondsMin, rows.secondsMin);
    hot.secondsMax = Math.max(hot.secondsMax, rows.secondsMax);
    const summary = this.#summary;
    this.#summary = {
      ...summary,
      secondsMin: Math.min(summary.secondsMin ?? hot.secondsMin, rows.secondsMin),
      secondsMax: Math.max(summary.secondsMax ?? hot.secondsMax, rows.secondsMax),
    };
  }
  /** Counts rows that were committed. */
  count(hot: HotTable, rows: number, bytes: number, appendMsMax: number): void {
    hot.rows += rows;
    hot.bytes += bytes;
    const summary = this.#summary;
    this.#summary = {
      ...summary,
      records: summary.records + rows,
      appendMsMax: Math.max(summary.appendMsMax ?? appendMsMax, appendMsMax),
    };
  }

  /**
   * Puts a new segment in place of tables whose rows it has, in one transaction. `write` makes it, given its number; `also`
   * gives statements to run with it, asked right before the commit.
   */
  async replace(
    connection: Connection,
    sources: readonly TableInfo[],
    write: (number: number) => Promise<TableInfo>,
    also: () => readonly string[],
  ): Promise<void> {
    const { catalog } = this;
    await connection.run('BEGIN');
    try {
      const segment = await write(catalog.numberNext++);
      // Nobody begins a snapshot between the commit and the new catalog: he would find other tables than it says.
      await this.turn.run(async () => {
        await connection.run([...removeSql(this.alias, sources), ...also(), 'COMMIT'].join(';\n'));
        const gone = new Set(sources.map((source) => source.sql));
        catalog.hot = catalog.hot.filter((table) => !gone.has(table.sql));
        const at = catalog.segments.findIndex((table) => gone.has(table.sql));
        const left = catalog.segments.filter((table) => !gone.has(table.sql));
        catalog.segments = left.toSpliced(Math.max(0, at), 0, segment);
      });
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => {});
      throw error;
    }
  }
  /**
   * Brings the WAL into the file. False: DuckDB cannot do it now, because of those who read. `isUrgent`: new snapshots
   * wait until those under way are released, for some seconds at most.
   */
  async checkpoint(isUrgent: boolean): Promise<boolean> {
    const connection = await this.#host.database.connect();
    try {
      const sql = `CHECKPOINT ${sqlName(this.alias)}`;
      if (isUrgent)
        await this.turn.run(async () => {
          const end = AbortSignal.timeout(readersWaitMs);
          while (this.#readers > 0 && !end.aborted) await this.#readerLeft.wait(end).catch(() => {});
          await this.#host.alone(this, () => connection.run(sql));
        });
      else await this.#host.alone(this, () => connection.run(sql));
      this.#isWalLinked = false;
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
      const snapshot = await this.turn.run(() => this.#begin(lease.connection, () => lease.release()));
      this.#host.used(this);
      return snapshot;
    } catch (error) {
      await lease.release();
      if (error instanceof OperatingError) throw error;
      await this.failed(error);
      throw readError(`reading partition ${this.name} of the store`, error);
    }
  }
  async #begin(connection: Connection, giveBack: () => Promise<void>): Promise<Snapshot> {
    // Dropped between views() and now: it has no rows any more.
    if (this.isGone) return { connection, alias: this.alias, tables: [], shards: new Map(), release: giveBack };
    const catalog = await this.load();
    await connection.run(`BEGIN TRANSACTION READ ONLY; SELECT 1 FROM ${sqlName(this.alias)}.meta LIMIT 1`);
    this.#readers++;
    let isReleased = false;
    return {
      connection,
      alias: this.alias,
      tables: tablesOf(catalog),
      shards: new Map(catalog.shards),
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        await giveBack();
        this.#readers--;
        this.#readerLeft.notify();
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

/** Statements that drop tables whose rows are in another now. */
function removeSql(alias: string, sources: readonly TableInfo[]): string[] {
  const segments = sources.filter((source) => source.kind === 'segment').map((source) => source.number);
  return [
    ...sources.map((source) => `DROP TABLE ${source.sql}`),
    ...(segments.length === 0 ? [] : ['segments', 'fields', 'filters', 'minutes']).map(
      (table) => `DELETE FROM ${sqlName(alias)}.${table} WHERE segment IN (${segments.join(', ')})`,
    ),
  ];
}

function tablesOf(catalog: Catalog): TableInfo[] {
  const hot = catalog.hot.filter((table) => table.rows > 0 || Number.isFinite(table.secondsMin)).map(tableOf);
  return [...hot.reverse(), ...catalog.segments];
}
