/**
 * Idempotency keys: a request that is repeated with its key within the window is answered as the first one was, and not
 * taken again, whatever its body then is.
 *
 * A key belongs to one receiving process: a request that arrives at another one is handed to it, records and all. A key is
 * kept in the journal's frame with its records, both or neither; at start the keys of the window are read back. While the
 * first request waits for its fsync, repetitions wait with it and get its answer; when it fails the key is free again.
 *
 * Keys are kept as the first 128 bits of SHA-256 over source, tag and key: of one size whatever is sent, and two keys
 * collide for no sender who does not want to lose its own records.
 */
import { createHash } from 'node:crypto';
import type { Codec } from '../../core/batch.ts';
import { OperatingError, errorText, errorTable } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import type { Submission, Waiter } from '../requests/append-queue.ts';
import { Refusal } from '../requests/refusal.ts';

export interface KeyedSubmission extends Submission {
  readonly key: string;
}

/** The text under which a key is kept. */
export function storedKey(source: string, tag: string, key: string): string {
  return createHash('sha256').update(`${source}\0${tag}\0${key}`).digest().subarray(0, 16).toString('base64url');
}

/** Number of the process that owns a stored key. Seen outside by tests. */
export function keyOwner(stored: string, processCount: number): number {
  return Buffer.from(stored, 'base64url').readUInt32LE(0) % processCount;
}

/** A submission on its way to another process. */
interface PeerRequest {
  readonly tag: string;
  readonly key: string;
  readonly codec: Codec;
  readonly payloads: readonly (string | Uint8Array)[];
  readonly exact: readonly boolean[];
  readonly seconds: number;
  readonly nanos: number;
}
/** Undefined code: the records are durable, from this request or an earlier one. */
interface PeerAnswer {
  readonly code?: string;
  readonly text?: string;
  readonly retryAfterMs?: number;
}

interface Settings {
  /** ms */
  readonly window: number;
  readonly keysMax: number;
  /** Appends a submission that is the first of its key. */
  readonly append: (submission: Submission, waiter: Waiter) => void;
}

/** The keys that this process owns, and the way to those that others own. */
export class IdempotencyKeys {
  readonly #context: SourceContext;
  readonly #settings: Settings;
  /** When a key's records became durable, on the monotonic clock; oldest first. */
  readonly #done = new Map<string, number>();
  /** Requests that wait for the first one of their key, and that one. */
  readonly #waiting = new Map<string, { waiters: Waiter[] }>();
  readonly #duplicates: () => void;
  #hasWarned = false;

  constructor(context: SourceContext, settings: Settings) {
    this.#context = context;
    this.#settings = settings;
    const counter = context.metrics.counter(
      'postback_duplicates_total',
      'Requests that were answered from an earlier one with the same idempotency key',
      ['source'],
    );
    this.#duplicates = () => counter.inc({ source: context.id });
  }

  /** Reads the keys of the window from the journal and serves the other processes. */
  async load(): Promise<void> {
    const { clock, worker, peers } = this.#context;
    const nowMs = clock.nowMs();
    const { keysMax, window } = this.#settings;
    let found: { readonly key: string; readonly appendMs: number }[] = [];
    for await (const entry of this.#context.recentKeys(nowMs - window)) {
      if (keyOwner(entry.key, worker.count) !== worker.index) continue;
      found.push(entry);
      if (found.length >= keysMax * 2) found = newest(found, keysMax);
    }
    for (const { key, appendMs } of newest(found, keysMax)) {
      this.#done.delete(key);
      // A time in the future is a clock that was set back: the key's window begins now.
      this.#done.set(key, clock.monotonicMs() - Math.max(0, nowMs - appendMs));
    }
    if (worker.count > 1) peers.serve((request) => this.#serve(request as PeerRequest));
  }

  /** Appends the submission unless its key was seen; the waiter gets the first one's answer. */
  submit(submission: KeyedSubmission, waiter: Waiter): void {
    const { worker } = this.#context;
    const owner = worker.count > 1 ? keyOwner(submission.key, worker.count) : worker.index;
    if (owner === worker.index) this.#own(submission, waiter);
    else void this.#forward(owner, submission, waiter);
  }

  #own(submission: KeyedSubmission, waiter: Waiter): void {
    const { key } = submission;
    const waiting = this.#waiting.get(key);
    if (waiting) {
      this.#duplicates();
      waiting.waiters.push(waiter);
      return;
    }
    this.#expire();
    if (this.#done.has(key)) {
      this.#duplicates();
      waiter.settled(undefined);
      return;
    }
    const first = { waiters: [waiter] };
    this.#waiting.set(key, first);
    this.#settings.append(submission, {
      settled: (error) => {
        this.#waiting.delete(key);
        if (error === undefined) this.#remember(key);
        const { waiters } = first;
        // A map that is filled and emptied for every request keeps old entries alive (see slots.ts): they must hold no request.
        first.waiters = [];
        for (const each of waiters) each.settled(error);
      },
    });
  }

  #remember(key: string): void {
    this.#done.set(key, this.#context.clock.monotonicMs());
    if (this.#done.size <= this.#settings.keysMax) return;
    for (const oldest of this.#done.keys()) {
      this.#done.delete(oldest);
      break;
    }
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#context.log.warn(
      `postback remembers ${this.#settings.keysMax} idempotency keys, fewer than arrive in its window: the oldest are forgotten early; raise idempotency_keys_max or shorten idempotency_window`,
    );
  }
  #expire(): void {
    const sinceMs = this.#context.clock.monotonicMs() - this.#settings.window;
    for (const [key, atMs] of this.#done) {
      if (atMs > sinceMs) return;
      this.#done.delete(key);
    }
  }

  async #forward(owner: number, submission: KeyedSubmission, waiter: Waiter): Promise<void> {
    const { tag, key, codec, records, time } = submission;
    const request: PeerRequest = {
      tag,
      key,
      codec,
      payloads: records.map(({ payload }) => payload),
      exact: records.map(({ exact }) => exact),
      seconds: time.seconds,
      nanos: time.nanos,
    };
    let problem: unknown;
    try {
      const answer = (await this.#context.peers.call(owner, request)) as PeerAnswer;
      problem = errorOf(answer);
    } catch (error) {
      problem = new Refusal('peer_unavailable', 'the process that owns this idempotency key does not answer', {
        cause: error,
        retryAfterMs: 1000,
      });
    }
    waiter.settled(problem);
  }

  /** Answers another process: appends what it was sent unless the key was seen. */
  #serve({ tag, key, codec, payloads, exact, seconds, nanos }: PeerRequest): Promise<PeerAnswer> {
    const records = payloads.map((payload, index) => ({ codec, payload, exact: exact[index] === true }));
    return new Promise((resolve) => {
      const submission = { tag, key, codec, records, time: { seconds, nanos } };
      this.#own(submission, { settled: (error) => resolve(answerOf(error)) });
    });
  }
}

function newest<T extends { readonly appendMs: number }>(entries: T[], count: number): T[] {
  return entries.sort((a, b) => a.appendMs - b.appendMs).slice(-count);
}

function answerOf(error: unknown): PeerAnswer {
  if (error === undefined) return {};
  if (!(error instanceof OperatingError)) return { code: 'internal', text: errorText(error) };
  const { code, message, retryAfterMs } = error;
  return { code, text: message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function errorOf({ code, text = '', retryAfterMs }: PeerAnswer): unknown {
  if (code === undefined) return undefined;
  if (!Object.hasOwn(errorTable, code)) return new Error(text);
  return new OperatingError(code as ErrorCode, text, retryAfterMs === undefined ? {} : { retryAfterMs });
}
