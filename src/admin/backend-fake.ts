/** A running program as tests want it, with a store that is an array. */
import { OperatingError } from '../core/errors.ts';
import type {
  Completeness,
  FoundRecord,
  HistogramRequest,
  SearchRequest,
  Selection,
  StoreQueries,
  ValuesRequest,
} from '../store/contract.ts';
import { QueryError } from '../store/query/query-error.ts';
import type { AdminBackend } from './backend.ts';

const emptyOutput = {
  id: '@router',
  type: 'router',
  state: 'running',
  delivered: 0,
  refused: {},
  passed: 0,
  derived: 0,
  waiting: 0,
  queuedBytes: 0,
  lagMs: 0,
  lastError: undefined,
  nextTryMs: undefined,
} as const;

/** A program without a store that does nothing, but for what is given. */
export function fakeBackend(over: Partial<AdminBackend> = {}): AdminBackend {
  return {
    status: () =>
      Promise.resolve({
        version: '0',
        generation: 1,
        startedMs: 0,
        appended: 0,
        journal: { bytes: 0, bytesMax: 0, shards: 0, isFull: false },
        outputs: [],
        router: emptyOutput,
        processes: [],
      }),
    metricsText: () => Promise.resolve('metric 1\n'),
    targets: () => [],
    notReady: () => Promise.resolve([]),
    reload: () => Promise.resolve({ generation: 2, isChanged: true, problems: [] }),
    dropOutput: (id) => Promise.resolve(id === 'old' ? 3 : undefined),
    deadLetters: () => Promise.resolve([]),
    deadLetter: () => Promise.resolve(undefined),
    dropDeadLetters: () => Promise.resolve(0),
    replayDeadLetters: ({ ids }) => Promise.resolve(ids === undefined ? 9 : ids.length),
    store: () => undefined,
    storeState: () => ({ state: 'off', waiting: 0, lastError: undefined }),
    index: () => undefined,
    receivingPaths: () => ({ '/postback': { post: { responses: {} } } }),
    ...over,
  };
}

/** A record of second number `index`, with this JSON. */
export function foundRecord(index: number, json: string, over: Partial<FoundRecord> = {}): FoundRecord {
  return { id: `s-${index}`, seconds: index, nanos: 123, appendMs: index, tag: 't', source: 'postback', json, ...over };
}

type TailPart = { readonly records: readonly FoundRecord[]; readonly skipped: number };

/**
 * A store of some records, oldest first. It knows these queries: empty; a text that a record's JSON has in it; one that
 * ends with a colon (cannot be read); `hang` (until it is given up); `heavy` (needs too much memory).
 */
export class FakeStore implements StoreQueries {
  readonly records: FoundRecord[] = [];
  /** What was asked, and each signal that came with it. */
  readonly asked: { readonly method: string; readonly request: unknown; readonly signal: AbortSignal }[] = [];
  /** Records of a page of export. */
  pageSize = 2;
  isGone = false;
  /** Records that a search looks at before its time limit comes; undefined: all. */
  lookedAtMax: number | undefined;
  /** A search with a shorter time limit gets nowhere. */
  stuckBelowMs = 0;
  /** Pages of the export under way that were taken, and whether the reader ended it. */
  exported = { pages: 0, isEnded: false };
  #tailed: TailPart[] = [];
  #waiting: (() => void)[] = [];
  #note: (() => void)[] = [];

