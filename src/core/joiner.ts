/**
 * What a joining plugin is made of: a *joiner* takes records one by one, holds those that may go on in the next, and gives
 * what it joined to an *outlet*. It knows nothing of the journal: whoever runs it sees to it that a record it holds is not
 * done before what it was joined into is durable (joins/output.ts).
 */
import type { Instant } from './clock.ts';
import type { Fields } from './record.ts';

/** A record given to a joiner. The joiner may keep it as long as it likes; it must give it to the outlet once. */
export interface JoinerInput {
  readonly tag: string;
  readonly time: Instant;
  /** Do not mutate. */
  readonly fields: Fields;
  /** Size of the record, encoded. */
  readonly bytes: number;
}

/** Where a record goes that a joiner gave. */
export type JoinerWay =
  /** On behind the filter, or into the routes again. */
  | 'joined'
  /** Into a label of its own, by the name of the option that names it. */
  | { readonly label: string }
  /** It failed: to `@ERROR`, or to the dead letters, for this reason. */
  | { readonly error: string };

/** A record as a joiner gives it. */
export interface JoinerResult {
  readonly tag: string;
  readonly time: Instant;
  readonly fields: Fields;
  /** Default: `joined`. */
  readonly way?: JoinerWay;
}

export interface JoinerOutlet {
  /** Gives a record that was made of `parts`, in their order; each part is over by it. */
  emit(parts: readonly JoinerInput[], result: JoinerResult): void;
  /** Gives a record on as it came. */
  pass(input: JoinerInput): void;
}

/** Calls never overlap. Times are monotonic milliseconds. It may give records in any call, and throws only for what its author did not think of. */
export interface Joiner {
  add(input: JoinerInput, nowMs: number): void;
  /** When `flush` has something to do; undefined: never, as things stand. */
  readonly dueMs: number | undefined;
  /** Gives what has waited for long enough. */
  flush(nowMs: number): void;
  /** Nothing more comes. Gives all it holds; with `mayKeep` it may leave what it wants the next start to go on with. */
  finish(mayKeep: boolean): void;
}
