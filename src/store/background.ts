/**
 * What is done beside inserts and questions, one job at a time: hot tables are sealed into segments, small segments of
 * partitions that are closed or quiet are merged, WALs are checkpointed.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock, Timer } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { addDoneSql } from './catalog.ts';
import type { Connection, Database } from './database.ts';
import { sqlName } from './database.ts';
import type { RowTable } from './layout.ts';
import { tableOf } from './hot.ts';
import type { Partition } from './partition.ts';
import type { PartitionSet } from './partitions.ts';

/**
 * Creates and fills `segment_<number>` with the rows of the sources in their order, and adds its rows to segments,
 * fields, filters and minutes, within the transaction of the connection.
 */
export type WriteSegment = (
  connection: Connection,
  alias: string,
  number: number,
  sources: readonly RowTable[],
  log: Log,
) => Promise<RowTable>;

/**
 * Segments are merged up to so many full hot tables: those that were sealed before they were full. What is merged is
 * written anew, and its old place in the file stays empty in a partition that gets no more, so full ones stay as they are.
 */
const segmentHotTables = 1;

/**
 * Full hot tables that may wait, the one being sealed included; then inserts wait. A burst of some hundred thousand records is taken
 * at full speed. What does not fit into DuckDB's limit is spilled.
 */
const hotWaitingMax = 7;

/** So many full ones wait before sealing takes its share of the cores from inserts that come as fast as they are taken. */
const hotPutOffMax = 4;
/** It looks again whether they have eased. */
const putOffMs = 20;

/** No inserts for so long: quiet. What is worth it is sealed, merged and checkpointed. */
const quietMs = 10_000;

/** A quiet hot table with less than this share of a full one stays as it is: looking through it takes some milliseconds. */
const quietSealShare = 1 / 12;

/** A checkpoint writes what is small in a partition anew; what is large was written by the transaction. */
const checkpointBytes = 64 * 1024 ** 2;

/** After DuckDB said that it cannot checkpoint. */
const checkpointAgainMs = 200;

/** How soon a statement that was not interrupted, as it had not begun, is interrupted again. */
const interruptAgainMs = 10;

/** After a job failed. */
const retryMs = 5000;

export interface BackgroundHost {
  readonly set: PartitionSet;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly writeSegment: WriteSegment;
  /** Rows of a full hot table. */
  readonly hotRows: number;
  /** Runs while no insert is under way. */
  alone(run: () => Promise<void>): Promise<void>;
  /** Rows come as fast as they are taken. */
  isPressed(): boolean;
  /** When rows were last inserted, on the clock's monotonic time. */
  insertedLastMs(): number;
  /** Reading or writing a partition failed. */
  failed(partition: Partition, error: unknown): Promise<void>;
  /** A job is over, well or not: those who wait for room look again. */
  changed(): void;
}

type Job = (connection: Connection) => Promise<unknown>;

