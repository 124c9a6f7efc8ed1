/** The admin API's answers, as the page uses them. Times are ms since 1970. */
import type { Completeness, StoreStatus } from '../../../src/store/contract.ts';
import type { JsonObject } from '../json/exact.ts';

export type {
  Completeness as AnswerNotes,
  FieldsAnswer as Fields,
  FoundField as FieldCount,
  HistogramAnswer as Histogram,
  ValuesAnswer as FieldValues,
} from '../../../src/store/contract.ts';

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

export interface SearchPage extends Completeness {
  readonly records: readonly FoundRecord[];
  readonly next: string | undefined;
  /** How far it has looked, as the store's contract says; undefined: at all of the range. */
  readonly searchedToMs: number | undefined;
  /** What the relative range came to; undefined: without end on that side. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** Where records are looked for: the store, or indices of Elasticsearch or OpenSearch. */
export type PlaceName = 'store' | 'index';
export interface Place {
  readonly in: PlaceName;
  /** Names and patterns of the indices, and where they are. */
  readonly pattern?: string;
  readonly place?: string;
}

export interface StoreState {
  readonly state: 'running' | 'starting' | 'off';
  readonly status: StoreStatus | null;
  /** Records received and not in the store yet. */
  readonly waiting: number;
  readonly lastError?: string | null;
  /** The usual one first. */
  readonly places?: readonly Place[];
}

export type LoginMethod = 'token' | 'password';
export interface Session {
  /** True: nobody needs to log in here. */
  readonly isOpen: boolean;
  readonly user: string | null;
  readonly methods: readonly LoginMethod[];
}