  search(request: SearchRequest, signal: AbortSignal) {
    return this.#answer('search', request, signal, (found) => {
      const matching = new Set(found);
      const ordered = request.order === 'newest' ? this.records.toReversed() : this.records;
      const start = Number(request.after ?? 0);
      const stop = start + (this.lookedAtMax ?? ordered.length);
      const records: FoundRecord[] = [];
      let at = start;
      for (; at < Math.min(stop, ordered.length) && records.length < request.limit; at++) {
        const record = ordered[at];
        if (record && matching.has(record)) records.push(record);
      }
      const left = ordered.slice(at);
      const isComplete = records.length === request.limit || left.length === 0;
      if ((request.timeoutMs ?? Infinity) < this.stuckBelowMs)
        return { records: found.slice(0, 1), next: undefined, searchedToMs: undefined, isComplete: false };
      const hasMore = isComplete ? left.some((record) => matching.has(record)) : true;
      const searchedToMs = hasMore ? (ordered[at - 1]?.seconds ?? 0) * 1000 : undefined;
      return { records, next: hasMore ? String(at) : undefined, searchedToMs, isComplete };
    });
  }
  histogram(request: HistogramRequest, signal: AbortSignal) {
    return this.#answer('histogram', request, signal, (found) => {
      const startMs = request.fromMs ?? 0;
      return { startMs, widthMs: 1000, counts: [found.length], total: found.length };
    });
  }
  fields(request: Selection, signal: AbortSignal) {
    return this.#answer('fields', request, signal, (found) => ({
      fields: [{ name: 'p1', types: ['string' as const], count: found.length }],
      sampled: found.length,
      hasMore: false,
    }));
  }
  values(request: ValuesRequest, signal: AbortSignal) {
    return this.#answer('values', request, signal, (found) => ({
      field: request.field,
      values: [{ value: 'v1', count: found.length }].slice(0, request.limit),
      total: found.length,
      present: found.length,
    }));
  }
  async *export(request: Selection & { readonly order: 'newest' | 'oldest' }, signal: AbortSignal) {
    const found = await this.#select('export', request, signal);
    const ordered = request.order === 'newest' ? found.toReversed() : found;
    this.exported = { pages: 0, isEnded: false };
    try {
      for (let start = 0; start < ordered.length; start += this.pageSize) {
        signal.throwIfAborted();
        this.exported.pages++;
        yield ordered.slice(start, start + this.pageSize);
      }
    } finally {
      this.exported.isEnded = true;
      this.#changed();
    }
  }
  async *tail(request: Selection, signal: AbortSignal) {
    this.#begin('tail', request, signal);
    signal.addEventListener('abort', () => this.#wake());
    for (;;) {
      for (let part = this.#tailed.shift(); part; part = this.#tailed.shift()) yield part;
      if (this.isGone) throw gone();
      if (signal.aborted) return;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
  status() {
    if (this.isGone) return Promise.reject(gone());
    return Promise.resolve({
      records: this.records.length,
      bytes: 1,
      bytesMax: 2,
      oldestMs: 3,
      newestMs: 4,
      partitions: [],
      setAside: [],
    });
  }
  /** Hands records to the tail that runs. */
  push(...parts: TailPart[]): void {
    this.#tailed.push(...parts);
    this.#wake();
  }
  /** The program lost it. */
  leave(): void {
    this.isGone = true;
    this.#wake();
  }
  /** Resolves once `condition` holds; looked at whenever something is asked, given up or ended. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#note.push(resolve));
  }

  async #answer<T>(
    method: string,
    request: Selection,
    signal: AbortSignal,
    make: (found: FoundRecord[]) => T,
  ): Promise<T & Completeness> {
    const found = await this.#select(method, request, signal);
    return { tookMs: 1, isComplete: true, notes: ['a note'], ...make(found) };
  }
  async #select(method: string, request: Selection, signal: AbortSignal): Promise<FoundRecord[]> {
    this.#begin(method, request, signal);
    const { query, fromMs = -Infinity, toMs = Infinity } = request;
    if (this.isGone) throw gone();
    if (query.endsWith(':'))
      throw new QueryError('expected a value after ":"', { start: query.length - 1, end: query.length });
    if (query === 'heavy') throw new OperatingError('STORE_QUERY_LIMIT', 'searching: it needs too much memory');
    if (query === 'hang')
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    return this.records.filter(
      ({ seconds, json }) => seconds * 1000 >= fromMs && seconds * 1000 < toMs && json.includes(query),
    );
  }
  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
  #begin(method: string, request: unknown, signal: AbortSignal): void {
    this.asked.push({ method, request, signal });
    signal.addEventListener('abort', () => this.#changed());
    this.#changed();
  }
  #changed(): void {
    for (const resolve of this.#note.splice(0)) resolve();
  }
}

function gone(): OperatingError {
  return new OperatingError('STORE_UNAVAILABLE', 'asking the store: its process ended; it is started again');
}

/** A program with this store. */
export function backendWith(store: FakeStore): AdminBackend {
  return fakeBackend({
    store: () => store,
    storeState: () => ({ state: 'running', waiting: 5, lastError: undefined }),
  });
}
