/**
 * The plugin contract. A plugin is one `definePlugin` call; the registry, the config loaders, the reference pages and the
 * conformance walk read that one declaration.
 */
import type { BufferModel, InjectModel, PluginModel, SectionModel } from '../config/model.ts';
import type { Batch, EncodedRecords } from './batch.ts';
import type { ByteWriter } from './bytes.ts';
import type { Clock, Instant } from './clock.ts';
import type { Difference } from './difference.ts';
import type { Location } from './errors.ts';
import type { FluentbitForm } from './fluentbit.ts';
import type { Joiner, JoinerOutlet } from './joiner.ts';
import type { JsonObject } from './json-object.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { OptionTable, OptionValues } from './options.ts';
import type { ProgramView } from './program-view.ts';
import type { StoreAccess } from './record-store.ts';
import type { Fields } from './record.ts';

export type { PluginKind } from './plugin-kind.ts';

/** A section a plugin takes, such as `<rule>` or `<record>`. */
export interface SectionSpec {
  readonly summary: string;
  readonly options: OptionTable;
  /** Sections inside it, such as `<regexp>` in grep's `<and>`. */
  readonly sections?: SectionTable;
  /** Any pairs are taken as written (`<record>`). */
  readonly isFreeform?: boolean;
  /** May stand more than once. */
  readonly isMany?: boolean;
  readonly isRequired?: boolean;
}
export interface SectionTable {
  readonly [name: string]: SectionSpec;
}

/** What `create` gets: checked options and sections, and where they stand. */
export interface PluginConfig<O extends OptionTable = OptionTable> {
  readonly options: OptionValues<O>;
  readonly sections: Readonly<Record<string, readonly SectionModel[]>>;
  readonly parser?: PluginModel | undefined;
  readonly parsers?: readonly PluginModel[] | undefined;
  readonly namedParsers?: Readonly<Record<string, PluginModel>> | undefined;
  readonly formatter?: PluginModel | undefined;
  readonly inject?: InjectModel | undefined;
  readonly at: Location;
}

/** What every plugin may use. */
export interface PluginContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Makes the parser or formatter of a nested section, or one by name with its defaults. */
  parser(model: PluginModel | string): Parser;
  formatter(model: PluginModel | string): Formatter;
  /**
   * What plugins share over the whole process, whatever generation they are of: made at the first call with this key.
   * `directory`: one of its own in the data directory, made by whoever needs it; undefined where nothing is kept.
   * Where it has a method `end`, that is called when the program stops, and waited for.
   */
  shared<T>(key: string, make: (directory: string | undefined) => T): T;
}

// ---------------------------------------------------------------------------------------------------- sources

export interface AppendRequest {
  readonly tag: string;
  readonly records: EncodedRecords;
  /** New state of this source (JSON values), durable together with the records or not at all. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Idempotency keys, one per request that carried one; kept in the frame. */
  readonly keys?: readonly string[];
  /** `interval`: nobody waits for the answer, so it may take up to 200 ms to share a sync. Default: `always`. */
  readonly sync?: 'always' | 'interval';
}

export interface SourceContext extends PluginContext {
  /** The source's id in the model. */
  readonly id: string;
  /** Number of this receiving process, from 0, and how many there are. */
  readonly worker: { readonly index: number; readonly count: number };
  /**
   * Makes records durable. Resolves with the first record's offset once they are on disk.
   * @throws OperatingError JOURNAL_FULL, JOURNAL_WRITE, JOURNAL_CLOSED, RECORD_TOO_LARGE: nothing was accepted.
   */
  append(request: AppendRequest): Promise<number>;
  /** State that earlier appends of this source made durable, by key; read at start. */
  readonly state: ReadonlyMap<string, unknown>;
  /** Counts records or requests that were not accepted, by reason. */
  refused(reason: string, tag: string, count?: number): void;
  /** Idempotency keys of frames of any source and shard that were appended at or after sinceMs, oldest first within a shard. Read at start. */
  recentKeys(sinceMs: number): AsyncIterable<{ readonly key: string; readonly appendMs: number }>;
  /** The other receiving processes. */
  readonly peers: PeerCalls;
  /** Keeps what was refused, with its raw bytes, in the dead-letter queue. */
  keepRefused(entry: {
    reason: string;
    tag: string;
    raw: Uint8Array;
    detail?: Readonly<Record<string, string>>;
  }): Promise<void>;
}

