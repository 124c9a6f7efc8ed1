/**
 * The pipeline model: what every configuration is lowered to. Plain JSON values only, so that a generation can be kept
 * on disk and run again as it was. Behind this nobody can tell which dialect a configuration was written in.
 */
import type { Location } from '../core/errors.ts';
import type { PluginKind } from '../core/plugin-kind.ts';

/** One configured plugin: its options checked against the plugin's declaration, its sections by name in written order. */
export interface PluginModel {
  readonly kind: PluginKind;
  /** The plugin's name in the registry (never an alias). */
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly sections: Readonly<Record<string, readonly SectionModel[]>>;
  /** `<parse>`, `<format>` and other plugins inside this one. */
  readonly parser?: PluginModel | undefined;
  /** Parsers that are tried one after the other. */
  readonly parsers?: readonly PluginModel[] | undefined;
  /** Parsers that records ask for by name. */
  readonly namedParsers?: Readonly<Record<string, PluginModel>> | undefined;
  readonly formatter?: PluginModel | undefined;
  readonly inject?: InjectModel | undefined;
  readonly at: Location;
}

/** A section of a plugin: declared options, or for free-form sections (`<record>`) the pairs as written. */
export interface SectionModel {
  readonly argument: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly pairs: readonly PairModel[];
  /** Sections inside it, by name in written order. */
  readonly sections?: Readonly<Record<string, readonly SectionModel[]>>;
  readonly at: Location;
}

/** A free-form pair. `value` is the text after the dialect's quoting rules; `json` the value where it was written as JSON object or array. */
export interface PairModel {
  readonly key: string;
  readonly value: string;
  readonly json?: unknown;
  readonly at: Location;
  /** Where the value begins; `at` is the key's place. */
  readonly valueAt?: Location;
}

/** `<inject>`: fields added while formatting (Fluentd plugin helper `inject`). */
export interface InjectModel {
  readonly hostnameKey?: string | undefined;
  readonly hostname?: string | undefined;
  readonly workerIdKey?: string | undefined;
  readonly tagKey?: string | undefined;
  readonly timeKey?: string | undefined;
  readonly timeType?:
    'float' | 'unixtime' | 'unixtime_millis' | 'unixtime_micros' | 'unixtime_nanos' | 'string' | undefined;
  readonly timeFormat?: string | undefined;
  readonly localtime?: boolean | undefined;
  readonly timezone?: string | undefined;
}

export interface SourceModel {
  /** `@id`, else type + ordinal (`postback`, `tail.1`). Names the source in frames and metrics. */
  readonly id: string;
  readonly plugin: PluginModel;
  /** Where its records enter: a label, `@ROOT` unless the config says otherwise. */
  readonly label: string;
  /** Numbers of the receiving processes that run it, ascending; undefined: all where its kind allows that, else the first. */
  readonly workers?: readonly number[] | undefined;
}

export interface EndpointModel {
  readonly id: string;
  readonly plugin: PluginModel;
}

/** Which tags a step applies to. `fluentd`: one or more space-separated patterns as in `<match>`; `glob`: Fluent Bit's `Match`; `regexp`: Fluent Bit's `Match_Regex`. */
export interface MatchModel {
  readonly syntax: 'fluentd' | 'glob' | 'regexp';
  readonly pattern: string;
}

/** One step of a label. `take`: the record goes no further in this label after it (Fluentd's first match); otherwise it goes on (Fluent Bit's fan-out). */
export interface StepModel {
  readonly match: MatchModel;
  readonly action: ActionModel;
  readonly take: boolean;
  readonly at: Location;
}

/** Rules over a record's fields, as Fluent Bit's processors have them. */
export interface ConditionModel {
  readonly op: 'and' | 'or';
  readonly rules: readonly ConditionRule[];
}
export const conditionOps = ['eq', 'neq', 'gt', 'lt', 'gte', 'lte', 'regex', 'not_regex', 'in', 'not_in'] as const;
export interface ConditionRule {
  /** A record accessor, or a text with such in it. */
  readonly field: string;
  readonly op: (typeof conditionOps)[number];
  /** One but for in and not_in. */
  readonly values: readonly string[];
}

export type ActionModel =
  /** `condition`: for which records it is; others pass as they are. */
  | { readonly kind: 'filter'; readonly plugin: PluginModel; readonly condition?: ConditionModel | undefined }
  /** Hands the records to an output by its id. */
  | { readonly kind: 'output'; readonly output: string }
  /**
   * Each action gets all records. `shares`: what filters behind one action change in place is seen by the actions behind it,
   * in the record and its values (`record`) or in nested values alone (`nested`). Otherwise each gets them as they came.
   */
  | { readonly kind: 'copy'; readonly actions: readonly ActionModel[]; readonly shares?: 'record' | 'nested' }
  /** Each record goes to one action: of as many records in a row as the weights add up to, action i gets `weights[i]`. */
  | { readonly kind: 'roundrobin'; readonly actions: readonly ActionModel[]; readonly weights: readonly number[] }
  /**
   * Hands the records to an output that joins them. What it gives goes on behind this step, or enters `label`, or one of
   * `labels` where it says so.
   */
  | {
      readonly kind: 'join';
      readonly output: string;
      readonly label?: string | undefined;
      readonly labels?: readonly string[] | undefined;
    }
  /** Enters a label from its first step. */
  | { readonly kind: 'relabel'; readonly label: string }
  /** A step plugin (rewrite_tag_filter) gives records new tags; they enter `label`, or @ROOT again. Whatever it does not give on is counted as the plugin says. */
  | { readonly kind: 'retag'; readonly plugin: PluginModel; readonly label: string };

