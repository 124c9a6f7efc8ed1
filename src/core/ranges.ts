/** Sets of offsets kept as ranges: what of a shard is done above the low-water mark. */

/** Disjoint ranges [start, end) in order. Adding next to a range grows it, so in-order work keeps this at one or two. */
export class RangeSet {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  get size(): number {
    return this.#starts.length;
  }
  /** Behind the last range; 0 when empty. */
  get end(): number {
    return this.#ends.at(-1) ?? 0;
  }
  has(offset: number): boolean {
    const at = this.#after(offset);
    return at > 0 && offset < (this.#ends[at - 1] as number);
  }
  /** Adds [from, to); returns how many of its offsets were not in the set. */
  add(from: number, to: number): number {
    if (to <= from) return 0;
    // Ranges first..last-1 touch or overlap [from, to).
    let first = this.#after(from);
    if (first > 0 && (this.#ends[first - 1] as number) >= from) first--;
    let last = first;
    let start = from;
    let end = to;
    let present = 0;
    while (last < this.#starts.length && (this.#starts[last] as number) <= to) {
      const otherStart = this.#starts[last] as number;
      const otherEnd = this.#ends[last] as number;
      present += Math.max(0, Math.min(otherEnd, to) - Math.max(otherStart, from));
      start = Math.min(start, otherStart);
      end = Math.max(end, otherEnd);
      last++;
    }
    if (last === first + 1) {
      this.#starts[first] = start;
      this.#ends[first] = end;
    } else {
      this.#starts.splice(first, last - first, start);
      this.#ends.splice(first, last - first, end);
    }
    return to - from - present;
  }
  /** How many offsets of [from, to) are in the set. */
  countIn(from: number, to: number): number {
    let count = 0;
    for (let at = Math.max(0, this.#after(from) - 1); at < this.#starts.length; at++) {
      if ((this.#starts[at] as number) >= to) break;
      count += Math.max(0, Math.min(this.#ends[at] as number, to) - Math.max(this.#starts[at] as number, from));
    }
    return count;
  }
  /** Removes and returns the end of the range that begins at or before `offset`, if it reaches that far; else `offset`. */
  takeFrom(offset: number): number {
    let low = offset;
    let taken = 0;
    while (taken < this.#starts.length && (this.#starts[taken] as number) <= low) {
      low = Math.max(low, this.#ends[taken] as number);
      taken++;
    }
    this.#starts.splice(0, taken);
    this.#ends.splice(0, taken);
    return low;
  }
  /** The end of the range that holds `offset`; `offset` where none does. */
  endFrom(offset: number): number {
    const at = this.#after(offset);
    return at > 0 ? Math.max(offset, this.#ends[at - 1] as number) : offset;
  }
  /** Removes the first range. */
  forgetFirst(): void {
    this.#starts.shift();
    this.#ends.shift();
  }
  /** start, end, start, end … */
  flat(): number[] {
    return this.#starts.flatMap((start, i) => [start, this.#ends[i] as number]);
  }
  /** Index of the first range that starts after `offset`. */
  #after(offset: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
