/** What is done again and again while a source runs. */
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { PluginContext } from '../../core/plugin.ts';

export class Repeating {
  readonly #context: PluginContext;
  readonly #timers = new Set<Timer>();
  /** What timers began. */
  readonly #running = new Set<Promise<void>>();
  #isOver = false;

  constructor(context: PluginContext) {
    this.#context = context;
  }
  /** Runs each time so long after the time before is over. */
  every(intervalMs: number, run: () => Promise<void>): void {
    if (this.#isOver) return;
    const timer = this.#context.clock.after(intervalMs, () => {
      this.#timers.delete(timer);
      const done = this.once(run).finally(() => {
        this.#running.delete(done);
        this.every(intervalMs, run);
      });
      this.#running.add(done);
    });
    this.#timers.add(timer);
  }
  /** Begins nothing any more. */
  cancel(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
  }
  /** Resolves when what was begun is over. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }
  /** Runs it; what fails is said. */
  async once(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#context.log.error(`looking at files: ${errorText(error)}; it is tried again.`);
    }
  }
}
