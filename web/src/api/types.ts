/** The admin API's answers, as the page uses them. Times are ms since 1970. */
import type { FieldType, StoreStatus } from '../../../src/store/contract.ts';
import type { JsonObject } from '../json/exact.ts';

export interface FoundRecord {
  readonly id: string;
  /** ISO 8601 with nanoseconds. */
  readonly time: string;
  readonly timeMs: number;
  readonly appendMs: number;
  readonly tag: string;
  readonly source: string;
  readonly fields: JsonObject;
}

/** What every answer says of itself. */
export interface AnswerNotes {
  readonly tookMs: number;
  readonly isComplete: boolean;
  readonly notes: readonly string[];
}

export interface SearchPage extends AnswerNotes {
  readonly records: readonly FoundRecord[];
  readonly next: string | undefined;
  /** What the relative range came to; undefined: without end on that side. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export interface Histogram extends AnswerNotes {
  readonly startMs: number;
  readonly widthMs: number;
  readonly counts: readonly number[];
  readonly total: number;
}

export interface FieldCount {
  readonly name: string;
  readonly types: readonly FieldType[];
  readonly count: number;
}
export interface Fields extends AnswerNotes {
  readonly fields: readonly FieldCount[];
  readonly sampled: number;
  readonly hasMore: boolean;
}

export interface FieldValues extends AnswerNotes {
  readonly field: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly total: number;
  readonly present: number;
}

export interface StoreState {
  readonly state: 'running' | 'starting' | 'off';
  readonly status: StoreStatus | null;
  /** Records received and not in the store yet. */
  readonly waiting: number;
  readonly lastError?: string | null;
}

export type LoginMethod = 'token' | 'password';
export interface Session {
  /** True: nobody needs to log in here. */
  readonly isOpen: boolean;
  readonly user: string | null;
  readonly methods: readonly LoginMethod[];
}
