/** What the store can be asked. */
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
  ValuesAnswer,
  ValuesRequest,
} from './contract.ts';
import { exportPages } from './export.ts';
import { listFields } from './field-list.ts';
import { histogram } from './histogram.ts';
import { Limits, timeoutMsDefault } from './limits.ts';
import { formatPageKey, parsePageKey, timePassedMs, type Order } from './page-key.ts';
import { QueryError } from './query/query-error.ts';
import { RowRuns } from './row-runs.ts';
import { searchPage } from './search.ts';
import { notesOf, Selected, type Asking } from './selection.ts';
import type { Partitions } from './snapshot.ts';
import { Tails, type Inserts, type TailPart } from './tail.ts';
import { topValues } from './values.ts';

/**
 * Answers questions from snapshots of the partitions, one partition after the other. Holds no snapshot between two
 * pages and none when nobody asks. How many are answered at once is up to the snapshots' pool.
 * @throws also QueryError (at 0) for a page key that is none, and for numbers out of their range.
 */
export class Questions implements Omit<StoreQueries, 'status'> {
  readonly #partitions: Partitions;
  readonly #clock: Clock;
  readonly #tails: Tails;
  readonly #runs = new RowRuns();

  constructor(partitions: Partitions & Inserts, clock: Clock) {
    this.#partitions = partitions;
    this.#clock = clock;
    this.#tails = new Tails(partitions, clock);
  }
  async search(request: SearchRequest, signal: AbortSignal): Promise<SearchAnswer> {
    const limit = inRange('limit', request.limit, 10_000);
    const after = request.after === undefined ? undefined : parsePageKey(request.after);
    return this.#answer(request, signal, async (asking, selected) => {
      const page = await searchPage(asking, this.#runs, selected, { order: request.order, limit, after });
      const reached = page.next ?? (page.isComplete ? undefined : after);
      return {
        ...page,
        next: page.next && formatPageKey(page.next),
        searchedToMs: reached && timePassedMs(request.order, reached),
      };
    });
  }
  async histogram(request: HistogramRequest, signal: AbortSignal): Promise<HistogramAnswer> {
    inRange('buckets', request.buckets, 1000);
    return this.#answer(request, signal, (asking, selected) => histogram(asking, selected, request, this.#clock));
  }
  async fields(request: Selection, signal: AbortSignal): Promise<FieldsAnswer> {
    return this.#answer(request, signal, (asking, selected) => listFields(asking, this.#runs, selected));
  }
  async values(request: ValuesRequest, signal: AbortSignal): Promise<ValuesAnswer> {
    const limit = inRange('limit', request.limit, 1000);
    return this.#answer(request, signal, (asking, selected) => topValues(asking, selected, request.field, limit));
  }
  /** Throws QueryError at the call. */
  export(request: Selection & { readonly order: Order }, signal: AbortSignal): AsyncIterable<readonly FoundRecord[]> {
    const selected = Selected.read(request, this.#clock.nowMs());
    return exportPages(() => this.#asking(signal, undefined), this.#runs, selected, request.order);
  }
  /** Throws QueryError at the call, and begins with it. */
  tail(request: Selection, signal: AbortSignal): AsyncIterable<TailPart> {
    const selected = Selected.read({ query: request.query, fromMs: undefined, toMs: undefined }, this.#clock.nowMs());
    return this.#tails.follow(request.query, selected, signal, (end) => this.#asking(end, undefined));
  }

  #asking(signal: AbortSignal, timeoutMs: number | undefined): Asking {
    return {
      partitions: this.#partitions,
      limits: new Limits(signal, timeoutMs, this.#clock),
      notes: new Set(),
    };
  }
  async #answer<T>(
    selection: Selection,
    signal: AbortSignal,
    find: (asking: Asking, selected: Selected) => Promise<T>,
  ): Promise<T & Pick<Completeness, 'tookMs' | 'notes'>> {
    const selected = Selected.read(selection, this.#clock.nowMs());
    const asking = this.#asking(signal, selection.timeoutMs ?? timeoutMsDefault);
    try {
      const found = await find(asking, selected);
      asking.limits.checkSignal();
      return { ...found, tookMs: asking.limits.tookMs, notes: notesOf(asking) };
    } finally {
      asking.limits.close();
    }
  }
}

function inRange(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new QueryError(`${name} is ${value}; give a whole number from 1 to ${max}`, { start: 0, end: 0 });
  return value;
}
