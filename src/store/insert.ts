/**
 * Rows in. Calls that come while a transaction runs are gathered into the next one: {rows into the hot table, what is done
 * with them}, durable when its commit resolves (DuckDB writes and fsyncs its WAL). What was taken before is left out.
 */
import type { Clock } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { StoredBatch } from '../core/record-store.ts';
import { selectNew } from './addition.ts';
import type { Addition } from './addition.ts';
import { noteSql } from './hot.ts';
import type { HotTable } from './hot.ts';
import type { Connection, Database } from './database.ts';
import type { Done } from './done.ts';
import type { Partition } from './partition.ts';
import { RowChunk } from './row-chunk.ts';

/** A transaction takes no further call once it has this many bytes or rows: the first of them waits for the last. */
const groupBytesMax = 16 * 1024 ** 2;
const groupRowsMax = 24_576;

/**
 * A hot table is full with `hotRows`, and takes a little more than that: what lies behind its whole row groups is packed
 * by the segment's commit, for which new questions wait. A quarter of a millisecond for each hundred rows.
 */
const hotOverflow = 1.25;
/**
 * One that rows come into as fast as they are taken is full with so many times `hotRows`: sealing larger ones takes less. Else small
 * ones are better, as a question reads what is not sealed yet as JSON: 0.3 µs a row.
 */
const hotPressed = 2;

/**
 * A hot table is full with so many bytes of JSON, however few rows: it is in memory until it is sealed, and sealing records that do
 * not pack takes several times as much. 94,208 rows of 260 bytes.
 */
const hotBytesMax = 24 * 1024 ** 2;

/** Between two chunks of 2048 rows a question gets this long, one just asked longer: 90 k records a second come in while one question follows the other. */
const courtesyMs = 10;

/** From this rate on, seen over some inserts, what can wait waits: two cores take 200 to 300 k records a second. */
const pressedRowsPerSecond = 150_000;
const recentMs = 300;

/** Rows of one commit. */
export interface InsertedRows {
  readonly partition: Partition;
  readonly hot: HotTable;
  /** rowid of the hot table: [from, to). */
  readonly from: number;
  readonly to: number;
  /** Bytes of their JSON. */
  readonly bytes: number;
}

/** What inserting needs of the engine. */
export interface InsertHost {
  readonly database: Database;
  /** Rows of a full hot table. */
  readonly hotRows: number;
  /** All that was taken; grows with each commit. */
  readonly done: Done;
  shardNumber(shard: string): number;
  /** Runs with the partition that takes rows, once it may take them; it stays that until then. @throws OperatingError STORE_FULL, STORE_WRITE. */
  into(signal: AbortSignal, run: (partition: Partition) => Promise<void>): Promise<void>;
  /** After each durable commit that added rows. */
  inserted(rows: InsertedRows): void;
  /** A hot table takes no more rows. */
  hotFull(): void;
  readonly clock: Clock;
  failed(partition: Partition, error: unknown): Promise<void>;
}

interface Call {
  readonly batches: readonly StoredBatch[];
  readonly rows: number;
  readonly bytes: number;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

/** Rows in a transaction that is to be committed. */
interface Prepared {
  readonly connection: Connection;
  readonly hot: HotTable;
  /** The table was made for them, and is not the partition's yet. */
  readonly isNewHot: boolean;
  readonly addition: Addition;
}

/** A commit under way. */
interface Commit {
  readonly hot: HotTable;
  readonly addition: Addition;
  /** False: it failed. */
  readonly isIn: Promise<boolean>;
}

/**
 * While one transaction is committed, which packs and syncs in a thread of its own, the rows of the next one are handed to DuckDB. That
 * one is committed once the one before is in; where it is not, what followed is done again.
 */
export class Inserter {
  readonly #host: InsertHost;
  readonly #chunk = new RowChunk();
  #waiting: Call[] = [];
  #running: Promise<void> | undefined;
  #recent = 0;
  #recentAtMs = 0;
  /** Connections without a transaction: two are in use at most. */
  readonly #free: Connection[] = [];
  /** The one under way. */
  #commit: Commit | undefined;
  /** The hot table may have rows of a commit that failed half-way: the next rows go into another. */
  #isHotDoubtful = false;
  /** A WAL was made, perhaps by the process before, and the directory not synced since. */
  #isLinkDue = true;
  readonly #closing = new AbortController();

