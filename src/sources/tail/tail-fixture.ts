/** A `tail` source over a real directory and a made-up journal, for tests: stopped, killed and started again. */
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory, until } from '../../../test/program.ts';
import { configOf, contextOf, kept, modelOf, sourceContextOf } from '../../../test/fixture.ts';
import { noneParser } from '../../codecs/none.ts';
import { realClock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import { decodeMsgpack } from '../../core/msgpack.ts';
import { fieldEntries } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import type { PluginModel } from '../../config/model.ts';
import type { AppendRequest, Source, SourceContext } from '../../core/plugin.ts';
import { builtinPlugins } from '../../plugins.ts';
import { tailSource } from './index.ts';

/** What appends of a killed source meet: it does not live to see it. */
const dead = () => new OperatingError('JOURNAL_CLOSED', 'killed');
type TestSource = ReturnType<typeof sourceContextOf>;

export class Tailing {
  readonly directory: string;
  readonly #options: Record<string, unknown>;
  readonly #parser: PluginModel;
  /** What lies in the journal. */
  readonly appended: AppendRequest[] = [];
  readonly refusals: { reason: string; raw?: string }[] = [];
  readonly said: string[] = [];
  #parsers: readonly PluginModel[] | undefined;
  #state = new Map<string, unknown>();
  #source: Source | undefined;
  #diesAfter: number | undefined;
  #death = Promise.withResolvers<void>();
  #running: TestSource | undefined;
  /** Throws or waits in place of an append, for tests. */
  beforeAppend: (request: AppendRequest) => Promise<void> = () => Promise.resolve();

  private constructor(directory: string, options: Record<string, unknown>, parser: PluginModel) {
    this.directory = directory;
    this.#options = options;
    this.#parser = parser;
  }
  /** `path` and `posFile` are below the directory. */
  static async make(
    test: TestContext,
    options: Readonly<Record<string, unknown>> & {
      readonly path?: string;
      readonly posFile?: string;
      readonly db?: string;
    } = {},
    parser: PluginModel = modelOf(noneParser),
    parsers?: readonly PluginModel[],
  ): Promise<Tailing> {
    const directory = await temporaryDirectory(test);
    const path = (options.path ?? 'in.log')
      .split(',')
      .map((one) => join(directory, one.trim()))
      .join(',');
    const all = { tag: 't', readFromHead: true, refreshInterval: 50, ...options, path };
    const posFile = options.posFile === undefined ? {} : { posFile: join(directory, options.posFile) };
    const db = options.db === undefined ? {} : { db: join(directory, options.db) };
    const tailing = new Tailing(directory, { ...all, ...posFile, ...db }, parser);
    tailing.#parsers = parsers;
    test.after(() => tailing.stop());
    return tailing;
  }
  file(name: string): string {
    return join(this.directory, name);
  }
  write(name: string, text: string | Buffer): Promise<void> {
    return writeFile(this.file(name), text);
  }
  append(name: string, text: string | Buffer): Promise<void> {
    return appendFile(this.file(name), text);
  }
  async start(): Promise<void> {
    if (tailSource.kind !== 'source') throw new TypeError('not a source');
    const context: TestSource = sourceContextOf({ ...contextOf(builtinPlugins), clock: realClock });
    const log = { ...context.log } as SourceContext['log'];
    for (const level of ['info', 'warn', 'error'] as const)
      log[level] = (text: unknown) => void this.said.push(String(text));
    const own = { isDead: false };
    const death = (this.#death = Promise.withResolvers<void>());
    const source = {
      ...context,
      log,
      state: new Map(this.#state),
      append: async (request: AppendRequest): Promise<number> => {
        await this.beforeAppend(request);
        if (own.isDead) throw dead();
        this.appended.push(kept(request));
        for (const [key, value] of Object.entries(request.state ?? {}))
          if (value === null) this.#state.delete(key);
          else this.#state.set(key, value);
        // Durable, but nobody is told.
        if (this.#diesAfter !== undefined && --this.#diesAfter === 0) this.kill();
        if (own.isDead) throw dead();
        return this.appended.length;
      },
    };
    this.#running = context;
    const made = tailSource.create(
      configOf(tailSource, this.#options, { parser: this.#parser, parsers: this.#parsers }),
      source,
    );
    this.#source = made;
    this.kill = () => {
      own.isDead = true;
      death.resolve();
      this.#diesAfter = undefined;
      this.#source = undefined;
      // Nothing of it reaches the journal; what it holds open goes.
      void started.then(() => made.stop());
    };
    const started = made.start();
    await Promise.race([started, death.promise]);
  }
  /** Dies when so many more appends are durable, before they are answered. */
  killAfter(appends: number): void {
    this.#diesAfter = appends;
  }
  /** Resolves when the source has come to its end. */
  async ended(): Promise<void> {
    await this.#source?.ended;
  }
  get isRunning(): boolean {
    return this.#source !== undefined;
  }
  /** From here on nothing of this start reaches the journal. */
  kill: () => void = () => undefined;
  async stop(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await Promise.race([source?.stop(), this.#death.promise]);
    if (this.#running) this.refusals.push(...this.#running.refusals);
    this.#running = undefined;
  }
  /** The records so far. */
  get records(): Record<string, unknown>[] {
    return this.appended.flatMap(({ records }) =>
      records.payloads.map((payload) => {
        if (records.codec !== 1)
          return Object.fromEntries(fieldEntries(decodeMsgpack(Buffer.from(payload as Uint8Array)) as Fields));
        return JSON.parse(Buffer.from(payload as Uint8Array).toString()) as Record<string, unknown>;
      }),
    );
  }
  get messages(): unknown[] {
    return this.records.map(({ message }) => message);
  }
  async count(count: number): Promise<void> {
    await until(`${count} records`, () => this.records.length >= count);
  }
}
