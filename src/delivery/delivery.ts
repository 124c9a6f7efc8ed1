/** Delivery as a whole: the outputs that run, the account of the router, their cursors. */
import { join } from 'node:path';
import type { Timer } from '../core/clock.ts';
import type { Recipient } from '../router/contract.ts';
import { RouterAccount, routerAccountId } from './account.ts';
import type { Delivery, DeliveryOptions, OutputPlan, OutputRest, OutputStatus } from './contract.ts';
import { CursorStore } from './cursor.ts';
import type { CursorFile } from './cursor.ts';
import { DeliveryMetrics } from './metrics.ts';
import { OutputCursor } from './output-cursor.ts';
import { OutputRunner } from './runner.ts';
import { StagedChunks } from './staged-chunks.ts';
import type { StagedSpace } from './staged-chunks.ts';

/** Bytes of records per output: two 4 MiB chunks, one being written while the next one fills. */
const queueBytesMaxDefault = 8 * 1024 * 1024;
/** Staged chunks of all outputs, where nobody says how much space they may have. */
const stagedBytesMaxDefault = 256 * 1024 * 1024;
/** A crash repeats at most this much for outputs that deliver at least once; each commit costs one fdatasync an output. */
const commitIntervalMsDefault = 500;
/** A removed output is closed once it had nothing to do for this long: receivers in other processes may still append under the old configuration. */
const drainQuietMs = 10_000;

/** Committed low-water mark in a shard; 0 where the cursor has none. */
function lowOf(cursor: OutputCursor, shard: string): number {
  return cursor.known(shard)?.committedLow ?? 0;
}

/** Opens the cursors of a data directory. @throws the disk's error when the directory cannot be made. */
export async function openDelivery(options: DeliveryOptions): Promise<Delivery> {
  const store = new CursorStore(join(options.dataDir, 'cursors'), options.disk, options.clock, options.log);
  await store.prepare();
  const found = await store.list();
  const openIds = found.filter(({ id, isClosed }) => !isClosed && id !== routerAccountId).map(({ id }) => id);
  const delivery = new Outputs(options, store, openIds);
  await delivery.openAccount();
  return delivery;
}

/** Shards that cursors know and the journal no longer has are forgotten this long after the start: by then all that exist were found. */
const forgetShardsMs = 60_000;

class Outputs implements Delivery {
  readonly #options: DeliveryOptions;
  readonly #store: CursorStore;
  readonly #metrics: DeliveryMetrics;
  readonly #runners = new Map<string, OutputRunner>();
  /** Those of the plans, in their order. */
  #planned: readonly string[] = [];
  /** Ids with an open cursor that nobody runs. */
  readonly #unfinished: Set<string>;
  #account: RouterAccount | undefined;
  #quietTimer: Timer | undefined;
  readonly #stagedSpace: StagedSpace;
  /** When each draining output was seen to have nothing left. */
  readonly #quietSince = new Map<string, number>();
  #onProgress: () => void = () => undefined;

