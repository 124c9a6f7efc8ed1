/** The store's engine: rows in, partitions to ask, and what keeps them in shape. */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import type { Disk } from '../core/disk.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Admission } from './admission.ts';
import { Background } from './background.ts';
import type { WriteSegment } from './background.ts';
import type { RecordStore, StoredBatch } from '../core/record-store.ts';
import type { StoreStatus } from './contract.ts';
import { Database } from './database.ts';
import { Inserter } from './insert.ts';
import type { InsertHost, InsertedRows } from './insert.ts';
import type { Partition } from './partition.ts';
import { MemoryLimit } from './memory.ts';
import { PartitionSet } from './partitions.ts';
import { writeSegment } from './seal.ts';
import type { PartitionView, Partitions } from './snapshot.ts';
import { hotRowsMax } from './layout.ts';

export interface EngineOptions {
  /** `<dataDir>/store`; made where it is missing. */
  readonly directory: string;
  /** Bytes DuckDB may hold; the process needs about 150 MB beside. */
  readonly memoryBytesMax: number;
  /** Bytes of all partitions; the oldest are dropped beyond. */
  readonly bytesMax: number;
  /** Partitions whose last record was appended longer ago are dropped; undefined: none. */
  readonly keepMs: number | undefined;
  /** Bytes of the file system that are left free. */
  readonly reserveBytes: number;
  /** Nothing is written or moved, inserts are refused. */
  readonly isReadOnly: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests: how segments are written. */
  readonly writeSegment?: WriteSegment;
  /** For tests: rows of a full hot table. */
  readonly hotRows?: number;
  /** The real one where it is not given. */
  readonly disk?: Disk;
  /** For tests: opens a file in a process of its own; false: that process ended by it. */
  readonly probe?: (path: string) => Promise<boolean>;
}

/** Rows that were just stored: rowids [from, to) of `hot_<number>` of the partition, as long as it is not sealed. */
export interface Inserted {
  readonly view: PartitionView;
  readonly hotNumber: number;
  readonly from: number;
  readonly to: number;
}

export interface Engine extends RecordStore, Partitions {
  status(): Promise<StoreStatus>;
  /** Called after each durable insert. Returns how to be called no more. */
  onInserted(listener: (inserted: Inserted) => void): () => void;
  /** Resolves when DuckDB can no longer be used: the process has to end, and begins anew. */
  readonly broken: Promise<Error>;
  /** Resolves when no background work is under way or due. */
  idle(): Promise<void>;
  /** Waits for inserts and background work under way. Snapshots must have been released. */
  close(): Promise<void>;
}

/** Queries may spill this many times what they may hold in memory. */
const spillFactor = 8;

/**
 * Opens a store. Node's thread pool (UV_THREADPOOL_SIZE) needs a thread for each of 4 questions, the insert and the
 * background work, or one waits for the other: 8 or more.
 * @throws OperatingError DATA_DIR_LOCKED when another process has it open, DATA_DIR_NEWER, DATA_DIR_UNUSABLE.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const disk = options.disk ?? realDisk;
  const temporary = join(options.directory, 'tmp');
  if (!options.isReadOnly) await disk.makeDirectory(options.directory);
  const database = await Database.open({
    memoryBytesMax: options.memoryBytesMax,
    // Who only reads leaves nothing in the store. A name that nobody else can take before.
    temporaryDirectory: options.isReadOnly ? join(tmpdir(), `post2log-store-${randomUUID()}`) : temporary,
    spillBytesMax: spillFactor * options.memoryBytesMax,
  });
  const engine = new StoreEngine(options, disk, database);
  try {
    await engine.start();
  } catch (error) {
    database.close();
    throw error;
  }
  return engine;
}

/** Segments of the partitions that are attached. */
function segmentsOf(set: PartitionSet): number {
  const attached = set.all.filter((partition) => partition.isAttached);
  return attached.reduce((sum, partition) => sum + partition.catalog.segments.length, 0);
}

class StoreEngine implements Engine, InsertHost {
  readonly database: Database;
  readonly hotRows: number;
  readonly #options: EngineOptions;
  readonly #disk: Disk;
  readonly #set: PartitionSet;
  readonly #inserter: Inserter;
  readonly #background: Background;
  readonly #admission: Admission;
  readonly #memory: MemoryLimit;
  #insertedLastMs: number;
  readonly #listeners = new Set<(inserted: Inserted) => void>();
  readonly broken: Promise<Error>;
  #break: (error: Error) => void = () => {};
  #isClosed = false;

