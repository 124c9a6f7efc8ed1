/**
 * Whether an output's target answers, since when, and what it said last. Writes and openings tell; where there was none for
 * a while, the target is asked when somebody wants to know.
 */
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Output } from '../core/plugin.ts';
import type { TargetStatus } from './contract.ts';

/** News that are older are asked for anew: an orchestrator that asks every few seconds must not be a load. */
const askGapMs = 30_000;
/** A question that takes longer is answered no. */
const askLimitMs = 15_000;

export class TargetWatch {
  readonly #clock: Clock;
  #status: TargetStatus = { answers: undefined, sinceMs: undefined, said: undefined };
  #newsMs = Number.NEGATIVE_INFINITY;
  /** Whom the news are about: an answer of one that was replaced says nothing. */
  #output: Output | undefined;
  #isAsking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  get status(): TargetStatus {
    return this.#status;
  }
  /** Called with each write and opening: what went wrong, or undefined where the target took or refused records. */
  note(output: Output, problem: string | undefined): void {
    this.#set(output, problem === undefined, problem);
  }
  /** Asks it where the last news are old; the answer is there the next time. */
  ask(output: Output): void {
    if (!output.probe || this.#isAsking) return;
    if (this.#output === output && this.#clock.monotonicMs() - this.#newsMs < askGapMs) return;
    this.#isAsking = true;
    void this.#asked(output).finally(() => (this.#isAsking = false));
  }
  async #asked(output: Output): Promise<void> {
    const begunMs = this.#clock.monotonicMs();
    let limit: { cancel(): void } | undefined;
    const late = new Promise<never>((_, reject) => {
      const text = `no answer within ${askLimitMs / 1000} s; check its address and port, and firewalls`;
      limit = this.#clock.after(askLimitMs, () => reject(new Error(text)));
    });
    let problem: string | undefined;
    let but: string | undefined;
    try {
      but = (await Promise.race([output.probe?.(), late])) ?? undefined;
    } catch (error) {
      problem = errorText(error);
    } finally {
      limit?.cancel();
    }
    // A write that ended meanwhile knows better.
    if (this.#newsMs <= begunMs) this.#set(output, problem === undefined, problem ?? but);
  }
  #set(output: Output, answers: boolean, said: string | undefined): void {
    const isSame = this.#output === output && this.#status.answers === answers;
    this.#output = output;
    this.#newsMs = this.#clock.monotonicMs();
    this.#status = { answers, sinceMs: isSame ? this.#status.sinceMs : this.#clock.nowMs(), said };
  }
}
