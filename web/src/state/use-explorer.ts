/** What the page shows, put together: the address's state, the answers to it, live records on top. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useHistogram, useSearch, useStore } from '../api/questions.ts';
import { searchedSoFar } from '../api/search-parts.ts';
import type { Question, Search } from '../api/questions.ts';
import type { FoundRecord, Place, PlaceName } from '../api/types.ts';
import { useSettings } from '../i18n/use-texts.ts';
import { mergeRows } from '../live/live-records.ts';
import { useTail } from '../live/use-tail.ts';
import { changeState, useExplorerState } from './location.ts';
import { useShownRows } from './shown-rows.ts';
import { useGoingOn } from './use-going-on.ts';

/** The API's own default, and its longest for `Search longer`. */
const timeoutMs = 10_000;
const timeoutLongMs = 60_000;
/** A bar of the histogram is about 8 px wide on a common screen. */
const bucketsWished = 100;
/** While Live runs the histogram follows at this pace. */
const liveHistogramMs = 5000;

/** Asks anew whenever `askAgain` is called; a longer search is for one question only. */
function useQuestion() {
  const { query, range, place } = useExplorerState();
  const [run, setRun] = useState(0);
  const [patient, setPatient] = useState<{ query: string; range: typeof range }>();
  const isPatient = patient?.query === query && patient.range === range;
  const question: Question = useMemo(
    () => ({ query, range, place, run, timeoutMs: isPatient ? timeoutLongMs : timeoutMs }),
    [query, range, place, run, isPatient],
  );
  const askAgain = useCallback(() => setRun((count) => count + 1), []);
  return { question, askAgain, searchLonger: () => setPatient({ query, range }) };
}

/** What the search's parts so far came to, and how it goes on. */
function useFound(search: Search, question: Question, order: 'newest' | 'oldest', asked: string) {
  const { data, isPlaceholderData } = search;
  const searched = useMemo(() => searchedSoFar(data?.pages ?? [], data?.pageParams ?? []), [data]);
  const isPartial = searched.isPartial && !isPlaceholderData;
  const goingOn = useGoingOn(search, question, order, isPartial);
  const found = useShownRows({
    asked,
    run: question.run,
    found: searched.records,
    searchedToMs: searched.searchedToMs,
    order,
    isPartial,
    isWaiting: isPlaceholderData || search.isPending,
  });
  return { searched, isPartial, goingOn, found };
}

export function useExplorer() {
  const state = useExplorerState();
  const settings = useSettings();
  const { question, askAgain, searchLonger } = useQuestion();
  const [view, setView] = useState(0);
  const [isPaused, setPaused] = useState(false);
  const [isAtTop, setAtTop] = useState(true);
  const search = useSearch(question, state.order, true);
  const histogram = useHistogram(
    question,
    bucketsWished,
    state.isLive && !isPaused ? liveHistogramMs : undefined,
    true,
  );
  const isHeld = isPaused || !isAtTop || state.record !== undefined;
  const tail = useTail({ isOn: state.isLive, query: state.query, place: state.place, isHeld, onOpen: askAgain });
  const asked = JSON.stringify([state.query, state.range, state.place, state.order]);
  const isStale = useStale(asked, search.isPlaceholderData || search.isPending);
  useEnd(state.isLive, askAgain);
  const hasTail = state.isLive || search.isPlaceholderData;
  const { searched, isPartial, goingOn, found } = useFound(search, question, state.order, asked);
  const rows: readonly FoundRecord[] = useMemo(
    () => (hasTail ? mergeRows(tail.records, found) : found),
    [hasTail, tail.records, found],
  );
  const isWhole = search.isSuccess && !search.isPlaceholderData && !isPartial && !searched.isCut;
  const isEmpty = isWhole && rows.length === 0;
  const store = useStore(isEmpty, state.place);
  useKnownPlace(state.place, store.data?.places);
  // A search that was begun anew before it is done would never be.
  useRefresh(settings.refreshSeconds, !isHeld && !state.isLive && !isPartial, askAgain);
  useFirstRecord(isEmpty, state.place, store.isPlaceholderData ? undefined : store.data?.status?.records, askAgain);
  return {
    state,
    question,
    refresh: () => {
      askAgain();
      setView(view + 1);
    },
    /** Another one for what is looked at from its top: another question, or this one asked anew by hand. */
    view: `${asked} ${view}`,
    /** What is shown answers another question than the one asked by now. */
    isStale,
    searchLonger,
    search,
    /** The search goes on in parts: how far it is. */
    searched,
    goingOn,
    histogram,
    store,
    rows,
    isEmpty,
    live: {
      ...tail,
      isPaused,
      pause: setPaused,
      /** Shows what was held; the table goes to its top. */
      release: () => {
        setPaused(false);
        tail.release();
      },
    },
    setAtTop,
  };
}

/** True from another question's asking to its answer; the same one asked anew changes nothing on the screen until then. */
function useStale(asked: string, isOpen: boolean): boolean {
  const [answered, setAnswered] = useState(asked);
  if (!isOpen && answered !== asked) setAnswered(asked);
  return isOpen && answered !== asked;
}

/** When Live ends, what it brought is searched for. */
function useEnd(isLive: boolean, askAgain: () => void): void {
  const wasLive = useRef(isLive);
  useEffect(() => {
    if (wasLive.current && !isLive) askAgain();
    wasLive.current = isLive;
  }, [isLive, askAgain]);
}

export type Explorer = ReturnType<typeof useExplorer>;

/** Asks anew every so many seconds, unless the reader is in the middle of something. */
function useRefresh(seconds: number, isWanted: boolean, refresh: () => void): void {
  useEffect(() => {
    if (seconds === 0 || !isWanted) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') refresh();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, isWanted, refresh]);
}

/** An address that somebody sent may name a place that this program does not have: then the usual one is searched. */
function useKnownPlace(place: PlaceName | undefined, places: readonly Place[] | undefined): void {
  const isUnknown =
    place !== undefined && places !== undefined && places.length > 0 && !places.some((known) => known.in === place);
  useEffect(() => {
    if (isUnknown) changeState({ place: undefined, record: undefined }, 'replace');
  }, [isUnknown]);
}

/** An empty page asks again as soon as the store has more; out of an empty store it goes on live. */
function useFirstRecord(
  isEmpty: boolean,
  place: PlaceName | undefined,
  records: number | undefined,
  refresh: () => void,
): void {
  const [seen, setSeen] = useState<number>();
  if (records !== undefined && records !== seen) setSeen(records);
  const here = place ?? 'usual';
  const [empty, setEmpty] = useState<string>();
  if (isEmpty && records === 0 && empty !== here) setEmpty(here);
  const isFirst = empty === here && records !== undefined && records > 0;
  useEffect(() => {
    if (isEmpty && seen !== undefined) refresh();
    // Asked when the number changes, not when the page becomes empty: then it has just asked.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [seen]);
  useEffect(() => {
    if (!isFirst) return;
    setEmpty(undefined);
    changeState({ isLive: true, order: 'newest' }, 'replace');
  }, [isFirst]);
}
