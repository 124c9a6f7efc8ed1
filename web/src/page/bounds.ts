import type { Explorer } from '../state/use-explorer.ts';
import type { Bounds } from '../time/range.ts';

/** The range that is shown, in ms: as asked, or as the answer says that it came to. Undefined before the first answer. */
export function boundsOf({ state, search, histogram }: Explorer): Bounds | undefined {
  if (state.range.kind === 'between') return state.range;
  const page = search.data?.pages[0];
  if (page?.fromMs !== undefined && page.toMs !== undefined) return { fromMs: page.fromMs, toMs: page.toMs };
  const counts = histogram.data;
  if (!counts || counts.counts.length === 0) return undefined;
  return { fromMs: counts.startMs, toMs: counts.startMs + counts.counts.length * counts.widthMs };
}
