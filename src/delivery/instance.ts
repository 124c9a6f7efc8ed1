/**
 * The instance of an output's plugin: made from a plan, opened however often that has to be tried, replaced when the plan
 * changes, closed. It keeps writes apart from what must not run beside them.
 *
 * An output with commit() is exactly once: commits wait until no write runs, and its state goes into the same cursor
 * commit as the progress. A first commit is made before its first write, so that a crash always finds a point to go
 * back to.
 */
import type { RetryModel } from '../config/model.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Output } from '../core/plugin.ts';
import type { OutputPlan } from './contract.ts';
import { Stopped } from './dead-letters.ts';
import type { Sleeper } from './dead-letters.ts';
import { WriteGate } from './gate.ts';
import type { OutputCursor, Prepared } from './output-cursor.ts';
import { RetryState, retryAfterMs } from './retry.ts';
import { Secondary } from './secondary.ts';
import type { TargetWatch } from './target.ts';

/** How long writes that run may go on after the program or a reload wants them to end. */
const writeEndMs = 1000;
const replaceEndMs = 10_000;

interface InstanceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly sleeper: Sleeper;
  readonly cursor: OutputCursor;
  readonly commitIntervalMs: number;
  /** It is open: writing may begin. */
  onOpened(): void;
  readonly target: TargetWatch;
}

/** Why something does not get on, and when it is tried again. */
export interface Trouble {
  readonly text: string;
  readonly nextTryMs: number;
}

export class OutputInstance {
  readonly #options: InstanceOptions;
  readonly #gate = new WriteGate();
  /** Held while the output is not open. */
  #opened: (() => void) | undefined;
  #plan: OutputPlan;
  #output: Output;
  #secondary: Secondary | undefined;
  #abort = new AbortController();
  #isOpened = false;
  /** The instance is closed and there is no other: the plan to replace it could not be made. */
  #isMissing = false;
  #trouble: Trouble | undefined;

