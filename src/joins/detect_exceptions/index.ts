/**
 * The `detect_exceptions` join, an output of Fluentd: lines of a stack trace become one record, which is routed again under
 * another tag. Source: fluent-plugin-detect-exceptions 0.0.16 out_detect_exceptions.rb, exception_detector.rb.
 */
import { MatchLate } from '../../codecs/guarded-match.ts';
import type { Joiner, JoinerInput, JoinerOutlet } from '../../core/joiner.ts';
import { boolean, duration, integer, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { copyFields, getField, setField } from '../../core/record.ts';
import { rubyText } from '../../codecs/ruby.ts';
import { Streams } from '../streams.ts';
import { TraceDetector, compileTraces } from './detector.ts';
import type { LinePlace, TraceWays } from './detector.ts';

/** Streams whose field is remembered; beyond them those known for longest are looked at anew. */
const fieldsMax = 16_384;
/** Fields that hold the text where the configuration names none, the first that a stream's record has. */
const usualFields = ['message', 'log'];

const options = {
  removeTagPrefix: text('What is taken off the front of the tag, with the dot behind it.', { required: true }),
  message: text('The field with the text; message or log, whichever a stream has first, unless set.', { default: '' }),
  multilineFlushInterval: duration(
    'A trace that is not complete is given on so long after its first line; unset: never.',
  ),
  languages: list(
    'Languages whose traces are joined: java, javascript, js, csharp, py, python, php, go, rb, ruby, dart, all.',
    {
      default: [],
    },
  ),
  forceLineBreaks: boolean('Puts a line feed before each further line that has none.', { default: false }),
  maxLines: integer(0)('Lines of a trace at most; 0: no limit.', { default: 1000 }),
  maxBytes: integer(0)('Characters of a trace at most; 0: no limit.', { default: 0 }),
  stream: text('The field that tells streams apart, besides the tag.', { default: '' }),
};

export const detectExceptionsJoin = definePlugin({
  kind: 'join',
  place: 'match',
  name: 'detect_exceptions',
  summary: 'Joins the lines of stack traces and routes all records again, under a tag without its prefix.',
  options,
  example: `<match raw.**>
  @type detect_exceptions
  remove_tag_prefix raw
  message log
  languages java, python
  multiline_flush_interval 0.5
</match>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Holds the lines of a trace in memory: a crash loses them. Here they stay in the journal until the joined record is there too, and a restart goes on where it was.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Loses a record without the message field that comes in the middle of a trace. Here it is given on behind the lines before it.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Goes on for ever where the tag has not the prefix and matches again. Here such a record goes to the dead letters after 32 rounds (`hop_limit`).',
      options: ['removeTagPrefix'],
    },
  ],
  check({ options: { languages } }) {
    compileTraces(languages);
  },
  create: ({ options: values }, _context, outlet) => new TraceJoiner(values, outlet),
});

class TraceJoiner implements Joiner {
  readonly #options: OptionValues<typeof options>;
  readonly #outlet: JoinerOutlet;
  readonly #ways: TraceWays;
  readonly #streams: Streams;
  /** Of streams that hold lines. */
  readonly #detectors = new Map<string, TraceDetector>();
  readonly #fields = new Map<string, string>();

  constructor(values: OptionValues<typeof options>, outlet: JoinerOutlet) {
    this.#options = values;
    this.#outlet = outlet;
    this.#ways = compileTraces(values.languages);
    this.#streams = new Streams({
      waitMs: values.multilineFlushInterval,
      onFull: (key) => this.#give(key),
    });
  }
  get dueMs(): number | undefined {
    return this.#streams.dueMs;
  }
  add(input: JoinerInput, nowMs: number): void {
    const { stream, maxBytes, maxLines } = this.#options;
    const key = JSON.stringify([input.tag, stream === '' ? '' : rubyText(getField(input.fields, stream))]);
    const message = this.#messageOf(key, input);
    if (message === undefined) {
      this.#give(key);
      this.#pass(input);
      return;
    }
    if (maxBytes > 0 && this.#lengthOf(key) + message.length > maxBytes) this.#give(key);
    const place = this.#placeOf(key, message);
    if (place === 'none' || (place === 'end' && this.#streams.get(key) === undefined)) {
      this.#give(key);
      this.#pass(input);
      return;
    }
    if (place === 'start') this.#give(key, true);
    this.#streams.add(key, input, nowMs, false);
    const lines = this.#streams.get(key)?.inputs.length ?? 0;
    if (place === 'end' || (maxLines > 0 && lines >= maxLines)) this.#give(key);
  }
  flush(nowMs: number): void {
    for (const key of this.#streams.due(nowMs)) this.#give(key);
  }
  finish(): void {
    for (const key of this.#streams.keys()) this.#give(key);
  }

  #messageOf(key: string, { fields }: JoinerInput): string | undefined {
    const name = this.#fieldOf(key, fields);
    const value = name === undefined ? undefined : getField(fields, name);
    if (typeof value === 'string') return value;
    return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : undefined;
  }
  #fieldOf(key: string, fields: JoinerInput['fields']): string | undefined {
    if (this.#options.message !== '') return this.#options.message;
    const known = this.#fields.get(key);
    if (known !== undefined) return known;
    const found = usualFields.find((name) => getField(fields, name) !== undefined);
    if (found === undefined) return undefined;
    this.#fields.set(key, found);
    if (this.#fields.size > fieldsMax) this.#fields.delete(this.#fields.keys().next().value as string);
    return found;
  }
  #placeOf(key: string, message: string): LinePlace {
    const detector = this.#detectors.get(key) ?? new TraceDetector(this.#ways);
    let place: LinePlace;
    try {
      place = detector.update(message);
    } catch (error) {
      if (!(error instanceof MatchLate)) throw error;
      place = 'none';
    }
    if (place === 'start' || place === 'inside') this.#detectors.set(key, detector);
    else this.#detectors.delete(key);
    return place;
  }
  #lengthOf(key: string): number {
    const inputs = this.#streams.get(key)?.inputs ?? [];
    return inputs.reduce((sum, input) => sum + (this.#messageOf(key, input)?.length ?? 0), 0);
  }
  /** Gives on what a stream holds. `keepsState`: it is in the next trace already. */
  #give(key: string, keepsState = false): void {
    if (!keepsState) this.#detectors.delete(key);
    const held = this.#streams.take(key);
    if (!held) return;
    const { inputs } = held;
    const first = inputs[0] as JoinerInput;
    if (inputs.length === 1) {
      this.#pass(first);
      return;
    }
    const name = this.#fieldOf(key, first.fields) ?? '';
    const fields = copyFields(first.fields);
    setField(
      fields,
      name,
      joinedValue(
        inputs.map((input) => getField(input.fields, name)),
        this.#options.forceLineBreaks,
      ),
    );
    this.#outlet.emit(inputs, { tag: this.#tagOf(first.tag), time: first.time, fields });
  }
  #pass(input: JoinerInput): void {
    const { time, fields, tag } = input;
    this.#outlet.emit([input], { tag: this.#tagOf(tag), time, fields });
  }
  #tagOf(tag: string): string {
    const prefix = `${this.#options.removeTagPrefix}.`;
    return tag.startsWith(prefix) ? tag.slice(prefix.length) : tag;
  }
}

/** Texts one behind the other: as text, or as bytes where one of them is. */
function joinedValue(values: readonly unknown[], breaks: boolean): string | Uint8Array {
  const pieces = values.map((value, i) => {
    const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value));
    return breaks && i > 0 && !bytes.includes(10) ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes;
  });
  const whole = Buffer.concat(pieces);
  return values.every((value) => typeof value === 'string') ? whole.toString() : new Uint8Array(whole);
}
