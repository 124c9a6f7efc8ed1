/**
 * Where a page of a search ends. Records are in the order of their time, then of `_seq_no`, by which a shard numbers what is written to
 * it; both are kept by column, so that sorting costs no memory, and any version of the servers goes on behind them without
 * keeping a search open. Records of different shards may have the same of both: those that were shown are named.
 */
import { QueryError } from '../store/query/query-error.ts';
import { all, any, not, term } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { Hit } from './hits.ts';

export interface PageKey {
  readonly time: bigint;
  /** Undefined: the indices number nothing, and `shown` are all of that time. */
  readonly sequence: bigint | undefined;
  /** Ids (`<index>/<id>`) of records with just these values that were shown. */
  readonly shown: readonly string[];
}

/** As many shards as have the same in one step, or records of one moment where nothing is numbered. */
const shownMax = 1000;

/** The key behind the last of these. `before`: that of the page before. */
export function keyBehind(hits: readonly Hit[], before: PageKey | undefined): PageKey | undefined {
  const last = hits.at(-1);
  if (!last) return undefined;
  const isSame = ({ time, sequence }: Pick<Hit, 'time' | 'sequence'>): boolean =>
    time === last.time && sequence === last.sequence;
  const shown = hits.filter(isSame).map(({ record }) => record.id);
  return {
    time: last.time,
    sequence: last.sequence,
    shown: [...(before && isSame(before) ? before.shown : []), ...shown].slice(-shownMax),
  };
}

export function formatPageKey({ time, sequence, shown }: PageKey): string {
  return Buffer.from(JSON.stringify([String(time), sequence === undefined ? null : String(sequence), shown])).toString(
    'base64url',
  );
}

/** @throws QueryError for a text that is none */
export function parsePageKey(text: string): PageKey {
  try {
    const [time, sequence, shown] = JSON.parse(Buffer.from(text, 'base64url').toString()) as readonly unknown[];
    const isNumber = (value: unknown): value is string => typeof value === 'string' && /^-?\d{1,19}$/.test(value);
    const isNumbered = sequence === null || isNumber(sequence);
    if (isNumber(time) && isNumbered && Array.isArray(shown) && shown.every((id) => typeof id === 'string'))
      return {
        time: BigInt(time),
        sequence: sequence === null ? undefined : BigInt(sequence),
        shown,
      };
  } catch {
    // Said below.
  }
  throw new QueryError('after is no place in these records; leave it out, or take next of an answer', {
    start: 0,
    end: 0,
  });
}

/** A number of JSON with all its digits. */
const exactly = (value: bigint): unknown =>
  (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));

/** The parts of a search that make it begin behind a key. */
export function behind(
  key: PageKey | undefined,
  order: 'newest' | 'oldest',
): { readonly searchAfter?: readonly unknown[]; readonly clause: Clause | undefined } {
  if (!key) return { clause: undefined };
  const step = order === 'newest' ? 1n : -1n;
  const clause = key.shown.length === 0 ? undefined : not(any(key.shown.map(idClause)));
  if (key.sequence !== undefined) return { searchAfter: [exactly(key.time), exactly(key.sequence + step)], clause };
  // All of its time again, but for those that were shown.
  return { searchAfter: [exactly(key.time + step), 0], clause };
}

function idClause(id: string): Clause {
  const slash = id.indexOf('/');
  return all([term('_index', id.slice(0, slash)), { ids: { values: [id.slice(slash + 1)] } }]);
}
