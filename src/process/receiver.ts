/**
 * The receiving side of a process: a journal writer and the sources that append to it. A reload starts, keeps and
 * stops sources by what changed; what an unchanged source appends from then on carries the new generation.
 */
import type { PluginModel, SourceModel } from '../config/model.ts';
import type { PeerCalls, Source, SourceContext } from '../core/plugin.ts';
import type { JournalWriter } from '../journal/contract.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Generation } from './generations.ts';
import { isSameModel } from './places.ts';

/** What makes a source of its model; pipeline.ts knows the plugins. */
export interface SourceMaker {
  isReplicated(plugin: PluginModel): boolean;
  make(model: SourceModel, context: Pick<SourceContext, 'append' | 'state' | 'peers' | 'worker'>): Source;
}

export interface ReceiverOptions {
  readonly writer: JournalWriter;
  readonly maker: SourceMaker;
  readonly worker: { readonly index: number; readonly count: number };
  readonly peers: (sourceId: string) => PeerCalls;
  readonly log: Log;
}

interface Running {
  readonly model: SourceModel;
  readonly source: Source;
  /** What its records carry: a source that ends keeps the one it ran under. */
  readonly generation: { number: number };
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #running = new Map<string, Running>();
  readonly #ended: Promise<void>;
  #noteEnded: () => void = () => undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isStopping = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve) => (this.#noteEnded = resolve));
  }
  /**
   * Runs the sources of a generation, behind what is under way. Resolves when all listen or read.
   * @throws OperatingError LISTEN_FAILED: sources that could start run, and those that did not change go on; use another
   * generation to go back. JOURNAL_CLOSED: it is stopping.
   */
  use(generation: Generation): Promise<void> {
    return this.#inTurn(() => this.#use(generation));
  }
  /** Resolves when a source's configuration asks the program to end with it and it has come to its end. */
  ended(): Promise<void> {
    return this.#ended;
  }
  /** Stops all sources, then closes the writer. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#inTurn(async () => {
      await Promise.all([...this.#running.values()].map(({ source }) => this.#stopSource(source)));
      this.#running.clear();
      await this.#options.writer.close();
    });
  }
  #inTurn(run: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => undefined);
    return result;
  }
  async #use({ number, model }: Generation): Promise<void> {
    const wanted = new Map(model.sources.filter((source) => this.#isMine(source)).map((source) => [source.id, source]));
    this.#checkRunning();
    // Those that go first: what they still take belongs to the generation that knows them.
    for (const [id, running] of this.#running) {
      const next = wanted.get(id);
      if (next && isSameModel(running.model, next)) continue;
      this.#running.delete(id);
      await this.#stopSource(running.source);
    }
    for (const running of this.#running.values()) running.generation.number = number;
    for (const [id, wantedModel] of wanted) {
      if (this.#running.has(id)) continue;
      this.#checkRunning();
      const own = { number };
      const source = this.#make(wantedModel, own);
      await source.start();
      this.#running.set(id, { model: wantedModel, source, generation: own });
      void source.ended?.then(() => this.#noteEnded());
    }
  }
  #checkRunning(): void {
    if (this.#isStopping)
      throw new OperatingError('JOURNAL_CLOSED', 'starting sources: the program is stopping; start it again');
  }
  async #stopSource(source: Source): Promise<void> {
    try {
      await source.stop();
    } catch (error) {
      this.#options.log.warn(
        { error: errorText(error) },
        'A source did not stop cleanly; what it acknowledged is in the journal.',
      );
    }
  }
  #isMine(source: SourceModel): boolean {
    const { worker, maker } = this.#options;
    return source.workers?.includes(worker.index) ?? (worker.index === 0 || maker.isReplicated(source.plugin));
  }
  #make(model: SourceModel, generation: { readonly number: number }): Source {
    const { writer, maker, peers } = this.#options;
    const source = model.id;
    const workers = model.workers ?? Array.from({ length: this.#options.worker.count }, (_, index) => index);
    return maker.make(model, {
      // Those that run it are numbered from 0, as if there were no others.
      worker: { index: workers.indexOf(this.#options.worker.index), count: workers.length },
      peers: among(workers, peers(source)),
      state: writer.state.get(source) ?? new Map<string, unknown>(),
      append: (request) =>
        writer.append({
          tag: request.tag,
          records: request.records,
          source,
          generation: generation.number,
          ...(request.state ? { state: request.state } : {}),
          ...(request.keys ? { keys: request.keys } : {}),
          ...(request.sync ? { sync: request.sync } : {}),
        }),
    });
  }
}

/** The calls of a source that only some processes run. */
function among(workers: readonly number[], peers: PeerCalls): PeerCalls {
  return {
    call: (index, request) => peers.call(workers[index] ?? index, request),
    serve: (handler) => peers.serve(handler),
  };
}
