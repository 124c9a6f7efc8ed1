/**
 * What runs and what is asked of it: loads configurations, turns generations on in the right order (first delivering,
 * then receiving, so that no record carries a number nobody can route), reloads, and answers the admin server.
 */
import type {
  AdminBackend,
  DeadLetterChoice,
  DeadLetterDetail,
  DeadLetterRow,
  OutputTarget,
  ReloadResult,
  SearchedIndex,
  Status,
  StoreState,
} from '../admin/backend.ts';
import type { PipelineModel } from '../config/model.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { version } from '../core/version.ts';
import type { OutputStatus as DeliveryStatus } from '../delivery/contract.ts';
import type { OpenDirectory } from '../journal/directory.ts';
import type { StoreQueries } from '../store/contract.ts';
import type { DeadLetterReader } from './dead-letter-reader.ts';
import type { Deliverer } from './deliverer.ts';
import type { Generation, Generations } from './generations.ts';
import type { ProcessNote } from './supervisor.ts';

/** The receiving side, in this process or in others. */
export interface Receivers {
  /** @throws OperatingError when a source cannot start. */
  use(generation: Generation): Promise<void>;
  /** Metrics of the other processes, as prom-client's JSON. */
  metrics(): Promise<readonly object[]>;
  processes(): Promise<readonly ProcessNote[]>;
}

export interface ControllerOptions {
  /** Reads the configuration. @throws ConfigError */
  readonly load: () => Promise<PipelineModel>;
  readonly generations: Generations;
  readonly deliverer: Deliverer;
  readonly directory: OpenDirectory;
  readonly receivers: Receivers;
  readonly deadLetters: DeadLetterReader;
  readonly metricsText: (others: readonly object[]) => Promise<string>;
  readonly receivingPaths: (model: PipelineModel) => Readonly<Record<string, unknown>>;
  readonly journalBytesMax: number;
  /** The store's process, where there is one. */
  readonly store?:
    | {
        readonly queries: () => StoreQueries | undefined;
        readonly state: () => StoreState;
        readonly processes: () => readonly ProcessNote[];
      }
    | undefined;
  /** Indices that are searched beside it. */
  readonly index?: SearchedIndex | undefined;
  readonly log: Log;
}

