/** Says how outputs that are far behind get on: catching up, falling behind, standing still, and when they are there. */
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { OutputStatus } from '../delivery/contract.ts';

/** Records that wait before anything is said: seconds of a busy receiver, more than outputs hold while they fill a chunk. */
const waitingMin = 100_000;
/** The shortest time between two lines of an output: a catch-up over minutes is seen to move, one over hours fills no log. */
const sayGapMs = 10_000;

type Standing = Pick<OutputStatus, 'id' | 'waiting' | 'state'>;

/** What an output had when it was looked at last. */
interface Look {
  readonly waiting: number;
  readonly atMs: number;
  /** A line was said since it was last caught up. */
  readonly isSaid: boolean;
}

/** Watches what waits for outputs. One per delivering side. */
export class CatchUpWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #looks = new Map<string, Look>();
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }
  /** Call it as often as you like: `standings` is asked every 10 s only. */
  look(standings: () => readonly Standing[]): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedMs < sayGapMs) return;
    this.#lookedMs = nowMs;
    const found = standings();
    const ids = new Set(found.map(({ id }) => id));
    for (const id of this.#looks.keys()) if (!ids.has(id)) this.#looks.delete(id);
    for (const standing of found) this.#lookAt(standing, nowMs);
  }
  #lookAt({ id, waiting, state }: Standing, nowMs: number): void {
    const before = this.#looks.get(id);
    const isFar = waiting >= waitingMin;
    // An output that is being retried says so itself, again and again.
    const isSaying = isFar && before !== undefined && state !== 'retrying' && state !== 'stopped';
    this.#looks.set(id, { waiting, atMs: nowMs, isSaid: isFar && (isSaying || before?.isSaid === true) });
    if (isSaying) this.#say(id, waiting, (before.waiting - waiting) / ((nowMs - before.atMs) / 1000));
    else if (!isFar && before?.isSaid === true)
      this.#log.info({ output: id, waiting }, `Output ${id} has caught up: ${wait(waiting)} for it.`);
  }
  /** `fewer`: by how many records a second what waits has become less since the last look. */
  #say(id: string, waiting: number, fewer: number): void {
    const rate = Math.round(Math.abs(fewer));
    const bindings = { output: id, waiting, recordsPerSecond: Math.round(fewer) };
    if (rate === 0) this.#log.warn(bindings, `Output ${id} is behind: ${wait(waiting)} for it, none fewer.`);
    else if (fewer < 0)
      this.#log.warn(bindings, `Output ${id} falls behind: ${wait(waiting)} for it, ${count(rate)} a second more.`);
    else {
      const left = duration(waiting / fewer);
      this.#log.info(
        bindings,
        `Output ${id} is catching up: ${wait(waiting)} for it, ${count(rate)} a second fewer, about ${left} to go.`,
      );
    }
  }
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function wait(value: number): string {
  if (value === 0) return 'nothing waits';
  return value === 1 ? '1 record waits' : `${count(value)} records wait`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}
