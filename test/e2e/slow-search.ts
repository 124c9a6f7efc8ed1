/** A search that takes its time: the program's own answers, cut into parts as by its time limit, and held until they are let through. */
import type { Page, Route } from 'playwright-core';

interface Answer {
  readonly records: readonly { readonly _timeMs: number }[];
  readonly next: string | null;
}

export class SlowSearch {
  /** Queries of the requests so far. */
  readonly asked: URLSearchParams[] = [];
  readonly #partRecords: number;
  #free = 0;
  readonly #held: (() => void)[] = [];

  /** Searches of this page with this query. `partRecords`: found until each time limit. */
  static async on(page: Page, query: string, partRecords: number): Promise<SlowSearch> {
    const slow = new SlowSearch(partRecords);
    await page.route(
      (url) => url.pathname === '/api/search' && url.searchParams.get('query') === query,
      (route) => slow.#answer(route),
    );
    return slow;
  }
  private constructor(partRecords: number) {
    this.#partRecords = partRecords;
  }
  /** Lets so many answers through. */
  pass(count: number): void {
    this.#free += count;
    while (this.#free > 0 && this.#held.length > 0) {
      this.#free--;
      this.#held.shift()?.();
    }
  }

  async #answer(route: Route): Promise<void> {
    const url = new URL(route.request().url());
    this.asked.push(new URLSearchParams(url.searchParams));
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#held.push(resolve));
    try {
      const limit = Number(url.searchParams.get('limit'));
      url.searchParams.set('limit', String(Math.min(limit, this.#partRecords)));
      // On a busy machine the program's own limit must not cut it, too.
      url.searchParams.set('timeout', '60000');
      const answer = (await (await route.fetch({ url: url.href })).json()) as Answer;
      const isCut = answer.next !== null && answer.records.length < limit;
      const searchedToMs = isCut ? (answer.records.at(-1)?._timeMs ?? 0) + 1 : null;
      await route.fulfill({ json: { ...answer, isComplete: !isCut, searchedToMs } });
    } catch {
      // The page has given it up, or the test is over.
      await route.abort().catch(() => {});
    }
  }
}
