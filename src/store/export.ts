/** All records of a selection, page by page. */
import type { FoundRecord } from './contract.ts';
import type { Order, RowKey } from './page-key.ts';
import { searchPage, type PageRequest } from './search.ts';
import type { RowRuns } from './row-runs.ts';
import type { Asking, Selected } from './selection.ts';

/** Records given at once: as many as one write to a socket takes well. */
const pageRows = 2000;
/** Records searched at once: the search begins anew for each page, so that no snapshot stays open while the reader is busy. */
const searchRows = 10_000;

/** Pages until there are no more; the next is searched when the reader asks for it. `begin` makes the limits of one page. */
export async function* exportPages(
  begin: () => Asking,
  runs: RowRuns,
  selected: Selected,
  order: Order,
): AsyncGenerator<readonly FoundRecord[]> {
  let after: RowKey | undefined;
  do {
    const request: PageRequest = { order, limit: searchRows, after };
    const asking = begin();
    let records: readonly FoundRecord[];
    try {
      ({ records, next: after } = await searchPage(asking, runs, selected, request));
    } finally {
      asking.limits.close();
    }
    for (let at = 0; at < records.length; at += pageRows) {
      asking.limits.check();
      yield records.slice(at, at + pageRows);
    }
  } while (after);
}
