/** A secondary: opened by its first write, so that one that cannot be opened holds up nothing but what goes to it. */
import type { Chunk, Output, WriteResult } from '../core/plugin.ts';

export class Secondary {
  readonly #output: Output;
  #opening: Promise<void> | undefined;
  #hasWritten = false;
  #isOpen = false;

  constructor(output: Output) {
    this.#output = output;
  }
  /** As Output.write; also rejects when it cannot be opened, and opens it again with the next write then. */
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult | void> {
    await this.#open();
    this.#hasWritten = true;
    return this.#output.write(chunk, signal);
  }
  /** True when what was written has to be made durable before a cursor moves past it: then call commit() while no write runs. */
  get needsCommit(): boolean {
    return this.#hasWritten && this.#output.commit !== undefined;
  }
  /** As Output.commit; the state that was committed before, as long as it was not opened. */
  async commit(durable: unknown): Promise<unknown> {
    if (!this.#isOpen || !this.#output.commit) return durable;
    const state = await this.#output.commit(durable);
    this.#hasWritten = false;
    return state;
  }
  close(): Promise<void> {
    return this.#output.close();
  }
  async #open(): Promise<void> {
    this.#opening ??= this.#output.open?.() ?? Promise.resolve();
    try {
      await this.#opening;
      this.#isOpen = true;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
