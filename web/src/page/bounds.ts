import type { Explorer } from '../state/use-explorer.ts';
import { spans } from '../time/range.ts';
import type { Bounds } from '../time/range.ts';

/**
 * The range that is shown, in ms: as asked, or as the answer says that it came to. Until there is one it is by this machine's clock;
 * undefined where that does not tell.
 */
export function boundsOf({ state, search, histogram }: Explorer): Bounds | undefined {
  if (state.range.kind === 'between') return state.range;
  // What is shown until the answer is there was the answer to another range, perhaps.
  if (search.isPlaceholderData || search.isPending) {
    if (state.range.kind === 'all') return undefined;
    const nowMs = Date.now();
    return { fromMs: nowMs - spans[state.range.span], toMs: nowMs };
  }
  const page = search.data?.pages[0];
  if (page?.fromMs !== undefined && page.toMs !== undefined) return { fromMs: page.fromMs, toMs: page.toMs };
  const counts = histogram.data;
  if (!counts || histogram.isPlaceholderData || counts.counts.length === 0) return undefined;
  return { fromMs: counts.startMs, toMs: counts.startMs + counts.counts.length * counts.widthMs };
}