/** Calls between the receiving processes of one program, over IPC; values must be plain JSON or Uint8Array. */
export interface PeerCalls {
  /** Asks the same source in process `index`. Rejects when that process dies or does not answer within 10 s. */
  call(index: number, request: unknown): Promise<unknown>;
  /** Answers the calls of the others. Set before start() resolves. */
  serve(handler: (request: unknown) => Promise<unknown>): void;
}

export interface Source {
  /** Resolves once the source listens or reads. */
  start(): Promise<void>;
  /** Takes no more, finishes what it began, resolves when its last append is answered. */
  stop(): Promise<void>;
  /** Resolves when the source has come to its end and its config asks the program to stop then (`exit_on_eof`). */
  readonly ended?: Promise<void>;
}

/** What sources get that receive nothing and tell of the program, in the process that delivers. */
export interface EndpointContext extends PluginContext {
  readonly id: string;
  readonly program: ProgramView;
}

// ---------------------------------------------------------------------------------------------------- parsers, formatters

/**
 * Text or bytes into records; never throws. Sources hand their lines to `parseTexts` (codecs/parse-texts.ts), which takes
 * all records of a text and keeps to the time limit; `parse` alone is for values that stand for one record.
 */
export interface Parser {
  /** The record of a text: a line without its line end, joined lines, a body, a field's value. Of several the first. */
  parse(text: Buffer | string): Parsed;
  /** All records of a text, in order; only where a text may hold several (JSON arrays, MessagePack streams, multiline). */
  parseAll?(text: Buffer | string): readonly Parsed[];
  /**
   * True for `multiline`: the source joins lines with a line feed between them before it parses. With `isFirstLine` a
   * record goes up to the next line for which that is true; without it until what is joined parses.
   */
  readonly isMultiline?: boolean;
  /** Where lines are joined for it, a carriage return before the line feed between two of them stays. */
  readonly keepsCarriageReturns?: boolean;
  isFirstLine?(line: Buffer | string): boolean;
  /** How long one text may take; undefined: its time is linear in the text. */
  readonly timeLimitMs?: number | undefined;
  /** The short way for texts that have the usual form. */
  readonly direct?: DirectParser | undefined;
}
/**
 * Texts as JSON of their records, byte for byte what printing what `parse` gives would be, without the fields between. One
 * text at a time, in time that is linear in it.
 */
export interface DirectParser {
  /** Of the record that was written last, where it carried one. */
  readonly time: { readonly isKnown: boolean; readonly seconds: number; readonly nanos: number };
  /**
   * Appends the record of bytes[from, until), which plain fields hold. False: it takes the long way by `parse`, and what was
   * appended is no part of anything.
   */
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean;
  /** The fields that its records may have, where texts say nothing of their names. */
  readonly names?: readonly string[] | undefined;
  /** The same for who takes the record's members apart; undefined where write() gives false. Valid until the next call. */
  readonly members?: (bytes: Buffer, from: number, until: number) => DirectMembers | undefined;
}
/** Members of an object in a text; `without` is none of the record's, -1: all are. */
export interface DirectMembers {
  readonly object: JsonObject;
  without: number;
}
export type Parsed = ParsedRecord | ParseProblem;
export interface ParsedRecord {
  readonly fields: Fields;
  /** Undefined: the text carried no time, and the time of receipt is the record's. */
  readonly time: Instant | undefined;
}
/** Why a text gave no record. */
export interface ParseProblem {
  /** What was expected, what was found and at which offset. */
  readonly problem: string;
  /**
   * `mismatch`: the text has not the form wanted. `invalid`: it has, but a part of it is wrong (its time), where Fluentd
   * raises an error. `timeout`: it took too long.
   */
  readonly kind: 'mismatch' | 'invalid' | 'timeout';
}

