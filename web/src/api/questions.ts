/** What the page asks, as hooks: cached, cancelled when nobody waits for it any more, tried again where that can help. */
import { QueryCache, QueryClient, keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { rangeParams } from '../time/range.ts';
import type { TimeRange } from '../time/range.ts';
import { ApiError, request, requestJson } from './client.ts';
import type { Params } from './client.ts';
import { postbackUrl } from './postback-url.ts';
import { readPage } from './read-records.ts';
import type { Fields, FieldValues, Histogram, SearchPage, Session, StoreState } from './types.ts';

/** Which records, asked the how many-th time. */
export interface Question {
  readonly query: string;
  readonly range: TimeRange;
  /** Grows by a refresh: the same question is asked anew. */
  readonly run: number;
  readonly timeoutMs: number;
}

/** Records a page of the table: two screens, so that scrolling never waits, and still a small answer. */
const pageSize = 200;
/** How soon a question that failed in passing is asked again. */
const retryMs = 2000;

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

function paramsOf({ query, range, timeoutMs }: Question): Params {
  return { query, ...rangeParams(range), timeout: timeoutMs };
}

const keyOf = ({ query, range, run, timeoutMs }: Question): unknown[] => [query, rangeParams(range), timeoutMs, run];

/** A further page is cut from the range that the first one was asked for: `now` has moved on since. */
interface PageStart {
  readonly after: string;
  readonly first: SearchPage;
}

export function useSearch(question: Question, order: 'newest' | 'oldest', isEnabled: boolean) {
  return useInfiniteQuery({
    queryKey: ['search', ...keyOf(question), order],
    queryFn: async ({ pageParam, signal }) => {
      const params: Params = { ...paramsOf(question), order, limit: pageSize };
      const rest: Params = pageParam
        ? { from: pageParam.first.fromMs, to: pageParam.first.toMs, after: pageParam.after }
        : {};
      return readPage(await request('/api/search', { params: { ...params, ...rest }, signal }));
    },
    initialPageParam: undefined as PageStart | undefined,
    getNextPageParam: (last, pages): PageStart | undefined => {
      const first = pages[0];
      return last.next === undefined || !first ? undefined : { after: last.next, first };
    },
    placeholderData: keepPreviousData,
    refetchInterval: whilePassing,
    enabled: isEnabled,
  });
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
export function useRecord(id: string | undefined) {
  return useQuery({
    queryKey: ['record', id],
    queryFn: async ({ signal }) => {
      const text = await request('/api/search', { params: { query: `_id:="${id}"`, limit: 1 }, signal });
      return readPage(text).records[0] ?? null;
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
export function useStore(isWatched: boolean) {
  return useQuery({
    queryKey: ['store'],
    queryFn: ({ signal }) => requestJson<StoreState>('/api/store', { signal }),
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
