/** A search that goes on by itself behind an answer that its time limit ended, until its page is full or the reader stops it. */
import { useEffect, useEffectEvent, useState } from 'react';
import { ApiError } from '../api/client.ts';
import { retryMs, stopSearch } from '../api/questions.ts';
import type { Question, Search } from '../api/questions.ts';

export interface GoingOn {
  /** `done`: nothing to go on with; `failed`: it broke off, and does not try again by itself. */
  readonly state: 'done' | 'running' | 'stopped' | 'failed';
  readonly stop: () => void;
  readonly goOn: () => void;
}

/** `isPartial`: what is shown is an answer with more to come. */
export function useGoingOn(
  search: Search,
  question: Question,
  order: 'newest' | 'oldest',
  isPartial: boolean,
): GoingOn {
  const { query, range, place, run } = question;
  const asked = JSON.stringify([query, range, place, run, order]);
  const [stopped, setStopped] = useState<string>();
  const { isFetching, isError, data, error } = search;
  const isStopped = stopped === asked;
  const isAway = isError && data !== undefined && error instanceof ApiError && error.isPassing;
  const fetchNext = useEffectEvent(() => void search.fetchNextPage());
  const isNext = isPartial && !isStopped && !isFetching && !isError;
  const nextAfter = isNext ? data?.pages.length : undefined;
  useEffect(() => {
    if (nextAfter !== undefined) fetchNext();
  }, [nextAfter]);
  useEffect(() => {
    if (!isAway || isFetching || isStopped) return undefined;
    const timer = setTimeout(fetchNext, retryMs);
    return () => clearTimeout(timer);
  }, [isAway, isFetching, isStopped]);
  const state = !isPartial ? 'done' : isStopped ? 'stopped' : isError && !isAway && !isFetching ? 'failed' : 'running';
  return {
    state,
    stop: () => {
      setStopped(asked);
      stopSearch(question, order);
    },
    goOn: () => {
      setStopped(undefined);
      if (isError) void search.fetchNextPage();
    },
  };
}
