/** What `concat` does with each record. */
import { MatchLate, guardMatch } from '../../codecs/guarded-match.ts';
import type { GuardedMatch } from '../../codecs/guarded-match.ts';
import { compilePattern, subjectOf } from '../../codecs/onigmo.ts';
import { rubyText } from '../../codecs/ruby.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import type { Joiner, JoinerInput, JoinerOutlet, JoinerWay } from '../../core/joiner.ts';
import type { Log } from '../../core/log.ts';
import type { PluginContext } from '../../core/plugin.ts';
import { copyFields, deleteField, fieldEntries, fieldsFromEntries, getField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { Streams } from '../streams.ts';
import type { ConcatOptions } from './index.ts';

/** How often it is said that records were given on because they got too large. */
const sayMs = 60_000;

/** The names of the fields that say what is a part. */
interface MetadataKeys {
  readonly message: string;
  readonly id: string;
  readonly ordinal: string;
  readonly last: string;
  /** The one without which a record is no part. */
  readonly indicator: string;
}

interface Compiled {
  readonly mode: 'lines' | 'partial' | 'metadata' | 'cri' | 'regexp';
  readonly start: GuardedMatch | undefined;
  readonly end: GuardedMatch | undefined;
  readonly continuous: GuardedMatch | undefined;
  readonly metadata: MetadataKeys;
}

/** @throws Error where an expression is wrong */
export function compileConcat(options: ConcatOptions): Compiled {
  const match = (pattern: string | undefined): GuardedMatch | undefined =>
    pattern === undefined ? undefined : guardMatch(compilePattern(slashed(pattern)), pattern.slice(1, -1));
  return {
    mode: modeOf(options),
    start: match(options.multilineStartRegexp),
    end: match(options.multilineEndRegexp),
    continuous: match(options.continuousLineRegexp),
    metadata: metadataKeys(options.partialMetadataFormat),
  };
}

function slashed(pattern: string): string {
  if (pattern.length >= 2 && pattern.startsWith('/') && pattern.endsWith('/')) return pattern;
  throw new Error(`a regular expression between slashes was expected, found ${pattern}`);
}

function modeOf(options: ConcatOptions): Compiled['mode'] {
  if (options.nLines !== undefined) return 'lines';
  if (options.partialKey !== undefined) return 'partial';
  if (options.usePartialMetadata) return 'metadata';
  return options.usePartialCriLogtag ? 'cri' : 'regexp';
}

function metadataKeys(format: ConcatOptions['partialMetadataFormat']): MetadataKeys {
  const named = (prefix: string): Omit<MetadataKeys, 'indicator'> => ({
    message: `${prefix}message`,
    id: `${prefix}id`,
    ordinal: `${prefix}ordinal`,
    last: `${prefix}last`,
  });
  if (format === 'docker-fluentd') return { ...named('partial_'), indicator: 'partial_message' };
  // The driver does not put the message field on the last part.
  const keys = named('container_partial_');
  if (format === 'docker-journald-lowercase') return { ...keys, indicator: keys.id };
  const [message, id, ordinal, last] = [keys.message, keys.id, keys.ordinal, keys.last].map((key) =>
    key.toUpperCase(),
  ) as [string, string, string, string];
  return { message, id, ordinal, last, indicator: id };
}

export class ConcatJoiner implements Joiner {
  readonly #options: ConcatOptions;
  readonly #compiled: Compiled;
  readonly #outlet: JoinerOutlet;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #streams: Streams;
  /** Bytes as buffer_limit_size counts them, by stream. */
  readonly #sizes = new Map<string, number>();
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConcatOptions, { clock, log }: PluginContext, outlet: JoinerOutlet) {
    this.#options = options;
    this.#compiled = compileConcat(options);
    this.#outlet = outlet;
    this.#clock = clock;
    this.#log = log;
    this.#streams = new Streams({
      waitMs: options.flushInterval === 0 ? undefined : options.flushInterval,
      onFull: (key) => this.#tooLarge(key),
    });
  }
  get dueMs(): number | undefined {
    return this.#streams.dueMs;
  }
  add(input: JoinerInput, nowMs: number): void {
    if (!this.#concerns(input)) {
      this.#outlet.pass(input);
      return;
    }
    const key = this.#streamOf(input);
    try {
      this.#process(key, input, nowMs);
    } catch (error) {
      if (!(error instanceof MatchLate)) throw error;
      this.#fail([input], 'time_limit');
    }
  }
  flush(nowMs: number): void {
    for (const key of this.#streams.due(nowMs)) this.#timedOut(key, 'concat_timeout', undefined);
  }
  finish(mayKeep: boolean): void {
    const { timeoutLabel } = this.#options;
    if (mayKeep && timeoutLabel === undefined) return;
    for (const key of this.#streams.keys())
      if (mayKeep) this.#timedOut(key, 'concat_timeout', this.#streams.get(key)?.inputs[0]?.time);
      else this.#give(key);
  }

  #concerns({ tag, fields }: JoinerInput): boolean {
    const { key, partialKey } = this.#options;
    const { mode, metadata } = this.#compiled;
    if (/^fluent\.(?:trace|debug|info|warn|error|fatal)$/.test(tag) || getField(fields, key) === undefined)
      return false;
    if (mode === 'partial') return getField(fields, partialKey ?? '') !== undefined;
    return mode !== 'metadata' || getField(fields, metadata.indicator) !== undefined;
  }
  #streamOf({ tag, fields }: JoinerInput): string {
    const { streamIdentityKey } = this.#options;
    const { mode, metadata } = this.#compiled;
    const identity = streamIdentityKey === undefined ? '' : textOf(getField(fields, streamIdentityKey));
    const id = mode === 'metadata' ? textOf(getField(fields, metadata.id)) : '';
    return JSON.stringify([tag, identity, id]);
  }
  #process(key: string, input: JoinerInput, nowMs: number): void {
    const { mode, metadata } = this.#compiled;
    if (mode === 'regexp') this.#byRegexp(key, input, nowMs);
    else if (mode === 'partial') this.#byPartialKey(key, input, nowMs);
    else if (mode === 'lines') {
      this.#hold(key, input, nowMs);
      if ((this.#streams.get(key)?.inputs.length ?? 0) >= (this.#options.nLines ?? 0)) this.#give(key, input.time);
    } else if (mode === 'metadata') {
      this.#hold(key, input, nowMs);
      if (getField(input.fields, metadata.last) === 'true') this.#give(key, input.time);
    } else this.#byLogtag(key, input, nowMs);
  }
  #byLogtag(key: string, input: JoinerInput, nowMs: number): void {
    const logtag = getField(input.fields, this.#options.partialCriLogtagKey);
    if (typeof logtag !== 'string') {
      this.#fail([input], 'concat_without_logtag');
      return;
    }
    this.#hold(key, input, nowMs);
    if (logtag.split(':')[0] === 'F') this.#give(key, input.time);
  }
  #byRegexp(key: string, input: JoinerInput, nowMs: number): void {
    const { start, end, continuous } = this.#compiled;
    const value = getField(input.fields, this.#options.key) as Value;
    if (value !== null && typeof value !== 'string' && !(value instanceof Uint8Array)) {
      this.#fail([input], 'concat_no_text');
      return;
    }
    const { text } = subjectOf(typeof value === 'string' ? value : Buffer.from(value ?? ''));
    const matches = (pattern: GuardedMatch | undefined): boolean =>
      value !== null && pattern !== undefined && pattern.exec(text) !== null;
    const isHeld = this.#streams.get(key) !== undefined;
    if (matches(start)) {
      const isLast = matches(end);
      if (isHeld) this.#give(key, input.time);
      this.#hold(key, input, nowMs);
      if (isLast) this.#give(key, input.time);
    } else if (matches(end)) {
      this.#hold(key, input, nowMs);
      this.#give(key, input.time);
    } else if (!isHeld) {
      if (start) this.#outlet.pass(input);
      else this.#hold(key, input, nowMs);
    } else if (continuous === undefined || matches(continuous)) this.#hold(key, input, nowMs);
    else {
      this.#give(key, input.time);
      this.#outlet.pass(input);
    }
  }
  #byPartialKey(key: string, input: JoinerInput, nowMs: number): void {
    const { partialKey = '', partialValue, bufferOverflowMethod: method } = this.#options;
    const isLast = getField(input.fields, partialKey) !== partialValue;
    if (!this.#overflows(key, input) || method === 'ignore') {
      this.#hold(key, input, nowMs);
      if (isLast) this.#give(key, input.time);
      return;
    }
    if (method === 'new') {
      if (this.#streams.get(key)) this.#give(key, input.time);
      this.#sizes.set(key, sizeOf(input.fields));
      this.#hold(key, input, nowMs);
      if (isLast) this.#give(key, input.time);
      return;
    }
    // What is left out is a part of the record all the same, which is over by it.
    const parts = [...(this.#streams.take(key)?.inputs ?? []), input];
    this.#sizes.delete(key);
    if (method === 'drop' || parts.length === 1) this.#fail(parts, 'concat_buffer_overflow');
    else this.#emit(parts, 'joined', input.time, parts.slice(0, -1));
  }
  #overflows(key: string, { fields }: JoinerInput): boolean {
    const size = (this.#sizes.get(key) ?? 0) + sizeOf(fields);
    const isOver = size > this.#options.bufferLimitSize;
    this.#sizes.set(key, isOver ? 0 : size);
    return isOver;
  }
  #hold(key: string, input: JoinerInput, nowMs: number): void {
    this.#streams.add(key, input, nowMs, true);
  }
  /** Gives on what a stream holds, complete by a record of this time. */
  #give(key: string, time?: Instant): void {
    const held = this.#streams.take(key);
    this.#sizes.delete(key);
    if (held) this.#emit(held.inputs, 'joined', time ?? (held.inputs.at(-1) as JoinerInput).time);
  }
  #timedOut(key: string, reason: string, time: Instant | undefined): void {
    const held = this.#streams.take(key);
    this.#sizes.delete(key);
    if (!held) return;
    const { timeoutLabel } = this.#options;
    const way = timeoutLabel === undefined ? { error: reason } : { label: timeoutLabel };
    this.#emit(held.inputs, way, time ?? this.#clock.now(), held.inputs, false);
  }
  #tooLarge(key: string): void {
    this.#give(key);
    if (this.#clock.monotonicMs() - this.#saidMs < sayMs) return;
    this.#saidMs = this.#clock.monotonicMs();
    this.#log.warn(
      'concat: records got too large to wait for more lines; they are given on as they are, nothing is lost',
    );
  }
  #fail(parts: readonly JoinerInput[], reason: string): void {
    this.#emit(parts, { error: reason }, (parts.at(-1) as JoinerInput).time);
  }
  /** `texts`: the parts whose texts are joined. `isComplete` false: it has the fields of its first part as they are. */
  #emit(
    parts: readonly JoinerInput[],
    way: JoinerWay,
    time: Instant,
    texts: readonly JoinerInput[] = parts,
    isComplete = true,
  ): void {
    const first = parts[0] as JoinerInput;
    const last = texts.at(-1) as JoinerInput;
    const own = this.#options.useFirstTimestamp ? first.time : time;
    const { key } = this.#options;
    if (parts.length === 1 && typeof way === 'object' && 'error' in way) {
      this.#outlet.emit(parts, { tag: first.tag, time: first.time, fields: first.fields, way });
      return;
    }
    const base = isComplete && last !== first ? merged(last.fields, first.fields) : first.fields;
    const fields = merged(base, fieldsFromEntries([[key, this.#text(texts)]]));
    if (isComplete) this.#strip(fields, last.fields);
    this.#outlet.emit(parts, { tag: first.tag, time: own, fields, way });
  }
  #text(inputs: readonly JoinerInput[]): Value {
    const { key, separator } = this.#options;
    const { mode, metadata } = this.#compiled;
    const ordinalOf = ({ fields }: JoinerInput): number =>
      Number.parseInt(textOf(getField(fields, metadata.ordinal)), 10) || 0;
    const sorted = mode === 'metadata' ? inputs.toSorted((a, b) => ordinalOf(a) - ordinalOf(b)) : inputs;
    const values = sorted.map(({ fields }) => getField(fields, key));
    if (!values.some((value) => value instanceof Uint8Array)) return values.map(textOf).join(separator);
    const between = Buffer.from(separator);
    const pieces = values.map((value) => (value instanceof Uint8Array ? value : Buffer.from(textOf(value))));
    return new Uint8Array(Buffer.concat(pieces.flatMap((piece, i) => (i === 0 ? [piece] : [between, piece]))));
  }
  /** Takes out of a joined record what only says how it was cut. */
  #strip(fields: Fields, last: Fields): void {
    const {
      keepPartialKey,
      keepPartialMetadata,
      partialKey = '',
      partialCriLogtagKey,
      partialCriStreamKey,
    } = this.#options;
    const { mode, metadata } = this.#compiled;
    const keep = (key: string): void => {
      const value = getField(last, key);
      if (value !== undefined) {
        if (fields instanceof Map) fields.set(key, value);
        else fields[key] = value;
      }
    };
    if (mode === 'partial')
      if (keepPartialKey) keep(partialKey);
      else deleteField(fields, partialKey);
    if (mode === 'metadata' && !keepPartialMetadata)
      for (const key of [metadata.message, metadata.id, metadata.ordinal, metadata.last]) deleteField(fields, key);
    if (mode !== 'cri') return;
    if (keepPartialKey) keep(partialCriLogtagKey);
    else deleteField(fields, partialCriLogtagKey);
    deleteField(fields, partialCriStreamKey);
  }
}

/** A copy of fields with others over them. */
function merged(fields: Fields, over: Fields): Fields {
  if (!(fields instanceof Map) && !(over instanceof Map)) return { ...fields, ...over };
  const made = fields instanceof Map ? copyFields(fields) : new Map(fieldEntries(fields));
  for (const [key, value] of fieldEntries(over)) (made as Map<string, Value>).set(key, value);
  return made;
}

function textOf(value: Value | undefined): string {
  return value === undefined ? '' : rubyText(value);
}

/** As Fluentd's plugin counts: bytes of names and of values as text. */
function sizeOf(fields: Fields): number {
  let size = 0;
  for (const [key, value] of fieldEntries(fields)) size += Buffer.byteLength(key) + Buffer.byteLength(textOf(value));
  return size;
}
