/** Time: what the program measures by, real or faked in tests. */

/** A point in time: whole seconds since 1970 (may be negative) and 0 to 999,999,999 nanoseconds after them. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

export interface Timer {
  cancel(): void;
}

/** Everything that looks at the time or waits takes a Clock, so that tests can be exact. */
export interface Clock {
  /** Milliseconds since 1970, may step backwards when the system clock is set. */
  nowMs(): number;
  /** Wall time with nanoseconds (microsecond resolution on the real clock). */
  now(): Instant;
  /** Milliseconds that only go forward, origin arbitrary. */
  monotonicMs(): number;
  /** Calls `run` once after delayMs, at the next turn where that is past (the process was stopped meanwhile); does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

/** The longest that setTimeout can wait (24.8 days); it takes what is longer for 1 ms. */
const timerMsMax = 2 ** 31 - 1;

/** The system's clock. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  now() {
    const ms = performance.timeOrigin + performance.now();
    // performance.now() does not follow a clock that was set after start; where they differ by more than 50 ms the wall clock wins.
    const wallMs = Date.now();
    const usedMs = Math.abs(ms - wallMs) > 50 ? wallMs : ms;
    const seconds = Math.floor(usedMs / 1000);
    return { seconds, nanos: Math.min(999_999_999, Math.floor((usedMs - seconds * 1000) * 1e6)) };
  },
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    let timer: NodeJS.Timeout | undefined;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(Math.max(leftMs, 0), timerMsMax);
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : run()), stepMs);
      timer.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A clock that only tells the time, such as that of a record's receipt. */
export function constantClock(nowMs: () => number): Clock {
  return {
    nowMs,
    now: () => ({ seconds: Math.floor(nowMs() / 1000), nanos: (nowMs() % 1000) * 1e6 }),
    monotonicMs: nowMs,
    after: () => ({ cancel: () => undefined }),
  };
}

/** Waits on a clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}

/** A clock that tests move by hand: `advance` runs what falls due, in order. */
export class FakeClock implements Clock {
  #ms: number;
  #monotonicMs = 0;
  #waiting: { dueMs: number; run: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#ms = startMs;
  }
  nowMs(): number {
    return this.#ms;
  }
  now(): Instant {
    const seconds = Math.floor(this.#ms / 1000);
    return { seconds, nanos: Math.round((this.#ms - seconds * 1000) * 1e6) };
  }
  monotonicMs(): number {
    return this.#monotonicMs;
  }
  after(delayMs: number, run: () => void): Timer {
    const entry = { dueMs: this.#monotonicMs + Math.max(0, delayMs), run };
    this.#waiting.push(entry);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
      },
    };
  }
  /** Moves both times forward and runs the timers that fall due. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms;
    for (;;) {
      const due = this.#waiting.filter((entry) => entry.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!due) break;
      this.#waiting = this.#waiting.filter((other) => other !== due);
      this.#step(due.dueMs - this.#monotonicMs);
      due.run();
    }
    this.#step(untilMs - this.#monotonicMs);
  }
  /** Sets the wall clock, as an operator or NTP would; the monotonic time goes on. */
  setWall(ms: number): void {
    this.#ms = ms;
  }
  #step(ms: number): void {
    if (ms <= 0) return;
    this.#ms += ms;
    this.#monotonicMs += ms;
  }
}