export class Controller implements AdminBackend {
  readonly #options: ControllerOptions;
  readonly #startedMs = Date.now();
  /** Over once the start has outputs, or failed. */
  readonly #begun = Promise.withResolvers<void>();
  #generation: Generation | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  #watcher: (model: PipelineModel) => Promise<void> = () => Promise.resolve();
  #isReceiving = false;
  #isStopping = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }
  /** Called with each configuration that begins to run. At the start its failure is the start's; later the log says it. */
  watch(watcher: (model: PipelineModel) => Promise<void>): void {
    this.#watcher = watcher;
  }
  /** Delivers by a configuration, or by the generation that receiving processes run already. @throws OperatingError */
  startDelivering(start: PipelineModel | Generation): Promise<void> {
    return this.#inTurn(async () => {
      const generation = 'number' in start ? start : await this.#options.generations.use(start);
      await this.#options.deliverer.use(generation);
      this.#generation = generation;
      this.#begun.resolve();
      await this.#watcher(generation.model);
    }).finally(() => this.#begun.resolve());
  }
  /** Lets the sources of the running generation begin. @throws OperatingError */
  startReceiving(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#generation) await this.#options.receivers.use(this.#generation);
      this.#isReceiving = true;
    });
  }
  /** The generation that runs, once no change is under way: for a receiving process that was restarted. */
  async settledGeneration(): Promise<Generation | undefined> {
    await this.#changing;
    return this.#generation;
  }
  /** The configuration that runs. */
  get model(): PipelineModel | undefined {
    return this.#generation?.model;
  }
  noteReceiving(): void {
    this.#isReceiving = true;
  }
  noteStopping(): void {
    this.#isStopping = true;
  }
  /** One at a time; what is asked meanwhile reads the configuration anew. */
  reload(): Promise<ReloadResult> {
    return this.#inTurn(() => this.#reload());
  }
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#changing.then(run);
    this.#changing = next.catch(() => undefined);
    return next;
  }
  async #reload(): Promise<ReloadResult> {
    const { load, generations, deliverer, receivers, log } = this.#options;
    const before = this.#generation;
    const model = await load();
    if (this.#isStopping)
      throw new OperatingError('JOURNAL_CLOSED', 'reading the configuration again: the program is stopping');
    const generation = await generations.use(model);
    if (generation.number === before?.number) return { generation: generation.number, isChanged: false, problems: [] };
    try {
      await deliverer.use(generation);
      await receivers.use(generation);
    } catch (error) {
      await this.#goBack(before);
      throw error;
    }
    this.#generation = generation;
    await this.#watcher(generation.model).catch((error: unknown) => log.error(errorText(error)));
    log.info({ generation: generation.number }, 'The configuration was read again and runs.');
    return { generation: generation.number, isChanged: true, problems: [] };
  }
  /** A part could not start: what ran goes on as it was, sources first, so that nothing new comes for what is given up. */
  async #goBack(before: Generation | undefined): Promise<void> {
    if (!before || this.#isStopping) return;
    const { deliverer, receivers, log } = this.#options;
    for (const side of [receivers, deliverer]) {
      try {
        await side.use(before);
      } catch (error) {
        log.error(
          { generation: before.number, error: errorText(error) },
          'Going back to the configuration that ran failed; correct it and reload.',
        );
      }
    }
  }

  /** Waits while the program starts: without outputs it would look as if nothing waited. */
  async status(): Promise<Status> {
    await this.#begun.promise;
    const { deliverer, directory, receivers, journalBytesMax, store } = this.#options;
    deliverer.askTargets();
    const router = deliverer.routerStatus();
    const types = new Map(this.#generation?.model.outputs.map(({ id, plugin }) => [id, plugin.type]));
    const outputs = deliverer.outputs().map((output) => ({ ...output, type: types.get(output.id) ?? 'removed' }));
    return {
      version,
      generation: this.#generation?.number ?? 0,
      startedMs: this.#startedMs,
      appended: total(router),
      journal: {
        bytes: directory.totalBytes(),
        bytesMax: journalBytesMax,
        shards: directory.shards().length,
        isFull: deliverer.isFull,
      },
      outputs,
      router: { ...router, type: 'router' },
      processes: [...(await receivers.processes()), ...(store?.processes() ?? [])],
    };
  }
  async metricsText(): Promise<string> {
    return this.#options.metricsText(await this.#options.receivers.metrics());
  }
  targets(): readonly OutputTarget[] {
    const { deliverer } = this.#options;
    deliverer.askTargets();
    const unknown = { answers: undefined, sinceMs: undefined, said: undefined };
    return deliverer.outputs().map(({ id, target = unknown }) => ({ output: id, ...target }));
  }
  notReady(): Promise<readonly string[]> {
    const { deliverer } = this.#options;
    const reasons: string[] = [];
    if (!this.#isReceiving) reasons.push('starting: sources do not listen yet');
    if (this.#isStopping) reasons.push('stopping');
    if (deliverer.isFull) reasons.push('the journal is full');
    for (const { id, state, lastError } of deliverer.outputs())
      if (state === 'stopped') reasons.push(`output ${id} is stopped: ${lastError ?? 'its dead letters are full'}`);
    return Promise.resolve(reasons);
  }
  dropOutput(id: string): Promise<number | undefined> {
    const { deliverer } = this.#options;
    const output = deliverer.outputs().find((one) => one.id === id);
    const isConfigured = this.#generation?.model.outputs.some((one) => one.id === id) === true;
    if (!output || isConfigured || !deliverer.dropOutput(id)) return Promise.resolve(undefined);
    return Promise.resolve(output.waiting);
  }
  deadLetters(limit: number, choice: DeadLetterChoice): Promise<readonly DeadLetterRow[]> {
    return this.#options.deadLetters.newest(limit, choice);
  }
  deadLetter(id: string): Promise<DeadLetterDetail | undefined> {
    return this.#options.deadLetters.show(id);
  }
  replayDeadLetters(choice: DeadLetterChoice, isRouted: boolean): Promise<number> {
    return this.#options.deadLetters.replay(choice, this.#generation?.number ?? 0, isRouted);
  }
  dropDeadLetters(choice: DeadLetterChoice): Promise<number> {
    return this.#options.deadLetters.drop(choice);
  }
  store(): StoreQueries | undefined {
    return this.#options.store?.queries();
  }
  storeState(): StoreState {
    return this.#options.store?.state() ?? { state: 'off', waiting: 0, lastError: undefined };
  }
  index(): SearchedIndex | undefined {
    return this.#options.index;
  }
  receivingPaths(): Readonly<Record<string, unknown>> {
    return this.#generation ? this.#options.receivingPaths(this.#generation.model) : {};
  }
}

/** Records that ever reached an account: what it is done with and what waits. */
function total({ delivered, refused, passed, waiting, derived }: DeliveryStatus): number {
  return delivered + Object.values(refused).reduce((sum, count) => sum + count, 0) + passed + waiting - derived;
}
