/**
 * Source ids of joined records: by them the router knows where they enter, and under whose routes. `tail.0 @concat` for
 * what goes on as joined, `tail.0 @concat>@TIMEOUT` for what enters that label, `tail.0 @concat!timeout` for what failed
 * with that reason. The id of a join holds none of these marks.
 */
import type { JoinerWay } from './joiner.ts';

const mark = ' @';

/** What an id may not hold to be a join's. */
export const joinIdForbidden = /[>!]| @/;

/** `from`: the source of the records that were joined. */
export function joinSource(from: string, id: string, way: JoinerWay): string {
  return `${joinSourceIn(from).from}${mark}${joinEntry(id, way)}`;
}

/** What stands behind the mark. */
export function joinEntry(id: string, way: JoinerWay): string {
  if (way === 'joined') return id;
  return 'label' in way ? `${id}>${way.label}` : `${id}!${way.error}`;
}

interface SourceParts {
  /** The source that received the records. */
  readonly from: string;
  /** The join that gave them, and where they enter if not behind it; undefined: they were not joined. */
  readonly entry: string | undefined;
  /** Why they go where rejected records go. */
  readonly rejected: string | undefined;
}

export function joinSourceIn(source: string): SourceParts {
  const at = source.lastIndexOf(mark);
  if (at < 0) return { from: source, entry: undefined, rejected: undefined };
  const entry = source.slice(at + mark.length);
  const failed = entry.indexOf('!');
  return {
    from: source.slice(0, at),
    entry: failed < 0 ? entry : entry.slice(0, failed),
    rejected: failed < 0 ? undefined : entry.slice(failed + 1),
  };
}
