/** Taking turns: who may go on, and who waits. */

/** Up to `count` at a time; the others in the order they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  constructor(count: number) {
    this.#free = count;
  }
  /** Waits for a slot; the function returned gives it back (calls after the first change nothing). */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    };
  }
}

/** One at a time. */
export class Turn {
  readonly #slots = new Slots(1);
  async run<T>(work: () => Promise<T>): Promise<T> {
    const giveBack = await this.#slots.take();
    try {
      return await work();
    } finally {
      giveBack();
    }
  }
}

/** Wakes those who wait for something to change. */
export class Change {
  readonly #waiting = new Set<() => void>();
  /** Resolves at the next notify(). @throws the signal's reason when it aborts before. */
  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    let wake = (): void => {};
    let stop = (): void => {};
    const changed = new Promise<void>((resolve, reject) => {
      wake = resolve;
      stop = () => reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    });
    this.#waiting.add(wake);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await changed;
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', stop);
    }
  }
  notify(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
