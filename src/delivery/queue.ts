/**
 * The chunks of one output that are not being written: those that grow in memory, those that are staged, and those that
 * are ready, in the order in which they are to be written.
 *
 * What is to stay open for longer than a minute is staged (staged-chunks.ts), and so is the largest when memory is short,
 * and the oldest when records have so many chunk keys that all chunks together are too many. Where it cannot be staged (no
 * room, the disk fails) it is written before its time instead. While a round of staging runs no staged chunk is taken, so
 * that none is written while records are added to it.
 */
import type { BufferModel } from '../config/model.ts';
import type { Clock } from '../core/clock.ts';
import { OpenChunks, RecordChunk, isFull } from './chunk.ts';
import type { Part } from './part.ts';
import { NoRoom } from './staged-chunks.ts';
import type { StagedChunk } from './staged-chunk.ts';
import type { StagedChunks, ToStage } from './staged-chunks.ts';
import type { Kept } from './writer.ts';

/** Longest time a chunk stays open in memory only: so long the journal may have to keep what is delivered to others. */
const openMsMax = 60_000;
/** Chunks open for at least this long are staged together with one that has to be: one sync for all. */
const stageAgeMs = 30_000;
/** A chunk that is due so soon is not worth staging. */
const soonMs = 5000;
/** Clocks may be set: staged chunks, which are due by wall time, are looked at at least so often. */
const lookMs = 60_000;
/** How often it is said that chunks cannot be staged. */
const sayMs = 60_000;

export interface QueueOptions {
  readonly buffer: BufferModel;
  /** Largest chunk in memory. */
  readonly chunkBytesMax: number;
  readonly clock: Clock;
  readonly staged: StagedChunks;
  /** Memory was given back, and the records are no longer the cursor's to wait for. */
  onStaged(chunks: readonly RecordChunk[]): void;
  /** There may be something to write. */
  onReady(): void;
  /** Chunks that were taken, and wait to be written again. */
  retrying(): number;
}

