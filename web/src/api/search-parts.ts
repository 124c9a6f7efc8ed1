/** A page of the table is asked for in parts, so that rows are seen as they are found: the first part is an answer within 400 ms. */
import { firstStep, isVoid, nextStep } from '../../../src/store/search-steps.ts';
import type { SearchStep } from '../../../src/store/search-steps.ts';
import type { FoundRecord, SearchPage } from './types.ts';

/** Records a page of the table: more than a screen, so that scrolling never waits, and soon full. Exported for tests. */
export const pageSize = 100;

/** One request. */
export interface SearchPart extends SearchStep {
  readonly limit: number;
  /** The search's first answer; undefined: this is to be it. */
  readonly first: SearchPage | undefined;
}

export const firstPart: SearchPart = { ...firstStep(), limit: pageSize, first: undefined };

/** The part behind an answer: the rest of its page, or the next page. Undefined: there is none. */
export function nextPart(last: SearchPage, pages: readonly SearchPage[], lastPart: SearchPart): SearchPart | undefined {
  const step = nextStep(lastPart, last);
  if (!step) return undefined;
  const got = isVoid(lastPart, last) ? 0 : last.records.length;
  return { ...step, limit: last.isComplete ? pageSize : Math.max(1, lastPart.limit - got), first: pages[0] };
}

/** What the parts so far came to. */
export interface Searched {
  readonly records: readonly FoundRecord[];
  /** The last page is not full yet, and there is more to look at. */
  readonly isPartial: boolean;
  /** It goes no further, although not all was looked at. */
  readonly isCut: boolean;
  readonly searchedToMs: number | undefined;
  /** Until the first page was full. */
  readonly tookMs: number;
}

export function searchedSoFar(pages: readonly SearchPage[], parts: readonly SearchPart[]): Searched {
  const records = pages.flatMap((page, i) => {
    const part = parts[i];
    return part && isVoid(part, page) ? [] : page.records;
  });
  const last = pages.at(-1);
  const lastPart = parts.at(-1);
  const isPartial = last !== undefined && !last.isComplete;
  const hasNext = last !== undefined && lastPart !== undefined && nextStep(lastPart, last) !== undefined;
  const firstFull = pages.findIndex((page) => page.isComplete);
  const firstPage = firstFull < 0 ? pages : pages.slice(0, firstFull + 1);
  return {
    records,
    isPartial: isPartial && hasNext,
    isCut: isPartial && !hasNext,
    searchedToMs: last?.searchedToMs,
    tookMs: firstPage.reduce((sum, page) => sum + page.tookMs, 0),
  };
}
