/**
 * The receiving side of a process: a journal writer and the sources that append to it. A reload starts, keeps and
 * stops sources by what changed; what an unchanged source appends from then on carries the new generation.
 */
import { isDeepStrictEqual } from 'node:util';
import type { PluginModel, SourceModel } from '../config/model.ts';
import type { PeerCalls, Source, SourceContext } from '../core/plugin.ts';
import type { JournalWriter } from '../journal/contract.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Generation } from './generations.ts';

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
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #running = new Map<string, Running>();
  readonly #ended: Promise<void>;
  #noteEnded: () => void = () => undefined;
  #generation = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve) => (this.#noteEnded = resolve));
  }
  /** Runs the sources of a generation. Resolves when all listen or read. @throws OperatingError LISTEN_FAILED; what ran before goes on. */
  async use(generation: Generation): Promise<void> {
    const wanted = new Map(
      generation.model.sources.filter((source) => this.#isMine(source)).map((source) => [source.id, source]),
    );
    this.#generation = generation.number;
    for (const [id, running] of this.#running) {
      if (isSame(running.model, wanted.get(id))) continue;
      this.#running.delete(id);
      await running.source.stop();
    }
    for (const [id, model] of wanted) {
      if (this.#running.has(id)) continue;
      const source = this.#make(model);
      await source.start();
      this.#running.set(id, { model, source });
      void source.ended?.then(() => this.#noteEnded());
    }
  }
  /** Resolves when a source's configuration asks the program to end with it and it has come to its end. */
  ended(): Promise<void> {
    return this.#ended;
  }
  /** Stops all sources, then closes the writer. */
  async stop(): Promise<void> {
    const results = await Promise.allSettled([...this.#running.values()].map(({ source }) => source.stop()));
    for (const result of results)
      if (result.status === 'rejected')
        this.#options.log.warn(
          { error: errorText(result.reason) },
          'A source did not stop cleanly; what it acknowledged is in the journal.',
        );
    this.#running.clear();
    await this.#options.writer.close();
  }
  #isMine(source: SourceModel): boolean {
    return this.#options.worker.index === 0 || this.#options.maker.isReplicated(source.plugin);
  }
  #make(model: SourceModel): Source {
    const { writer, maker, worker, peers } = this.#options;
    const source = model.id;
    return maker.make(model, {
      worker,
      peers: peers(source),
      state: writer.state.get(source) ?? new Map<string, unknown>(),
      append: (request) =>
        writer.append({
          tag: request.tag,
          records: request.records,
          source,
          generation: this.#generation,
          ...(request.state ? { state: request.state } : {}),
          ...(request.keys ? { keys: request.keys } : {}),
        }),
    });
  }
}

function isSame(running: SourceModel, wanted: SourceModel | undefined): boolean {
  if (!wanted) return false;
  const plain = (model: SourceModel): unknown =>
    JSON.parse(JSON.stringify(model, (key, value: unknown) => (key === 'at' ? undefined : value)));
  return isDeepStrictEqual(plain(running), plain(wanted));
}
