/** What joining plugins hold: records by stream, within limits. */
import type { JoinerInput } from '../core/joiner.ts';

/** One stream's: a record of the journal has 16 MiB at most, and escaping may double what is joined. */
const streamBytesMax = 4 * 1024 * 1024;
/** All streams': some hundred streams may be that large at a time, tens of thousands hold a few lines each. */
const totalBytesMax = 64 * 1024 * 1024;
/** Streams that hold something: each costs about a kilobyte besides its records. */
const streamsMax = 16_384;
/** What a held record costs besides its bytes. */
const inputBytes = 256;

/** What a stream holds. */
export interface Held {
  readonly inputs: JoinerInput[];
  bytes: number;
  /** Since when it waits, monotonic. */
  sinceMs: number;
}

export interface StreamsOptions {
  /** How long a stream may wait; undefined: for ever. */
  readonly waitMs: number | undefined;
  /** Told which stream must be given on, because it or all together hold too much: it must take it. */
  onFull(key: string): void;
}

export class Streams {
  readonly #options: StreamsOptions;
  /** In the order in which they wait, longest first. */
  readonly #held = new Map<string, Held>();
  #bytes = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }
  get(key: string): Held | undefined {
    return this.#held.get(key);
  }
  /** Adds a record. `restarts`: the stream waits from now on. */
  add(key: string, input: JoinerInput, nowMs: number, restarts: boolean): void {
    const bytes = input.bytes + inputBytes;
    const held = this.#held.get(key) ?? { inputs: [], bytes: 0, sinceMs: nowMs };
    held.inputs.push(input);
    held.bytes += bytes;
    this.#bytes += bytes;
    if (restarts) this.#held.delete(key);
    if (restarts) held.sinceMs = nowMs;
    this.#held.set(key, held);
    if (held.bytes > streamBytesMax) this.#options.onFull(key);
    while (this.#bytes > totalBytesMax || this.#held.size > streamsMax) {
      const [oldest] = this.#held.keys();
      if (oldest === undefined) return;
      this.#options.onFull(oldest);
    }
  }
  /** Takes out what a stream holds. */
  take(key: string): Held | undefined {
    const held = this.#held.get(key);
    if (!held) return undefined;
    this.#held.delete(key);
    this.#bytes -= held.bytes;
    return held;
  }
  /** When the next stream has waited for long enough. */
  get dueMs(): number | undefined {
    const { waitMs } = this.#options;
    if (waitMs === undefined) return undefined;
    for (const { sinceMs } of this.#held.values()) return sinceMs + waitMs;
    return undefined;
  }
  /** Those that have, longest first; each must be taken. */
  *due(nowMs: number): Generator<string> {
    const { waitMs } = this.#options;
    if (waitMs === undefined) return;
    for (const [key, { sinceMs }] of this.#held) {
      if (sinceMs + waitMs > nowMs) return;
      yield key;
    }
  }
  keys(): string[] {
    return [...this.#held.keys()];
  }
}
