/**
 * The delivering side: the journal's directory, the dispatcher and the outputs, with retention and the space that
 * writers may still use. One per program; in its own process when there are several workers.
 */
import type { OutputModel, PipelineModel } from '../config/model.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { AppendRequest, Output } from '../core/plugin.ts';
import type { Delivery, OutputPlan, OutputStatus } from '../delivery/contract.ts';
import { openDelivery } from '../delivery/delivery.ts';
import type { JournalDirectory } from '../journal/contract.ts';
import type { Recipient, Router } from '../router/contract.ts';
import { Dispatcher } from '../router/dispatcher.ts';
import type { DispatcherOptions } from '../router/dispatcher.ts';
import { CatchUpWatch } from './catch-up.ts';
import type { Generation, Generations } from './generations.ts';
import type { Joins } from './joins/joins.ts';
import { textWithoutPlaces } from './places.ts';

type RoutePass = Parameters<DispatcherOptions['routerFor']>[1];

/** What makes running parts of a model; pipeline.ts knows the plugins. */
export interface OutputMaker {
  output(model: OutputModel, committed: unknown): Output;
  secondary(model: OutputModel): ((committed: unknown) => Output) | undefined;
  /** `replay`: for frames that were routed for others before; filters that only print do nothing there. */
  router(model: PipelineModel, pass: RoutePass): Router;
}

export interface DelivererOptions {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly directory: JournalDirectory;
  readonly generations: Generations;
  readonly maker: OutputMaker;
  readonly appendDead: (request: AppendRequest) => Promise<unknown>;
  /** The journal's share of the data limit. */
  readonly journalBytesMax: number;
  /** The share of staged chunks. */
  readonly stagedBytesMax?: number;
  /**
   * Told how many bytes all writers together may still write, and by how many the journal is over its limit: what joins
   * write lets more go, so they may write a little more.
   */
  readonly onSpace: (leftBytes: number, overBytes: number) => void;
  readonly joins: Joins;
}

