/** What a stopped program's store holds. */
import { openLocalStore } from '../src/cli/query-local.ts';
import type { FoundRecord } from '../src/store/contract.ts';

/** Every record of the store in a data directory that no program runs on. */
export async function storedRecords(dataDirectory: string): Promise<FoundRecord[]> {
  const store = await openLocalStore(dataDirectory);
  try {
    const records: FoundRecord[] = [];
    const all = { query: '', fromMs: undefined, toMs: undefined, order: 'oldest', limit: 1000 } as const;
    for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
      const page = await store.queries.search({ ...all, after }, new AbortController().signal);
      records.push(...page.records);
      after = page.next;
    }
    return records;
  } finally {
    await store.close();
  }
}
