/** Which fields there are. */
import { parseJson } from '../core/json.ts';
import { countFields } from './counted-fields.ts';
import type { CountedField } from './counted-fields.ts';
import type { FoundField, FieldsAnswer, FieldType } from './contract.ts';
import type { SegmentField } from './layout.ts';
import { TimeUp } from './limits.ts';
import type { RowRuns } from './row-runs.ts';
import { searchPage } from './search.ts';
import { ask, tablesOf, viewsOf, type Asking, type Selected } from './selection.ts';

/** Records that are looked at for types and counts: enough for percent, read in about 20 ms. */
const sampleRows = 1000;
/** Fields of an answer. */
const fieldsMax = 1000;
/** Partitions whose field lists are read besides the sample, the newest: two days of hours, within milliseconds each. */
const partitionsMax = 48;

/** Fields of the newest selected records, then those that other records of the time range have (with count 0). */
export async function listFields(
  asking: Asking,
  runs: RowRuns,
  selected: Selected,
): Promise<Omit<FieldsAnswer, 'tookMs' | 'notes'>> {
  const page = await searchPage(asking, runs, selected, { order: 'newest', limit: sampleRows, after: undefined });
  const fields = new Map<string, CountedField>();
  for (const record of page.records) countFields(parseJson(record.json), fields);
  let isComplete = page.isComplete;
  try {
    for (const view of viewsOf(asking, selected).slice(0, partitionsMax))
      await ask(asking, view, async (snapshot) => {
        for (const table of tablesOf(snapshot, selected)) addListed(table.fields, fields);
        return Promise.resolve();
      });
  } catch (error) {
    if (!(error instanceof TimeUp)) throw error;
    isComplete = false;
  }
  const sampled = page.records.length;
  const own: FoundField[] = ['_tag', '_source'].map((name) => ({ name, types: ['string'], count: sampled }));
  const others = [...fields]
    .map(([name, { types, count }]) => ({ name, types: [...types].sort(), count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  return {
    fields: [...own, ...others].slice(0, fieldsMax),
    sampled,
    hasMore: own.length + others.length > fieldsMax,
    isComplete,
  };
}

/** Adds the fields of a segment. Objects are named by what is in them, only empty ones by themselves. */
function addListed(listed: readonly SegmentField[], fields: Map<string, CountedField>): void {
  const parents = new Set<string>();
  for (const { path } of listed)
    for (let length = 1; length < path.length; length++) parents.add(JSON.stringify(path.slice(0, length)));
  for (const { path, name, types } of listed) {
    const isParent = parents.has(JSON.stringify(path));
    const own = types.filter(isFieldType).filter((type) => type !== 'object' || !isParent);
    if (own.length === 0) continue;
    const field = fields.get(name) ?? { types: new Set(), count: 0 };
    fields.set(name, field);
    for (const type of own) field.types.add(type);
  }
}

const fieldTypes: readonly string[] = ['string', 'number', 'boolean', 'object', 'array'] satisfies FieldType[];

function isFieldType(type: string): type is FieldType {
  return fieldTypes.includes(type);
}
