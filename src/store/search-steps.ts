/**
 * A search in steps, so that who waits for it sees rows as they are found: the first step is short, each of the others
 * goes on behind what was looked at. Pure, as the explorer takes its steps in the browser.
 */
import type { SearchAnswer, SearchRequest, StoreQueries } from './contract.ts';

/** With the way to the reader and back still below half a second, from which on a person waits. */
const firstMs = 400;
/** Rows are seen every two seconds; longer steps lose less where the limit cuts off what is half looked at. */
const furtherMs = 2000;
/** A step that got nowhere is tried again with so many times its limit. */
const patience = 5;
/** No question may take longer: it would hold up the store for everybody. */
export const timeoutMaxMs = 60_000;

/** One request of a search. */
export interface SearchStep {
  readonly after: string | undefined;
  readonly timeoutMs: number;
}

/** `after`: where the search begins; undefined: at its first record. */
export function firstStep(after?: string): SearchStep {
  return { after, timeoutMs: firstMs };
}

type Ended = Pick<SearchAnswer, 'isComplete' | 'next'>;

/** The step behind an answer. Undefined: nothing is left, or the longest limit does not suffice to get any further. */
export function nextStep(step: SearchStep, { isComplete, next }: Ended): SearchStep | undefined {
  if (next !== undefined) return { after: next, timeoutMs: isComplete ? firstMs : Math.max(furtherMs, step.timeoutMs) };
  if (isComplete || step.timeoutMs >= timeoutMaxMs) return undefined;
  return { after: step.after, timeoutMs: Math.min(step.timeoutMs * patience, timeoutMaxMs) };
}

/** True: the step got nowhere, but a longer one may. What it found has gaps, and is found again. */
export function isVoid(step: SearchStep, answer: Ended): boolean {
  return !answer.isComplete && answer.next === undefined && nextStep(step, answer) !== undefined;
}

/**
 * The answers of a search, each as it comes, until there are `limit` records, or no more. The last one is not complete
 * where even the longest limit did not suffice. `pageMax`: records of one answer at most.
 */
export async function* searchInSteps(
  queries: Pick<StoreQueries, 'search'>,
  request: Omit<SearchRequest, 'timeoutMs'>,
  pageMax: number,
  signal: AbortSignal,
): AsyncGenerator<SearchAnswer> {
  let left = request.limit;
  for (let step: SearchStep | undefined = firstStep(request.after); step && left > 0;) {
    const answer = await queries.search({ ...request, ...step, limit: Math.min(left, pageMax) }, signal);
    signal.throwIfAborted();
    if (!isVoid(step, answer)) {
      left -= answer.records.length;
      yield answer;
    }
    step = nextStep(step, answer);
  }
}
