/** How long a question may take, and how it ends early. */
import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Connection, SqlRow } from './database.ts';
import { isInterrupted } from './database.ts';

/** A question takes at most this long where it does not say otherwise: a person waits no longer, and a slot is free again. */
export const timeoutMsDefault = 10_000;

/**
 * A statement is interrupted again and again until it ends, as DuckDB forgets an interruption that comes before the
 * statement has begun in its thread. 10 ms: soon enough for a person, too rare to cost anything.
 */
const interruptAgainMs = 10;

/** The time limit of a question came. Those who ask turn it into an answer that says so. */
export class TimeUp extends Error {
  constructor() {
    super('the time limit of a question came');
    this.name = 'TimeUp';
  }
}

/** A statement failed, neither by the time limit nor by the signal; `cause` is DuckDB's error. */
export class StatementError extends Error {
  constructor(cause: unknown) {
    super(errorText(cause), { cause });
    this.name = 'StatementError';
  }
}

/** The time limit and the abort signal of one question. Call close() at its end. */
export class Limits {
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #timeoutMs: number | undefined;
  readonly #timer: Timer | undefined;
  readonly #running = new Set<Connection>();
  readonly #ended: Promise<never>;
  readonly #onAbort: () => void;
  #end: (reason: unknown) => void = () => {};
  #isTimeUp = false;

  /** `timeoutMs` undefined: no time limit, only the signal. */
  constructor(signal: AbortSignal, timeoutMs: number | undefined, clock: Clock) {
    this.#signal = signal;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.#timeoutMs = timeoutMs;
    this.#ended = new Promise<never>((_, reject) => (this.#end = reject));
    this.#ended.catch(() => {});
    this.#onAbort = () => this.#stop();
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () => {
            this.#isTimeUp = true;
            this.#stop();
          });
    if (signal.aborted) this.#stop();
  }
  /** Ms until the time limit; Infinity where there is none. */
  get leftMs(): number {
    return this.#timeoutMs === undefined ? Infinity : Math.max(0, this.#timeoutMs - this.tookMs);
  }
  /** Ms since the question began. */
  get tookMs(): number {
    return Math.round(this.#clock.monotonicMs() - this.#startMs);
  }
  /** Limits of their own with the same signal, for what has to follow when the time limit has come. */
  another(timeoutMs: number): Limits {
    return new Limits(this.#signal, timeoutMs, this.#clock);
  }
  /** @throws the signal's reason. */
  checkSignal(): void {
    if (this.#signal.aborted) throw this.#signal.reason;
  }
  /** @throws the signal's reason, or TimeUp. */
  check(): void {
    this.checkSignal();
    if (this.#isTimeUp) throw new TimeUp();
  }
  /** Waits for something that cannot be ended. Where the question ends first, what comes late goes to `drop`. */
  async wait<T>(promise: Promise<T>, drop: (late: T) => void): Promise<T> {
    try {
      this.check();
      return await Promise.race([promise, this.#ended]);
    } catch (error) {
      void promise.then(drop, () => {});
      throw error;
    }
  }
  /** All rows of a statement. @throws as check(), StatementError. */
  rows(connection: Connection, sql: string): Promise<SqlRow[]> {
    return this.during(connection, () => connection.rows(sql));
  }
  /** Gives rows to `take` in pieces of up to 2048, so that an answer of many rows does not stand in memory as a whole. */
  async stream(connection: Connection, sql: string, take: (rows: readonly SqlRow[]) => void): Promise<void> {
    await this.during(connection, async () => {
      for await (const rows of connection.stream(sql)) {
        this.check();
        take(rows);
      }
      // A stream that is interrupted between two pieces ends like one that is at its end.
      this.check();
    });
  }
  /** Interrupts the connection when the question ends while `run` asks it. @throws as check(), StatementError. */
  async during<T>(connection: Connection, run: (connection: Connection) => Promise<T>): Promise<T> {
    this.check();
    this.#running.add(connection);
    try {
      return await run(connection);
    } catch (error) {
      this.checkSignal();
      if (isInterrupted(error)) this.check();
      throw isPlain(error) ? new StatementError(error) : error;
    } finally {
      this.#running.delete(connection);
    }
  }
  close(): void {
    this.#timer?.cancel();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
  #stop(): void {
    this.#end(this.#signal.aborted ? this.#signal.reason : new TimeUp());
    this.#interrupt();
  }
  #interrupt(): void {
    if (this.#running.size === 0) return;
    for (const connection of this.#running) connection.interrupt();
    this.#clock.after(interruptAgainMs, () => this.#interrupt());
  }
}

/** DuckDB's errors are plain ones; errors of classes are the program's own. */
function isPlain(error: unknown): boolean {
  return error instanceof Error && Object.getPrototypeOf(error) === Error.prototype;
}