/** How often retention runs and space is measured: often enough that 9 MB/s of postbacks cannot overrun the reserve. */
const housekeepingMs = 250;
/** How often a trouble that lasts is said. */
const troubleSayMs = 60_000;
/** Left free on the disk for cursors and dead letters when the journal has taken the rest; less on small disks. */
const reserveBytesMax = 64 * 1024 * 1024;
const reserveShare = 16;
/** The part of its limit that the journal keeps free by deleting what is delivered: two segments. */
const headroomShare = 8;

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #delivery: Delivery;
  readonly #dispatcher: Dispatcher;
  readonly #catchUp: CatchUpWatch;
  #generation: Generation | undefined;
  #timer: Timer | undefined;
  #housekeeping: Promise<void> = Promise.resolve();
  #isFull = false;
  #isStopping = false;
  /** Shards from before this start, as long as one of them is left: their records may carry any earlier generation. */
  #oldShards: ReadonlySet<string> | undefined;
  #firstGeneration = 0;
  #trouble: { readonly text: string; readonly saidMs: number } | undefined;

  private constructor(options: DelivererOptions, delivery: Delivery) {
    this.#options = options;
    this.#delivery = delivery;
    const { directory, clock, log } = options;
    this.#catchUp = new CatchUpWatch(clock, log);
    this.#dispatcher = new Dispatcher({
      directory,
      clock,
      log,
      generation: 0,
      routerFor: (generation, pass) => this.#routerFor(generation, pass),
    });
    directory.onChange(() => this.#dispatcher.wake());
  }
  static async open(options: DelivererOptions): Promise<Deliverer> {
    const { dataDir, disk, clock, log, metrics, directory, appendDead } = options;
    let takeRecipients: (recipients: readonly Recipient[]) => void = () => undefined;
    const delivery = await openDelivery({
      dataDir,
      disk,
      clock,
      log,
      metrics,
      appendDead,
      ...(options.stagedBytesMax !== undefined && { stagedBytesMax: options.stagedBytesMax }),
      shards: () => directory.shards(),
      onRecipients: (recipients) => takeRecipients(recipients),
    });
    const deliverer = new Deliverer(options, delivery);
    takeRecipients = (recipients) => deliverer.#dispatcher.setRecipients(recipients);
    return deliverer;
  }
  /** Delivers by this generation from now on; outputs it no longer names drain. */
  async use(generation: Generation): Promise<void> {
    const isFirst = this.#generation === undefined;
    this.#generation = generation;
    await this.#delivery.setOutputs(generation.model.outputs.map((model) => this.#plan(model)));
    await this.#delivery.drain(this.#unfinishedPlans());
    this.#dispatcher.setRecipients(this.#delivery.recipients(), generation.number);
    if (!isFirst) return;
    this.#oldShards = new Set(this.#options.directory.shards().map(({ shard }) => shard));
    this.#firstGeneration = generation.number;
    this.#dispatcher.start();
    await this.#keepHouse();
    this.#schedule();
  }
  noteDurable(shard: string, durableOffset: number): void {
    this.#options.directory.noteDurable(shard, durableOffset);
  }
  outputs(): readonly OutputStatus[] {
    return this.#delivery.status();
  }
  askTargets(): void {
    this.#delivery.askTargets();
  }
  routerStatus(): OutputStatus {
    return this.#delivery.routerStatus();
  }
  dropOutput(id: string): boolean {
    return this.#delivery.dropOutput(id);
  }
  get isFull(): boolean {
    return this.#isFull;
  }
  /** Delivers what outputs take within graceMs, says what is left, commits cursors. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#timer?.cancel();
    await this.#housekeeping;
    // Receivers have stopped: their shards' ends may say more than their last news did.
    await this.#keepHouse();
    const left = await this.#delivery.stop(graceMs);
    await this.#dispatcher.stop();
    await this.#options.joins.close();
    for (const { id, waiting } of left) {
      if (waiting > 0)
        this.#options.log.warn(
          { output: id, waiting },
          'Records wait for this output; they are in the journal and are delivered after the next start.',
        );
    }
    await this.#options.directory.close();
  }

  #plan(model: OutputModel): OutputPlan {
    const { maker } = this.#options;
    const { plugin, secondary, id, buffer } = model;
    const signature = textWithoutPlaces({ plugin, secondary, buffer });
    return {
      id,
      buffer,
      signature,
      create: (committed) => maker.output(model, committed),
      createSecondary: maker.secondary(model),
    };
  }
  /** Outputs of earlier generations that still have records, as the newest generation that knows them describes them. */
  #unfinishedPlans(): OutputPlan[] {
    const plans: OutputPlan[] = [];
    for (const id of this.#delivery.unfinished()) {
      const model = this.#options.generations.findOutput(id);
      if (model) plans.push(this.#plan(model));
      else
        this.#options.log.error(
          { output: id },
          'An output has records waiting that no stored configuration describes; drop it with: post2log outputs drop ID',
        );
    }
    return plans;
  }
  #routerFor(number: number, pass: RoutePass): Router | undefined {
    const model = this.#options.generations.get(number);
    return model && this.#options.maker.router(model, pass);
  }
  #schedule(): void {
    this.#timer = this.#options.clock.after(housekeepingMs, () => {
      this.#housekeeping = this.#keepHouse().finally(() => {
        if (!this.#isStopping) this.#schedule();
      });
    });
  }
  async #keepHouse(): Promise<void> {
    const { directory, disk, dataDir, journalBytesMax, onSpace } = this.#options;
    try {
      const first = new Map(directory.shards().map(({ shard, firstOffset }) => [shard, firstOffset]));
      const before = await disk.space(dataDir);
      const reserveBytes = Math.min(reserveBytesMax, journalBytesMax / reserveShare, before.totalBytes / reserveShare);
      const roomBytes = (freeBytes: number): number =>
        Math.max(0, Math.min(journalBytesMax - directory.totalBytes(), freeBytes - reserveBytes));
      // Delivered segments go before the limit is reached, so that sources do not have to wait for that.
      const bytesMax = directory.totalBytes() + roomBytes(before.freeBytes) - journalBytesMax / headroomShare;
      await directory.retain((shard) => this.#delivery.passed(shard, first.get(shard) ?? 0), bytesMax);
      const leftBytes = roomBytes((await disk.space(dataDir)).freeBytes);
      this.#noteFull(leftBytes < journalBytesMax / 256);
      if (this.#isFull) this.#dropOldest();
      onSpace(leftBytes, Math.max(0, directory.totalBytes() - journalBytesMax));
      this.#catchUp.look(() => this.#delivery.status());
      await this.#forgetGenerations();
      this.#trouble = undefined;
    } catch (error) {
      this.#sayTrouble(errorText(error));
    }
  }
  #sayTrouble(text: string): void {
    const { clock, log } = this.#options;
    const saidMs = clock.monotonicMs();
    if (this.#trouble?.text === text && saidMs - this.#trouble.saidMs < troubleSayMs) return;
    this.#trouble = { text, saidMs };
    log.warn(
      { error: text },
      'Looking after the journal failed; it is tried again. Until then nothing is deleted, and sources may have to wait.',
    );
  }
  /** Once the last shard from before this start is gone, no record carries a generation from before it. */
  async #forgetGenerations(): Promise<void> {
    const old = this.#oldShards;
    const model = this.#generation?.model;
    if (!old || !model || this.#options.directory.shards().some(({ shard }) => this.#mayBeOld(shard))) return;
    // An output that still drains would not be known after a restart.
    const isNamed = new Set(model.outputs.map(({ id }) => id));
    if (this.#delivery.unfinished().length > 0 || this.#delivery.status().some(({ id }) => !isNamed.has(id))) return;
    await this.#options.generations.forgetBefore(this.#firstGeneration);
    this.#oldShards = undefined;
  }
  /** Joined records go into new shards under the configuration of their parts. */
  #mayBeOld(shard: string): boolean {
    return this.#oldShards?.has(shard) === true || this.#options.joins.carriesOlder(shard, this.#firstGeneration);
  }
  #noteFull(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const { log } = this.#options;
    if (isFull)
      log.warn('The journal is full: sources wait or answer 503 until outputs have read on or space returns.');
    else log.info('The journal has room again.');
  }
  /** Outputs that chose drop_oldest give up their oldest segment's worth. */
  #dropOldest(): void {
    for (const { shard, firstOffset, durableOffset } of this.#options.directory.shards()) {
      // An eighth of what the oldest shard holds: enough to free segments, not so much that a short stall costs all.
      const share = Math.max(1, Math.ceil((durableOffset - firstOffset) / 8));
      if (this.#delivery.dropOldest(shard, Math.min(durableOffset, firstOffset + share))) return;
    }
  }
}
