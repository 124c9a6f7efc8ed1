/**
 * Writes chunks until every record in them is over: delivered, or refused and kept elsewhere.
 *
 * A chunk that failed as a whole is tried again by its retry state, without limit unless the configuration has one. What
 * the target refuses is cut off: row by row where it says which rows, else by halving the chunk until single records are
 * refused, so that none takes its neighbours with it. Cut-off records, and chunks that ran out of tries, go to the
 * secondary where there is one, else (and if that refuses them too) to the dead letters. Nothing that was delivered is
 * written again.
 */
import type { BufferModel } from '../config/model.ts';
import type { Clock } from '../core/clock.ts';
import { crashPoint } from '../core/crash-point.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { HeldRow, Output, WriteResult } from '../core/plugin.ts';
import type { RecordChunk } from './chunk.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Stopped } from './dead-letters.ts';
import { RetryState, isRetryable, refusalReason, retryAfterMs } from './retry.ts';

/** Least time between two log lines about retries or drops of one output: a target that is down for days must not fill the log. */
const retryLogMs = 10_000;
/** The same about records that were refused for good; the metrics count each. */
const keptLogMs = 60_000;

/** What of a chunk is not discarded. */
export type Kept =
  { readonly rows: 'all' } | { readonly rows: readonly number[]; readonly chunk: RecordChunk | undefined };

/** What the writer needs from its runner. */
export interface WriterHost {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly deadLetters: DeadLetters;
  readonly random: () => number;
  readonly buffer: BufferModel;
  readonly output: Output;
  readonly secondary: Pick<Output, 'write'> | undefined;
  readonly signal: AbortSignal;
  /** Called before each try; writing may begin when it resolves. Rejects with Stopped. */
  enter(): Promise<void>;
  /** Called after each try, once what it delivered is marked done. */
  leave(): void;
  /** Resolves with true when the time is over, with false when some of the chunk is to be discarded. Rejects with Stopped. */
  sleep(waitMs: number, chunk: RecordChunk | undefined): Promise<boolean>;
  /** A chunk given to deliver() is in trouble, for how long, and what of it waits for that; undefined: no longer. */
  trouble(chunk: RecordChunk, text: string | undefined, waitMs: number, waiting?: RecordChunk): void;
  readonly isStopped: boolean;
  /** Cuts off, as refused, what is to be discarded. Gives what is kept, and which rows of the chunk these were. */
  discard(chunk: RecordChunk): Kept;
  /** Counts records that are over and marks them done. */
  delivered(chunk: RecordChunk): void;
  /** The output took them and will finish them. Their records are no longer kept in memory. */
  held(chunk: RecordChunk): readonly HeldRow[];
  /** `reasons[i]` is that of row i. */
  refused(chunk: RecordChunk, reasons: readonly string[]): void;
  observe(seconds: number): void;
  retried(count: number): void;
  /** How the target of `output` stands, after each write: what is wrong with it; undefined: it took or refused records. */
  target(output: Output, problem: string | undefined): void;
}

/** A chunk on its way. */
interface Work {
  readonly chunk: RecordChunk;
  readonly retry: RetryState;
  /** For the secondary: why each row did not reach the output. */
  readonly reasons: readonly string[] | undefined;
}

