/**
 * Rows in. Calls that come while a transaction runs are gathered into the next one: {rows into the hot table, what is done
 * with them}, durable when its commit resolves (DuckDB writes and fsyncs its WAL). What was taken before is left out.
 */
import type { Clock } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { StoredBatch } from '../core/record-store.ts';
import { noteSql } from './hot.ts';
import type { HotTable } from './hot.ts';
import type { Connection, Database } from './database.ts';
import { Done, everyOrdinal } from './done.ts';
import type { DoneRange } from './done.ts';
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

/** What a transaction is going to add. */
interface Addition {
  /** `runs`: rows [from, to), from, to, … of the batch that are new. */
  readonly pieces: { readonly batch: StoredBatch; readonly shard: number; readonly runs: readonly number[] }[];
  readonly done: DoneRange[];
  readonly shards: Map<number, string>;
  rows: number;
  bytes: number;
  secondsMin: number;
  secondsMax: number;
  appendMsMax: number;
}

export class Inserter {
  readonly #host: InsertHost;
  readonly #chunk = new RowChunk();
  #waiting: Call[] = [];
  #running: Promise<void> | undefined;
  #recent = 0;
  #recentAtMs = 0;
  #connection: Connection | undefined;
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
  insert(batches: readonly StoredBatch[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const rows = batches.reduce((sum, batch) => sum + batch.offsets.length, 0);
      const bytes = batches.reduce((sum, batch) => sum + batch.payload.length, 0);
      this.#waiting.push({ batches, rows, bytes, signal, resolve, reject });
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    });
  }
  /** Waits for the transaction under way; calls that wait are rejected. No more calls may come. */
  async close(): Promise<void> {
    this.#closing.abort(
      new OperatingError('STORE_UNAVAILABLE', 'storing records: the store is closing; they are tried again'),
    );
    await this.#running;
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #run(): Promise<void> {
    for (let group = this.#take(); group.length > 0; group = this.#take())
      try {
        await this.#insertGroup(group);
        for (const call of group) call.resolve();
      } catch (error) {
        for (const call of group) call.reject(error);
      }
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
  async #insertGroup(group: readonly Call[]): Promise<void> {
    try {
      await this.#host.into(this.#closing.signal, (partition) => this.#insertInto(partition, group));
    } catch (error) {
      if (error instanceof OperatingError) throw error;
      const what = errorText(error).split('\n')[0];
      throw new OperatingError('STORE_WRITE', `writing records to the store: ${what}; they are tried again`, {
        cause: error,
      });
    }
  }
  async #insertInto(partition: Partition, group: readonly Call[]): Promise<void> {
    const addition = this.#select(group.flatMap((call) => call.batches));
    try {
      if (addition.rows > 0 || addition.done.length > 0) await this.#commit(partition, addition);
    } catch (error) {
      this.#isHotDoubtful = true;
      // It has seen rows that may not be there.
      for (const hot of partition.isAttached ? partition.catalog.hot : []) hot.survey = undefined;
      this.#chunk.clear();
      this.#connection?.close();
      this.#connection = undefined;
      await this.#host.failed(partition, error);
      throw error;
    }
    // Where it fails the rows are taken nevertheless: given again, they only wait for this.
    if (!this.#isLinkDue) return;
    await partition.link();
    this.#isLinkDue = false;
  }

  #select(batches: readonly StoredBatch[]): Addition {
    const { done } = this.#host;
    const adding = new Done();
    const addition: Addition = {
      pieces: [],
      done: [],
      shards: new Map(),
      rows: 0,
      bytes: 0,
      secondsMin: Number.POSITIVE_INFINITY,
      secondsMax: Number.NEGATIVE_INFINITY,
      appendMsMax: Number.NEGATIVE_INFINITY,
    };
    for (const batch of batches) {
      const runs = newRows(batch, done, adding);
      const shard = this.#host.shardNumber(batch.shard);
      addition.shards.set(shard, batch.shard);
      if (runs.length > 0) addition.pieces.push({ batch, shard, runs });
      for (let at = 0; at < runs.length; at += 2) addRun(addition, batch, runs[at] as number, runs[at + 1] as number);
      for (const range of doneWith(batch, runs)) {
        if (range.high <= range.low || done.covers(range) || adding.covers(range)) continue;
        adding.add(range);
        addition.done.push(range);
      }
    }
    return addition;
  }

  async #commit(partition: Partition, addition: Addition): Promise<void> {
    this.#connection ??= await this.#host.database.connect();
    const connection = this.#connection;
    const last = partition.catalog.hot.at(-1);
    const hotRows = this.#host.hotRows * (this.isPressed ? hotPressed : 1);
    const isFull =
      last !== undefined &&
      last.rows > 0 &&
      (this.#isHotDoubtful ||
        last.rows >= hotRows ||
        last.rows + addition.rows > hotOverflow * hotRows ||
        last.bytes + addition.bytes > hotBytesMax);
    const hot = await partition.hotTable(isFull);
    this.#isHotDoubtful = false;
    // Looking through them would hold up rows that come as fast as they are taken: who seals them reads them again.
    if (this.isPressed) hot.survey = undefined;
    if (isFull) this.#host.hotFull();
    if (addition.rows > 0) partition.widen(hot, addition);
    await connection.run('BEGIN');
    if (addition.rows > 0) await this.#append(connection, hot, addition);
    const statements = [
      ...noteSql(hot, addition.shards, addition.done, (shard) => this.#host.shardNumber(shard)),
      'COMMIT',
    ];
    await connection.run(statements.join(';\n'));
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

/** Rows of a batch that are not done, as runs: from, to, from, to … */
function newRows(batch: StoredBatch, done: Done, adding: Done): number[] {
  const { shard, offsets, ordinals } = batch;
  const first = offsets[0];
  if (first === undefined) return [];
  // The common case: all of it is new.
  if (done.isBeyond(shard, first) && adding.isBeyond(shard, first)) return [0, offsets.length];
  const runs: number[] = [];
  for (let row = 0; row < offsets.length; row++) {
    const offset = offsets[row] as number;
    const ordinal = ordinals ? (ordinals[row] as number) : -1;
    if (done.has(shard, offset, ordinal) || adding.has(shard, offset, ordinal)) continue;
    if (runs.at(-1) === row) runs[runs.length - 1] = row + 1;
    else runs.push(row, row + 1);
  }
  return runs;
}

/** What is done once a batch's new rows are in. */
function doneWith(batch: StoredBatch, runs: readonly number[]): DoneRange[] {
  const { shard, span, doneBelow } = batch;
  const below = { shard, ordinal: everyOrdinal, low: 0, high: doneBelow };
  // No other batch brings emissions of these offsets, so none is left out when they are done for every ordinal.
  if (span) return [below, { shard, ordinal: everyOrdinal, low: span.from, high: span.to }];
  if (batch.covered) return batch.covered.map((range) => ({ shard, ...range }));
  const ranges = [below];
  const last = new Map<number, { low: number; high: number }>();
  for (let at = 0; at < runs.length; at += 2)
    for (let row = runs[at] as number; row < (runs[at + 1] as number); row++) {
      const offset = batch.offsets[row] as number;
      const ordinal = batch.ordinals ? (batch.ordinals[row] as number) : -1;
      const range = last.get(ordinal);
      if (range?.high === offset) range.high++;
      else {
        const begun = { shard, ordinal, low: offset, high: offset + 1 };
        last.set(ordinal, begun);
        ranges.push(begun);
      }
    }
  return ranges;
}

function addRun(addition: Addition, batch: StoredBatch, from: number, to: number): void {
  addition.rows += to - from;
  addition.bytes += (batch.bounds[to] as number) - (batch.bounds[from] as number);
  addition.appendMsMax = Math.max(addition.appendMsMax, batch.appendMs);
  for (let row = from; row < to; row++) {
    const seconds = batch.seconds[row] as number;
    if (seconds < addition.secondsMin) addition.secondsMin = seconds;
    if (seconds > addition.secondsMax) addition.secondsMax = seconds;
  }
}
