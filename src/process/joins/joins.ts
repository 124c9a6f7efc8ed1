/** The joins of the delivering process: the writer they share, and their ports. */
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Output } from '../../core/plugin.ts';
import type { Joiner, JoinerOutlet } from '../../core/joiner.ts';
import type { JournalWriter, ShardExtent } from '../../journal/contract.ts';
import { JoinOutput } from './output.ts';
import { JoinPort } from './port.ts';

export interface JoinsOptions {
  /** Opens the writer when a join is needed first; records what it says of the journal. */
  openWriter(): Promise<JournalWriter>;
  shards(): readonly ShardExtent[];
  readonly clock: Clock;
  readonly log: Log;
}

export class Joins {
  readonly #options: JoinsOptions;
  readonly #ports = new Map<string, JoinPort>();
  /** The least generation of the records in each shard. */
  readonly #generations = new Map<string, number>();
  #writer: Promise<JournalWriter> | undefined;

  constructor(options: JoinsOptions) {
    this.#options = options;
  }
  output(id: string, create: (outlet: JoinerOutlet) => Joiner): Output {
    return new JoinOutput({
      id,
      clock: this.#options.clock,
      log: this.#options.log,
      create,
      port: () => this.#port(id),
    });
  }
  /** Whether the shard holds joined records of a configuration from before `generation`. */
  carriesOlder(shard: string, generation: number): boolean {
    return (this.#generations.get(shard) ?? Number.POSITIVE_INFINITY) < generation;
  }
  /** Appends no more. Outputs must have been closed. */
  async close(): Promise<void> {
    for (const port of this.#ports.values()) await port.close();
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
  }

  async #port(id: string): Promise<JoinPort> {
    const { clock, log } = this.#options;
    this.#writer ??= this.#options.openWriter();
    let writer: JournalWriter;
    try {
      writer = await this.#writer;
    } catch (error) {
      this.#writer = undefined;
      throw error;
    }
    let port = this.#ports.get(id);
    if (!port) {
      const known = new Set(this.#options.shards().map(({ shard }) => shard));
      port = new JoinPort({
        id,
        writer,
        clock,
        log,
        hasShard: (shard) => known.has(shard),
        onAppended: (generation, shard) => this.#note(generation, shard),
      });
      this.#ports.set(id, port);
    }
    return port;
  }
  #note(generation: number, shard: string): void {
    this.#generations.set(shard, Math.min(generation, this.#generations.get(shard) ?? generation));
  }
}
