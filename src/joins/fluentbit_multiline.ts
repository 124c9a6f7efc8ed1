/**
 * The `fluentbit_multiline` join, Fluent Bit's filter `multiline`: records whose texts belong together become one, by
 * multiline parsers or by what Docker's log driver says of its parts. Source: Fluent Bit 5.1 filter_multiline/ml.c, ml_concat.c.
 */
import { definitionOf } from '../multiline/definition.ts';
import { createJoiner } from '../multiline/joiner.ts';
import type { Joiner as LineJoiner, MultilineDefinition } from '../multiline/contract.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import type { Joiner, JoinerInput, JoinerOutlet } from '../core/joiner.ts';
import { bytesFrom, choice, duration, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries, getField } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { Streams } from './streams.ts';

/** Bytes that all streams hold at most; beyond them those that came first are given on. */
const heldBytesMax = 64 * 1024 * 1024;
/** Streams (tags) whose parsers' states are kept; beyond them the one seen longest ago is given on and forgotten. */
const streamsMax = 4096;
const journalHolds = 'joined records come from the journal like all others';
/** What says that a record is a part, and which. */
const partKeys = ['partial_message', 'partial_id', 'partial_ordinal', 'partial_last'];

const options = {
  mode: choice(['parser', 'partial_message'])(
    'Joins by multiline parsers, or parts by the fields of Docker’s log driver.',
    {
      default: 'parser',
    },
  ),
  keyContent: text('The field whose texts are joined; unless set the one that a parser names.'),
  joinedBytesMax: bytesFrom(1)('Longest text that is joined; a longer one is cut between two records.', {
    default: 2 * 1024 * 1024,
  }),
  flushMs: duration('A record that gets no more lines for so long is given on.', { default: 2000 }),
};

export const fluentbitMultilineJoin = definePlugin({
  kind: 'join',
  place: 'filter',
  name: 'fluentbit_multiline',
  summary: 'Joins records that belong together, by multiline parsers, the way Fluent Bit’s filter multiline does.',
  options,
  fluentbit: fluentbitForm({
    names: ['multiline'],
    options: {
      mode: {},
      keyContent: { name: 'multiline.key_content' },
      flushMs: { name: 'flush_ms', unit: 'ms' },
    },
    repeated: { 'multiline.parser': 'Multiline parsers, built in or defined, that are tried in turn.' },
    ignored: {
      buffer: 'records wait for their next lines in the journal',
      emitter_name: journalHolds,
      'emitter_storage.type': journalHolds,
      emitter_mem_buf_limit: journalHolds,
      debug_flush: 'log_level of [SERVICE] says more',
    },
    lower: (written) => ({ parsers: parsersOf(written), options: { joinedBytesMax: written.joinedBytesMax } }),
    example: `[FILTER]
    Name                  multiline
    Match                 *
    multiline.key_content log
    multiline.parser      go, java`,
  }),
  example: '',
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Holds lines in memory, and joined records in a buffer of its own: a crash loses them. Here they stay in the journal, and a restart goes on where it was.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Sends joined records through all filters again, so that those before it act on them twice. Here they go on behind it.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Gives the last line of a Python trace a second time where another parser stands beside `python`. Here each line is in one record.',
    },
    {
      peer: 'fluentbit',
      text: 'Joins with `Buffer Off` only what comes in one chunk. Here lines are joined however they come.',
    },
  ],
  check: checkMode,
  create(config, context, outlet) {
    const { mode, keyContent = '', flushMs, joinedBytesMax } = config.options;
    if (mode === 'partial_message') return new PartJoiner(keyContent, flushMs, outlet);
    const definitions = (config.parsers ?? []).map((model): MultilineDefinition => {
      const definition = definitionOf(model, context);
      return { ...definition, flushTimeoutMs: flushMs, keyContent: keyContent || definition.keyContent };
    });
    return new RuleJoiner(definitions, joinedBytesMax, outlet);
  },
});

type Written = Pick<FluentbitWritten, 'pairs' | 'multilineParser' | 'at'>;

function parsersOf({ pairs, multilineParser, at }: Written) {
  return pairs.flatMap(({ value, valueAt = at }) =>
    value
      .split(/[\s,]+/)
      .filter((name) => name !== '')
      .flatMap((name) => multilineParser(name, valueAt) ?? []),
  );
}

/** @throws Error saying what is missing */
function checkMode({ options: { mode, keyContent }, parsers }: PluginConfig<typeof options>): void {
  if (mode === 'partial_message') {
    if (keyContent === undefined) throw new Error("'Mode' 'partial_message' requires 'multiline.key_content'");
    if (parsers && parsers.length > 0)
      throw new Error("'Mode' 'partial_message' cannot be used with 'multiline.parser'");
  } else if (!parsers || parsers.length === 0) throw new Error('multiline.parser is required but missing');
}

