/**
 * Whether the API can be asked. When it does not answer, an *outage* begins: it is asked again with growing waits, and all
 * records that need it wait until it answers, or the outage has lasted as long as their filter waits; those that come later
 * need not wait again. So an outage costs a bounded time once, however many pods are new.
 */
import type { Clock } from '../core/clock.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** Waits between two requests in an outage: the first, the longest; each has up to a half of it added. */
const firstWaitMs = 500;
const longestWaitMs = 30_000;
/**
 * What was refused (403, 401) is asked for again: soon at first, since a role is often bound a moment after the pod began,
 * then less and less often.
 */
const firstRefusedMs = 1000;
const longestRefusedMs = 60_000;
/** Kinds that are known to be refused: one for each namespace, whose names come from tags. */
const refusedMax = 1024;
/** A trouble that lasts is said again after this time. */
const sayAgainMs = 10 * 60_000;

export class Outage {
  readonly #clock: Clock;
  readonly #log: Log;
  #sinceMs: number | undefined;
  #nextTryMs = 0;
  #waitMs = firstWaitMs;
  /** By what was asked for: until when it need not be asked for again, and how long that was. */
  readonly #refused = new Map<string, { readonly untilMs: number; readonly waitMs: number }>();
  readonly #said = new Map<string, number>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }
  /** Since when the API has not answered, monotonic; undefined: it does, as far as is known. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }
  /** Whether a request of this kind may be sent now: `pods shop` are those of the namespace shop. */
  mayAsk(kind: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs >= this.#nextTryMs && !this.isRefused(kind);
  }
  isRefused(kind: string): boolean {
    return (this.#refused.get(kind)?.untilMs ?? -Infinity) > this.#clock.monotonicMs();
  }
  /** When the next request may be sent, monotonic. */
  get nextTryMs(): number {
    return this.#nextTryMs;
  }
  worked(kind: string): void {
    this.#refused.delete(kind);
    if (this.#sinceMs !== undefined) {
      const seconds = Math.round((this.#clock.monotonicMs() - this.#sinceMs) / 1000);
      this.#log.info(`The Kubernetes API answers again, after ${seconds} s.`);
    }
    this.#sinceMs = undefined;
    this.#nextTryMs = 0;
    this.#waitMs = firstWaitMs;
    this.#said.delete('outage');
    this.#said.delete(nameOf(kind));
  }
  failed(kind: string, error: unknown): void {
    const nowMs = this.#clock.monotonicMs();
    if (error instanceof OperatingError && error.code === 'KUBERNETES_REFUSED') {
      const before = this.#refused.get(kind);
      const waitMs = before ? Math.min(longestRefusedMs, before.waitMs * 2) : firstRefusedMs;
      this.#refused.delete(kind);
      this.#refused.set(kind, { untilMs: nowMs + waitMs, waitMs });
      if (this.#refused.size > refusedMax) this.#refused.delete(this.#refused.keys().next().value as string);
      this.#say(nameOf(kind), `${error.message}; records go on without what it would give`, nowMs);
      return;
    }
    this.#sinceMs ??= nowMs;
    this.#nextTryMs = nowMs + this.#waitMs * (1 + Math.random() / 2);
    this.#waitMs = Math.min(longestWaitMs, this.#waitMs * 2);
    this.#say('outage', `${errorText(error)}; it is asked again`, nowMs);
  }
  #say(key: string, text: string, nowMs: number): void {
    const before = this.#said.get(key);
    if (before !== undefined && nowMs - before < sayAgainMs) return;
    this.#said.set(key, nowMs);
    this.#log.warn(text);
  }
}

/** What is said once for all namespaces. */
function nameOf(kind: string): string {
  return kind.replace(/ .*/s, '');
}
