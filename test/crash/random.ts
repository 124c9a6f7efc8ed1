/** Random numbers that a printed seed repeats. */

/** One stream of numbers; streams of the same seed with different names do not disturb each other. */
export class Random {
  #state: number;

  constructor(seed: number, name: string) {
    let state = seed | 0;
    for (const char of name) state = (Math.imul(state, 31) + char.charCodeAt(0)) | 0;
    this.#state = state;
  }
  /** In [0, 1). The generator is mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }
  isBelow(chance: number): boolean {
    return this.next() < chance;
  }
  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.next() * choices.length)] as T;
  }
}
