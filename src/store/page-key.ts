/** The order of records, and the key with which a page begins where the one before ended. */
import { QueryError } from './query/query-error.ts';

/** A row's place in the order of all records: by record time, then by place in the journal. No two rows have the same. */
export interface RowKey {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  readonly nanos: number;
  /** Number of the shard, see layout.ts. */
  readonly shard: number;
  readonly offset: number;
  readonly ordinal: number;
}

export type Order = 'newest' | 'oldest';

/** Columns of a key, the first decides. */
export const keyColumns = ['seconds', 'nanos', 'shard', '"offset"', 'ordinal'] as const;

function parts(key: RowKey): readonly number[] {
  return [key.seconds, key.nanos, key.shard, key.offset, key.ordinal];
}

/** Below 0: `a` comes first in this order. */
export function compareKeys(order: Order, a: RowKey, b: RowKey): number {
  const up =
    a.seconds - b.seconds || a.nanos - b.nanos || a.shard - b.shard || a.offset - b.offset || a.ordinal - b.ordinal;
  return order === 'oldest' ? up : -up;
}

/** `ORDER BY` of an order. */
export function orderSql(order: Order): string {
  return `ORDER BY ${keyColumns.map((column) => `${column} ${order === 'oldest' ? 'ASC' : 'DESC'}`).join(', ')}`;
}

/** Rows behind a key in this order. The first comparison alone lets DuckDB leave out row groups by their range of seconds. */
export function afterSql(order: Order, key: RowKey): string {
  const sign = order === 'oldest' ? '>' : '<';
  const values = parts(key);
  const behind = keyColumns.reduceRight(
    (rest, column, i) =>
      rest === ''
        ? `${column} ${sign} ${values[i]}`
        : `${column} ${sign} ${values[i]} OR (${column} = ${values[i]} AND (${rest}))`,
    '',
  );
  return `(seconds ${sign}= ${key.seconds} AND (${behind}))`;
}

/** The key in front of all rows of this whole second and of those that come later in the order. */
export function keyBefore(order: Order, seconds: number): RowKey {
  return order === 'oldest'
    ? { seconds: seconds - 1, nanos: nanosMax, shard: int32Max, offset: Number.MAX_SAFE_INTEGER, ordinal: int32Max }
    : { seconds: seconds + 1, nanos: 0, shard: -1, offset: 0, ordinal: -1 };
}

/**
 * The time, in ms, up to which everything in front of a key has been passed: newest first it and all later times have,
 * oldest first all earlier ones.
 */
export function timePassedMs(order: Order, key: RowKey): number {
  const ms = key.seconds * 1000 + Math.floor(key.nanos / 1_000_000);
  // A key that no row has ends its ms; behind that of a row there may be others of the same ms.
  const isWhole = order === 'newest' ? key.shard < 0 : key.shard < int32Max;
  return isWhole ? ms : ms + 1;
}

const nanosMax = 999_999_999;
const int32Max = 2 ** 31 - 1;

/** First part of a key's text: the number of its form. */
const version = 'k1';

/** The key as a text that is safe in URLs; readers treat it as opaque. */
export function formatPageKey(key: RowKey): string {
  return [version, ...parts(key)].join('_');
}

/** @throws QueryError for anything that formatPageKey did not make. */
export function parsePageKey(text: string): RowKey {
  const words = text.split('_');
  const [seconds = NaN, nanos = NaN, shard = NaN, offset = NaN, ordinal = NaN] = words
    .slice(1)
    .map((word) => (/^(?:0|-?[1-9]\d{0,15})$/.test(word) ? Number(word) : NaN));
  const isValid =
    words.length === 6 &&
    words[0] === version &&
    Number.isSafeInteger(seconds) &&
    nanos >= 0 &&
    nanos <= nanosMax &&
    shard >= -1 &&
    shard <= int32Max &&
    offset >= 0 &&
    offset <= Number.MAX_SAFE_INTEGER &&
    ordinal >= -1 &&
    ordinal <= int32Max;
  if (!isValid)
    throw new QueryError(
      `${JSON.stringify(text.slice(0, 100))} is not where a page ended; give "after" as the "next" of the page before`,
      { start: 0, end: 0 },
    );
  return { seconds, nanos, shard, offset, ordinal };
}