  constructor(options: EngineOptions, disk: Disk, database: Database) {
    this.#options = options;
    this.#disk = disk;
    this.hotRows = options.hotRows ?? hotRowsMax;
    this.#insertedLastMs = options.clock.monotonicMs();
    this.database = database;
    this.broken = new Promise((resolve) => (this.#break = resolve));
    this.#set = new PartitionSet({
      directory: options.directory,
      database,
      disk,
      log: options.log,
      isReadOnly: options.isReadOnly,
      onReleased: (partition) => {
        if (!partition.isFinished && !options.isReadOnly) this.#background.wake();
      },
      onFatal: (error) => this.#break(error instanceof Error ? error : new Error(errorText(error))),
      probe: options.probe,
      onDropping: (partition) => this.#background.leave(partition),
    });
    const { clock, log } = options;
    this.#background = new Background({
      set: this.#set,
      database,
      clock,
      log,
      writeSegment: options.writeSegment ?? writeSegment,
      hotRows: this.hotRows,
      alone: (run) => this.#admission.alone(run),
      insertedLastMs: () => this.#insertedLastMs,
      isPressed: () => this.#inserter.isPressed,
      failed: (partition, error) => this.failed(partition, error),
      changed: () => {
        this.#admission.changed();
        this.#limitMemory();
      },
    });
    this.#memory = new MemoryLimit(database, options.memoryBytesMax);
    this.#admission = new Admission({
      ...options,
      disk,
      set: this.#set,
      background: this.#background,
      settled: () => this.#inserter.settled(),
    });
    this.#inserter = new Inserter(this);
  }
  async start(): Promise<void> {
    await this.#set.load();
    if (this.#options.isReadOnly) return;
    // Only now: as long as another process has the store open its files are its own.
    const temporary = join(this.#options.directory, 'tmp');
    await this.#disk.removeDirectory(temporary);
    await this.#disk.makeDirectory(temporary);
    this.#background.wake();
    this.#admission.start();
  }
  get done(): PartitionSet['done'] {
    return this.#set.done;
  }
  shardNumber(shard: string): number {
    return this.#set.shardNumber(shard);
  }
  into(signal: AbortSignal, run: (partition: Partition) => Promise<void>): Promise<void> {
    return this.#admission.into(signal, run);
  }
  inserted({ partition, hot, from, to, bytes }: InsertedRows): void {
    this.#insertedLastMs = this.#options.clock.monotonicMs();
    this.#admission.inserted(bytes);
    this.#limitMemory();
    for (const listener of this.#listeners) listener({ view: partition, hotNumber: hot.number, from, to });
  }
  #limitMemory(): void {
    void this.#memory.follow(segmentsOf(this.#set), this.#inserter.isPressed);
  }
  insertedLastMs(): number {
    return this.#insertedLastMs;
  }
  hotFull(): void {
    this.#background.wake();
  }
  get clock(): Clock {
    return this.#options.clock;
  }
  async failed(partition: Partition, error: unknown): Promise<void> {
    if (errorText(error).startsWith('Out of Memory')) void this.#memory.give();
    await partition.failed(error);
  }

  async insert(batches: readonly StoredBatch[], signal: AbortSignal): Promise<void> {
    if (this.#isClosed || this.#options.isReadOnly)
      throw new OperatingError('STORE_UNAVAILABLE', 'storing records: the store is closed; they are tried again');
    signal.throwIfAborted();
    await this.#inserter.insert(batches, signal);
  }
  views(): readonly PartitionView[] {
    return this.#set.views();
  }
  notes(): readonly string[] {
    return this.#set.notes();
  }
  onInserted(listener: (inserted: Inserted) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async status(): Promise<StoreStatus> {
    const partitions = this.#set.all;
    await Promise.all(partitions.map((partition) => partition.measure()));
    const used = partitions.filter((partition) => partition.secondsMin !== undefined);
    return {
      records: partitions.reduce((sum, partition) => sum + partition.records, 0),
      bytes: this.#set.bytes,
      bytesMax: this.#options.bytesMax,
      oldestMs: used.length > 0 ? 1000 * Math.min(...used.map((partition) => partition.secondsMin ?? 0)) : undefined,
      newestMs: used.length > 0 ? 1000 * Math.max(...used.map((partition) => partition.secondsMax ?? 0)) : undefined,
      partitions: partitions.map(({ name, records, bytes }) => ({ name, records, bytes })),
      setAside: this.#set.setAsides,
    };
  }
  async idle(): Promise<void> {
    await this.#inserter.idle();
    await this.#background.idle();
  }
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#inserter.close();
    await this.#admission.stop();
    await this.#background.stop();
    this.#set.connections.close();
    await this.#set.detachAll();
    this.database.close();
  }
}