/** Joins by multiline parsers: the records of a tag, one behind the other. */
class RuleJoiner implements Joiner {
  readonly #definitions: readonly MultilineDefinition[];
  readonly #joinedBytesMax: number;
  readonly #outlet: JoinerOutlet;
  /** Seen longest ago first. */
  readonly #streams = new Map<string, LineJoiner<JoinerInput>>();
  #heldBytes = 0;

  constructor(definitions: readonly MultilineDefinition[], joinedBytesMax: number, outlet: JoinerOutlet) {
    this.#definitions = definitions;
    this.#joinedBytesMax = joinedBytesMax;
    this.#outlet = outlet;
  }
  get dueMs(): number | undefined {
    let due: number | undefined;
    for (const { dueMs } of this.#streams.values())
      if (dueMs !== undefined && (due === undefined || dueMs < due)) due = dueMs;
    return due;
  }
  add(input: JoinerInput, nowMs: number): void {
    const key = input.tag;
    const stream = this.#streams.get(key) ?? this.#newStream(key);
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    this.#heldBytes += input.bytes;
    stream.addRecord(input.fields, input.time, input, nowMs);
    for (const [other, oldest] of this.#streams) {
      if (this.#streams.size <= streamsMax && this.#heldBytes <= heldBytesMax) return;
      oldest.flush();
      if (this.#streams.size > streamsMax) this.#streams.delete(other);
    }
  }
  flush(nowMs: number): void {
    for (const stream of this.#streams.values()) stream.flushDue(nowMs);
  }
  finish(): void {
    for (const stream of this.#streams.values()) stream.flush();
  }
  #newStream(tag: string): LineJoiner<JoinerInput> {
    return createJoiner<JoinerInput>({
      definitions: this.#definitions,
      joinedBytesMax: this.#joinedBytesMax,
      take: ({ fields, time, places }) => {
        const [first] = places;
        if (!first) return;
        for (const { bytes } of places) this.#heldBytes -= bytes;
        if (places.length === 1 && fields === first.fields) this.#outlet.pass(first);
        else this.#outlet.emit(places, { tag, time: time ?? first.time, fields });
      },
    });
  }
}

/** Joins parts by their id. */
class PartJoiner implements Joiner {
  readonly #key: string;
  readonly #outlet: JoinerOutlet;
  readonly #streams: Streams;

  constructor(key: string, flushMs: number, outlet: JoinerOutlet) {
    this.#key = key;
    this.#outlet = outlet;
    this.#streams = new Streams({ waitMs: flushMs, onFull: (stream) => this.#give(stream) });
  }
  get dueMs(): number | undefined {
    return this.#streams.dueMs;
  }
  add(input: JoinerInput, nowMs: number): void {
    const { tag, fields } = input;
    const id = getField(fields, 'partial_id');
    const isPart = isTrue(getField(fields, 'partial_message')) && typeof id === 'string';
    const content = getField(fields, this.#key);
    if (!isPart || (typeof content !== 'string' && !(content instanceof Uint8Array))) {
      this.#outlet.pass(input);
      return;
    }
    const stream = JSON.stringify([tag, id]);
    this.#streams.add(stream, input, nowMs, true);
    if (isTrue(getField(fields, 'partial_last'))) this.#give(stream);
  }
  flush(nowMs: number): void {
    for (const stream of this.#streams.due(nowMs)) this.#give(stream);
  }
  finish(): void {
    for (const stream of this.#streams.keys()) this.#give(stream);
  }
  #give(stream: string): void {
    const inputs = this.#streams.take(stream)?.inputs ?? [];
    const [first] = inputs;
    if (!first) return;
    const pieces = inputs.map(({ fields }) => getField(fields, this.#key));
    const whole = pieces.every((piece) => typeof piece === 'string') ? pieces.join('') : bytesOf(pieces);
    const kept = fieldEntries(first.fields).filter(([name]) => name !== this.#key && !partKeys.includes(name));
    this.#outlet.emit(inputs, {
      tag: first.tag,
      time: first.time,
      fields: fieldsFromEntries([...kept, [this.#key, whole]]),
    });
  }
}

function isTrue(value: Value | undefined): boolean {
  return typeof value === 'string' && value.toLowerCase() === 'true';
}

function bytesOf(pieces: readonly (Value | undefined)[]): Uint8Array {
  const all = pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : Buffer.from(typeof piece === 'string' ? piece : ''),
  );
  return new Uint8Array(Buffer.concat(all));
}
