/**
 * Staged chunks of one output: what stays open for long, or is more than memory should hold, on disk until it is to be
 * written. Their records are done for the output's cursor (so the journal may let them go), but neither delivered nor
 * refused: they count as waiting, and what is over of them is committed with the cursor too.
 *
 * In the cursor (StagedCursor), one commit with the offsets:
 *   segments   which segment files count, and how far (staged-log.ts)
 *   done       numbers of chunks that are over and still lie in these segments, as ranges: start, end, start, end …
 *   active     of chunks partly over: the rows that are, as ranges
 *   waiting    rows that are not over: what is missing after damage is refused as `corrupt`
 */
import { join } from 'node:path';
import { errorText } from '../core/errors.ts';
import type { Disk } from '../core/disk.ts';
import type { Log } from '../core/log.ts';
import { RangeSet } from '../core/ranges.ts';
import type { ChunkKey } from './chunk-keys.ts';
import { RecordChunk } from './chunk.ts';
import { StagedChunk, addRows, encodeChunk, endOf, nameOf, rowsOf } from './staged-chunk.ts';
import { decodeParts } from './staged-frame.ts';
import type { FrameHead, Packing } from './staged-frame.ts';
import { StagedLog } from './staged-log.ts';
import type { FrameRef, SegmentCursor } from './staged-log.ts';

/** Frames of all chunks of an output: each costs 16 bytes of memory. Many keys over a long time reach it first. */
const framesMax = 1024 * 1024;
/** Chunks of an output: each costs about half a kilobyte. */
const chunksMax = 64 * 1024;
/** Smallest and largest segment. A share of space has room for 64: deleting one gives some of it back. */
const segmentBytesMin = 256 * 1024;
const segmentBytesMax = 64 * 1024 * 1024;
const segmentsPerShare = 64;
/** Left free on the disk for cursors: less than this and nothing is staged. */
const reserveBytesMax = 16 * 1024 * 1024;

export interface StagedCursor {
  readonly segments: SegmentCursor;
  readonly done: readonly number[];
  readonly active: Readonly<Record<string, readonly number[]>>;
  readonly waiting: number;
}

/** The share of the data limit that staged chunks of all outputs have together. */
export interface StagedSpace {
  readonly bytesMax: number;
  usedBytes: number;
}

export interface StagedOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly dataDir: string;
  /** Below dataDir, the output's own. */
  readonly directory: string;
  readonly space: StagedSpace;
  /** How what is staged now is packed. */
  packing(): Packing | undefined;
  /** Commits the output's cursor. */
  commit(): Promise<void>;
  /** Counts rows that are lost. */
  refused(reason: string, count: number): void;
}

/** Nothing more can be staged until some of it was written. */
export class NoRoom extends Error {}

/** A chunk on its way to the disk. */
export interface ToStage {
  readonly chunk: RecordChunk;
  /** Wall time at which it is to be written, ms since 1970; Infinity: only when it is full. */
  readonly dueMs: number;
  readonly signature: string;
}

export class StagedChunks {
  readonly #options: StagedOptions;
  readonly #log: StagedLog;
  /** All that are not over, by number. */
  readonly #chunks = new Map<number, StagedChunk>();
  /** Those that still grow, by name. */
  readonly #open = new Map<string, StagedChunk>();
  /** Recovered ones that had been taken: others of their name were begun after them. */
  #resumed: StagedChunk[] = [];
  readonly #done = new RangeSet();
  #next = 0;
  #frames = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #nextDueMs = Number.POSITIVE_INFINITY;
  #dropReason: string | undefined;
  #isStaging = false;
  #dropStaging: string | undefined;
  #isCommitted = false;
  #loggedBytes = 0;
  #removing: Promise<void> = Promise.resolve();
  /** The least offset of each shard that was staged, forgotten when nothing is staged any more. */
  readonly lows = new Map<string, number>();

