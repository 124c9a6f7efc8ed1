/**
 * Records as they become searchable, by asking again and again: the servers tell nobody of what is new. Each look takes the newest of
 * a time that reaches back a little, because records arrive late and out of order; those seen before are left out.
 */
import type { Clock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import type { FoundRecord, Selection } from '../store/contract.ts';
import type { Hit } from './hits.ts';
import { findPage } from './pages.ts';
import { askCounts } from './session.ts';
import type { IndexSession } from './session.ts';

/** Indices make records searchable every second at most; a person sees no difference. */
const lookMs = 2000;
/** Records that arrive with a time further back than this before the newest are not shown. Outputs gather for a minute at most. */
const lateMs = 120_000;
/** Records of one look; more come faster than anybody reads. */
const lookMax = 1000;
/** Looks that may fail one after the other, as while a node restarts. */
const failuresMax = 5;
const lookTimeoutMs = 20_000;

export interface TailPart {
  readonly records: readonly FoundRecord[];
  readonly skipped: number;
}

/** Ends when the signal aborts. The first part says that it has begun. */
export async function* tailRecords(
  session: IndexSession,
  { query }: Selection,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<TailPart> {
  /** Ids that were shown or there at the beginning, with their time. */
  const seen = new Map<string, number>();
  let newestMs = session.nowMs;
  let failures = 0;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const fromMs = newestMs - lateMs;
    try {
      const part = await look(session, query, fromMs, seen, signal);
      failures = 0;
      newestMs = Math.max(newestMs, ...seen.values());
      for (const [id, timeMs] of seen) if (timeMs < newestMs - lateMs) seen.delete(id);
      if (isFirst) yield { records: [], skipped: 0 };
      else if (part.records.length > 0 || part.skipped > 0) yield part;
    } catch (error) {
      if (signal.aborted) return;
      const isPassing = error instanceof OperatingError && error.code === 'INDEX_UNAVAILABLE';
      if (isFirst || !isPassing || ++failures > failuresMax) throw error;
    }
    await pause(clock, signal);
  }
}

/** What is new, oldest first. */
async function look(
  session: IndexSession,
  query: string,
  fromMs: number,
  seen: Map<string, number>,
  signal: AbortSignal,
): Promise<TailPart> {
  const selection = { query, fromMs, toMs: undefined };
  const question = await session.question(selection, new Set(), signal);
  if (!question) return { records: [], skipped: 0 };
  const request = { limit: lookMax, order: 'newest' as const, after: undefined, timeoutMs: lookTimeoutMs };
  const { hits } = await findPage(question, request, signal);
  const fresh = hits.filter(({ record }) => !seen.has(record.id));
  let skipped = 0;
  const isGap = hits.length >= lookMax && fresh.length === hits.length && seen.size > 0;
  if (isGap) skipped = await countBetween(session, query, Math.max(...seen.values()), hits.at(-1), signal);
  for (const { record } of hits) seen.set(record.id, timeMsOf(record));
  return { records: fresh.map(({ record }) => record).reverse(), skipped };
}

/** More came than one look takes: how many lie between what was seen before and this. */
async function countBetween(
  session: IndexSession,
  query: string,
  seenMs: number,
  oldest: Hit | undefined,
  signal: AbortSignal,
): Promise<number> {
  const toMs = oldest ? timeMsOf(oldest.record) : seenMs;
  if (toMs <= seenMs) return 0;
  const question = await session.question({ query, fromMs: seenMs + 1, toMs }, new Set(), signal);
  const answer = question && (await askCounts(question, { track_total_hits: true }, lookTimeoutMs, signal));
  return answer?.hits?.total?.value ?? 0;
}

function timeMsOf({ seconds, nanos }: FoundRecord): number {
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

/** Until the next look, or at once when the signal aborts. */
function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(lookMs, done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
