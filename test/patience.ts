/** How long something may still take, for who looks again and again. */

/** Longest time between two looks that counts: more than that, and this process did not run itself, as where a machine is suspended. */
const stepMsMax = 2000;

export class Patience {
  readonly #wholeMs: number;
  #leftMs: number;
  #lookedMs = performance.now();

  constructor(wholeMs: number) {
    this.#wholeMs = wholeMs;
    this.#leftMs = wholeMs;
  }
  /** There is progress: it is whole again. */
  renew(): void {
    this.#leftMs = this.#wholeMs;
  }
  /** Call it at every look, at least every second. */
  isOver(): boolean {
    const nowMs = performance.now();
    this.#leftMs -= Math.min(nowMs - this.#lookedMs, stepMsMax);
    this.#lookedMs = nowMs;
    return this.#leftMs <= 0;
  }
}
