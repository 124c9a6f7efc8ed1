/** How many bytes may still be written to a journal. The delivering side knows (it deletes); the writer asks. */

/** Asked by the writer before it accepts an append. */
export interface JournalSpace {
  /** Takes `bytes` from what is left; false (and nothing taken) when there is not enough. */
  take(bytes: number): boolean;
}

/**
 * A budget that is set from outside (retention, or the delivering process over IPC) and used up by appends. Between two
 * settings it only shrinks, so a late setting can refuse too early but never overfill by more than what was in flight.
 */
export class SpaceBudget implements JournalSpace {
  #leftBytes: number;
  constructor(leftBytes: number = Number.POSITIVE_INFINITY) {
    this.#leftBytes = leftBytes;
  }
  get leftBytes(): number {
    return this.#leftBytes;
  }
  /** Says anew what is left. */
  set(leftBytes: number): void {
    this.#leftBytes = leftBytes;
  }
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }
}