  constructor(options: DeliveryOptions, store: CursorStore, openIds: readonly string[]) {
    this.#options = options;
    this.#store = store;
    this.#stagedSpace = { bytesMax: options.stagedBytesMax ?? stagedBytesMaxDefault, usedBytes: 0 };
    this.#unfinished = new Set(openIds);
    this.#metrics = new DeliveryMetrics(options.metrics, () => this.status());
  }
  async openAccount(): Promise<void> {
    const { clock, log } = this.#options;
    clock.after(forgetShardsMs, () => this.#forgetGoneShards());
    this.#account = new RouterAccount({
      file: await this.#store.open(routerAccountId),
      clock,
      log,
      metrics: this.#metrics,
      queueBytesMax: this.#options.queueBytesMax ?? queueBytesMaxDefault,
      commitIntervalMs: this.#options.commitIntervalMs ?? commitIntervalMsDefault,
      appendDead: (request) => this.#options.appendDead(request),
      shards: () => this.#options.shards(),
    });
  }
  recipients(): readonly Recipient[] {
    return [...(this.#account ? [this.#account] : []), ...this.#runners.values()];
  }
  async setOutputs(
    plans: readonly OutputPlan[],
    { backfillGeneration = 0 }: { backfillGeneration?: number } = {},
  ): Promise<void> {
    const wanted = new Set(plans.map(({ id }) => id));
    this.#planned = [...wanted];
    for (const runner of this.#runners.values()) if (!wanted.has(runner.id)) runner.drain();
    // All are waited for, also when one fails: whoever goes back to the plans before must not meet one still changing.
    const results = await Promise.allSettled(plans.map((plan) => this.#run(plan, backfillGeneration)));
    this.#watchDraining();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
  unfinished(): readonly string[] {
    return [...this.#unfinished];
  }
  async drain(plans: readonly OutputPlan[]): Promise<void> {
    for (const plan of plans) {
      await this.#run(plan, 0);
      this.#runners.get(plan.id)?.drain();
    }
    this.#watchDraining();
  }
  async #run(plan: OutputPlan, backfillGeneration: number): Promise<void> {
    const known = this.#runners.get(plan.id);
    this.#quietSince.delete(plan.id);
    if (known) {
      await known.replace(plan);
      return;
    }
    const { clock, log, random = Math.random } = this.#options;
    const file = await this.#store.open(plan.id);
    const runner = new OutputRunner(plan, {
      file,
      clock,
      log,
      metrics: this.#metrics,
      random,
      queueBytesMax: this.#options.queueBytesMax ?? queueBytesMaxDefault,
      commitIntervalMs: this.#options.commitIntervalMs ?? commitIntervalMsDefault,
      staged: this.#stagedFor(file),
      appendDead: (request) => this.#options.appendDead(request),
      shards: () => this.#options.shards(),
      onProgress: () => this.#onProgress(),
    });
    if (!file.found) runner.cursor.backfillGeneration = backfillGeneration;
    await runner.openStaged();
    runner.cursor.isClosed = false;
    runner.cursor.changed();
    this.#unfinished.delete(plan.id);
    this.#runners.set(plan.id, runner);
    runner.start();
  }
  dropOutput(id: string): boolean {
    const runner = this.#runners.get(id);
    if (runner) runner.discardAll('output_dropped');
    else if (this.#unfinished.has(id)) void this.#dropUnfinished(id);
    else return false;
    return true;
  }
  dropOldest(shard: string, before: number): boolean {
    // Where others hold the same records back nothing would be won by dropping them.
    const until = Math.min(
      before,
      this.#heldBy(shard, (runner) => runner.buffer.overflow === 'block'),
    );
    let dropped = false;
    for (const runner of this.#runners.values()) {
      if (runner.buffer.overflow !== 'drop_oldest' || lowOf(runner.cursor, shard) >= until) continue;
      runner.discardBefore(shard, until, 'overflow');
      dropped = true;
    }
    return dropped;
  }
  passed(shard: string, firstOffset: number): number {
    // Outputs that have a cursor and do not run yet may need anything.
    if (this.#unfinished.size > 0) return firstOffset;
    return Math.max(
      firstOffset,
      this.#heldBy(shard, () => true),
    );
  }
  /** The lowest committed offset of the account and of the outputs chosen. */
  #heldBy(shard: string, isChosen: (runner: OutputRunner) => boolean): number {
    let least = this.#account ? lowOf(this.#account.cursor, shard) : Number.POSITIVE_INFINITY;
    for (const runner of this.#runners.values())
      if (isChosen(runner)) least = Math.min(least, lowOf(runner.cursor, shard));
    return this.#unfinished.size > 0 ? 0 : least;
  }
  /** Ends an output of an earlier configuration that nobody can run: its records are refused unread. */
  async #dropUnfinished(id: string): Promise<void> {
    const { clock, log } = this.#options;
    const file = await this.#store.open(id);
    const staged = new StagedChunks({
      id,
      log,
      ...this.#stagedFor(file),
      packing: () => undefined,
      commit: () => Promise.resolve(),
      refused: (reason, count) => cursor.counts.refuse(reason, count),
    });
    const cursor = new OutputCursor({
      id,
      file,
      staged,
      clock,
      log,
      commitIntervalMs: commitIntervalMsDefault,
      onRefused: (reason, count) => this.#metrics.refused(id, reason, count),
      prepare: () => Promise.resolve({ state: cursor.state, taken: () => undefined }),
    });
    for (const { shard, firstOffset, durableOffset } of this.#options.shards()) {
      const progress = cursor.progress(shard, firstOffset);
      progress.completeRefused(progress.low, durableOffset, 'output_dropped');
    }
    await staged.open(file.found?.staged, file.found === undefined);
    staged.drop('output_dropped', () => false, true);
    cursor.isClosed = true;
    cursor.changed();
    try {
      await cursor.commit();
      this.#unfinished.delete(id);
    } catch {
      // Said by the cursor; the output is still there to be dropped.
    } finally {
      await cursor.close();
      await staged.close();
    }
  }
  #stagedFor({ name }: CursorFile) {
    const { disk, dataDir } = this.#options;
    return { disk, dataDir, directory: join(dataDir, 'staged', name), space: this.#stagedSpace };
  }
  status(): readonly OutputStatus[] {
    // In the order of the configuration, whichever was open first; those that it no longer names come last.
    const ids = new Set([...this.#planned, ...this.#runners.keys()]);
    return [...ids].flatMap((id) => this.#runners.get(id)?.status() ?? []);
  }
  askTargets(): void {
    for (const runner of this.#runners.values()) runner.askTarget();
  }
  routerStatus(): OutputStatus {
    if (!this.#account) throw new Error('delivery is not open');
    return this.#account.status();
  }
  flush(): void {
    for (const runner of this.#runners.values()) runner.flush();
  }
  async stop(graceMs: number): Promise<readonly OutputRest[]> {
    this.#quietTimer?.cancel();
    const runners = [...this.#runners.values()];
    for (const runner of runners) runner.flushForStop();
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(graceMs, resolve);
      this.#onProgress = () => {
        if (!runners.every((runner) => runner.isSettled) || this.#account?.isDone === false) return;
        timer.cancel();
        resolve();
      };
      this.#onProgress();
    });
    this.#onProgress = () => undefined;
    await Promise.all([...runners.map((runner) => runner.close()), this.#account?.close()]);
    const shards = this.#options.shards();
    return runners
      .map((runner) => ({ id: runner.id, waiting: runner.cursor.waiting(shards) }))
      .filter(({ waiting }) => waiting > 0);
  }

  #forgetGoneShards(): void {
    const shards = new Set(this.#options.shards().map(({ shard }) => shard));
    for (const recipient of [...(this.#account ? [this.#account] : []), ...this.#runners.values()])
      for (const shard of recipient.cursor.shards()) if (!shards.has(shard)) recipient.forget(shard);
  }
  /** Looks once a second whether draining outputs have nothing left. */
  #watchDraining(): void {
    if (this.#quietTimer || ![...this.#runners.values()].some((runner) => runner.isDraining)) return;
    this.#quietTimer = this.#options.clock.after(1000, () => {
      this.#quietTimer = undefined;
      void this.#closeDrained().finally(() => this.#watchDraining());
    });
  }
  async #closeDrained(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    for (const runner of this.#runners.values()) {
      if (!runner.isDraining || !runner.isDone) {
        this.#quietSince.delete(runner.id);
        continue;
      }
      const since = this.#quietSince.get(runner.id) ?? nowMs;
      this.#quietSince.set(runner.id, since);
      if (nowMs - since < drainQuietMs) continue;
      this.#quietSince.delete(runner.id);
      this.#runners.delete(runner.id);
      this.#options.onRecipients(this.recipients());
      runner.cursor.isClosed = true;
      await runner.close();
    }
  }
}
