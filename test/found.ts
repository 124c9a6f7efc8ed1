/** What a running program's store answers. */
import assert from 'node:assert/strict';
import type { Program } from './program.ts';

export interface FoundRecord {
  readonly _tag: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** At most 1,000 records that the query finds now; none while the store is being started. */
export async function foundRecords(program: Program, query: string): Promise<readonly FoundRecord[]> {
  const answer = await fetch(`${program.adminUrl}/api/search?limit=1000&query=${encodeURIComponent(query)}`);
  const text = await answer.text();
  if (answer.status === 503) return [];
  assert.equal(answer.status, 200, text);
  return (JSON.parse(text) as { records: FoundRecord[] }).records;
}
