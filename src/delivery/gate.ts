/** Keeps writes of an output apart from what must not run beside them: commits, and the change of the instance. */

export class WriteGate {
  #holds = 0;
  #writing = 0;
  readonly #waitingToWrite: (() => void)[] = [];
  readonly #waitingForQuiet: (() => void)[] = [];

  /** Writes that run. */
  get writing(): number {
    return this.#writing;
  }
  /** A write begins as soon as nobody holds the gate. `isStopped` is asked before: true rejects with the error given. */
  async enter(isStopped: () => boolean, stopped: () => Error): Promise<void> {
    while (this.#holds > 0 && !isStopped())
      await new Promise<void>((resolve) => {
        this.#waitingToWrite.push(resolve);
      });
    if (isStopped()) throw stopped();
    this.#writing++;
  }
  leave(): void {
    this.#writing--;
    if (this.#writing === 0) for (const resolve of this.#waitingForQuiet.splice(0)) resolve();
  }
  /** Lets no write begin until the function returned is called (once). Writes that run are not waited for: see quiet(). */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      if (this.#holds === 0) this.wake();
    };
  }
  /** Resolves when no write runs. */
  async quiet(): Promise<void> {
    if (this.#writing === 0) return;
    await new Promise<void>((resolve) => {
      this.#waitingForQuiet.push(resolve);
    });
  }
  /** Those that wait to write look again whether they may, or are stopped. */
  wake(): void {
    for (const resolve of this.#waitingToWrite.splice(0)) resolve();
  }
}