/** Writes records as an output's bytes, line breaks included. */
export interface Formatter {
  /** Media type of what it writes, such as `application/x-ndjson`. */
  readonly contentType: string;
  /** Appends rows [from, to) of the batch to `out`. May throw FILTER_FAILED for a record it cannot write, before it wrote any part of it. */
  write(batch: Batch, from: number, to: number, out: ByteWriter): void;
  /** Appends what a file begins with whose first record this is, such as the names of its columns. */
  begin?(batch: Batch, row: number, out: ByteWriter): void;
}

// ---------------------------------------------------------------------------------------------------- filters, steps

/** Called by filters and steps for a record they fail on: it goes to @ERROR or the dead letters. `row` counts in the batch given. */
export type RejectRecord = (row: number, reason: string) => void;

/**
 * Pure and synchronous over a batch: same batch in, same batch out, at every replay. One that needs something from outside
 * (what a pod is called) throws NotReady until it is there; nothing of the batch has gone anywhere then.
 */
export interface Filter {
  /** `changed`: given where others share the records; a filter that may change a record in place says what it became. */
  apply(batch: Batch, reject: RejectRecord, changed?: ChangedRecord): Batch;
}
export type ChangedRecord = (row: number, fields: Fields) => void;

/** Gives records new tags. What it neither emits nor rejects is dropped and counted under its `dropReason`. */
export interface Retagger {
  readonly dropReason: string;
  /** `label`: where the records enter instead of the step's own label (a rule's `label`). */
  retag(batch: Batch, emit: (batch: Batch, label?: string) => void, reject: RejectRecord): Batch | void;
  /** True: `retag` gives back the records that go on behind the step, as all those do in Fluent Bit that no rule takes. */
  readonly letsPass?: boolean;
  /** True: records that it gave their tag go past it, unless another one gave them a tag since. */
  readonly passesOwn?: boolean;
}

// ---------------------------------------------------------------------------------------------------- outputs

/** Records an output is asked to deliver together. */
export interface Chunk {
  /** Hex id, new for each chunk. */
  readonly id: string;
  /** Values of the chunk keys: tag when `tag` is one, the timekey's start, and field values. For placeholders. */
  readonly tag: string | undefined;
  readonly timekeySeconds: number | undefined;
  readonly fields: ReadonlyMap<string, string>;
  readonly batches: readonly ChunkBatch[];
  readonly count: number;
  readonly bytes: number;
}

/** A batch with the emission ids of its rows, and what is done with them. */
export interface ChunkBatch {
  readonly batch: Batch;
  /**
   * `<shard>-<offset>`, or `<shard>-<offset>.<k>` for the k-th record derived from one that reaches this output. For a
   * record that came with an origin these are its origin's (core/origin.ts).
   */
  emissionId(row: number): string;
  /** The `k` of emissionId; -1 where there is none. */
  ordinal(row: number): number;
  /**
   * Offsets [from, to) of the shard that are done for this output once all rows are: theirs, and those between them that
   * were not for it. Undefined: only the rows themselves are, other emissions of their records may be in other batches.
   */
  readonly span: { readonly from: number; readonly to: number } | undefined;
  /** Every offset of the shard below it is done for this output, and will not be given again after any crash. */
  readonly doneBelow: number;
}

/** What a write did with the records it did not deliver. Rows count through the whole chunk, batch after batch. */
export interface WriteResult {
  readonly refused?: readonly { readonly row: number; readonly reason: string }[];
  readonly retry?: readonly number[];
  /** Why rows are to be tried again, for the log and the status. */
  readonly retryReason?: string;
  /** Rows that were taken and are not done yet: they keep the cursor back. A crash gives them again. */
  readonly held?: {
    readonly rows: readonly number[];
    /** Called at once, with what finishes each of them. */
    take(finishers: readonly HeldRow[]): void;
  };
}

