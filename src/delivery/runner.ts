/**
 * Runs one output: takes routed frames into chunks, has them written, moves the cursor.
 *
 * Memory is bounded by queueBytesMax: beyond it hasRoom() is false and the dispatcher stops handing out; chunks that
 * would stay open longer are staged or written then (queue.ts). A chunk that is being retried keeps its place among the `concurrency` writes,
 * so that with one write at a time records keep their order, and a target that is down is not hammered. How its plugin is
 * opened, committed and replaced is in instance.ts.
 */
import type { BufferModel } from '../config/model.ts';
import type { Batch } from '../core/batch.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { AppendRequest, HeldRow, Output } from '../core/plugin.ts';
import type { ReadResult, ShardExtent } from '../journal/contract.ts';
import type { Recipient, Refusal, RoutedFrame } from '../router/contract.ts';
import { Backlog, overflowReason } from './backlog.ts';
import { RecordChunk } from './chunk.ts';
import type { OutputPlan, OutputStatus } from './contract.ts';
import type { CursorFile } from './cursor.ts';
import { DeadLetters, Sleeper } from './dead-letters.ts';
import { Discards } from './discards.ts';
import { OutputInstance } from './instance.ts';
import type { Trouble } from './instance.ts';
import type { DeliveryMetrics } from './metrics.ts';
import { OutputCursor } from './output-cursor.ts';
import { Part, takeFrame } from './part.ts';
import { ChunkQueue } from './queue.ts';
import type { Secondary } from './secondary.ts';
import { StagedChunk } from './staged-chunk.ts';
import { StagedChunks } from './staged-chunks.ts';
import type { StagedOptions } from './staged-chunks.ts';
import { TargetWatch } from './target.ts';
import { ChunkWriter } from './writer.ts';
import type { Kept, WriterHost } from './writer.ts';

/** Wait before what is staged is read again after an error. */
const readAgainMs = 1000;

export interface RunnerOptions {
  readonly file: CursorFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: DeliveryMetrics;
  readonly random: () => number;
  readonly queueBytesMax: number;
  readonly commitIntervalMs: number;
  /** Where chunks are staged. */
  readonly staged: Pick<StagedOptions, 'disk' | 'dataDir' | 'directory' | 'space'>;
  appendDead(request: AppendRequest): Promise<unknown>;
  readonly shards: () => readonly ShardExtent[];
  /** Called when records are over. */
  onProgress(): void;
}

export class OutputRunner implements Recipient, WriterHost {
  readonly id: string;
  readonly takesRefusals = false;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly deadLetters: DeadLetters;
  readonly cursor: OutputCursor;
  isDraining = false;
  readonly #options: RunnerOptions;
  readonly #writer: ChunkWriter;
  readonly #sleeper: Sleeper;
  readonly #instance: OutputInstance;
  readonly #tails = new Map<string, Part>();
  readonly #staged: StagedChunks;
  readonly #queue: ChunkQueue;
  readonly #active = new Set<RecordChunk | StagedChunk>();
  /** Of chunks that are tried again: why, and what of them waits for that. */
  readonly #troubles = new Map<RecordChunk | StagedChunk, Trouble & { readonly waiting: RecordChunk | undefined }>();
  readonly #discards = new Discards();
  readonly #backlog: Backlog;
  readonly #target: TargetWatch;
  #heldBytes = 0;
  #isFull = false;
  #isFlushing = false;
  /** Nothing more comes but what is on its way. */
  #isEnding = false;
  #deadTrouble: string | undefined;
  #onRoom: () => void = () => undefined;
  #timer: Timer | undefined;
  #timerDueMs = 0;
  #isClosed = false;