export class ChunkWriter {
  readonly #host: WriterHost;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #keptLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(host: WriterHost) {
    this.#host = host;
  }
  /** Resolves once all of the chunk's records are over. Rejects with Stopped when the program stops before that. */
  async deliver(chunk: RecordChunk): Promise<void> {
    const stack: Work[] = [this.#work(chunk, undefined)];
    try {
      for (let work = stack.pop(); work; work = stack.pop()) {
        const kept = this.#discard(work);
        // Pushed last, written first: order is kept.
        if (kept) stack.push(...(await this.#try(chunk, kept)).reverse());
      }
    } finally {
      this.#host.trouble(chunk, undefined, 0);
    }
  }
  #work(chunk: RecordChunk, reasons: readonly string[] | undefined): Work {
    const { buffer, secondary, random, clock } = this.#host;
    const hasSecondary = secondary !== undefined && reasons === undefined;
    return { chunk, reasons, retry: new RetryState(buffer.retry, hasSecondary, random, clock.monotonicMs()) };
  }
  #discard(work: Work): Work | undefined {
    const kept = this.#host.discard(work.chunk);
    if (kept.rows === 'all') return work;
    const { rows } = kept;
    return kept.chunk && { ...work, chunk: kept.chunk, reasons: work.reasons && pick(work.reasons, rows) };
  }
  /** Writes once; returns what is left to do, in order. `root`: the chunk it all began with. */
  async #try(root: RecordChunk, work: Work): Promise<Work[]> {
    const host = this.#host;
    await host.enter();
    let result: WriteResult | void;
    const { output } = host;
    const target = work.reasons && host.secondary ? host.secondary : output;
    const isOutput = target === output;
    const beganMs = host.clock.monotonicMs();
    try {
      result = await target.write(work.chunk, host.signal);
    } catch (error) {
      host.leave();
      if (isOutput && !host.isStopped) host.target(output, isRetryable(error) ? errorText(error) : undefined);
      return this.#failed(root, work, error);
    }
    if (isOutput) host.target(output, undefined);
    this.#observe(work, host.clock.monotonicMs() - beganMs);
    crashPoint('delivery.after-write');
    const { delivered, refused, retry, held } = sortRows(work, result ?? undefined);
    if (held) result?.held?.take(host.held(held.chunk));
    // Done before leave(): a commit that waits for this write must find it in the progress.
    if (delivered?.reasons) host.refused(delivered.chunk, delivered.reasons);
    else if (delivered) host.delivered(delivered.chunk);
    host.leave();
    const next: Work[] = [];
    if (refused) next.push(...(await this.#divert(refused, refused.targetReasons, work.retry)));
    if (retry) {
      const why = result?.retryReason === undefined ? '' : `: ${result.retryReason}`;
      const error = new Error(`the target asked to try ${retry.chunk.count} records again${why}`);
      next.push(...(await this.#failed(root, { ...retry, retry: work.retry }, error)));
    } else host.trouble(root, undefined, 0);
    return next;
  }
  #observe({ chunk }: Work, tookMs: number): void {
    const { id, buffer, log } = this.#host;
    this.#host.observe(tookMs / 1000);
    if (tookMs > buffer.slowFlushLogMs)
      log.warn(
        { output: id },
        `writing chunk ${chunk.id} to output ${id} took ${Math.round(tookMs)} ms (slow_flush_log_threshold is ${buffer.slowFlushLogMs} ms)`,
      );
  }
  async #failed(root: RecordChunk, work: Work, error: unknown): Promise<Work[]> {
    const host = this.#host;
    if (host.isStopped) throw new Stopped();
    const { chunk, reasons, retry } = work;
    if (!isRetryable(error)) {
      if (chunk.count === 1) return this.#divert(work, [refusalReason(error)], retry);
      const half = chunk.count >> 1;
      const [head, tail] = chunk.split(2, (row) => (row < half ? 0 : 1));
      return [
        ...(head ? [this.#work(head, reasons?.slice(0, half))] : []),
        ...(tail ? [this.#work(tail, reasons?.slice(half))] : []),
      ];
    }
    const decision = retry.failed(host.clock.monotonicMs(), retryAfterMs(error));
    if (decision.kind === 'exhausted') {
      host.log.warn(
        { output: host.id },
        `writing chunk ${chunk.id} to output ${host.id}: ${errorText(error)}; its ${retry.tries} tries are used up, its ${chunk.count} records go to the ${this.#goesToSecondary(work) ? 'secondary' : 'dead letters'}`,
      );
      const reason = `retries_exhausted: ${errorText(error)}`;
      return this.#divert(
        work,
        Array.from({ length: chunk.count }, () => reason),
        retry,
        true,
      );
    }
    host.retried(chunk.count);
    this.#logRetry(work, error, decision.waitMs);
    return this.#pause(root, work, errorText(error), decision.waitMs);
  }
  /**
   * Waits; what is discarded meanwhile goes at once, and the rest waits on. So does the output where nothing is left: its
   * target is not asked sooner because records were dropped.
   */
  async #pause(root: RecordChunk, work: Work, text: string, waitMs: number): Promise<Work[]> {
    const host = this.#host;
    const untilMs = host.clock.monotonicMs() + waitMs;
    let rest: Work | undefined = work;
    for (;;) {
      const leftMs = untilMs - host.clock.monotonicMs();
      host.trouble(root, text, leftMs, rest?.chunk);
      if (await host.sleep(leftMs, rest?.chunk)) return rest ? [rest] : [];
      rest = rest && this.#discard(rest);
    }
  }
  #goesToSecondary(rows: Rows): boolean {
    return this.#host.secondary !== undefined && rows.reasons === undefined;
  }
  /** Sends records that their target will not get elsewhere. */
  async #divert(rows: Rows, targetReasons: readonly string[], retry: RetryState, isExhausted = false): Promise<Work[]> {
    const host = this.#host;
    const { chunk } = rows;
    if (this.#goesToSecondary(rows)) return [this.#work(chunk, targetReasons)];
    const refusedMs = host.clock.nowMs();
    const attempts = retry.tries + 1;
    let at = 0;
    const letters = chunk.batches.flatMap((part) =>
      Array.from({ length: part.batch.count }, (_, row) => {
        const reason = targetReasons[at++] as string;
        const refused = { output: host.id, reason, emissionId: part.emissionId(row), attempts, refusedMs };
        return { refused, batch: part.batch, row };
      }),
    );
    // A record that ran out of tries may be good: only what the target refused is dropped.
    if (host.buffer.isRefusedDropped === true && !isExhausted) this.#logDropped(chunk.count, targetReasons[0] ?? '');
    else {
      await host.deadLetters.keep(letters);
      if (!isExhausted) this.#logKept(chunk.count);
    }
    // With a secondary: counted by the reason for which the output itself did not take them.
    host.refused(chunk, rows.reasons ?? targetReasons);
    return [];
  }
  #logDropped(count: number, reason: string): void {
    const { log, id } = this.#host;
    if (!this.#mayLog()) return;
    log.error(
      { output: id },
      `dropping ${count} records that output ${id} refused, as its configuration says (disable_chunk_backup): ${reason}`,
    );
  }
  /** Without the target's words, which may hold a part of the record: the dead letter has them. */
  #logKept(count: number): void {
    const { log, id, clock } = this.#host;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#keptLoggedMs < keptLogMs) return;
    this.#keptLoggedMs = nowMs;
    log.warn(
      { output: id },
      `output ${id} refused records, ${count} now: they are kept as dead letters; look why with post2log dlq list, and send them again with post2log dlq replay`,
    );
  }
  #logRetry({ chunk, retry }: Work, error: unknown, waitMs: number): void {
    const { log, id } = this.#host;
    if (!this.#mayLog()) return;
    log.warn(
      { output: id },
      `writing chunk ${chunk.id} (${chunk.count} records) to output ${id}: ${errorText(error)}; try ${retry.tries + 1} in ${Math.round(waitMs)} ms`,
    );
  }
  #mayLog(): boolean {
    const nowMs = this.#host.clock.monotonicMs();
    if (nowMs - this.#loggedMs < retryLogMs) return false;
    this.#loggedMs = nowMs;
    return true;
  }
}

interface Rows {
  readonly chunk: RecordChunk;
  /** As Work.reasons, for these rows. */
  readonly reasons: readonly string[] | undefined;
}

/** Cuts a written chunk by what the target said of its rows. */
function sortRows(
  work: Work,
  result: WriteResult | undefined,
): {
  delivered?: Rows | undefined;
  refused?: (Rows & { readonly targetReasons: readonly string[] }) | undefined;
  retry?: Rows | undefined;
  held?: Rows | undefined;
} {
  const { chunk, reasons } = work;
  if (!result?.refused?.length && !result?.retry?.length && !result?.held?.rows.length) return { delivered: work };
  const refusedReasons = new Map((result.refused ?? []).map(({ row, reason }) => [row, reason]));
  const again = new Set(result.retry);
  const kept = new Set(result.held?.rows);
  const groupOf = (row: number): number => (refusedReasons.has(row) ? 1 : again.has(row) ? 2 : kept.has(row) ? 3 : 0);
  const rows: number[][] = [[], [], [], []];
  for (let row = 0; row < chunk.count; row++) (rows[groupOf(row)] as number[]).push(row);
  const [delivered, refused, retry, held] = chunk.split(4, groupOf);
  const reasonsOf = (group: number): readonly string[] | undefined => reasons && pick(reasons, rows[group] ?? []);
  const targetReasons = (rows[1] as number[]).map((row) => refusedReasons.get(row) as string);
  return {
    delivered: delivered && { chunk: delivered, reasons: reasonsOf(0) },
    refused: refused && { chunk: refused, reasons: reasonsOf(1), targetReasons },
    retry: retry && { chunk: retry, reasons: reasonsOf(2) },
    held: held && { chunk: held, reasons: reasonsOf(3) },
  };
}

function pick(reasons: readonly string[], rows: readonly number[]): readonly string[] {
  return rows.map((row) => reasons[row] as string);
}