  constructor(options: StagedOptions) {
    this.#options = options;
    const { disk, log, directory, space } = options;
    const quarantine = join(options.dataDir, 'quarantine');
    const segmentBytes = Math.min(segmentBytesMax, Math.max(segmentBytesMin, space.bytesMax / segmentsPerShare));
    this.#log = new StagedLog({ disk, log, directory, quarantine, segmentBytes });
  }
  /**
   * Reads what earlier lives staged. `found`: as last committed. `isCursorLost`: there is no cursor any more that could
   * say what counts: all that is whole does, and records may be delivered again.
   */
  async open(found: StagedCursor | undefined, isCursorLost: boolean): Promise<void> {
    const { id, log } = this.#options;
    for (let i = 0; i + 1 < (found?.done.length ?? 0); i += 2)
      this.#done.add(found?.done[i] as number, found?.done[i + 1] as number);
    this.#next = this.#done.end;
    this.#isCommitted = !isCursorLost;
    await this.#log.recover(found?.segments ?? [], isCursorLost, (ref, head) => this.#recovered(ref, head));
    for (const [number, over] of Object.entries(found?.active ?? {}))
      for (let i = 0; i + 1 < over.length; i += 2)
        this.#chunks.get(Number(number))?.finish(over[i] as number, over[i + 1] as number);
    this.#measure();
    const lost = (found?.waiting ?? 0) - this.#waiting;
    if (lost > 0) {
      log.error(
        { output: id },
        `${lost} staged records of output ${id} are lost: they are counted as refused (corrupt)`,
      );
      this.#options.refused('corrupt', lost);
    }
    if (isCursorLost && this.#waiting > 0)
      log.error(
        { output: id },
        `${this.#waiting} staged records of output ${id} are found without a cursor that knows them; they are delivered, some perhaps again`,
      );
  }
  /** Rows that are not over. */
  get waiting(): number {
    return this.#waiting;
  }
  /** Bytes of encoded records that are to be written. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  get count(): number {
    return this.#chunks.size;
  }
  /** When the journal took the oldest record of a chunk that still grows or waits. */
  get appendMs(): number {
    return this.#oldest(() => true)?.appendMs ?? Number.POSITIVE_INFINITY;
  }
  /** The one with the oldest record of those whose records are not to be refused. */
  oldest(): StagedChunk | undefined {
    return this.#oldest(({ dropReason }) => dropReason === undefined);
  }
  #oldest(isWanted: (chunk: StagedChunk) => boolean): StagedChunk | undefined {
    let oldest: StagedChunk | undefined;
    for (const chunk of this.#chunks.values())
      if (isWanted(chunk) && (!oldest || chunk.appendMs < oldest.appendMs)) oldest = chunk;
    return oldest;
  }
  /** Waits for a commit that a crash could go back to, and looks for room. @throws NoRoom, or the disk's error */
  async makeRoom(bytes: number): Promise<void> {
    const { space, disk, dataDir } = this.#options;
    if (!this.#isCommitted) await this.#options.commit();
    if (this.#dropReason !== undefined) throw new NoRoom(`its records are refused (${this.#dropReason})`);
    if (this.#frames >= framesMax) throw new NoRoom(`there are ${this.#frames} pieces of them already`);
    if (this.#chunks.size >= chunksMax) throw new NoRoom(`there are ${this.#chunks.size} of them already`);
    if (space.usedBytes + bytes > space.bytesMax)
      throw new NoRoom(`staged chunks have ${space.usedBytes} of ${space.bytesMax} bytes; raise P2L_DATA_LIMIT`);
    const { freeBytes, totalBytes } = await disk.space(dataDir);
    if (freeBytes - bytes < Math.min(reserveBytesMax, totalBytes / 16))
      throw new NoRoom(`the disk has ${freeBytes} bytes left`);
  }
  /** The chunk to which records with this key would be added. */
  growing(key: ChunkKey, signature: string): StagedChunk | undefined {
    return this.#open.get(nameOf(key, signature));
  }
  /**
   * Stages chunks. Resolves in the turn in which their records are done, all of them. One call at a time, and no chunk
   * that grows is taken meanwhile.
   * @throws the disk's error, or the encoder's: none of them is staged
   */
  async stage(chunks: readonly ToStage[]): Promise<void> {
    const begun = new Map<string, StagedChunk>();
    const staged = chunks.map(({ chunk, dueMs, signature }) => {
      const name = nameOf(chunk.key, signature);
      const target = this.#open.get(name) ?? begun.get(name) ?? this.#begin(chunk.key, signature, dueMs);
      begun.set(name, target);
      return { chunk, target };
    });
    this.#isStaging = true;
    try {
      const packing = this.#options.packing();
      const encoded = await Promise.all(staged.map(({ chunk, target }) => encodeChunk(chunk, target, packing)));
      const appended = await this.#log.append(encoded.map(({ buffers }) => buffers));
      // From here on in one turn: what counts on disk, and what is done.
      appended.accept();
      for (const [i, { chunk, target }] of staged.entries()) {
        this.#add(target, appended.refs[i] as FrameRef, (encoded[i] as { head: FrameHead }).head);
        for (const part of chunk.batches) part.finish();
      }
    } catch (error) {
      for (const { target } of staged) if (target.count === 0) this.#done.add(target.number, target.number + 1);
      throw error;
    } finally {
      this.#isStaging = false;
    }
    this.#measure();
    const reason = this.#dropReason ?? this.#dropStaging;
    this.#dropStaging = undefined;
    if (reason !== undefined) for (const { target } of staged) this.#drop(target, reason);
  }
  /** Takes out chunks whose time has come: they grow no more. */
  takeDue(nowMs: number): StagedChunk[] {
    return nowMs < this.#nextDueMs ? [] : this.#take((chunk) => chunk.dueMs <= nowMs);
  }
  takeAll(): StagedChunk[] {
    return this.#take(() => true);
  }
  /** Takes the one out that has this key, if it still grows. */
  takeKey(key: ChunkKey, signature: string): StagedChunk | undefined {
    const name = nameOf(key, signature);
    const chunk = this.#open.get(name);
    this.#open.delete(name);
    return chunk;
  }
  /** Takes those out whose frames lie in the oldest segment: once they are written it can go. */
  takeOldest(): StagedChunk[] {
    const end = this.#log.oldestEnd;
    return this.#take((chunk) => (chunk.refs[0] as FrameRef) < end);
  }
  /** Wall time at which the next one is due. */
  get nextDueMs(): number {
    return this.#nextDueMs;
  }
  /**
   * The next rows of a chunk that was taken, in order, of about `bytesMax`; undefined when all are over or given. `after`:
   * number of the last frame that was given. @throws the disk's error
   */
  async load(
    chunk: StagedChunk,
    after: number,
    bytesMax: number,
  ): Promise<{ readonly piece: RecordChunk; readonly frame: number } | undefined> {
    let frame = after + 1;
    while (frame < chunk.refs.length && chunk.dropReason === undefined) {
      if (chunk.over.countIn(chunk.firsts[frame] as number, endOf(chunk, frame)) === rowsOf(chunk, frame)) {
        frame++;
        continue;
      }
      const found = await this.#log.read(chunk.refs.slice(frame, frame + 256), bytesMax);
      const piece = new RecordChunk(chunk.key, 0);
      for (const one of found) {
        const first = chunk.firsts[frame] as number;
        const end = endOf(chunk, frame++);
        if (one) addRows(piece, chunk, first, decodeParts(one.head, one.payload), one.payload.length);
        else {
          this.#options.refused('corrupt', end - first - chunk.over.countIn(first, end));
          chunk.finish(first, end);
        }
      }
      if (piece.count > 0) return { piece, frame: frame - 1 };
    }
    if (chunk.dropReason !== undefined) this.#refuse(chunk, chunk.dropReason);
    return undefined;
  }
  /**
   * Refuses all rows that are not over; those of chunks that are being written once their write is. `isLasting`: the
   * output is given up, so nothing more is staged.
   */
  drop(reason: string, isActive: (chunk: StagedChunk) => boolean, isLasting: boolean): void {
    if (isLasting) this.#dropReason = reason;
    if (this.#isStaging) this.#dropStaging = reason;
    for (const chunk of this.#chunks.values()) this.dropOne(chunk, reason, isActive(chunk));
  }
  /** Refuses all rows of a chunk that are not over; of one that is being written once its write is. */
  dropOne(chunk: StagedChunk, reason: string, isActive: boolean): void {
    if (isActive) this.#condemn(chunk, reason);
    else this.#drop(chunk, reason);
  }
  /** What is to be committed with the progress as it is in this turn. Undefined: nothing is staged. */
  cursor(): StagedCursor | undefined {
    const segments = this.#log.cursor();
    if (segments.length === 0) return undefined;
    const active: Record<string, readonly number[]> = {};
    for (const chunk of this.#chunks.values()) if (chunk.over.size > 0) active[chunk.number] = chunk.over.flat();
    return { segments, done: this.#done.flat(), active, waiting: this.#waiting };
  }
  /** A commit with this cursor is durable. */
  committed(cursor: StagedCursor | undefined): void {
    this.#isCommitted = true;
    this.#removing = this.#removing
      .then(() => this.#log.committed(cursor?.segments ?? []))
      .finally(() => this.#measure());
  }
  async close(): Promise<void> {
    await this.#removing;
    await this.#log.close();
    this.#options.space.usedBytes -= this.#loggedBytes;
    this.#loggedBytes = 0;
  }
  /** Says why chunks are written before their time. */
  explain(error: unknown): void {
    const { id, log } = this.#options;
    log.warn(
      { output: id },
      `staging chunks of output ${id}: ${errorText(error)}; they are written before their time instead`,
    );
  }

  #begin(key: ChunkKey, signature: string, dueMs: number): StagedChunk {
    return new StagedChunk(this.#next++, key, signature, dueMs, (chunk, rows) => this.#over(chunk, rows));
  }
  #add(chunk: StagedChunk, ref: FrameRef, head: FrameHead): void {
    for (const { shard, low } of head.parts) this.lows.set(shard, Math.min(this.lows.get(shard) ?? low, low));
    const before = chunk.waitingBytes;
    chunk.add(ref, head);
    this.#waitingBytes += chunk.waitingBytes - before;
    this.#frames++;
    this.#waiting += head.count;
    this.#chunks.set(chunk.number, chunk);
    const other = this.#open.get(chunk.name);
    if (other && other !== chunk) {
      this.#resumed.push(other);
      this.#nextDueMs = Number.NEGATIVE_INFINITY;
    }
    this.#open.set(chunk.name, chunk);
    this.#nextDueMs = Math.min(this.#nextDueMs, chunk.dueMs);
  }
  #recovered(ref: FrameRef, head: FrameHead): void {
    const { chunk: number, signature, dueMs } = head;
    this.#next = Math.max(this.#next, number + 1);
    if (this.#done.has(number)) {
      this.#log.release(ref);
      return;
    }
    const { text, tag, timekeySeconds, fields } = head.key;
    const key = { text, tag, timekeySeconds, fields: new Map(fields) };
    const known = this.#chunks.get(number);
    const chunk =
      known ?? new StagedChunk(number, key, signature, dueMs ?? Infinity, (one, rows) => this.#over(one, rows));
    this.#add(chunk, ref, head);
  }
  #take(isWanted: (chunk: StagedChunk) => boolean): StagedChunk[] {
    const taken = [...this.#open.values()].filter(isWanted);
    for (const chunk of taken) this.#open.delete(chunk.name);
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#open.values()) this.#nextDueMs = Math.min(this.#nextDueMs, dueMs);
    return [...this.#resumed.splice(0).filter(({ waiting }) => waiting > 0), ...taken];
  }
  #over(chunk: StagedChunk, rows: number): void {
    this.#waiting -= rows;
    if (chunk.dropReason === undefined) this.#waitingBytes -= chunk.bytesOf(rows);
    if (chunk.waiting > 0 || !this.#chunks.delete(chunk.number)) return;
    this.#done.add(chunk.number, chunk.number + 1);
    this.#frames -= chunk.refs.length;
    if (this.#chunks.size === 0) {
      this.lows.clear();
      // Shares of rounded averages need not add up.
      this.#waitingBytes = 0;
    }
    for (const ref of chunk.refs) this.#log.release(ref);
    if (this.#open.get(chunk.name) === chunk) this.#open.delete(chunk.name);
  }
  #drop(chunk: StagedChunk, reason: string): void {
    this.#refuse(chunk, this.#condemn(chunk, reason));
  }
  /** Its records no longer wait to be written. Returns why. */
  #condemn(chunk: StagedChunk, reason: string): string {
    if (chunk.dropReason === undefined) this.#waitingBytes -= chunk.waitingBytes;
    return (chunk.dropReason ??= reason);
  }
  #refuse(chunk: StagedChunk, reason: string): void {
    this.#options.refused(reason, chunk.waiting);
    chunk.finish(0, chunk.count);
  }
  #measure(): void {
    const bytes = this.#log.totalBytes;
    this.#options.space.usedBytes += bytes - this.#loggedBytes;
    this.#loggedBytes = bytes;
  }
}
