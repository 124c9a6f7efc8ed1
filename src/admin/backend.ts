/** What the admin server asks the running program. The shapes are those of the API: counts are records, times ms since 1970. */
import type { OutputStatus as DeliveryStatus, TargetStatus } from '../delivery/contract.ts';
import type { StoreQueries } from '../store/contract.ts';

/** An output's account, and the plugin it is. */
export interface OutputStatus extends DeliveryStatus {
  readonly type: string;
}

/** Whether an output's target answers, and what it says where it does not. */
export interface OutputTarget extends TargetStatus {
  readonly output: string;
}

export interface Status {
  readonly version: string;
  readonly generation: number;
  readonly startedMs: number;
  /** Records the journal ever made durable, as far as outputs' counters reach. */
  readonly appended: number;
  readonly journal: {
    readonly bytes: number;
    readonly bytesMax: number;
    readonly shards: number;
    readonly isFull: boolean;
  };
  readonly outputs: readonly OutputStatus[];
  /** The account of what no output got: `refused` says why, `passed` counts all other records. */
  readonly router: OutputStatus;
  readonly processes: readonly { readonly role: string; readonly pid: number; readonly restarts: number }[];
}

export interface ReloadResult {
  readonly generation: number;
  /** False when the configuration is the one that runs. */
  readonly isChanged: boolean;
  readonly problems: readonly string[];
}

export interface DeadLetterRow {
  readonly id: string;
  readonly output: string;
  readonly reason: string;
  readonly tag: string;
  readonly refusedMs: number;
  readonly record: unknown;
}

/** A dead letter with all that is known of it. */
export interface DeadLetterDetail extends DeadLetterRow {
  readonly emissionId: string;
  /** Tries made before it was refused. */
  readonly attempts: number;
  /** The record's time. */
  readonly time: { readonly seconds: number; readonly nanos: number };
}

/** Which dead letters: those that fit all that is given. */
export interface DeadLetterChoice {
  readonly ids?: readonly string[] | undefined;
  /** Id of the output, `@router` or `@request`. */
  readonly output?: string | undefined;
  /** A part of the reason. */
  readonly reason?: string | undefined;
}

/** How the store is, whether or not it can be asked. */
export interface StoreState {
  /** `starting`: its process is not there (yet, or again); questions fail with STORE_UNAVAILABLE. */
  readonly state: 'running' | 'starting' | 'off';
  /** Records of the journal that it does not have yet. */
  readonly waiting: number;
  readonly lastError: string | undefined;
}

/** Indices of an Elasticsearch or OpenSearch that are searched like the store. */
export interface SearchedIndex {
  readonly queries: StoreQueries;
  /** Names and patterns of the indices. */
  readonly pattern: string;
  /** Where they are, without logins. */
  readonly place: string;
}

export interface AdminBackend {
  status(): Promise<Status>;
  /** Prometheus text exposition, of all processes together. */
  metricsText(): Promise<string>;
  /** How outputs' targets stand; asks those of which nothing was heard for a while, which the next call tells. */
  targets(): readonly OutputTarget[];
  /** What keeps the program from being ready; empty: ready. */
  notReady(): Promise<readonly string[]>;
  /** @throws ConfigError when the new configuration is bad; the running one stays. */
  reload(): Promise<ReloadResult>;
  /** Gives up an output that no configuration names any more. Returns how many records were waiting, or undefined when there is no such output or it is in use. */
  dropOutput(id: string): Promise<number | undefined>;
  deadLetters(limit: number, choice: DeadLetterChoice): Promise<readonly DeadLetterRow[]>;
  /** Undefined: there is none with this id, or it was replayed or dropped. */
  deadLetter(id: string): Promise<DeadLetterDetail | undefined>;
  /**
   * Appends dead letters again under their tag, once; returns how many. `isRouted`: through filters and routes, for all
   * outputs; else for the output that refused them.
   */
  replayDeadLetters(choice: DeadLetterChoice, isRouted: boolean): Promise<number>;
  /** Gives dead letters up; returns how many. */
  dropDeadLetters(choice: DeadLetterChoice): Promise<number>;
  /** Questions to the store; undefined: it is off. */
  store(): StoreQueries | undefined;
  storeState(): StoreState;
  /** Undefined: none is configured (P2L_EXPLORER_URL). */
  index(): SearchedIndex | undefined;
  /** OpenAPI `paths` of what this program receives, for /docs. */
  receivingPaths(): Readonly<Record<string, unknown>>;
}