export class Background {
  readonly #host: BackgroundHost;
  #connection: Connection | undefined;
  #running: Promise<void> | undefined;
  #isWokenAgain = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #current: Partition | undefined;
  /** A full hot table waits for inserts to ease. */
  #isPutOff = false;
  /** The job under way waits for its turn among inserts and retention, and touches nothing. */
  #isWaiting = false;
  #checkpointAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: BackgroundHost) {
    this.#host = host;
  }
  /** True: inserts have to wait, as hot tables come faster than they are sealed. */
  isBehind(partition: Partition): boolean {
    return partition.isAttached && partition.catalog.hot.length > hotWaitingMax + 1;
  }
  /** Something may be due now. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isWokenAgain = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }
  /** Resolves when nothing is under way or due. */
  async idle(): Promise<void> {
    this.wake();
    while (this.#running) await this.#running;
  }
  /** Ends a job on this partition, which is about to be dropped. */
  async leave(partition: Partition): Promise<void> {
    // Who drops it has the turn that such a job waits for, which then finds it gone.
    while (this.#current === partition && this.#running && !this.#isWaiting) await this.#interrupt(this.#running);
  }
  /** Ends the statement that runs; one that is about to begin does not notice, so call it until the job is over. */
  async #interrupt(running: Promise<void>): Promise<void> {
    this.#connection?.interrupt();
    await Promise.race([running, wait(interruptAgainMs)]);
  }
  /** Ends the job under way, which is done again after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    while (this.#running) await this.#interrupt(this.#running);
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #run(): Promise<void> {
    this.#isWokenAgain = true;
    while (this.#isWokenAgain && !this.#isStopped) {
      this.#isWokenAgain = false;
      while (!this.#isStopped && (await this.#step()));
    }
    this.#lookAgain();
  }
  /** What is due when the store has been quiet for a while, or after a failure, is found then. */
  #lookAgain(): void {
    this.#timer?.cancel();
    const hasFailed = this.#host.set.all.some((partition) => partition.failure);
    const waitMs = this.#isPutOff ? putOffMs : hasFailed ? retryMs : this.#quietAfterMs || quietMs;
    if (!this.#isStopped) this.#timer = this.#host.clock.after(waitMs, () => this.wake());
  }
  get #rowsMax(): number {
    return segmentHotTables * this.#host.hotRows;
  }
  /** It will be quiet after so long without an insert; 0 where it is. */
  get #quietAfterMs(): number {
    return Math.max(0, this.#host.insertedLastMs() + quietMs - this.#host.clock.monotonicMs());
  }
  get #isQuiet(): boolean {
    return this.#quietAfterMs === 0;
  }
  /** Does the first job that is due. False: none is. */
  async #step(): Promise<boolean> {
    this.#isPutOff = false;
    for (const partition of this.#host.set.all.toReversed()) {
      if (partition.isFinished && !(partition.needsMerge && this.#isQuiet)) continue;
      if (partition.failure && this.#host.clock.monotonicMs() < partition.failure.retryAtMs) continue;
      this.#current = partition;
      partition.enter();
      try {
        const job = await this.#due(partition);
        if (!job) continue;
        this.#connection ??= await this.#host.database.connect();
        await job(this.#connection);
        partition.failure = undefined;
        return true;
      } catch (error) {
        await this.#failed(partition, error);
        return true;
      } finally {
        this.#current = undefined;
        partition.leave();
        this.#host.changed();
      }
    }
    return false;
  }
  async #failed(partition: Partition, error: unknown): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    if (partition.isGone || this.#isStopped) return;
    await this.#host.failed(partition, error);
    if (partition.isGone) return;
    partition.failure = { error, retryAtMs: this.#host.clock.monotonicMs() + retryMs };
    this.#host.log.warn(
      { partition: partition.name, error: errorText(error) },
      'Work on a partition of the store failed; it is tried again.',
    );
  }

  async #due(partition: Partition): Promise<Job | undefined> {
    await partition.turn.run(() => partition.load());
    return partition.isOpen ? this.#dueInOpen(partition) : this.#dueInClosed(partition);
  }
  #dueInOpen(partition: Partition): Job | undefined {
    const { hot } = partition.catalog;
    if (this.#mayCheckpoint(partition)) return () => this.#checkpoint(partition);
    const full = hot.at(0);
    this.#isPutOff = hot.length > 1 && hot.length <= hotPutOffMax && this.#host.isPressed();
    if (this.#isPutOff) return undefined;
    if (full && hot.length > 1) return (connection) => this.#seal(connection, partition, [tableOf(full)]);
    if (!this.#isQuiet) return undefined;
    if (full && full.rows >= this.#host.hotRows * quietSealShare)
      return (connection) => this.#sealOpen(connection, partition);
    const merged = mergeable(partition.catalog.segments, this.#rowsMax);
    if (merged) return (connection) => this.#seal(connection, partition, merged);
    return undefined;
  }
  #dueInClosed(partition: Partition): Job | undefined {
    if (this.#host.clock.monotonicMs() < this.#checkpointAtMs) return undefined;
    const { hot, segments, isClosed } = partition.catalog;
    const some = firstRun(hot.map(tableOf), this.#host.hotRows);
    if (some) return (connection) => this.#seal(connection, partition, some);
    // Merging takes long: as long as rows come in, sealing them comes first.
    const merged = this.#isQuiet ? mergeable(segments, this.#rowsMax) : undefined;
    if (merged)
      return async (connection) => {
        await this.#seal(connection, partition, merged);
        partition.isFinished = false;
      };
    if (partition.readers > 0) return undefined;
    return async (connection) => {
      if (!isClosed) await this.#host.set.close(partition, connection);
      if (await this.#checkpoint(partition))
        await this.#host.set.finish(partition, mergeable(segments, this.#rowsMax) !== undefined);
    };
  }

  /** Seals the table that takes rows: another takes over before. */
  async #sealOpen(connection: Connection, partition: Partition): Promise<void> {
    // An insert under way would go on filling the old one.
    this.#isWaiting = true;
    try {
      await this.#host.alone(async () => {
        this.#isWaiting = false;
        if (partition.isOpen) await partition.beginHot(await partition.makeHot());
      });
    } finally {
      this.#isWaiting = false;
    }
    if (partition.isGone) return;
    const [full] = partition.catalog.hot;
    if (full && partition.catalog.hot.length > 1) await this.#seal(connection, partition, [tableOf(full)]);
  }
  async #seal(connection: Connection, partition: Partition, sources: readonly RowTable[]): Promise<void> {
    const { writeSegment, log } = this.#host;
    const rows = sources.reduce((sum, source) => sum + source.rows, 0);
    await partition.replace(
      connection,
      sources,
      async (number) => {
        const segment = await writeSegment(connection, partition.alias, number, sources, log);
        if (segment.rows !== rows)
          throw new Error(`sealing ${rows} rows of partition ${partition.name} gave ${segment.rows}`);
        return segment;
      },
      // What hot tables say is done goes with them: it is written into the partition, joined with all that is known.
      () => (sources.some((source) => source.kind === 'hot') ? this.#doneSql(partition) : []),
    );
  }
  #doneSql(partition: Partition): string[] {
    const { set } = this.#host;
    const ranges = [...set.done.ranges()];
    for (const { shard } of ranges) partition.catalog.shards.set(set.shardNumber(shard), shard);
    return [
      `DELETE FROM ${sqlName(partition.alias)}.done`,
      ...addDoneSql(partition.alias, ranges, (shard) => set.shardNumber(shard)),
    ];
  }
  #mayCheckpoint(partition: Partition): boolean {
    if (this.#host.clock.monotonicMs() < this.#checkpointAtMs) return false;
    return partition.needsCheckpoint && partition.readers === 0;
  }
  /** A checkpoint that finds the disk full leaves DuckDB unusable, so it is not begun where that could be. */
  async #needRoom(partition: Partition): Promise<void> {
    const { set } = this.#host;
    const { freeBytes } = await set.disk.space(set.directory);
    if (freeBytes > checkpointBytes) return;
    throw new OperatingError(
      'STORE_FULL',
      `checkpointing ${partition.path}: the disk has only ${freeBytes} bytes left; free space`,
    );
  }
  /** False: it is not possible just now, because of those who read. */
  async #checkpoint(partition: Partition): Promise<boolean> {
    await this.#needRoom(partition);
    const isDone = await partition.checkpoint();
    await partition.measure();
    if (!isDone) this.#checkpointAtMs = this.#host.clock.monotonicMs() + checkpointAgainMs;
    return isDone;
  }
}

/** The first tables, up to so many rows; one at least. Undefined: there is none. */
function firstRun(tables: readonly RowTable[], rowsMax: number): readonly RowTable[] | undefined {
  let rows = 0;
  let count = 0;
  for (const table of tables) {
    if (count > 0 && rows + table.rows > rowsMax) break;
    rows += table.rows;
    count++;
  }
  return count > 0 ? tables.slice(0, count) : undefined;
}

/** Neighbours, oldest first, that make one segment together. Given newest first. */
function mergeable(segments: readonly RowTable[], rowsMax: number): readonly RowTable[] | undefined {
  const oldest = segments.toReversed();
  for (let at = 0; at + 1 < oldest.length; at++) {
    const run = firstRun(oldest.slice(at), rowsMax);
    if (run && run.length > 1) return run;
  }
  return undefined;
}
