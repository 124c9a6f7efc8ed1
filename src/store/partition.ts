/** One partition file: attached when somebody needs it, its catalog in memory as long as it is. */
import { join } from 'node:path';
import type { Log } from '../core/log.ts';
import { OperatingError } from '../core/errors.ts';
import type { Disk } from '../core/disk.ts';
import { createHotSql, emptyHot, hotInfo, readCatalog, readSummary } from './catalog.ts';
import type { Catalog, HotTable, Summary } from './catalog.ts';
import type { Connections } from './connections.ts';
import type { Connection, Database } from './database.ts';
import { readError, sqlName } from './database.ts';
import type { TableInfo } from './layout.ts';
import { fileEnding, isBroken } from './opening.ts';
import type { Place } from './opening.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';
import { Turn } from './waiting.ts';

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
  /** Who changes which tables there are, begins a snapshot or checkpoints: one at a time. */
  readonly turn = new Turn();
  /** It was dropped or set aside: its rows are no longer part of the store. */
  isGone = false;
  /** Takes rows. */
  isOpen = false;
  /** Bytes of its files when they were last looked at. */
  bytes = 0;
  #summary: Summary = { records: 0, secondsMin: undefined, secondsMax: undefined, appendMsMax: undefined };
  #catalog: Catalog | undefined;
  #users = 0;

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
  /** Snapshots and background work under way. */
  get users(): number {
    return this.#users;
  }
  /** Keeps it attached until leave(). */
  enter(): void {
    this.#users++;
  }
  leave(): void {
    this.#users--;
    this.#host.released(this);
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
    this.bytes = (file?.size ?? 0) + (wal?.size ?? 0);
    return this.bytes;
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
    this.enter();
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
        this.leave();
      },
    };
  }
  async failed(error: unknown): Promise<boolean> {
    if (this.isGone) return true;
    const cause = error instanceof OperatingError && error.cause !== undefined ? error.cause : error;
    if (!isBroken(cause)) return false;
    await this.#host.setAside(this, cause);
    return true;
  }
}

function tablesOf(catalog: Catalog): TableInfo[] {
  const hot = catalog.hot.filter((table) => table.rows > 0 || Number.isFinite(table.secondsMin)).map(hotInfo);
  return [...hot.reverse(), ...catalog.segments];
}
