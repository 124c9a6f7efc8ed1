/** The `sample` source (`dummy`): made-up records at a given rate. Source: Fluentd 1.16 in_sample.rb. */
import { RecordGatherer } from '../codecs/encode.ts';
import { withFields } from '../codecs/fields.ts';
import type { Instant, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { parseRecord, scanJson } from '../core/json.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, duration, integer, number, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig, Source, SourceContext } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import type { Fields } from '../core/record.ts';

/** Ten times a second, as Fluentd does: even enough for a test load, rare enough to cost nothing. */
const tickMs = 100;

const options = {
  tag: text("The records' tag.", { required: true }),
  sample: text('The records: one JSON object, or an array of them taken in turn.', {
    default: '[{"message":"sample"}]',
    fluentd: ['sample', 'dummy'],
  }),
  rate: integer(0, 10_000_000)('How often a second.', { default: 1 }),
  size: integer(1, 1_000_000)('Records each time.', { default: 1 }),
  samples: integer(0)('Ends after so many records.'),
  autoIncrementKey: text('A field that counts the records from 0.'),
  suspend: boolean('Keeps the count over a restart.', { ignored: 'Fluentd ignores it too' }),
  interval: duration('Time between two; goes before rate.'),
  firstTime: number("The first record's time, in seconds since 1970; the others follow as they are made."),
  fixedTime: boolean('Gives every record the time of the first one.', { default: false }),
  reuseRecord: boolean('Hands out the same record again.', { ignored: 'records are never changed in place' }),
};

export const sampleSource = definePlugin({
  kind: 'source',
  name: 'sample',
  aliases: ['dummy'],
  summary: 'Makes up records, for trying a configuration.',
  options,
  example: `<source>
  @type sample
  tag demo
  rate 5
  sample {"hello":"world"}
</source>`,
  fluentbit: fluentbitForm({
    names: ['dummy'],
    options: {
      sample: { name: 'dummy', default: '{"message":"dummy"}' },
      rate: {},
      samples: {},
      size: { name: 'copies' },
      fixedTime: { name: 'fixed_timestamp' },
    },
    properties: {
      intervalSec: integer(0)('Seconds between two records; goes before Rate.', { default: 0 }),
      intervalNsec: integer(0)('Nanoseconds besides.', { default: 0 }),
      startTimeSec: integer(-1)("The first record's time, in seconds since 1970.", { default: -1 }),
      startTimeNsec: integer(-1)('Nanoseconds besides.', { default: -1 }),
    },
    ignored: { metadata: 'records have no metadata here', flush_on_startup: 'the first record comes at once' },
    lower({ properties, options: values }) {
      const { intervalSec, intervalNsec, startTimeSec, startTimeNsec } = properties;
      const intervalMs = intervalSec * 1000 + intervalNsec / 1e6;
      const isStarted = startTimeSec >= 0 || startTimeNsec >= 0;
      return {
        options: {
          ...(intervalMs > 0 && { interval: intervalMs }),
          ...(isStarted && { firstTime: Math.max(startTimeSec, 0) + Math.max(startTimeNsec, 0) / 1e9 }),
          // 0 is without end there.
          ...(values['samples'] === 0 && { samples: Number.MAX_SAFE_INTEGER }),
        },
      };
    },
    example: `[INPUT]
    Name  dummy
    Dummy {"hello":"world"}
    Rate  5`,
  }),
  check: ({ options: values }) => void parseSamples(values.sample),
  create: (config, context) => new SampleSource(config, context),
});

class SampleSource implements Source {
  readonly #context: SourceContext;
  readonly #options: OptionValues<typeof options>;
  readonly #samples: readonly Fields[];
  #made = 0;
  /** How many times records are due. */
  #due = 0;
  #lastMs = 0;
  #timer: Timer | undefined;
  #appending: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** When its first record was made. */
  #startedAt: Instant | undefined;

  constructor(config: PluginConfig<typeof options>, context: SourceContext) {
    this.#context = context;
    this.#options = config.options;
    this.#samples = parseSamples(config.options.sample);
  }
  start(): Promise<void> {
    this.#lastMs = this.#context.clock.monotonicMs();
    // The first comes at once.
    this.#due = this.#rate > 0 ? 1 : 0;
    this.#next(0);
    return Promise.resolve();
  }
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#appending;
  }
  #next(delayMs: number): void {
    if (this.#isStopped || this.#left() === 0) return;
    this.#timer = this.#context.clock.after(delayMs, () => {
      // The next tick comes when this append is answered: a slow journal is not flooded.
      this.#appending = this.#tick().then(() => this.#next(tickMs));
    });
  }
  get #rate(): number {
    const { interval, rate } = this.#options;
    return interval === undefined ? rate : 1000 / interval;
  }
  #time(): Instant {
    const { firstTime, fixedTime } = this.#options;
    const now = this.#context.clock.now();
    this.#startedAt ??= now;
    if (firstTime === undefined) return fixedTime ? this.#startedAt : now;
    const passed = fixedTime ? 0 : (now.seconds - this.#startedAt.seconds) * 1e9 + (now.nanos - this.#startedAt.nanos);
    const nanos = Math.round((firstTime % 1) * 1e9) + passed;
    return { seconds: Math.floor(firstTime) + Math.floor(nanos / 1e9), nanos: nanos % 1e9 };
  }
  #left(): number {
    return (this.#options.samples ?? Number.POSITIVE_INFINITY) - this.#made;
  }
  async #tick(): Promise<void> {
    const { clock, log } = this.#context;
    const { size, tag } = this.#options;
    const rate = this.#rate;
    const nowMs = clock.monotonicMs();
    // What a stall kept back beyond a second is not made up for.
    this.#due = Math.min(this.#due + ((nowMs - this.#lastMs) * rate) / 1000, Math.max(rate, 1));
    this.#lastMs = nowMs;
    const times = Math.floor(this.#due);
    const count = Math.min(times * size, this.#left());
    if (count === 0) return;
    const gathered = new RecordGatherer();
    for (let n = 0; n < count; n++) gathered.add(this.#record(this.#made + n), this.#time());
    try {
      for (const records of gathered.take()) await this.#context.append({ tag, records });
      this.#made += count;
      this.#due -= times;
    } catch (error) {
      log.warn(`sample ${tag}: ${errorText(error)}; it is tried again.`);
    }
  }
  #record(n: number): Fields {
    const fields = this.#samples[n % this.#samples.length] as Fields;
    const { autoIncrementKey: key } = this.#options;
    return key === undefined ? fields : withFields(fields, [[key, n]]);
  }
}

function parseSamples(written: string): readonly Fields[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch (error) {
    throw new Error(`sample is not JSON: ${errorText(error)}`, { cause: error });
  }
  const list = Array.isArray(parsed) ? parsed : [parsed];
  const wrong = list.findIndex((one) => typeof one !== 'object' || one === null || Array.isArray(one));
  if (list.length === 0 || wrong >= 0)
    throw new Error(`sample: ${list.length === 0 ? 'the array is empty' : `element ${wrong} is no JSON object`}`);
  const wrapped = `{"samples":${Array.isArray(parsed) ? written : `[${written}]`}}`;
  return getField(parseRecord(wrapped, scanJson(Buffer.from(wrapped)).exact), 'samples') as Fields[];
}
