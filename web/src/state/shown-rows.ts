/** Rows that stay on the screen while the same question is searched anew: nothing jumps under who reads. */
import { useMemo, useState } from 'react';
import type { FoundRecord } from '../api/types.ts';

type Rows = readonly FoundRecord[];
const none: Rows = [];

/** What was found, and behind it what the search before had where this one has not looked yet. Exported for tests. */
export function withBefore(
  found: Rows,
  before: Rows,
  searchedToMs: number | undefined,
  order: 'newest' | 'oldest',
): Rows {
  if (before.length === 0) return found;
  const known = new Set(found.map(({ id }) => id));
  const rest = before.filter(({ id, timeMs }) => {
    if (known.has(id)) return false;
    return searchedToMs === undefined || (order === 'newest' ? timeMs < searchedToMs : timeMs >= searchedToMs);
  });
  return rest.length === 0 ? found : [...found, ...rest];
}

/** One asking of a question and its answer so far. */
interface Answer {
  /** The same for the same question. */
  readonly asked: string;
  /** How often it was asked. */
  readonly run: number;
  readonly found: Rows;
  readonly searchedToMs: number | undefined;
  readonly order: 'newest' | 'oldest';
  /** More of the page may come. */
  readonly isPartial: boolean;
  /** `found` is of another asking, until this one has its first answer. */
  readonly isWaiting: boolean;
}

export function useShownRows({ asked, run, found, searchedToMs, order, isPartial, isWaiting }: Answer): Rows {
  const [last, setLast] = useState({ asked, run, rows: none, before: none });
  const isSame = last.asked === asked;
  const before = !isSame ? none : last.run === run ? last.before : last.rows;
  const rows = useMemo(() => {
    if (isWaiting) return before.length > 0 ? before : found;
    return isPartial ? withBefore(found, before, searchedToMs, order) : found;
  }, [isWaiting, isPartial, found, before, searchedToMs, order]);
  const kept = isWaiting ? before : rows;
  if (!isSame || last.run !== run || last.rows !== kept) setLast({ asked, run, rows: kept, before });
  return rows;
}