  constructor(plan: OutputPlan, options: RunnerOptions) {
    const { clock, log, random, metrics } = options;
    this.id = plan.id;
    this.clock = clock;
    this.log = log;
    this.random = random;
    this.#options = options;
    this.#sleeper = new Sleeper(clock);
    this.deadLetters = new DeadLetters({
      output: plan.id,
      log,
      append: (request) => options.appendDead(request),
      sleep: (waitMs) => this.#sleeper.sleep(waitMs),
      onStopped: (text) => {
        this.#deadTrouble = text;
      },
    });
    const staged = new StagedChunks({
      id: plan.id,
      log,
      ...options.staged,
      packing: () => this.buffer.compress,
      commit: () => this.#commitNow(),
      refused: (reason, count) => {
        this.cursor.counts.refuse(reason, count);
        this.cursor.changed();
      },
    });
    this.#staged = staged;
    this.cursor = new OutputCursor({
      id: plan.id,
      file: options.file,
      clock,
      log,
      commitIntervalMs: options.commitIntervalMs,
      onRefused: (reason, count) => metrics.refused(plan.id, reason, count),
      prepare: () => this.#instance.prepareCommit(),
      staged,
    });
    this.#writer = new ChunkWriter(this);
    this.#queue = new ChunkQueue({
      buffer: plan.buffer,
      chunkBytesMax: this.#chunkBytesMax(plan.buffer),
      clock,
      staged,
      onStaged: (chunks) => {
        this.cursor.changed();
        for (const chunk of chunks) this.#gone(chunk);
      },
      onReady: () => this.endSlice(),
      retrying: () => this.#troubles.size,
    });
    this.#backlog = this.#newBacklog();
    this.#target = new TargetWatch(clock);
    this.#instance = new OutputInstance(plan, {
      target: this.#target,
      clock,
      log,
      random,
      sleeper: this.#sleeper,
      cursor: this.cursor,
      commitIntervalMs: options.commitIntervalMs,
      onOpened: () => this.#pump(),
    });
  }

  #newBacklog(): Backlog {
    const { clock, log, shards } = this.#options;
    return new Backlog({
      id: this.id,
      clock,
      log,
      staged: this.#staged,
      buffer: () => this.buffer,
      shards,
      next: (shard) => this.cursor.known(shard)?.next,
      waiting: () => this.#waitingChunks(),
      dropBefore: (offsets) => this.#dropBefore(offsets),
      dropStaged: (chunk) => this.#dropStaged(chunk),
    });
  }

  // ------------------------------------------------------------------------------------------------ recipient

  get backfillGeneration(): number {
    return this.cursor.backfillGeneration;
  }
  next(shard: string, firstOffset: number): number {
    return this.cursor.progress(shard, firstOffset).next;
  }
  hasRoom(): boolean {
    return !this.#isFull;
  }
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }
  forget(shard: string): void {
    this.#tails.delete(shard);
    this.#discards.forget(shard);
    this.cursor.forget(shard);
  }
  accept(frame: RoutedFrame, batches: readonly Batch[] | undefined, _refusals: readonly Refusal[]): void {
    const progress = this.cursor.progress(frame.shard, frame.from);
    if (progress.next >= frame.to) return;
    const parts = takeFrame(progress, frame, batches, this.#tails.get(frame.shard));
    this.cursor.changed();
    if (this.buffer.backlogBytesMax !== undefined) this.#backlog.took(frame.to - frame.from, parts);
    for (const part of parts) {
      this.#heldBytes += part.heldBytes;
      for (const kept of this.#keptOf(part)) this.#tails.set(frame.shard, this.#queue.add(kept));
    }
    if (this.#heldBytes >= this.#options.queueBytesMax) this.#isFull = true;
  }
  acceptLost(shard: string, lost: ReadResult['lost'][number]): void {
    this.cursor.lose(shard, lost);
  }
  endSlice(): void {
    if (!this.#isClosed) this.#backlog.look();
    if (!this.#isClosed) this.#queue.settle(this.#isFull, this.#isFlushing);
    this.#discards.prune((shard) => this.cursor.known(shard)?.low ?? 0);
    this.#pump();
    this.#armTimer();
    if (this.#isEnding && this.#isCaughtUp) this.output.letGo?.(!this.isDraining);
    this.#options.onProgress();
  }
  /** Nothing durable is left that its output was not given. */
  get #isCaughtUp(): boolean {
    if (!this.#instance.isOpened || this.#active.size > 0 || this.#queue.isPending) return false;
    for (const _ of this.#queue.memory()) return false;
    return this.#options
      .shards()
      .every(({ shard, durableOffset }) => (this.cursor.known(shard)?.next ?? 0) >= durableOffset);
  }

  // ------------------------------------------------------------------------------------------------ chunks

  /** While chunks are written others have to grow, so none may take all the room. */
  #chunkBytesMax({ concurrency }: BufferModel): number {
    return this.#options.queueBytesMax / (concurrency + 1);
  }
  /** Reads what is staged. Call it once, before anything else. */
  openStaged(): Promise<void> {
    const { found } = this.#options.file;
    return this.#staged.open(found?.staged, found === undefined);
  }
  #commitNow(): Promise<void> {
    this.cursor.changed();
    return this.cursor.commit();
  }
  #pump(): void {
    while (this.#instance.isOpened && !this.isStopped && this.#active.size < this.buffer.concurrency) {
      const chunk = this.#queue.next(this.#isFull, this.#isFlushing);
      if (!chunk) return;
      this.#active.add(chunk);
      void this.#run(chunk);
    }
  }
  async #run(chunk: RecordChunk | StagedChunk): Promise<void> {
    try {
      if (chunk instanceof RecordChunk) await this.#writer.deliver(chunk);
      else await this.#deliverStaged(chunk);
    } catch (error) {
      if (!this.isStopped) {
        // A fault of ours: not swallowed, and not endless either; the chunk's records stay waiting in the cursor.
        this.log.fatal({ output: this.id, err: error }, `delivering a chunk of output ${this.id} failed unexpectedly`);
        throw error;
      }
      return;
    }
    this.#active.delete(chunk);
    this.endSlice();
  }
  /** Reads a staged chunk piece by piece and has each written. */
  async #deliverStaged(chunk: StagedChunk): Promise<void> {
    let frame = -1;
    for (;;) {
      let loaded: Awaited<ReturnType<StagedChunks['load']>>;
      try {
        loaded = await this.#staged.load(chunk, frame, this.#chunkBytesMax(this.buffer));
        this.trouble(chunk, undefined, 0);
      } catch (error) {
        this.log.error(
          { output: this.id },
          `reading a staged chunk of output ${this.id}: ${errorText(error)}; trying again in ${readAgainMs} ms`,
        );
        this.trouble(chunk, errorText(error), readAgainMs);
        await this.sleep(readAgainMs);
        continue;
      }
      if (!loaded) break;
      frame = loaded.frame;
      this.#heldBytes += loaded.piece.heldBytes;
      await this.#writer.deliver(loaded.piece);
    }
    this.cursor.changed();
  }
  #armTimer(): void {
    if (this.isStopped) return;
    const dueMs = this.#queue.nextDueMs();
    if (dueMs === undefined || (this.#timer && this.#timerDueMs <= dueMs)) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.clock.after(dueMs - this.clock.monotonicMs(), () => {
      this.#timer = undefined;
      this.endSlice();
    });
  }
  #release(bytes: number): void {
    this.#heldBytes = Math.max(0, this.#heldBytes - bytes);
    if (!this.#isFull || this.#heldBytes > this.#options.queueBytesMax / 2) return;
    this.#isFull = false;
    this.#onRoom();
  }
  /** Writes all that is held and all that comes, without waiting for more. */
  flush(isLasting = false): void {
    const before = this.#isFlushing;
    this.#isFlushing = true;
    this.#isEnding ||= isLasting;
    this.endSlice();
    this.#isFlushing = before || isLasting;
  }
  /** Writes what is held and all that comes, unless the configuration lets chunks stay open over a stop. */
  flushForStop(): void {
    if (this.buffer.flushAtShutdown !== false || this.isDraining) this.flush(true);
  }
  /** It is not configured any more: delivers all it has left. */
  drain(): void {
    this.isDraining = true;
    this.flush(true);
  }

  // ------------------------------------------------------------------------------------------------ discarding

  /** Refuses all records of the shard below `before` that are not delivered yet, nor staged. */
  discardBefore(shard: string, before: number, reason: string): void {
    if (this.#discards.add(shard, before, reason)) this.#discardHeld();
  }
  #discardHeld(): void {
    this.#queue.discard((chunk) => this.discard(chunk));
    this.#sleeper.wakeConcerned();
    this.endSlice();
  }
  /** Chunks in memory that could be dropped: those that wait for their first or their next try. */
  *#waitingChunks(): Generator<RecordChunk> {
    for (const { waiting } of this.#troubles.values()) if (waiting) yield waiting;
    yield* this.#queue.memory();
  }
  #dropBefore(offsets: ReadonlyMap<string, number>): void {
    for (const [shard, before] of offsets) this.#discards.add(shard, before, overflowReason);
    this.#discardHeld();
  }
  #dropStaged(chunk: StagedChunk): void {
    this.#staged.dropOne(chunk, overflowReason, this.#active.has(chunk));
    this.#queue.forget((one) => one === chunk);
    this.#discardHeld();
  }
  /** Refuses all that is not delivered yet; of an output that drains also all that comes. */
  discardAll(reason: string): void {
    if (this.isDraining) this.#discards.addAll(reason);
    for (const { shard, durableOffset } of this.#options.shards()) this.#discards.add(shard, durableOffset, reason);
    this.#staged.drop(reason, (chunk) => this.#active.has(chunk), this.isDraining);
    this.#queue.forget((chunk) => chunk.dropReason !== undefined);
    this.#discardHeld();
  }
  discard(chunk: RecordChunk): Kept {
    // What is staged is discarded as a whole, by its own word.
    if (this.#discards.isEmpty && chunk.batches[0]?.dropReason === undefined) return { rows: 'all' };
    return this.#discards.apply(chunk, (gone, reasons) => this.refused(gone, reasons));
  }
  #keptOf(part: Part): readonly Part[] {
    if (this.#discards.isEmpty) return [part];
    const chunk = new RecordChunk({ text: '', tag: undefined, timekeySeconds: undefined, fields: new Map() }, 0);
    chunk.add(part, 0);
    const kept = this.discard(chunk);
    if (kept.rows === 'all') return [part];
    // Of a part come parts.
    return kept.chunk?.batches.filter((one) => one instanceof Part) ?? [];
  }

  // ------------------------------------------------------------------------------------------------ writer's host

  get buffer(): BufferModel {
    return this.#instance.plan.buffer;
  }
  get output(): Output {
    return this.#instance.output;
  }
  get secondary(): Secondary | undefined {
    return this.#instance.secondary;
  }
  get signal(): AbortSignal {
    return this.#instance.signal;
  }
  get isStopped(): boolean {
    return this.#sleeper.isStopped;
  }
  enter(): Promise<void> {
    return this.#instance.enter();
  }
  leave(): void {
    this.#instance.leave();
  }
  sleep(waitMs: number, chunk?: RecordChunk): Promise<boolean> {
    return this.#sleeper.sleep(waitMs, chunk && (() => this.#discards.concerns(chunk)));
  }
  trouble(chunk: RecordChunk | StagedChunk, text: string | undefined, waitMs: number, waiting?: RecordChunk): void {
    if (text === undefined) this.#troubles.delete(chunk);
    else this.#troubles.set(chunk, { text, nextTryMs: this.clock.nowMs() + waitMs, waiting });
  }
  delivered(chunk: RecordChunk): void {
    this.cursor.counts.delivered += chunk.count;
    this.#options.metrics.delivered(this.id, chunk.count, chunk.bytes);
    this.#finish(chunk);
  }
  held(chunk: RecordChunk): readonly HeldRow[] {
    const finishers = chunk.batches.flatMap((part) => part.finishers());
    const bytes = chunk.bytes / Math.max(1, finishers.length);
    this.#gone(chunk);
    return finishers.map((finish) => ({
      finish: (refused) => {
        if (refused === undefined) this.cursor.counts.delivered++;
        else this.cursor.counts.refuse(refused, 1);
        if (refused === undefined) this.#options.metrics.delivered(this.id, 1, bytes);
        finish();
        this.cursor.changed();
        this.#options.onProgress();
      },
    }));
  }
  refused(chunk: RecordChunk, reasons: readonly string[]): void {
    let from = 0;
    for (let row = 1; row <= chunk.count; row++) {
      if (row < chunk.count && reasons[row] === reasons[from]) continue;
      this.cursor.counts.refuse(reasons[from] as string, row - from);
      from = row;
    }
    this.#finish(chunk);
  }
  observe(seconds: number): void {
    this.#options.metrics.observe(this.id, seconds);
  }
  retried(count: number): void {
    this.#options.metrics.retried(this.id, count);
  }
  target(output: Output, problem: string | undefined): void {
    this.#target.note(output, problem);
  }
  /** Asks the target where nothing was heard of it for a while; while it is opened, that tells. */
  askTarget(): void {
    if (this.#instance.isOpened && !this.isStopped && !this.#isClosed) this.#target.ask(this.output);
  }
  #finish(chunk: RecordChunk): void {
    for (const part of chunk.batches) part.finish();
    this.cursor.changed();
    this.#gone(chunk);
  }
  /** Its records are no longer in memory for this output. */
  #gone(chunk: RecordChunk): void {
    this.#backlog.gone(chunk);
    this.#release(chunk.heldBytes);
  }

  // ------------------------------------------------------------------------------------------------ life

  /** Opens the output, however often that has to be tried, and starts to write. */
  start(): void {
    this.#instance.start();
  }
  /** Goes on with another plan of the same id: at once where only the buffer differs, else with a new instance. */
  async replace(plan: OutputPlan): Promise<void> {
    this.isDraining = false;
    this.#isFlushing = false;
    this.#isEnding = false;
    this.cursor.isClosed = false;
    this.cursor.changed();
    const isNew = await this.#instance.replace(plan);
    this.#queue.renew(plan.buffer, this.#chunkBytesMax(plan.buffer));
    if (!isNew) {
      this.endSlice();
      return;
    }
    this.#sleeper.wakeAll();
    this.start();
  }
  /** True when nothing durable waits. */
  get isDone(): boolean {
    return this.cursor.waiting(this.#options.shards()) === 0;
  }
  /** True when a stop need not wait for it: it is done, or what is left may stay as it is. */
  get isSettled(): boolean {
    const mayStay = this.buffer.flushAtShutdown === false && !this.isDraining;
    if (this.#isEnding && this.output.letGo && this.#isCaughtUp) return this.output.letGo(!this.isDraining);
    return this.isDone || (mayStay && this.#active.size === 0 && !this.#queue.isPending);
  }
  /** Ends all writes, commits and closes. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#backlog.close();
    this.#sleeper.stop();
    await this.#instance.endWrites();
    this.cursor.changed();
    await this.cursor.commit().catch(() => undefined);
    await this.cursor.close();
    await this.#staged.close();
    await this.#instance.close();
  }
  status(): OutputStatus {
    const { counts } = this.cursor;
    const { trouble } = this.#instance;
    const troubles = [...this.#troubles.values(), ...(trouble ? [trouble] : [])];
    const chunks = [...this.#active, ...this.#queue.memory()];
    const oldestMs = chunks.reduce((least, chunk) => Math.min(least, chunk.appendMs), this.#staged.appendMs);
    return {
      id: this.id,
      state: this.#state(troubles.length > 0),
      delivered: counts.delivered,
      refused: Object.fromEntries(counts.refused),
      passed: counts.passed,
      derived: counts.derived,
      waiting: this.cursor.waiting(this.#options.shards()),
      queuedBytes: Math.round(this.#heldBytes),
      backlog: this.#backlog.status(),
      lagMs: Number.isFinite(oldestMs) ? Math.max(0, this.clock.nowMs() - oldestMs) : 0,
      lastError: this.#deadTrouble ?? troubles[0]?.text,
      target: this.#target.status,
      nextTryMs: troubles.length > 0 ? Math.min(...troubles.map(({ nextTryMs }) => nextTryMs)) : undefined,
    };
  }
  #state(isTroubled: boolean): OutputStatus['state'] {
    if (this.#isClosed) return 'closed';
    if (this.#deadTrouble !== undefined) return 'stopped';
    if (isTroubled) return 'retrying';
    if (!this.#instance.isOpened) return 'opening';
    return this.isDraining ? 'draining' : 'running';
  }
}