/** How records become chunks, and what happens when writing one fails. */
export interface BufferModel {
  /** `tag`, `time`, or a field (`key`, `$.a.b`). */
  readonly chunkKeys: readonly string[];
  /** Seconds of event time that go into one chunk; only with chunk key `time`. */
  readonly timekeySeconds?: number | undefined;
  readonly timekeyWaitMs: number;
  /** IANA zone or `+09:00` for timekey and time placeholders; undefined: local time. */
  readonly timezone?: string | undefined;
  /** Largest chunk, in bytes of encoded records; and in records. */
  readonly chunkBytesMax: number;
  readonly chunkRecordsMax?: number | undefined;
  /** Records that come together may take a chunk that is below chunkBytesMax over it. */
  readonly mayExceedBytes?: boolean | undefined;
  /** Part of these limits, above 0 and up to 1, from which on a chunk is full; undefined: 1. */
  readonly chunkFullPart?: number | undefined;
  /** `immediate`: as soon as the output is free; `interval`: flushIntervalMs after the chunk's first record; `lazy`: at the timekey's end plus timekeyWaitMs. */
  readonly flushMode: 'immediate' | 'interval' | 'lazy';
  readonly flushIntervalMs: number;
  /** False: chunks that are not due stay open over a stop of the program. */
  readonly flushAtShutdown?: boolean | undefined;
  /** Chunks written at a time. */
  readonly concurrency: number;
  /** While so many chunks wait to be written, others stay open over their flushIntervalMs, until they are full. */
  readonly queuedChunksMax?: number | undefined;
  /** How chunks are packed where they are staged on disk. */
  readonly compress?: 'gzip' | 'zstd' | undefined;
  readonly slowFlushLogMs: number;
  readonly retry: RetryModel;
  /** `drop_oldest`: when the journal is full this output's cursor is moved, counted as refused. */
  readonly overflow: 'block' | 'drop_oldest';
  /** Bytes of encoded records that may wait for it: beyond them `drop_oldest` drops, `block` says so and goes on. */
  readonly backlogBytesMax?: number | undefined;
  /** What the target refuses is counted and not kept. */
  readonly isRefusedDropped?: boolean | undefined;
}

export interface RetryModel {
  readonly type: 'exponential_backoff' | 'periodic';
  readonly waitMs: number;
  readonly base: number;
  /** Longest wait between two tries. */
  readonly waitMsMax: number;
  readonly isRandomized: boolean;
  /** Only limits written in the config; undefined: retry until delivered. Tries after the first. */
  readonly triesMax?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** With a secondary: the part of timeoutMs after which it takes over. */
  readonly secondaryThreshold: number;
}

export interface OutputModel {
  /** Cursor identity: `@id`/`Alias`, else type + ordinal + target. Safe as a file name after encoding. */
  readonly id: string;
  readonly plugin: PluginModel;
  readonly buffer: BufferModel;
  /** Takes chunks that ran out of tries, and records the target refused. */
  readonly secondary?: PluginModel | undefined;
}

/** Routes of their own for the records of some sources: those of one receiving process. */
export interface ScopeModel {
  /** For people: `worker 1`. */
  readonly name: string;
  /** Ids of the sources. */
  readonly sources: readonly string[];
  /** In place of the pipeline's. */
  readonly labels: Readonly<Record<string, readonly StepModel[]>>;
}

/** A whole configuration. */
export interface PipelineModel {
  readonly version: 1;
  readonly sources: readonly SourceModel[];
  /** Sources that receive nothing and tell of the program, run where records are delivered. */
  readonly endpoints?: readonly EndpointModel[] | undefined;
  /** Steps by label; `@ROOT` and, where written, `@ERROR` and others. */
  readonly labels: Readonly<Record<string, readonly StepModel[]>>;
  /** Where routes differ by receiving process; `labels` are for all sources that are in none of them, and for what is replayed. */
  readonly scopes?: readonly ScopeModel[] | undefined;
  readonly outputs: readonly OutputModel[];
  /** Ids of outputs that get every record as it was received, before filters and routes, besides what these send them. */
  readonly taps?: readonly string[];
  /** Third-party packages to load before anything else. */
  readonly plugins: readonly string[];
  readonly logLevel?: string | undefined;
  /** A server of its own for metrics and health, beside the admin server. */
  readonly monitor?: MonitorModel | undefined;
}

/** The monitoring server with the paths and names that Fluent Bit's has. */
export interface MonitorModel {
  readonly host: string;
  readonly port: number;
  /** Undefined: it tells nothing of health. */
  readonly health?: { readonly errorsMax: number; readonly retriesFailedMax: number; readonly periodSeconds: number };
  readonly tellsStorage: boolean;
  readonly canReload: boolean;
  /** What it calls each source and output, and their ids here. */
  readonly sources: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** The label in which records of sources without `@label` begin. */
export const rootLabel = '@ROOT';

/** How chunks are cut and retried where a config says nothing and the dialect does not differ. */
export const defaultBuffer: BufferModel = {
  chunkKeys: [],
  timekeyWaitMs: 0,
  // 8 MB as Fluentd's memory chunk: large enough to amortise a request, small against the 64 MB queue budget.
  chunkBytesMax: 8 * 1024 * 1024,
  flushMode: 'immediate',
  flushIntervalMs: 1000,
  concurrency: 1,
  slowFlushLogMs: 20_000,
  retry: {
    type: 'exponential_backoff',
    waitMs: 1000,
    base: 2,
    waitMsMax: 60_000,
    isRandomized: true,
    secondaryThreshold: 0.8,
  },
  overflow: 'block',
};

/** How what is to be joined is taken: at once, in order, without anything that would divert it. */
export const joinBuffer: BufferModel = { ...defaultBuffer, chunkBytesMax: 1024 * 1024 };
