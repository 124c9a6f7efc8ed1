/** Pages of records. */
import { OperatingError } from '../core/errors.ts';
import type { SearchAnswer } from '../store/contract.ts';
import { all } from './clauses.ts';
import { readHits } from './hits.ts';
import type { Hit, Hits } from './hits.ts';
import { behind, keyBehind } from './page-key.ts';
import type { PageKey } from './page-key.ts';
import { askRecords, noteShards, sortsByNanos } from './session.ts';
import type { Question } from './session.ts';

/** As many records as indices give at once unless they are told otherwise (index.max_result_window). */
export const windowMax = 10_000;

export interface PageRequest {
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  readonly after: PageKey | undefined;
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
}

export interface Page {
  readonly hits: readonly Hit[];
  readonly next: PageKey | undefined;
  readonly isComplete: boolean;
}

export const noPage: Page = { hits: [], next: undefined, isComplete: true };

/** Records from a place on. A page is shorter where its records are too large to be read at once. */
export async function findPage(question: Question, request: PageRequest, signal: AbortSignal): Promise<Page> {
  const { limit, after } = request;
  // One more says whether there is another page.
  for (let size = Math.min(limit + 1, windowMax); ; size = Math.max(1, Math.floor(size / 4))) {
    const found = await findHits(question, request, size, signal);
    if (!found) {
      if (size > 1) continue;
      throw new OperatingError(
        'INDEX_QUERY_LIMIT',
        `searching ${question.searched.pattern}: one record is too large to be shown; leave it out with another query or time range`,
      );
    }
    const { hits, rest } = found;
    noteShards(rest, question);
    const shown = hits.slice(0, limit);
    const isComplete = rest.timed_out !== true;
    const hasMore = hits.length > limit || hits.length === size;
    return { hits: shown, next: isComplete && hasMore ? keyBehind(shown, after) : undefined, isComplete };
  }
}

/** Undefined: the answer was too large. */
async function findHits(
  question: Question,
  request: PageRequest,
  size: number,
  signal: AbortSignal,
): Promise<Hits | undefined> {
  const { order, after, timeoutMs } = request;
  const { searchAfter, clause } = behind(after, order);
  const direction = order === 'newest' ? 'desc' : 'asc';
  const { time, hitFields } = question;
  const body = {
    size,
    query: clause ? all([question.clause, clause]) : question.clause,
    sort: [
      {
        [time.name]: {
          order: direction,
          unmapped_type: 'date',
          // Indices that keep ms and others that keep ns are in one order.
          ...(sortsByNanos(time) && { numeric_type: 'date_nanos' }),
        },
      },
      { _seq_no: { order: direction, unmapped_type: 'long' } },
    ],
    ...(searchAfter && { search_after: searchAfter }),
  };
  const { text, isWhole } = await askRecords(question, body, timeoutMs, signal);
  return isWhole ? readHits(text, hitFields) : undefined;
}

/** How far a page has looked, as the store's contract says. */
export function searchedToMs({ hits, next }: Page, order: 'newest' | 'oldest'): SearchAnswer['searchedToMs'] {
  const last = hits.at(-1);
  if (!next || !last) return undefined;
  const ms = last.record.seconds * 1000 + Math.floor(last.record.nanos / 1e6);
  // Others of the same ms may come behind it.
  return order === 'newest' ? ms + 1 : ms;
}