/** A row that an output holds. It is finished once: delivered, or refused for a reason and kept by nobody. */
export interface HeldRow {
  finish(refused?: string): void;
}

export interface OutputContext extends PluginContext {
  /** Output id in the model. */
  readonly id: string;
  /** State that was committed with this output's cursor, or undefined at the first start. */
  readonly committed: unknown;
  /** How its chunks are cut. */
  readonly buffer: BufferModel;
  /** A directory of this output's own inside the data directory; the output makes it when it needs it. */
  readonly directory: string;
  /** The program's store. */
  readonly store: StoreAccess;
}

export interface Output {
  /** Called once before the first write; throws OperatingError to be called again later. */
  open?(): Promise<void>;
  /**
   * Delivers a chunk. Resolves when the target has taken it, naming rows to refuse or retry; throws OperatingError when
   * the whole chunk is to be tried again (retryable) or was refused as a whole (then it is bisected).
   */
  write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult | void>;
  /**
   * For outputs whose target is rolled back to a committed point (exactly once): makes what was written durable and
   * returns JSON state that is committed together with the cursor. Never called while a write runs. `durable`: the state
   * that is on disk with the cursor now, from an earlier call of this run or as it was in `committed`.
   */
  commit?(durable: unknown): Promise<unknown>;
  /**
   * For outputs that hold rows: called in the turn in which the progress is taken for a commit. What it returns is called
   * once that commit is durable.
   */
  onCommit?(): () => void;
  /**
   * For outputs that hold rows: nothing more comes to this instance, or for now; finishes what it holds. With `mayKeep` it
   * may leave some for the next start. True: nothing it finished is under way.
   */
  letGo?(mayKeep: boolean): boolean;
  /**
   * Asks the target whether it would take records: `check --probe`, and the running program where nothing was written for a
   * while, also beside writes. Gives a text where it would and something is not as it should be. Throws OperatingError.
   */
  probe?(): Promise<string | void>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------- definition

interface Common<O extends OptionTable> {
  readonly name: string;
  /** Other names under which configs know it. */
  readonly aliases?: readonly string[];
  /** One sentence for the reference page and `help`. */
  readonly summary: string;
  readonly options: O;
  readonly sections?: SectionTable;
  /** A runnable example in the Fluentd dialect for the reference page; the registry walk checks that it loads. Empty where `fluentbit` has one. */
  readonly example: string;
  /** How Fluent Bit's configurations write it; undefined: they cannot name it. */
  readonly fluentbit?: FluentbitForm;
  /** Options (by name in code) whose value no other plugin of this name may share in a configuration, such as a file it writes its positions to. */
  readonly exclusive?: readonly string[];
  /** What it does differently from the programs whose configurations name it; `check` and docs/compatibility.md tell it. */
  readonly differences?: readonly Difference[];
  /**
   * Checks that need more than one option; throw an Error whose text says what is wrong and what to do, or a ConfigError
   * whose problems have places of their own. For outputs
   * called with the buffer too: a secondary with that of the output around it.
   */
  readonly check?: (config: PluginConfig<O>, buffer?: BufferModel, isSecondary?: boolean) => void;
}

export interface SourceSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'source';
  /** Every receiving process runs one (network listeners); otherwise only the first does. */
  readonly isReplicated?: boolean;
  readonly usesParser?: boolean;
  /** The parser of a `<parse>` without `@type`, whose options may also stand in the source itself. */
  readonly defaultParser?: string;
  /** Defaults of its parser's options (by name in code) where they are not the parser's own. */
  readonly parserDefaults?: Readonly<Record<string, unknown>>;
  /** Of those that receive nothing and tell of the program: run once, in the process that delivers, in place of create. */
  readonly endpoint?: (config: PluginConfig<O>, context: EndpointContext) => Source;
  create(config: PluginConfig<O>, context: SourceContext): Source;
}
export interface ParserSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'parser';
  /** It may have a `<parse>` inside. */
  readonly usesParser?: boolean;
  /**
   * Sections that each are a parser, named by their `format`: they are in config.parsers, and their `format_name`s in
   * config.sections under the first of these names.
   */
  readonly parserSections?: readonly string[];
  create(config: PluginConfig<O>, context: PluginContext): Parser;
}
export interface FormatterSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'formatter';
  /** The option that names another formatter, which takes what else stands in the section and is in config.formatter. */
  readonly innerFormatter?: string;
  create(config: PluginConfig<O>, context: PluginContext): Formatter;
}
export interface FilterSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'filter';
  /** Changes nothing and only shows records (filter stdout): left out where records are routed a second time. */
  readonly isObserver?: boolean;
  readonly usesParser?: boolean;
  /** Takes `<format>`; the name is its default. */
  readonly defaultFormatter?: string;
  readonly usesInject?: boolean;
  create(config: PluginConfig<O>, context: PluginContext): Filter;
}
export interface StepSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'step';
  /** Undefined for steps that the router does itself (copy, relabel). */
  readonly create?: (config: PluginConfig<O>, context: PluginContext) => Retagger;
}
/** Joins records that belong together into one. */
export interface JoinSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'join';
  /** Where it stands: `filter` (`<filter>`, `[FILTER]`): what it joined goes on behind it; `match`: it enters the routes anew. */
  readonly place: 'filter' | 'match';
  /** Options (by name in code) that name labels which its records may enter. */
  readonly labelOptions?: readonly string[];
  create(config: PluginConfig<O>, context: PluginContext, outlet: JoinerOutlet): Joiner;
}
export interface OutputSpec<O extends OptionTable = OptionTable> extends Common<O> {
  readonly kind: 'output';
  /** Takes `<format>`; the name is its default. */
  readonly defaultFormatter?: string;
  readonly usesInject?: boolean;
  /** May stand only as `<secondary>`; it gets the formatter and inject of the output around it. */
  readonly isSecondaryOnly?: boolean;
  /** Where the records go, for the cursor's identity and `check`: a path, host or topic; no secrets. */
  readonly target?: (options: OptionValues<O>, sections: PluginConfig['sections']) => string;
  /** How this output's chunks are cut where the config says nothing (Fluentd's default for a buffered output: 60 s). */
  readonly buffer?: {
    readonly flushMode?: 'immediate' | 'interval' | 'lazy';
    readonly flushIntervalMs?: number;
    readonly chunkKeys?: readonly string[];
    /** With chunk key `time`. */
    readonly timekeySeconds?: number;
    /** Wait before the second try, and the longest between two. */
    readonly retry?: { readonly waitMs: number; readonly waitMsMax: number };
  };
  create(config: PluginConfig<O>, context: OutputContext): Output;
}

export type PluginSpec = SourceSpec | ParserSpec | FormatterSpec | FilterSpec | StepSpec | JoinSpec | OutputSpec;

/** What definePlugin returns and the registry holds: a spec whose options' types are erased. */
export type Plugin = PluginSpec & { readonly isPost2logPlugin: true };

/**
 * Declares a plugin. `create` gets options of the declared types; it is called once per configured instance and
 * generation, must not do I/O (start, open and the first write do), and throws only on programmer errors.
 */
export function definePlugin<const O extends OptionTable>(
  spec: SourceSpec<O> | ParserSpec<O> | FormatterSpec<O> | FilterSpec<O> | StepSpec<O> | JoinSpec<O> | OutputSpec<O>,
): Plugin {
  // The one place where option types are erased: instances get them back because the loader checks against `options`.
  return { ...(spec as unknown as PluginSpec), isPost2logPlugin: true };
}