  constructor(plan: OutputPlan, options: InstanceOptions) {
    const { cursor } = options;
    this.#options = options;
    this.#plan = plan;
    this.#opened = this.#gate.hold();
    this.#output = plan.create(cursor.state);
    this.#secondary = newSecondary(plan, cursor.secondaryState);
  }
  get plan(): OutputPlan {
    return this.#plan;
  }
  get output(): Output {
    return this.#output;
  }
  get secondary(): Secondary | undefined {
    return this.#secondary;
  }
  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  get isOpened(): boolean {
    return this.#isOpened;
  }
  /** Why it is not open yet. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }
  /** A write begins as soon as nothing is in its way. Rejects with Stopped. */
  enter(): Promise<void> {
    return this.#gate.enter(
      () => this.#options.sleeper.isStopped,
      () => new Stopped(),
    );
  }
  leave(): void {
    this.#gate.leave();
  }
  /** What a commit of the cursor is made with: waits until no write runs where the output has a state to commit. */
  async prepareCommit(): Promise<Prepared> {
    const { cursor, sleeper } = this.#options;
    // Before it was opened it may not know where it is: what was committed stays.
    const mustCommit = this.#output.commit !== undefined || this.#secondary?.needsCommit === true;
    const { state, secondaryState } = cursor;
    if (!mustCommit || !this.#isOpened) {
      let committed: (() => void) | undefined;
      const taken = (): void => {
        committed = this.#output.onCommit?.();
      };
      return { state, secondaryState, taken, committed: () => committed?.() };
    }
    if (sleeper.isStopped && this.#gate.writing > 0) throw new Error('a write did not end');
    const release = this.#gate.hold();
    try {
      await this.#gate.quiet();
      const own = { secondaryState: (await this.#secondary?.commit(secondaryState)) ?? secondaryState, taken: release };
      return { state: await this.#output.commit?.(state), ...own };
    } catch (error) {
      release();
      throw error;
    }
  }
  /** Opens the output, however often that has to be tried. */
  start(): void {
    const { log, sleeper } = this.#options;
    void this.#start().catch((error: unknown) => {
      const { id } = this.#plan;
      if (!sleeper.isStopped) log.fatal({ output: id, err: error }, `opening output ${id} failed unexpectedly`);
    });
  }
  async #start(): Promise<void> {
    const output = this.#output;
    const { cursor } = this.#options;
    await this.#untilDone(output, 'opening', async () => output.open?.());
    if (this.#output !== output) return;
    this.#isOpened = true;
    // The first point to go back to is on disk before the first write.
    if (output.commit && cursor.state === undefined)
      await this.#untilDone(output, 'making the first commit of', () => {
        cursor.changed();
        return cursor.commit();
      });
    if (this.#output !== output) return;
    this.#trouble = undefined;
    this.#opened?.();
    this.#opened = undefined;
    this.#options.onOpened();
  }
  /** Tries until it succeeds, or another instance has taken the output's place. */
  async #untilDone(output: Output, doing: string, run: () => Promise<void>): Promise<void> {
    const { clock, log, random, sleeper } = this.#options;
    const { id } = this.#plan;
    const { retry } = this.#plan.buffer;
    const unlimited: RetryModel = { ...retry, triesMax: undefined, timeoutMs: undefined };
    const state = new RetryState(unlimited, false, random, clock.monotonicMs());
    while (this.#output === output) {
      try {
        await run();
        return;
      } catch (error) {
        if (this.#output !== output) return;
        const decision = state.failed(clock.monotonicMs(), retryAfterMs(error));
        const waitMs = decision.kind === 'wait' ? decision.waitMs : retry.waitMsMax;
        this.#options.target.note(output, errorText(error));
        this.#trouble = { text: errorText(error), nextTryMs: clock.nowMs() + waitMs };
        log.warn(
          { output: id },
          `${doing} output ${id}: ${errorText(error)}; its records wait, trying again in ${Math.round(waitMs)} ms`,
        );
        await sleeper.sleep(waitMs);
      }
    }
  }
  /**
   * Goes on with another plan of the same id: at once where only the buffer differs, else with a new instance, which is to
   * be started. Resolves with whether it is a new one.
   */
  async replace(plan: OutputPlan): Promise<boolean> {
    if (plan.signature === this.#plan.signature && !this.#isMissing) {
      this.#plan = plan;
      return false;
    }
    const release = this.#gate.hold();
    try {
      await this.#endWrites(replaceEndMs, () => this.#abort.abort());
      this.#abort = new AbortController();
      if (this.#isOpened && this.#output.commit) await this.#commitBeforeReplace();
      this.#isOpened = false;
      this.#opened ??= this.#gate.hold();
      if (!this.#isMissing) {
        this.#output.letGo?.(false);
        await this.#closeOutputs();
      }
      // Nothing is written until there is one, should this plan's not be made.
      this.#isMissing = true;
      const { cursor } = this.#options;
      this.#output = plan.create(cursor.state);
      this.#secondary = newSecondary(plan, cursor.secondaryState);
      this.#isMissing = false;
      this.#plan = plan;
    } finally {
      release();
    }
    return true;
  }
  /** Waits for writes that run; tells them to end after waitMs, and waits for writeEndMs more. */
  async #endWrites(waitMs: number, abort: () => void): Promise<void> {
    const { clock } = this.#options;
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => {
      timer = clock.after(waitMs, () => {
        abort();
        timer = clock.after(writeEndMs, resolve);
      });
    });
    await Promise.race([this.#gate.quiet(), over]);
    timer?.cancel();
  }
  /**
   * What was written to an exactly-once target must be in the cursor before the next instance goes back to it. Without end
   * a reload would be, too: where it cannot be committed the instance that runs stays.
   */
  async #commitBeforeReplace(): Promise<void> {
    const { clock, cursor, sleeper, commitIntervalMs } = this.#options;
    const untilMs = clock.monotonicMs() + replaceEndMs;
    for (;;) {
      try {
        await cursor.commit();
        return;
      } catch (error) {
        if (clock.monotonicMs() >= untilMs)
          throw new OperatingError(
            'OUTPUT_WRITE',
            `replacing output ${this.#plan.id}: what it wrote cannot be committed: ${errorText(error)}; it goes on as it was`,
            { cause: error },
          );
        await sleeper.sleep(commitIntervalMs);
      }
    }
  }
  /** Ends all writes, once the sleeper was stopped. */
  async endWrites(): Promise<void> {
    this.#gate.wake();
    this.#abort.abort();
    await this.#endWrites(0, () => undefined);
  }
  close(): Promise<void> {
    return this.#closeOutputs();
  }
  async #closeOutputs(): Promise<void> {
    const { id } = this.#plan;
    for (const output of [this.#output, this.#secondary]) {
      try {
        await output?.close();
      } catch (error) {
        this.#options.log.warn({ output: id }, `closing output ${id}: ${errorText(error)}`);
      }
    }
  }
}

function newSecondary(plan: OutputPlan, committed: unknown): Secondary | undefined {
  const output = plan.createSecondary?.(committed);
  return output && new Secondary(output);
}
