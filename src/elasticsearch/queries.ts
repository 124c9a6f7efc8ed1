/** The questions of the explorer, asked of Elasticsearch or OpenSearch. */
import type { Clock } from '../core/clock.ts';
import type {
  Completeness,
  FieldsAnswer,
  FoundRecord,
  HistogramAnswer,
  HistogramRequest,
  SearchAnswer,
  SearchRequest,
  Selection,
  StoreQueries,
  StoreStatus,
  ValuesAnswer,
  ValuesRequest,
} from '../store/contract.ts';
import { parseQuery } from '../store/query/parser.ts';
import { QueryError } from '../store/query/query-error.ts';
import { timeoutMaxMs } from '../store/search-steps.ts';
import { countTimes, countValues, listFields, timeEnds } from './counts.ts';
import { formatPageKey, parsePageKey } from './page-key.ts';
import type { PageKey } from './page-key.ts';
import { findPage, noPage, searchedToMs, windowMax } from './pages.ts';
import { askCounts } from './session.ts';
import type { IndexSession, Question } from './session.ts';
import { tailRecords } from './tail.ts';
import type { TailPart } from './tail.ts';

/** Records that an export holds at a time. */
const exportRows = 2000;
/** What a page asks for again within this time is answered from what is known. */
const statusKeptMs = 2000;
const statusTimeoutMs = 5000;

/** @throws also QueryError (at 0) for a page key that is none, and for numbers out of their range; OperatingError INDEX_UNAVAILABLE, INDEX_REFUSED, INDEX_QUERY_LIMIT */
export class IndexQueries implements StoreQueries {
  readonly #session: IndexSession;
  readonly #clock: Clock;
  #status: { readonly value: Promise<StoreStatus>; readonly sinceMs: number } | undefined;

  constructor(session: IndexSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }
  async search(request: SearchRequest, signal: AbortSignal): Promise<SearchAnswer> {
    const limit = inRange('limit', request.limit, windowMax);
    const after = request.after === undefined ? undefined : parsePageKey(request.after);
    return this.#answer(request, signal, async (question, timeoutMs) => {
      const page = question
        ? await findPage(question, { limit, order: request.order, after, timeoutMs }, signal)
        : noPage;
      return {
        records: page.hits.map(({ record }) => record),
        next: page.next && formatPageKey(page.next),
        searchedToMs: searchedToMs(page, request.order),
        isComplete: page.isComplete,
      };
    });
  }
  async histogram(request: HistogramRequest, signal: AbortSignal): Promise<HistogramAnswer> {
    inRange('buckets', request.buckets, 1000);
    return this.#answer(request, signal, async (question, timeoutMs) =>
      question
        ? countTimes(question, request, timeoutMs, signal)
        : { startMs: request.fromMs ?? 0, widthMs: 1000, counts: [], total: 0, isComplete: true },
    );
  }
  async fields(request: Selection, signal: AbortSignal): Promise<FieldsAnswer> {
    return this.#answer(request, signal, async (question, timeoutMs) =>
      question ? listFields(question, timeoutMs, signal) : { fields: [], sampled: 0, hasMore: false, isComplete: true },
    );
  }
  async values(request: ValuesRequest, signal: AbortSignal): Promise<ValuesAnswer> {
    inRange('limit', request.limit, 1000);
    return this.#answer(request, signal, async (question, timeoutMs) =>
      question
        ? countValues(question, request, timeoutMs, signal)
        : { field: request.field, values: [], total: 0, present: 0, isComplete: true },
    );
  }
  async *export(
    request: Selection & { readonly order: 'newest' | 'oldest' },
    signal: AbortSignal,
  ): AsyncGenerator<readonly FoundRecord[]> {
    let after: PageKey | undefined;
    do {
      const question = await this.#session.question(request, new Set(), signal);
      if (!question) return;
      const { order } = request;
      const page = await findPage(question, { limit: exportRows, order, after, timeoutMs: undefined }, signal);
      if (page.hits.length > 0) yield page.hits.map(({ record }) => record);
      after = page.next;
    } while (after);
  }
  /** Throws QueryError at the call. */
  tail(request: Selection, signal: AbortSignal): AsyncIterable<TailPart> {
    parseQuery(request.query, this.#clock.nowMs());
    return tailRecords(this.#session, request, this.#clock, signal);
  }
  /** Sizes are not known: asking for them takes rights that searching does not. */
  status(): Promise<StoreStatus> {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#status || nowMs - this.#status.sinceMs > statusKeptMs)
      this.#status = { value: this.#askStatus(AbortSignal.timeout(statusTimeoutMs * 2)), sinceMs: nowMs };
    return this.#status.value;
  }
  async #askStatus(signal: AbortSignal): Promise<StoreStatus> {
    const all: Selection = { query: '', fromMs: undefined, toMs: undefined };
    const question = await this.#session.question(all, new Set(), signal);
    const ends = question && (await timeEnds(question, statusTimeoutMs, signal));
    const counted = question && (await askCounts(question, { track_total_hits: true }, statusTimeoutMs, signal));
    return {
      records: counted?.hits?.total?.value ?? 0,
      bytes: 0,
      bytesMax: 0,
      oldestMs: ends?.oldestMs,
      newestMs: ends?.newestMs,
      partitions: [],
      setAside: [],
    };
  }

  async #answer<T>(
    selection: Selection,
    signal: AbortSignal,
    find: (question: Question | undefined, timeoutMs: number) => Promise<T>,
  ): Promise<T & Pick<Completeness, 'tookMs' | 'notes'>> {
    const startedMs = this.#clock.monotonicMs();
    const notes = new Set<string>();
    const question = await this.#session.question(selection, notes, signal);
    const found = await find(question, Math.min(selection.timeoutMs ?? timeoutMaxMs, timeoutMaxMs));
    return { ...found, tookMs: Math.round(this.#clock.monotonicMs() - startedMs), notes: [...notes] };
  }
}

function inRange(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new QueryError(`${name} is ${value}; give a whole number from 1 to ${max}`, { start: 0, end: 0 });
  return value;
}
