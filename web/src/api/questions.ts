/** What the page asks, as hooks: cached, cancelled when nobody waits for it any more, tried again where that can help. */
import { QueryCache, QueryClient, keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { InfiniteData } from '@tanstack/react-query';
import { firstStep, nextStep } from '../../../src/store/search-steps.ts';
import type { SearchStep } from '../../../src/store/search-steps.ts';
import { quote } from '../query/edit.ts';
import { rangeParams } from '../time/range.ts';
import type { TimeRange } from '../time/range.ts';
import { ApiError, request, requestJson } from './client.ts';
import type { Params } from './client.ts';
import { postbackUrl } from './postback-url.ts';
import { readPage } from './read-records.ts';
import { firstPart, nextPart } from './search-parts.ts';
import type { SearchPart } from './search-parts.ts';
import type { Fields, FieldValues, Histogram, PlaceName, SearchPage, Session, StoreState } from './types.ts';

/** Which records, asked the how many-th time. */
export interface Question {
  readonly query: string;
  readonly range: TimeRange;
  /** Undefined: where the program looks by itself. */
  readonly place: PlaceName | undefined;
  /** Grows by a refresh: the same question is asked anew. */
  readonly run: number;
  /** Of the histogram and the fields; a search goes on until it is done. */
  readonly timeoutMs: number;
}

/** How soon a question that failed in passing is asked again. */
export const retryMs = 2000;

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error) {
      if (error instanceof ApiError && error.status === 401)
        void queryClient.invalidateQueries({ queryKey: ['session'] });
    },
  }),
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, staleTime: Infinity, gcTime: 60_000 } },
});

/** Asked again by itself while the program or its store is away. */
const whilePassing = (query: { state: { error: Error | null } }): number | false =>
  query.state.error instanceof ApiError && query.state.error.isPassing ? retryMs : false;

function paramsOf({ query, range, place, timeoutMs }: Question): Params {
  return { query, ...rangeParams(range), in: place, timeout: timeoutMs };
}

const keyOf = ({ query, range, place, run, timeoutMs }: Question): unknown[] => [
  query,
  rangeParams(range),
  place,
  timeoutMs,
  run,
];

const searchKey = ({ query, range, place, run }: Question, order: 'newest' | 'oldest'): unknown[] => [
  'search',
  query,
  rangeParams(range),
  place,
  run,
  order,
];

/** In parts, see search-parts.ts. */
export function useSearch(question: Question, order: 'newest' | 'oldest', isEnabled: boolean) {
  const { query, range, place } = question;
  return useInfiniteQuery<SearchPage, Error, InfiniteData<SearchPage, SearchPart>, readonly unknown[], SearchPart>({
    queryKey: searchKey(question, order),
    queryFn: async ({ pageParam: { first, after, timeoutMs, limit }, signal }) => {
      // A further page is cut from the range that the first one was asked for: `now` has moved on since.
      const times: Params = first ? { from: first.fromMs, to: first.toMs } : rangeParams(range);
      const params: Params = { query, ...times, in: place, order, after, limit, timeout: timeoutMs };
      return readPage(await request('/api/search', { params, signal }));
    },
    initialPageParam: firstPart,
    getNextPageParam: nextPart,
    placeholderData: keepPreviousData,
    // Where there are rows, only the part that failed is asked for again.
    refetchInterval: (query) => (query.state.data === undefined ? whilePassing(query) : false),
    enabled: isEnabled,
  });
}
export type Search = ReturnType<typeof useSearch>;

/** Ends the request under way; the rows stay. */
export function stopSearch(question: Question, order: 'newest' | 'oldest'): void {
  void queryClient.cancelQueries({ queryKey: searchKey(question, order) });
}

/** `everyMs`: asked anew while Live runs. */
export function useHistogram(question: Question, buckets: number, everyMs: number | undefined, isEnabled: boolean) {
  return useQuery({
    queryKey: ['histogram', ...keyOf(question), buckets],
    queryFn: ({ signal }) =>
      requestJson<Histogram>('/api/histogram', { params: { ...paramsOf(question), buckets }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => whilePassing(query) || everyMs || false,
    enabled: isEnabled,
  });
}

export function useFields(question: Question, isEnabled: boolean) {
  return useQuery({
    queryKey: ['fields', ...keyOf(question)],
    queryFn: ({ signal }) => requestJson<Fields>('/api/fields', { params: paramsOf(question), signal }),
    placeholderData: keepPreviousData,
    refetchInterval: whilePassing,
    enabled: isEnabled,
  });
}

export function useValues(question: Question, field: string, limit: number, isEnabled: boolean) {
  return useQuery({
    queryKey: ['values', ...keyOf(question), field, limit],
    queryFn: ({ signal }) =>
      requestJson<FieldValues>('/api/fields/values', { params: { ...paramsOf(question), field, limit }, signal }),
    enabled: isEnabled,
  });
}

/** One record by its id, whatever the range: for links to records that are not among those found. */
export function useRecord(id: string | undefined, place: PlaceName | undefined) {
  return useQuery({
    queryKey: ['record', id, place],
    queryFn: async ({ signal }) => {
      for (let step: SearchStep | undefined = firstStep(); step;) {
        const params: Params = {
          query: `_id:=${quote(id ?? '')}`,
          in: place,
          limit: 1,
          after: step.after,
          timeout: step.timeoutMs,
        };
        const page = readPage(await request('/api/search', { params, signal }));
        if (page.records[0]) return page.records[0];
        step = nextStep(step, page);
      }
      return null;
    },
    enabled: id !== undefined,
    gcTime: 300_000,
  });
}

/** How often the store is asked how it is, in ms: an empty one as often as its first record should be seen. */
const storeEmptyMs = 500;
const storeWatchedMs = 3000;
const storeMs = 10_000;

/** `isWatched`: asked more often, because the page waits for something to happen. */
export function useStore(isWatched: boolean, place: PlaceName | undefined) {
  return useQuery({
    queryKey: ['store', place],
    queryFn: ({ signal }) => requestJson<StoreState>('/api/store', { params: { in: place }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => {
      if (query.state.data?.state !== 'running') return retryMs / 2;
      if (query.state.data.status?.records === 0) return storeEmptyMs;
      return isWatched ? storeWatchedMs : storeMs;
    },
    staleTime: 0,
  });
}

/** Where a first record can be sent; undefined while it is not known, or nowhere. */
export function usePostbackUrl(): string | undefined {
  const { data } = useQuery({
    queryKey: ['openapi'],
    queryFn: ({ signal }) => requestJson<unknown>('/openapi.json', { signal }),
  });
  return data === undefined ? undefined : postbackUrl(data, window.location.hostname);
}

export function useSession() {
  return useQuery({
    queryKey: ['session'],
    queryFn: ({ signal }) => requestJson<Session>('/api/session', { signal }),
    refetchInterval: whilePassing,
  });
}

export async function signIn(secret: { token: string } | { user: string; password: string }): Promise<void> {
  await request('/api/session', { method: 'POST', body: secret });
  await queryClient.resetQueries();
}

export async function signOut(): Promise<void> {
  await request('/api/session', { method: 'DELETE' });
  await queryClient.resetQueries();
}
