/** Limits that are not options, and the budget of bytes held for bodies. */

/** Pairs of a query or form, or parts of a multipart body, in one request: far above any real form, and Map stays small. */
export const fieldsMax = 10_000;

/** Content codings applied one after the other; more than a proxy's on top of the sender's own is an attack. */
export const codingsMax = 3;

/** One append to the journal carries at most so many characters or records, so that a crowd does not wait for one huge frame. */
export const appendCharsMax = 256 * 1024;
export const appendRecordsMax = 1000;

/** What a sender is told to wait when the journal did not say how long: long enough for a disk to be cleaned, short for a hiccup. */
export const retryAfterMsDefault = 5000;

/** How long stop() waits for requests that are still arriving before it cuts them: half of the default P2L_GRACE. */
export const stopWaitMs = 5000;

/** How long stop() lets answers that are written reach slow readers before it closes their connections: they fit the kernel's buffers. */
export const stopFlushMs = 500;

/** Connections the kernel may hold before we accept them; it caps this at net.core.somaxconn. Covers a reconnecting crowd. */
export const listenBacklog = 4096;

/** Time for a TLS handshake; Node's 120 s would let a slow loris sit out there. */
export const handshakeTimeoutMs = 10_000;

/** Bytes that requests hold at a time, in one process. */
export class MemoryBudget {
  readonly #limit: number;
  #held = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }
  get heldBytes(): number {
    return this.#held;
  }
  /** Takes `bytes` from the budget; false: it is spent, nothing was taken. A single body always fits an empty budget. */
  take(bytes: number): boolean {
    if (this.#held > 0 && this.#held + bytes > this.#limit) return false;
    this.#held += bytes;
    return true;
  }
  give(bytes: number): void {
    this.#held -= bytes;
  }
}
