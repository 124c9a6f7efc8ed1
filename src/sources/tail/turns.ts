/** Fair turns: each file that may have something is read a piece at a time, some files at once. */

/** Turns at a time: most wait for a sync that they share, so that many small files are read soon. */
const turnsMax = 256;
/** Of those the ones that read much. Each holds a piece, its lines and their records, some 2 MB, so this bounds the memory. */
const largeTurnsMax = 16;
/** A piece of those: worth a sync of its own (the journal's intervalBytesMax). Where there are few, one may be twice as large. */
const pieceBytes = 256 * 1024;
const fewTurns = 4;
/** From so many bytes on a turn reads much: all small ones together hold no more than the large ones. */
export const largeBytes = 16 * 1024;

/** Lets so many of those that read much go on at a time, in the order in which they asked. */
export class LargeTurns {
  #free = largeTurnsMax;
  readonly #waiting: (() => void)[] = [];

  /** `run` gets how many bytes it may read. */
  async take<T>(run: (bytesMax: number) => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await run(largeTurnsMax - this.#free <= fewTurns ? 2 * pieceBytes : pieceBytes);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

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