  constructor(host: InsertHost) {
    this.#host = host;
  }
  /** Rows come about as fast as they can be taken. */
  get isPressed(): boolean {
    return this.#recentRows() >= (pressedRowsPerSecond * recentMs) / 1000;
  }
  /** Rows of the last moments, older ones counted less and less. */
  #recentRows(): number {
    const nowMs = this.#host.clock.monotonicMs();
    this.#recent *= Math.exp((this.#recentAtMs - nowMs) / recentMs);
    this.#recentAtMs = nowMs;
    return this.#recent;
  }
  /** Resolves when no insert is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }
  /** Resolves when no commit is under way. Who has the turn of inserts finds none then. */
  async settled(): Promise<void> {
    await this.#commit?.isIn;
  }
  insert(batches: readonly StoredBatch[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const rows = batches.reduce((sum, batch) => sum + batch.offsets.length, 0);
      const bytes = batches.reduce((sum, batch) => sum + batch.payload.length, 0);
      this.#waiting.push({ batches, rows, bytes, signal, resolve, reject });
      this.#running ??= this.#run();
    });
  }
  /** Waits for the transactions under way; calls that wait are rejected. No more calls may come. */
  async close(): Promise<void> {
    this.#closing.abort(
      new OperatingError('STORE_UNAVAILABLE', 'storing records: the store is closing; they are tried again'),
    );
    await this.#running;
    for (const connection of this.#free.splice(0)) connection.close();
  }

  async #run(): Promise<void> {
    do {
      for (let group = this.#take(); group.length > 0; group = this.#take()) await this.#insertGroup(group);
      await this.settled();
    } while (this.#waiting.length > 0);
    // At once: a call that came a moment later would wait for nobody.
    this.#running = undefined;
  }
  #take(): Call[] {
    const group: Call[] = [];
    let bytes = 0;
    let rows = 0;
    let taken = 0;
    for (const call of this.#waiting) {
      if (group.length > 0 && (bytes + call.bytes > groupBytesMax || rows + call.rows > groupRowsMax)) break;
      taken++;
      if (call.signal.aborted) {
        call.reject(call.signal.reason);
        continue;
      }
      bytes += call.bytes;
      rows += call.rows;
      group.push(call);
    }
    this.#waiting.splice(0, taken);
    return group;
  }
  /** Resolves once the group's commit is under way, or its calls are answered. */
  async #insertGroup(group: readonly Call[]): Promise<void> {
    const { signal } = this.#closing;
    try {
      for (let isOver = false; !isOver;)
        await this.#host.into(signal, async (partition) => {
          isOver = await this.#insertInto(partition, group);
        });
    } catch (error) {
      reject(group, error);
    }
  }
  /** False: the commit before failed, and nothing of this group is there. */
  async #insertInto(partition: Partition, group: readonly Call[]): Promise<boolean> {
    const before = this.#commit;
    const batches = group.flatMap((call) => call.batches);
    const shardNumber = (shard: string): number => this.#host.shardNumber(shard);
    const addition = selectNew(batches, this.#host.done, before?.addition.done ?? [], shardNumber);
    let prepared: Prepared | undefined;
    try {
      if (addition.rows > 0 || addition.done.length > 0) prepared = await this.#prepare(partition, addition, before);
    } catch (error) {
      this.#chunk.clear();
      await this.#failed(partition, error);
      if ((await before?.isIn) === false) return false;
      throw error;
    }
    if (before && !(await before.isIn)) {
      prepared?.connection.close();
      if (prepared?.isNewHot) await partition.dropHot(prepared.hot);
      return false;
    }
    if (!prepared) {
      await this.#link(partition);
      for (const call of group) call.resolve();
      return true;
    }
    const { hot, isNewHot } = prepared;
    if (isNewHot) {
      await partition.beginHot(hot);
      this.#host.hotFull();
    }
    if (addition.rows > 0) partition.widen(hot, addition);
    const isIn = this.#finish(partition, prepared, group).finally(() => {
      // Its batches are megabytes.
      if (this.#commit === commit) this.#commit = undefined;
    });
    const commit: Commit = { hot, addition, isIn };
    this.#commit = commit;
    return true;
  }
  /** A transaction did not come to its end. */
  async #failed(partition: Partition, error: unknown): Promise<void> {
    this.#isHotDoubtful = true;
    // It has seen rows that may not be there.
    for (const hot of partition.isAttached ? partition.catalog.hot : []) hot.survey = undefined;
    await this.#host.failed(partition, error);
  }
  async #link(partition: Partition): Promise<void> {
    if (!this.#isLinkDue) return;
    await partition.link();
    this.#isLinkDue = false;
  }

  /** Rows into a transaction. */
  async #prepare(partition: Partition, addition: Addition, before: Commit | undefined): Promise<Prepared> {
    const last = before?.hot ?? partition.catalog.hot.at(-1);
    const coming = before && before === this.#commit ? before.addition : undefined;
    const rows = (last?.rows ?? 0) + (coming?.rows ?? 0);
    const bytes = (last?.bytes ?? 0) + (coming?.bytes ?? 0);
    const hotRows = this.#host.hotRows * (this.isPressed ? hotPressed : 1);
    const isFull =
      rows > 0 &&
      (this.#isHotDoubtful ||
        rows >= hotRows ||
        rows + addition.rows > hotOverflow * hotRows ||
        bytes + addition.bytes > hotBytesMax);
    const isNewHot = last === undefined || isFull;
    const hot = isNewHot ? await partition.makeHot() : last;
    this.#isHotDoubtful = false;
    // Looking through them would hold up rows that come as fast as they are taken: who seals them reads them again.
    if (this.isPressed) hot.survey = undefined;
    const connection = this.#free.pop() ?? (await this.#host.database.connect());
    try {
      await connection.run('BEGIN');
      if (addition.rows > 0) await this.#append(connection, hot, addition);
      return { connection, hot, isNewHot, addition };
    } catch (error) {
      connection.close();
      if (isNewHot) await partition.dropHot(hot);
      throw error;
    }
  }
  /** Commits and answers. False: it failed. */
  async #finish(partition: Partition, prepared: Prepared, group: readonly Call[]): Promise<boolean> {
    const { connection, hot, addition } = prepared;
    try {
      const notes = noteSql(hot, addition.shards, addition.done, (shard) => this.#host.shardNumber(shard));
      await connection.run([...notes, 'COMMIT'].join(';\n'));
      this.#free.push(connection);
    } catch (error) {
      connection.close();
      await this.#failed(partition, error);
      reject(group, error);
      return false;
    }
    this.#count(partition, prepared);
    try {
      // Where it fails the rows are taken nevertheless: given again, they only wait for this.
      await this.#link(partition);
      for (const call of group) call.resolve();
    } catch (error) {
      reject(group, error);
    }
    return true;
  }
  #count(partition: Partition, { hot, addition }: Prepared): void {
    const from = hot.rows;
    if (!hot.hasLog) this.#isLinkDue = true;
    hot.hasLog = true;
    partition.count(hot, addition.rows, addition.bytes, addition.appendMsMax);
    for (const [number, shard] of addition.shards) {
      hot.shards.add(number);
      partition.catalog.shards.set(number, shard);
    }
    for (const range of addition.done) this.#host.done.add(range);
    this.#recent = this.#recentRows() + addition.rows;
    if (addition.rows === 0) return;
    this.#host.inserted({ partition, hot, from, to: hot.rows, bytes: addition.bytes });
  }
  async #append(connection: Connection, hot: HotTable, { pieces }: Addition): Promise<void> {
    const chunk = this.#chunk;
    const appender = await connection.appender(`hot_${hot.number}`, hot.alias);
    try {
      for (const { batch, shard, runs } of pieces)
        for (let at = 0; at < runs.length; at += 2) {
          const end = runs[at + 1] as number;
          for (let row = runs[at] as number; row < end;) {
            row = chunk.add(batch, shard, row, end);
            if (!chunk.isFull) continue;
            chunk.flush(appender, hot.survey);
            await connection.giveWay(courtesyMs);
          }
        }
      chunk.flush(appender, hot.survey);
      // The commit packs and writes all of them at once.
      await connection.giveWay(courtesyMs);
    } finally {
      appender.closeSync();
    }
  }
}

function reject(group: readonly Call[], error: unknown): void {
  const text = errorText(error).split('\n')[0];
  const said =
    error instanceof OperatingError
      ? error
      : new OperatingError('STORE_WRITE', `writing records to the store: ${text}; they are tried again`, {
          cause: error,
        });
  for (const call of group) call.reject(said);
}
