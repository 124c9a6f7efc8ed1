/** Fair turns: each file that may have something is read a piece at a time, some files at once. */

/** Files read at a time. Each holds a piece of 256 KiB, its lines and their records, some 2 MB, so this bounds the memory. */
const turnsMax = 16;

export class Turns<T> {
  readonly #take: (file: T) => Promise<boolean>;
  readonly #waiting = new Set<T>();
  readonly #running = new Set<T>();
  /** Those that were woken in their turn. */
  readonly #again = new Set<T>();
  #isClosed = false;
  readonly #onIdle: (() => void)[] = [];

  /** `take` reads a piece of a file, never rejects, and resolves with true when it wants another turn. */
  constructor(take: (file: T) => Promise<boolean>) {
    this.#take = take;
  }
  /** Gives the file a turn, behind those that wait. */
  wake(file: T): void {
    if (this.#isClosed) return;
    if (this.#running.has(file)) this.#again.add(file);
    else this.#waiting.add(file);
    this.#fill();
  }
  /** Resolves when no file has a turn or waits for one. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
  /** Gives no more turns. Resolves when those under way are over. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    return this.idle();
  }
  get #isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0;
  }
  #fill(): void {
    for (const file of this.#waiting) {
      if (this.#running.size >= turnsMax) return;
      this.#waiting.delete(file);
      this.#running.add(file);
      void this.#take(file).then((wantsMore) => {
        this.#running.delete(file);
        if ((this.#again.delete(file) || wantsMore) && !this.#isClosed) this.#waiting.add(file);
        this.#fill();
        if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
      });
    }
  }
}
