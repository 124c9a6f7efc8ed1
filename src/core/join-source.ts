/**
 * Source ids of joined records: by them the router knows where they enter, and under whose routes. `tail.0 @concat` for
 * what goes on as joined, `tail.0 @concat>@TIMEOUT` for what enters that label, `tail.0 @concat!timeout` for what failed
 * with that reason. `tail.0 @concat*3…` is what went through three joins, this one the last. The id of a join holds none
 * of these marks.
 */
import type { JoinerWay } from './joiner.ts';

const mark = ' @';

/** What an id may not hold to be a join's. */
export const joinIdForbidden = /[>!*]| @/;

/** `from`: the source of the records that were joined. */
export function joinSource(from: string, id: string, way: JoinerWay): string {
  const { from: received, hops } = joinSourceIn(from);
  const count = hops > 0 ? `*${hops + 1}` : '';
  if (way === 'joined') return `${received}${mark}${id}${count}`;
  return `${received}${mark}${id}${count}${'label' in way ? `>${way.label}` : `!${way.error}`}`;
}

/** How an entry of joined records is known. */
export function joinEntry(id: string, label?: string): string {
  return label === undefined ? id : `${id}>${label}`;
}

interface SourceParts {
  /** The source that received the records. */
  readonly from: string;
  /** The join that gave them; undefined: they were not joined. */
  readonly id: string | undefined;
  /** Where they enter, as joinEntry says it. */
  readonly entry: string | undefined;
  /** Why they go where rejected records go. */
  readonly rejected: string | undefined;
  /** How many joins they went through. */
  readonly hops: number;
}

export function joinSourceIn(source: string): SourceParts {
  const at = source.lastIndexOf(mark);
  const [, id, count, label, rejected] = at < 0 ? [] : (marks.exec(source.slice(at + mark.length)) ?? []);
  if (id === undefined) return { from: source, id, entry: undefined, rejected: undefined, hops: 0 };
  return { from: source.slice(0, at), id, entry: joinEntry(id, label), rejected, hops: Number(count ?? 1) };
}

const marks = /^([^>!*]+)(?:\*(\d+))?(?:>(.*)|!(.*))?$/s;
