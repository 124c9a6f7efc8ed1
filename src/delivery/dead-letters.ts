/** Keeps refused records in the dead-letter journal, however long that takes. */
import type { Batch } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { AppendRequest } from '../core/plugin.ts';
import { deadLetterAppend } from './dead-letter.ts';
import type { Refused } from './dead-letter.ts';

/** Wait before the next try while the dead letters are full: somebody has to make room, so nothing is won by haste. */
const fullWaitMs = 1000;
/** Letters appended at once: enough to share an fsync, few enough for any frame limit with records of usual size. */
const lettersMax = 256;

interface Letter {
  readonly refused: Refused;
  readonly batch: Batch;
  readonly row: number;
}

interface DeadLettersOptions {
  readonly output: string;
  readonly log: Log;
  append(request: AppendRequest): Promise<unknown>;
  /** Waits; rejects when the program stops. */
  sleep(waitMs: number): Promise<unknown>;
  /** Told when letters cannot be kept (with the reason), and when they can again. */
  onStopped(reason: string | undefined): void;
}

/** The dead letters of one output. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }
  /** Resolves once all are durable. Rejects only when the program stops. */
  async keep(letters: readonly Letter[]): Promise<void> {
    for (let from = 0; from < letters.length; from += lettersMax)
      await this.#append(letters.slice(from, from + lettersMax));
  }
  async #append(letters: readonly Letter[]): Promise<void> {
    const { output, log } = this.#options;
    const request = deadLetterAppend(output, letters);
    let isStopped = false;
    for (;;) {
      try {
        await this.#options.append(request);
        if (isStopped) this.#options.onStopped(undefined);
        return;
      } catch (error) {
        if (error instanceof OperatingError && error.code === 'RECORD_TOO_LARGE') {
          await this.#appendLarge(letters);
          return;
        }
        if (!isStopped)
          log.error(
            { output },
            `keeping ${letters.length} dead letters of output ${output}: ${errorText(error)}; the output waits until they can be kept: replay or drop dead letters, or raise P2L_DATA_LIMIT`,
          );
        isStopped = true;
        this.#options.onStopped(errorText(error));
        await this.#options.sleep(fullWaitMs);
      }
    }
  }
  /** One of them is too large for the journal: the others are kept without it. */
  async #appendLarge(letters: readonly Letter[]): Promise<void> {
    if (letters.length > 1) {
      const half = letters.length >> 1;
      await this.#append(letters.slice(0, half));
      await this.#append(letters.slice(half));
      return;
    }
    const { output, log } = this.#options;
    const refused = letters[0]?.refused;
    log.error(
      { output, id: refused?.emissionId },
      `keeping a dead letter of output ${output}: the record is too large for the dead-letter journal and is lost, counted as refused; it was refused with: ${refused?.reason}`,
    );
  }
}

interface Sleeping {
  readonly isConcerned: (() => boolean) | undefined;
  wake(isOver: boolean): void;
  stop(): void;
}

/** Waits that can be cut short, and end for good when the program stops. */
export class Sleeper {
  readonly #clock: Clock;
  readonly #sleeping = new Set<Sleeping>();
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /**
   * Resolves with true when the time is over or wakeAll() was called, with false when wakeConcerned() was and
   * `isConcerned` says so.
   */
  sleep(waitMs: number, isConcerned?: () => boolean): Promise<boolean> {
    if (this.#isStopped) return Promise.reject(new Stopped());
    return new Promise((resolve, reject) => {
      const entry: Sleeping = {
        isConcerned,
        wake: (isOver) => {
          this.#sleeping.delete(entry);
          timer.cancel();
          resolve(isOver);
        },
        stop: () => {
          timer.cancel();
          reject(new Stopped());
        },
      };
      const timer = this.#clock.after(waitMs, () => entry.wake(true));
      this.#sleeping.add(entry);
    });
  }
  get isStopped(): boolean {
    return this.#isStopped;
  }
  /** All who sleep go on now. */
  wakeAll(): void {
    for (const entry of this.#sleeping) entry.wake(true);
  }
  /** Those go on who are concerned by what changed. */
  wakeConcerned(): void {
    for (const entry of this.#sleeping) if (entry.isConcerned?.() === true) entry.wake(false);
  }
  /** All who sleep, and all who would, get Stopped thrown. */
  stop(): void {
    this.#isStopped = true;
    for (const entry of this.#sleeping) entry.stop();
    this.#sleeping.clear();
  }
}

/** Thrown where delivery ends because the program stops: what is held stays in the journal. */
export class Stopped extends Error {}
