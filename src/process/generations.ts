/**
 * Generations: every configuration that ran, kept so that a record is filtered and routed by the one it was appended
 * under, also after a restart. `<dataDir>/generations/<number>.json` holds {version, number, createdMs, model}; files are
 * written whole, synced, renamed and the directory synced before a record may carry the number. Mode 0600: models
 * hold the secrets of the configuration.
 */
import { join } from 'node:path';
import type { OutputModel, PipelineModel } from '../config/model.ts';
import type { Clock } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import type { Log } from '../core/log.ts';
import { isSameModel } from './places.ts';
import { replaceTextDurably } from '../core/whole-file.ts';

interface Stored {
  readonly version: 1;
  readonly number: number;
  readonly createdMs: number;
  readonly model: PipelineModel;
}

export interface Generation {
  readonly number: number;
  readonly model: PipelineModel;
}

export class Generations {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #directory: string;
  readonly #models = new Map<number, PipelineModel>();
  #newest = 0;

  private constructor(disk: Disk, clock: Clock, log: Log, directory: string) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
    this.#directory = directory;
  }

  static async open(disk: Disk, clock: Clock, log: Log, dataDirectory: string): Promise<Generations> {
    const generations = new Generations(disk, clock, log, join(dataDirectory, 'generations'));
    await disk.makeDirectory(generations.#directory);
    for (const name of await disk.list(generations.#directory)) {
      const number = Number(/^(\d+)\.json$/.exec(name)?.[1]);
      if (!Number.isSafeInteger(number)) continue;
      generations.#newest = Math.max(generations.#newest, number);
      await generations.#load(number);
    }
    return generations;
  }
  async #load(number: number): Promise<void> {
    const text = await this.#disk.readFile(this.#path(number));
    try {
      this.#models.set(number, (JSON.parse(String(text)) as Stored).model);
    } catch {
      this.#log.error(
        { file: this.#path(number) },
        'A stored configuration generation cannot be read; its waiting records are routed by the running one.',
      );
    }
  }
  /** The generation of a model: the newest one when it is the same, else a new one, durable when this resolves. */
  async use(model: PipelineModel): Promise<Generation> {
    // What is compared and run is what a restart would read back.
    const plain = JSON.parse(JSON.stringify(model)) as PipelineModel;
    const newest = this.#models.get(this.#newest);
    if (newest && isSameModel(newest, plain)) return { number: this.#newest, model: newest };
    const number = this.#newest + 1;
    const stored: Stored = { version: 1, number, createdMs: this.#clock.nowMs(), model: plain };
    const path = this.#path(number);
    await replaceTextDurably(this.#disk, path, JSON.stringify(stored));
    this.#newest = number;
    this.#models.set(number, plain);
    return { number, model: plain };
  }
  get(number: number): PipelineModel | undefined {
    return this.#models.get(number);
  }
  /** The newest description of an output that any generation names. */
  findOutput(id: string): OutputModel | undefined {
    for (const number of [...this.#models.keys()].sort((a, b) => b - a)) {
      const found = this.#models.get(number)?.outputs.find((output) => output.id === id);
      if (found) return found;
    }
    return undefined;
  }
  /** Removes generations that no record can carry any more: those before `lowest`. */
  async forgetBefore(lowest: number): Promise<void> {
    for (const number of this.#models.keys()) {
      if (number >= lowest || number === this.#newest) continue;
      this.#models.delete(number);
      await this.#disk.remove(this.#path(number));
    }
  }
  #path(number: number): string {
    return join(this.#directory, `${number}.json`);
  }
}
