/** Counts over time, values of a field, and which fields there are. */
import { parseJson } from '../core/json.ts';
import type {
  FieldsAnswer,
  FieldType,
  FoundField,
  HistogramAnswer,
  HistogramRequest,
  ValuesAnswer,
  ValuesRequest,
} from '../store/contract.ts';
import { countFields } from '../store/counted-fields.ts';
import type { CountedField } from '../store/counted-fields.ts';
import { histogramScale } from '../store/histogram-scale.ts';
import { findPage } from './pages.ts';
import { indexField } from './mapping.ts';
import type { FieldVariant, Mapping } from './mapping.ts';
import { askCounts } from './session.ts';
import type { Question } from './session.ts';

type Bare<T> = Omit<T, 'tookMs' | 'notes'>;

// ------------------------------------------------------------------------------------------------- over time

/** Buckets that the request's ends would make; more than a screen has pixels for are no help. */
const bucketsMax = 2000;

export async function countTimes(
  question: Question,
  request: HistogramRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Bare<HistogramAnswer>> {
  const ends = await endsOf(question, request, timeoutMs, signal);
  if (!ends) return { startMs: request.fromMs ?? 0, widthMs: 1000, counts: [], total: 0, isComplete: true };
  const { startMs, widthMs, count } = histogramScale(ends.fromMs, ends.toMs, request.buckets);
  const answer = await askCounts(
    question,
    {
      aggs: {
        times: { date_histogram: { field: question.time.name, fixed_interval: `${widthMs}ms`, min_doc_count: 1 } },
      },
    },
    timeoutMs,
    signal,
  );
  const counts = Array<number>(Math.min(count, bucketsMax)).fill(0);
  let total = 0;
  for (const { key, doc_count: found } of bucketsIn(answer.aggregations?.['times'])) {
    total += found;
    const at = Math.round((Number(key) - startMs) / widthMs);
    if (at >= 0 && at < counts.length) counts[at] = (counts[at] ?? 0) + found;
  }
  return { startMs, widthMs, counts, total, isComplete: answer.timed_out !== true };
}

/** From the first to behind the last: as asked for, else as there are records. Undefined: there are none. */
async function endsOf(
  question: Question,
  { fromMs, toMs }: HistogramRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ fromMs: number; toMs: number } | undefined> {
  if (fromMs !== undefined && toMs !== undefined) return { fromMs, toMs };
  const found = await timeEnds(question, timeoutMs, signal);
  return found && { fromMs: fromMs ?? found.oldestMs, toMs: toMs ?? found.newestMs + 1 };
}

/** Times of the oldest and the newest record. */
export async function timeEnds(
  question: Question,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ oldestMs: number; newestMs: number } | undefined> {
  const field = question.time.name;
  const answer = await askCounts(
    question,
    { aggs: { oldest: { min: { field } }, newest: { max: { field } } } },
    timeoutMs,
    signal,
  );
  const [oldest, newest] = ['oldest', 'newest'].map(
    (name) => (answer.aggregations?.[name] as { value?: number | null } | undefined)?.value,
  );
  return typeof oldest === 'number' && typeof newest === 'number'
    ? { oldestMs: Math.floor(oldest), newestMs: Math.floor(newest) }
    : undefined;
}

interface Bucket {
  readonly key: unknown;
  readonly key_as_string?: string;
  readonly doc_count: number;
  readonly records?: { readonly doc_count: number };
}

function bucketsIn(aggregation: unknown): readonly Bucket[] {
  const { buckets } = (aggregation ?? {}) as { buckets?: unknown };
  return Array.isArray(buckets) ? (buckets as readonly Bucket[]) : [];
}

// ------------------------------------------------------------------------------------------------- values

/** Records whose values are counted where the indices cannot. */
const sampleSize = 1000;

export async function countValues(
  question: Question,
  request: ValuesRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Bare<ValuesAnswer>> {
  const { field, limit } = request;
  const { mapping } = question;
  const name = field === '_tag' ? question.hitFields.tagField : field;
  const variants = field === '_source' ? [indexField] : mapping.at(name);
  const counted = countedField(variants);
  if (!counted) return sampledValues(question, field, name, limit, timeoutMs, signal);
  const top = {
    terms: { field: counted.name, size: limit, order: [{ _count: 'desc' }, { _key: 'asc' }] },
    ...(counted.nestedPath !== undefined && { aggs: { records: { reverse_nested: {} } } }),
  };
  const nested = counted.nestedPath;
  const aggs = nested === undefined ? { top } : { inside: { nested: { path: nested }, aggs: { top } } };
  const [kept] = variants;
  const presentFilter =
    nested === undefined
      ? { exists: { field: kept?.name ?? name } }
      : { nested: { path: nested, query: { exists: { field: kept?.name ?? name } } } };
  const answer = await askCounts(
    question,
    { track_total_hits: true, aggs: { ...aggs, present: { filter: presentFilter } } },
    timeoutMs,
    signal,
  );
  const found =
    nested === undefined
      ? answer.aggregations?.['top']
      : (answer.aggregations?.['inside'] as Record<string, unknown> | undefined)?.['top'];
  if (((found as { doc_count_error_upper_bound?: number } | undefined)?.doc_count_error_upper_bound ?? 0) > 0)
    question.notes.add(`counts of ${field} are approximate: each shard names its own most frequent values`);
  const total = answer.hits?.total?.value ?? 0;
  return {
    field,
    values: bucketsIn(found).map((bucket) => ({
      value: valueText(bucket, counted),
      count: bucket.records?.doc_count ?? bucket.doc_count,
    })),
    total,
    present:
      field === '_source'
        ? total
        : ((answer.aggregations?.['present'] as { doc_count?: number } | undefined)?.doc_count ?? 0),
    isComplete: answer.timed_out !== true,
  };
}

/** The field by whose values the indices can count; undefined: none, or indices differ. */
function countedField(variants: readonly FieldVariant[]): FieldVariant | undefined {
  const [only] = variants;
  if (!only || variants.length > 1) return undefined;
  if (only.kind === 'text') return only.keyword === undefined ? undefined : { ...only, name: only.keyword };
  return only.isAggregatable && only.kind !== 'object' && only.kind !== 'nested' ? only : undefined;
}

function valueText({ key, key_as_string: text }: Bucket, { kind }: FieldVariant): string {
  if ((kind === 'boolean' || kind === 'date' || kind === 'ip') && text !== undefined) return text;
  return typeof key === 'string' ? key : JSON.stringify(key);
}

/** Of the newest records, where the indices keep no values to count. */
async function sampledValues(
  question: Question,
  field: string,
  name: string,
  limit: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Bare<ValuesAnswer>> {
  const page = await findPage(question, { limit: sampleSize, order: 'newest', after: undefined, timeoutMs }, signal);
  const counts = new Map<string, number>();
  let present = 0;
  for (const { record } of page.hits) {
    const values = new Set(valuesAt(parseJson(record.json), name).flatMap(scalarTexts));
    if (values.size > 0) present++;
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  question.notes.add(
    `${field} cannot be counted there (no keyword beside it): these are the values of the newest ${page.hits.length} records`,
  );
  const values = [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, limit);
  return { field, values, total: page.hits.length, present, isComplete: page.isComplete };
}

/** Everything that a name leads to, through arrays too. */
function valuesAt(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value.flatMap((inner) => valuesAt(inner, name));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === name) return [inner];
    return name.startsWith(`${key}.`) ? valuesAt(inner, name.slice(key.length + 1)) : [];
  });
}

function scalarTexts(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(scalarTexts);
  if (typeof value === 'object') return [JSON.stringify(value)];
  return [typeof value === 'string' ? value : JSON.stringify(value)];
}

// ------------------------------------------------------------------------------------------------- fields

/** Records looked at for how frequent fields are. */
const fieldSample = 500;
/** Fields of an answer. */
const fieldsMax = 1000;

const typeOfKind: Readonly<Record<FieldVariant['kind'], FieldType>> = {
  text: 'string',
  keyword: 'string',
  integer: 'number',
  decimal: 'number',
  date: 'string',
  boolean: 'boolean',
  ip: 'string',
  flat: 'object',
  object: 'object',
  nested: 'array',
  other: 'object',
};

/** Fields of the newest records, then others that the indices have (with count 0). */
export async function listFields(
  question: Question,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Bare<FieldsAnswer>> {
  const page = await findPage(question, { limit: fieldSample, order: 'newest', after: undefined, timeoutMs }, signal);
  const fields = new Map<string, CountedField>();
  for (const { record } of page.hits) countFields(parseJson(record.json), fields);
  addMapped(question.mapping, fields);
  const sampled = page.hits.length;
  const tagged = page.hits.filter(({ record }) => record.tag !== '').length;
  const own: FoundField[] = [
    ...(tagged > 0 ? [{ name: '_tag', types: ['string' as const], count: tagged }] : []),
    { name: '_source', types: ['string'], count: sampled },
  ];
  const others = [...fields]
    .map(([name, { types, count }]) => ({ name, types: [...types].sort(), count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  return {
    fields: [...own, ...others].slice(0, fieldsMax),
    sampled,
    hasMore: own.length + others.length > fieldsMax,
    isComplete: page.isComplete,
  };
}

function addMapped(mapping: Mapping, fields: Map<string, CountedField>): void {
  for (const { name, kind } of mapping.leaves())
    if (!fields.has(name)) fields.set(name, { types: new Set([typeOfKind[kind]]), count: 0 });
}
