/**
 * Who asks goes first. A question is some dozens of short statements, and between two of them it needs the event loop;
 * inserting and sealing keep that busy for milliseconds at a time. They give way between their pieces.
 */
import { setImmediate as turn } from 'node:timers/promises';

/**
 * So long after somebody began to ask he waits for it with every millisecond: those who give way then wait `freshShare` times as long.
 * What takes longer may take longer still, and where one question follows the other without a pause the work must go on.
 */
const freshMs = 250;
const freshShare = 10;

export class Courtesy {
  #asking = 0;
  /** When the first of the questions that have not ended, or ended while others ran, began. */
  #begunMs = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Set<() => void>();

  /** A question has begun; the function returned says that it is over. */
  begin(): () => void {
    if (this.#asking++ === 0) this.#begunMs = performance.now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#asking > 0) return;
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    };
  }
  /** Lets the event loop turn; while somebody asks, waits until nobody does, or for so long at most (`freshShare` times that for one just asked). */
  async giveWay(waitMsMax: number): Promise<void> {
    await turn();
    if (this.#asking === 0) return;
    const isFresh = performance.now() - this.#begunMs < freshMs;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, isFresh ? freshShare * waitMsMax : waitMsMax);
      this.#waiting.add(end);
    });
  }
}

/** Longest work of one piece before the event loop turns: what a question waits for it is no more. */
const pieceMs = 3;

/** For work in small pieces: lets the event loop turn once some milliseconds have gone into them. */
export class Pieces {
  #turnedMs = performance.now();

  async turnIfDue(): Promise<void> {
    if (performance.now() - this.#turnedMs < pieceMs) return;
    await turn();
    this.#turnedMs = performance.now();
  }
}
