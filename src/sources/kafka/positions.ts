/**
 * How far partitions are read, as the journal keeps it with the records: key `<topic id>/<partition>`, value
 * {topic, next, skip, committed}. A topic that was deleted and made again has another id, and begins anew.
 */
import type { TopicState } from '../../kafka/cluster.ts';

export interface Position {
  readonly topic: string;
  /** The offset to read next. */
  readonly next: number;
  /** Of the records that its value gives so many are in the journal. */
  readonly skip: number;
  /** The last offset that the group was known to have committed; -1: none. */
  readonly committed: number;
}

export const positionKey = (topic: TopicState, partition: number): string => `${topic.id}/${partition}`;

export function positionIn(state: ReadonlyMap<string, unknown>, key: string): Position | undefined {
  const value = state.get(key) as Partial<Position> | undefined;
  if (typeof value !== 'object' || typeof value.next !== 'number') return undefined;
  return { topic: value.topic ?? '', next: value.next, skip: value.skip ?? 0, committed: value.committed ?? -1 };
}

/**
 * Where to begin: the journal knows best what is in it, unless another member of the group has read on since, or a person
 * has set the group back (to before what it had committed) to have records read again. Undefined: nobody knows.
 */
export function startOf(
  own: Position | undefined,
  committed: number | undefined,
): { readonly next: number; readonly skip: number } | undefined {
  if (!own) return committed === undefined ? undefined : { next: committed, skip: 0 };
  if (committed === undefined) return own;
  if (committed < own.committed || committed > own.next) return { next: committed, skip: 0 };
  return own;
}
