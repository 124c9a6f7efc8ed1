/** What the rest of the program sees of the store: questions and answers. Times are ms since 1970 unless a name says otherwise. */

/** Which records a question is about. */
export interface Selection {
  /** In the query language (docs/query.md); empty: all. */
  readonly query: string;
  /** Record time, inclusive; undefined: from the beginning. */
  readonly fromMs: number | undefined;
  /** Record time, exclusive; undefined: without end, records from the future included. */
  readonly toMs: number | undefined;
  /** Longest that finding the answer may take, in ms; then the answer is what was found so far. Undefined: the store's own limit. No effect on export and tail. */
  readonly timeoutMs?: number | undefined;
}

/** What every answer says of itself. */
export interface Completeness {
  readonly tookMs: number;
  /** False: the time limit came first; what is there is right, but not all. */
  readonly isComplete: boolean;
  /** What the reader should know, such as partitions that were set aside. */
  readonly notes: readonly string[];
}

/** One record as found. `json` is the record's own JSON object, one line, digits as they were received. */
export interface FoundRecord {
  /** Emission id: `<shard>-<offset>` or `<shard>-<offset>.<k>`. */
  readonly id: string;
  /** Seconds since 1970 and nanoseconds of the record's time. */
  readonly seconds: number;
  readonly nanos: number;
  readonly appendMs: number;
  readonly tag: string;
  readonly source: string;
  readonly json: string;
}

export interface SearchRequest extends Selection {
  /** 1 to 10,000. */
  readonly limit: number;
  /** By record time, then by place in the journal; the same at every call. */
  readonly order: 'newest' | 'oldest';
  /** `next` of the page before. */
  readonly after?: string | undefined;
}
/**
 * A page of records without a gap, in order. Where the time limit came first the page is shorter, possibly empty, and `next`
 * goes on behind what was looked at. Only where nothing could be looked at to its end within the limit there is no `next`
 * although the answer is not complete: then `records` may have gaps, and the same question needs a longer limit.
 */
export interface SearchAnswer extends Completeness {
  readonly records: readonly FoundRecord[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
  /** Order newest: this time and all later ones have been looked at; oldest: all earlier ones. Undefined: all of the selection. */
  readonly searchedToMs: number | undefined;
}

export interface HistogramRequest extends Selection {
  /** Wished number of buckets, 1 to 1000; widths are round (1 s, 5 s, 1 min, 1 h, …), so the number is about that. */
  readonly buckets: number;
}
export interface HistogramAnswer extends Completeness {
  /** Start of the first bucket: a multiple of widthMs, at or before the selection's start. */
  readonly startMs: number;
  readonly widthMs: number;
  readonly counts: readonly number[];
  readonly total: number;
}

export type FieldType = 'string' | 'number' | 'boolean' | 'object' | 'array';
export interface FoundField {
  /** As the query language writes it: keys joined by dots. `_tag` and `_source` are among them. */
  readonly name: string;
  readonly types: readonly FieldType[];
  /** In how many of the sampled records. */
  readonly count: number;
}
export interface FieldsAnswer extends Completeness {
  /** By how many records have them, then by name. At most 1000, `hasMore` says that there are others. */
  readonly fields: readonly FoundField[];
  readonly sampled: number;
  readonly hasMore: boolean;
}

export interface ValuesRequest extends Selection {
  readonly field: string;
  /** 1 to 1000. */
  readonly limit: number;
}
export interface ValuesAnswer extends Completeness {
  readonly field: string;
  /** Most frequent first, then by text. Numbers, booleans and objects as their JSON text. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** Records of the selection, and how many of them have the field. */
  readonly total: number;
  readonly present: number;
}

/** Where the store stands. */
export interface StoreStatus {
  readonly records: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** Record times, undefined while it is empty. */
  readonly oldestMs: number | undefined;
  readonly newestMs: number | undefined;
  readonly partitions: readonly { readonly name: string; readonly records: number; readonly bytes: number }[];
  /** Partitions that could not be read and were moved away, with the reason. */
  readonly setAside: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Questions. All end early with a rejection when `signal` aborts.
 * @throws QueryError for a query that cannot be read; OperatingError STORE_UNAVAILABLE, STORE_QUERY_LIMIT (memory or
 * spill limit reached), STORE_READ.
 */
export interface StoreQueries {
  search(request: SearchRequest, signal: AbortSignal): Promise<SearchAnswer>;
  histogram(request: HistogramRequest, signal: AbortSignal): Promise<HistogramAnswer>;
  fields(request: Selection, signal: AbortSignal): Promise<FieldsAnswer>;
  values(request: ValuesRequest, signal: AbortSignal): Promise<ValuesAnswer>;
  /** Every record of the selection in pages, in order, until the reader stops or aborts. No time limit as a whole. */
  export(
    request: Selection & { readonly order: 'newest' | 'oldest' },
    signal: AbortSignal,
  ): AsyncIterable<readonly FoundRecord[]>;
  /** Records as they are stored from now on (fromMs, toMs have no effect). `skipped`: how many were left out because they came too fast. Ends when the signal aborts. */
  tail(
    request: Selection,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly records: readonly FoundRecord[]; readonly skipped: number }>;
  status(): Promise<StoreStatus>;
}
