/** When a chunk that could not be written is tried again (Fluentd's retry options, v1.19; limits only where the config has some). */
import type { RetryModel } from '../config/model.ts';
import { OperatingError, errorText } from '../core/errors.ts';

/** What a failed try means for its chunk. */
export type RetryDecision = { readonly kind: 'wait'; readonly waitMs: number } | { readonly kind: 'exhausted' };

/** The tries of one chunk. */
export class RetryState {
  readonly #model: RetryModel;
  readonly #hasSecondary: boolean;
  readonly #random: () => number;
  readonly #firstMs: number;
  #tries = 0;

  /** `nowMs`: monotonic time of the first try. `random`: 0 ≤ x < 1. */
  constructor(model: RetryModel, hasSecondary: boolean, random: () => number, nowMs: number) {
    this.#model = model;
    this.#hasSecondary = hasSecondary;
    this.#random = random;
    this.#firstMs = nowMs;
  }
  /** Tries that failed so far. */
  get tries(): number {
    return this.#tries;
  }
  /** A try failed. `retryAfterMs`: what the target asked for; never waited shorter than that. */
  failed(nowMs: number, retryAfterMs: number | undefined): RetryDecision {
    this.#tries++;
    const { triesMax, timeoutMs, secondaryThreshold } = this.#model;
    if (triesMax !== undefined && this.#tries > triesMax) return { kind: 'exhausted' };
    let waitMs = Math.max(this.#waitMs(), retryAfterMs ?? 0);
    if (timeoutMs !== undefined) {
      const limitMs = timeoutMs * (this.#hasSecondary ? secondaryThreshold : 1);
      const leftMs = this.#firstMs + limitMs - nowMs;
      if (leftMs <= 0) return { kind: 'exhausted' };
      // The last try is made when the time is up, not left out because its turn would come later.
      waitMs = Math.min(waitMs, leftMs);
    }
    return { kind: 'wait', waitMs };
  }
  #waitMs(): number {
    const { type, waitMs, base, waitMsMax, isRandomized } = this.#model;
    const plain = type === 'periodic' ? waitMs : waitMs * base ** (this.#tries - 1);
    // Fluentd spreads by an eighth to either side, so that many chunks do not come back at once.
    const spread = isRandomized ? 1 + (this.#random() * 2 - 1) / 8 : 1;
    return Math.min(plain * spread, waitMsMax);
  }
}

/** True for errors after which the same write can succeed: retryable operating errors, and whatever nobody foresaw. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof OperatingError) || error.retryable;
}

/** What the target asked to wait, in ms. */
export function retryAfterMs(error: unknown): number | undefined {
  return error instanceof OperatingError ? error.retryAfterMs : undefined;
}

/** Why a target refused, for the dead letters. */
export function refusalReason(error: unknown): string {
  return error instanceof OperatingError ? `${error.code}: ${error.message}` : errorText(error);
}
