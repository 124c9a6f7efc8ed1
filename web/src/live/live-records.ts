/** What the live tail has brought: rows on top of the search's, without moving what somebody reads. */
import type { FoundRecord } from '../api/types.ts';

export interface LiveRecords {
  /** Newest arrival first. */
  readonly shown: readonly FoundRecord[];
  /** Arrived while the reader was elsewhere; newest first. */
  readonly held: readonly FoundRecord[];
  /** Left out by the server because they came too fast, since the tail began. */
  readonly skipped: number;
  /** More came than are kept: between these and the search's rows some are missing. */
  readonly isCut: boolean;
}

export const noLiveRecords: LiveRecords = { shown: [], held: [], skipped: 0, isCut: false };

/** Rows the page keeps: more than anybody scrolls back through live, few enough to stay light. Exported for tests. */
export const liveRowsMax = 1000;

export type LiveChange =
  | { readonly kind: 'arrived'; readonly records: readonly FoundRecord[]; readonly isHeld: boolean }
  | { readonly kind: 'skipped'; readonly count: number }
  | { readonly kind: 'release' }
  | { readonly kind: 'restart' };

export function changeLive(live: LiveRecords, change: LiveChange): LiveRecords {
  switch (change.kind) {
    case 'arrived': {
      const known = new Set([...live.shown, ...live.held].map((record) => record.id));
      const fresh = change.records.filter((record) => !known.has(record.id)).reverse();
      if (fresh.length === 0) return live;
      if (change.isHeld) return limited({ ...live, held: [...fresh, ...live.held] });
      return limited({ ...live, shown: [...fresh, ...live.held, ...live.shown], held: [] });
    }
    case 'skipped':
      return { ...live, skipped: live.skipped + change.count };
    case 'release':
      return limited({ ...live, shown: [...live.held, ...live.shown], held: [] });
    case 'restart':
      return noLiveRecords;
  }
}

/** Live rows, then the search's rows that are not among them. After a cut the search's rows would not join on: only live ones. */
export function mergeRows(live: LiveRecords, found: readonly FoundRecord[]): readonly FoundRecord[] {
  if (live.isCut) return live.shown;
  if (live.shown.length === 0) return found;
  const known = new Set(live.shown.map((record) => record.id));
  return [...live.shown, ...found.filter((record) => !known.has(record.id))];
}

function limited(live: LiveRecords): LiveRecords {
  const isCut = live.isCut || live.shown.length > liveRowsMax || live.held.length > liveRowsMax;
  return { ...live, shown: live.shown.slice(0, liveRowsMax), held: live.held.slice(0, liveRowsMax), isCut };
}