export class ChunkQueue {
  readonly #options: QueueOptions;
  #buffer: BufferModel;
  #signature: string;
  #open: OpenChunks;
  readonly #ready: (RecordChunk | StagedChunk)[] = [];
  /** To be ready, behind what is staged of them: after the round that runs. */
  #held: RecordChunk[] = [];
  #toStage: ToStage[] = [];
  #inRound: readonly ToStage[] = [];
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#buffer = options.buffer;
    this.#signature = signatureOf(options.buffer);
    this.#open = this.#newOpen(options.chunkBytesMax);
  }
  /** Adds records; returns the last part that they were put in. */
  add(part: Part): Part {
    return this.#open.add(part);
  }
  /** Takes the next to write. `isShort`: memory is, so one that still grows will do. */
  next(isShort: boolean, isFlushing: boolean): RecordChunk | StagedChunk | undefined {
    const ready = this.#ready.shift();
    if (ready) return ready;
    if (this.#buffer.flushMode === 'immediate' || isFlushing) return this.#open.takeOldest();
    return isShort && this.#buffer.flushMode === 'interval' ? this.#open.takeLargest() : undefined;
  }
  /** Makes ready what is due, stages what has been open for long. */
  settle(isShort: boolean, isFlushing: boolean): void {
    if (this.#isStaging) return;
    const { staged, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const chunk of this.#held.splice(0)) this.#makeReady(chunk);
    const room = isFlushing ? Number.POSITIVE_INFINITY : this.#room();
    if (isFlushing) for (const chunk of staged.takeAll()) this.#makeStagedReady(chunk);
    else if (room > 0) for (const chunk of staged.takeDue(clock.nowMs())) this.#makeStagedReady(chunk);
    if (this.#buffer.flushMode !== 'immediate') {
      for (const chunk of this.#open.takeDue(isFlushing ? Number.POSITIVE_INFINITY : nowMs, room))
        this.#makeReady(chunk);
      if ((this.#open.nextDueMs(openMsMax, nowMs) ?? Number.POSITIVE_INFINITY) <= nowMs)
        for (const chunk of this.#open.takeBegun(nowMs - stageAgeMs, nowMs)) this.#stage(chunk);
      if (isShort && this.#buffer.flushMode === 'lazy') this.#stageLargest();
    }
    if (this.#toStage.length > 0) void this.#round();
  }
  /** Monotonic time at which settle() has something to do, as far as is known. */
  nextDueMs(): number | undefined {
    // The end of the round calls for another look.
    if (this.#isStaging) return undefined;
    const { staged, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    // What is due and has no room is looked at when a chunk was written.
    const isWaiting = this.#room() === 0;
    const passedMs = isWaiting ? nowMs : Number.NEGATIVE_INFINITY;
    const openMs = this.#buffer.flushMode === 'immediate' ? undefined : this.#open.nextDueMs(openMsMax, passedMs);
    if (openMs === undefined && staged.count === 0) return undefined;
    const stagedMs = isWaiting ? nowMs + lookMs : Math.max(nowMs, nowMs + staged.nextDueMs - clock.nowMs());
    return Math.min(openMs ?? Number.POSITIVE_INFINITY, stagedMs, nowMs + lookMs);
  }
  /** Cuts off what is not to be kept of all that is in memory and is not being staged; each chunk keeps its place. */
  discard(keep: (chunk: RecordChunk) => Kept): void {
    const left = (chunk: RecordChunk): RecordChunk[] => {
      const kept = keep(chunk);
      if (kept.rows === 'all') return [chunk];
      return kept.chunk ? [kept.chunk] : [];
    };
    const ready = this.#ready.splice(0);
    for (const chunk of ready) this.#ready.push(...(chunk instanceof RecordChunk ? left(chunk) : [chunk]));
    this.#held = this.#held.flatMap(left);
    this.#toStage = this.#toStage.flatMap((one) => left(one.chunk).map((chunk) => ({ ...one, chunk })));
    // A chunk that is replaced keeps its place, so going on over them is safe.
    for (const chunk of this.#open) {
      const [kept] = left(chunk);
      if (kept !== chunk) this.#open.replace(chunk, kept);
    }
  }
  /** Goes on by other settings. What is open is staged as it is, or written. */
  renew(buffer: BufferModel, chunkBytesMax: number): void {
    const isSame = JSON.stringify(buffer) === JSON.stringify(this.#buffer);
    const open = isSame ? [] : this.#open.takeAll();
    for (const chunk of open)
      if (this.#buffer.flushMode === 'lazy') this.#stage(chunk);
      else this.#ready.push(chunk);
    this.#buffer = buffer;
    this.#signature = signatureOf(buffer);
    if (!isSame) this.#open = this.#newOpen(chunkBytesMax);
  }
  /** All in memory, for looking at. */
  *memory(): Generator<RecordChunk> {
    for (const chunk of this.#ready) if (chunk instanceof RecordChunk) yield chunk;
    for (const { chunk } of [...this.#toStage, ...this.#inRound]) yield chunk;
    yield* this.#held;
    yield* this.#open;
  }
  /** Something is ready, or on its way to be. */
  get isPending(): boolean {
    return this.#ready.length > 0 || this.#held.length > 0 || this.#isStaging;
  }
  /** Forgets a staged chunk that waits to be written. */
  forget(isGone: (chunk: StagedChunk) => boolean): void {
    const kept = this.#ready.filter((chunk) => chunk instanceof RecordChunk || !isGone(chunk));
    this.#ready.splice(0, this.#ready.length, ...kept);
  }

  /** How many more may wait to be written; only chunks that are cut by their age can wait for that. */
  #room(): number {
    const { queuedChunksMax = Number.POSITIVE_INFINITY, flushMode } = this.#buffer;
    if (flushMode !== 'interval') return Number.POSITIVE_INFINITY;
    return Math.max(0, queuedChunksMax - this.#ready.length - this.#held.length - this.#options.retrying());
  }
  get #isStaging(): boolean {
    return this.#inRound.length > 0;
  }
  #newOpen(chunkBytesMax: number): OpenChunks {
    return new OpenChunks(
      this.#buffer,
      chunkBytesMax,
      this.#options.clock,
      (chunk) => this.#full(chunk),
      () => this.#crowded(),
    );
  }
  /** A chunk can take no more in memory; one that is lazy may go on growing on disk. */
  #full(chunk: RecordChunk): void {
    const growing = this.#options.staged.growing(chunk.key, this.#signature);
    const isWhole = isFull(this.#buffer, chunk.bytes + (growing?.bytes ?? 0), chunk.count + (growing?.count ?? 0));
    if (this.#buffer.flushMode === 'lazy' && !isWhole) this.#stage(chunk);
    else this.#makeReady(chunk);
  }
  /** Too many are open: the older half is staged, or the oldest written where that is soon anyway. */
  #crowded(): void {
    const soon = this.#options.clock.monotonicMs() + soonMs;
    for (let left = this.#open.count >> 1; left > 0; left--) {
      const oldest = this.#open.takeOldest();
      if (!oldest) return;
      if (this.#buffer.flushMode !== 'immediate' && oldest.dueMs > soon) {
        this.#stage(oldest);
        continue;
      }
      this.#makeReady(oldest);
      return;
    }
  }
  #stageLargest(): void {
    for (let left = this.#open.count >> 1; left >= 0; left--) {
      const largest = this.#open.takeLargest();
      if (largest) this.#stage(largest);
    }
  }
  #stage(chunk: RecordChunk): void {
    const { clock } = this.#options;
    // Due by wall time from here on, as the timekey is.
    const dueMs = clock.nowMs() + chunk.dueMs - clock.monotonicMs();
    this.#toStage.push({ chunk, dueMs, signature: this.#signature });
  }
  async #round(): Promise<void> {
    const { staged } = this.#options;
    this.#inRound = this.#toStage.splice(0);
    const chunks = this.#inRound;
    const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.bytes, 0);
    let error: unknown;
    try {
      await staged.makeRoom(bytes);
      await staged.stage(chunks);
    } catch (caught) {
      error = caught;
    }
    this.#inRound = [];
    if (error === undefined) {
      this.#options.onStaged(chunks.map(({ chunk }) => chunk));
      for (const { chunk, signature } of chunks) this.#takeFull(chunk, signature);
    } else this.#giveUp(chunks, error);
    this.#options.onReady();
  }
  #takeFull({ key }: RecordChunk, signature: string): void {
    const { staged } = this.#options;
    const growing = staged.growing(key, signature);
    if (growing && isFull(this.#buffer, growing.bytes, growing.count) && staged.takeKey(key, signature))
      this.#makeStagedReady(growing);
  }
  /** They could not be staged. Room is made by writing what was staged first. */
  #giveUp(chunks: readonly ToStage[], error: unknown): void {
    const { staged, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#saidMs >= sayMs) staged.explain(error);
    this.#saidMs = Math.max(this.#saidMs, nowMs);
    if (error instanceof NoRoom) for (const chunk of staged.takeOldest()) this.#makeStagedReady(chunk);
    for (const { chunk, signature } of chunks) {
      const growing = staged.takeKey(chunk.key, signature);
      if (growing) this.#ready.push(growing);
      this.#ready.push(chunk);
    }
  }
  #makeReady(chunk: RecordChunk): void {
    if (this.#isStaging || this.#toStage.some((other) => other.chunk.key.text === chunk.key.text)) {
      this.#held.push(chunk);
      return;
    }
    const growing = this.#options.staged.takeKey(chunk.key, this.#signature);
    if (growing) this.#ready.push(growing);
    this.#ready.push(chunk);
  }
  /** Behind it comes what is in memory of the same chunk. */
  #makeStagedReady(chunk: StagedChunk): void {
    this.#ready.push(chunk);
    if (chunk.signature !== this.#signature) return;
    const open = this.#open.takeKey(chunk.key.text);
    if (open) this.#ready.push(open);
  }
}

/** By which keys chunks are cut: chunks cut by other ones are not gone on with. */
function signatureOf({ chunkKeys, timekeySeconds, timezone }: BufferModel): string {
  return JSON.stringify([chunkKeys, timekeySeconds ?? null, timezone ?? null]);
}
