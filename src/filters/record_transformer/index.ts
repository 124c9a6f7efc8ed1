/** The `record_transformer` filter: adds, keeps, renames and removes fields. Source: Fluentd 1.16 filter_record_transformer.rb. */
import { isLimited, runLimited, timeLimitMsDefault } from '../../codecs/time-limit.ts';
import { rubyFloat } from '../../codecs/ruby.ts';
import { compileAccessor } from '../../core/accessor.ts';
import type { Accessor } from '../../core/accessor.ts';
import type { Batch } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import { boolean, list, text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { ChangedRecord, Filter, PluginConfig, PluginContext, RejectRecord } from '../../core/plugin.ts';
import { getField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { ExpressionFailure } from '../../ruby/expression.ts';
import { plainReform } from './plain.ts';
import { ReformFailure, writtenPairs } from './reform.ts';
import type { Reform } from './reform.ts';
import { checkRuby, rubyReform } from './ruby.ts';

const options = {
  removeKeys: list('Fields to remove at the end; record accessors ($.a.b) reach nested ones.'),
  keepKeys: list('Fields to keep with renew_record.'),
  renewRecord: boolean('Begins with an empty record instead of the one that came.', { default: false }),
  renewTimeKey: text("The field whose number becomes the record's time, in seconds since 1970."),
  enableRuby: boolean('Takes Ruby expressions in ${…}: those of docs/ruby-expressions.md.', { default: false }),
  autoTypecast: boolean('Keeps the type of a value that a placeholder alone gives.', { default: true }),
};

export const recordTransformerFilter = definePlugin({
  kind: 'filter',
  name: 'record_transformer',
  summary: 'Adds, changes and removes fields, with placeholders for tag, time, host name and other fields.',
  options,
  sections: {
    record: {
      summary: 'New fields: a name, and a text or JSON value with placeholders.',
      options: {},
      isFreeform: true,
      isMany: true,
    },
  },
  example: `<filter app.**>
  @type record_transformer
  remove_keys password, $.request.cookie
  <record>
    host \${hostname}
    service \${tag_parts[1]}
    user \${record["userId"]}
  </record>
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Runs any Ruby with `enable_ruby true`. Here expressions are read by an evaluator of their own, which computes values and reaches nothing else; what it does not take is an error when the configuration is checked (docs/ruby-expressions.md). `Time.now` is the time of receipt, and random values are made from the record, so that a record is the same when it is filtered again.',
      options: ['enableRuby'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'An expression may take any time and memory. Here a record that takes more than its share goes to @ERROR (`expression_limit`, `time_limit`).',
      options: ['enableRuby'],
    },
  ],
  check(config) {
    const { enableRuby, keepKeys, renewRecord, removeKeys, autoTypecast } = config.options;
    if (keepKeys !== undefined && !renewRecord) throw new Error('`renew_record` must be true to use `keep_keys`');
    removeKeys?.forEach(compileAccessor);
    if (enableRuby)
      checkRuby(
        writtenPairs(config, () => undefined),
        autoTypecast,
      );
  },
  create: (config, context) => new RecordTransformer(config, context),
});

class RecordTransformer implements Filter {
  readonly #reform: Reform;
  readonly #removed: readonly Accessor[];
  readonly #renewTimeKey: string | undefined;
  readonly #context: PluginContext;
  readonly #said = new Set<string>();

  constructor(config: PluginConfig<typeof options>, context: PluginContext) {
    const { renewRecord, keepKeys, autoTypecast, enableRuby, renewTimeKey } = config.options;
    this.#context = context;
    const warn = (problem: string) => this.#sayOnce(problem);
    const pairs = writtenPairs(config, warn);
    const kept = renewRecord ? (keepKeys ?? []) : undefined;
    const { file, line } = config.at;
    this.#reform = enableRuby
      ? rubyReform(pairs, { keepKeys: kept, autoTypecast, renewTimeKey, name: `${file}:${line}` })
      : plainReform(pairs, kept, autoTypecast, (mark) => warn(`unknown placeholder \`${mark}\` found; it is empty.`));
    this.#removed = (config.options.removeKeys ?? []).map(compileAccessor);
    this.#renewTimeKey = renewTimeKey;
  }

  apply(batch: Batch, reject: RejectRecord, changed?: ChangedRecord): Batch {
    this.#reform.begin(batch);
    const made: (Fields | undefined)[] = [];
    const times: (Instant | undefined)[] = [];
    const step = (row: number): void => {
      try {
        made[row] = this.#row(batch.fields(row), row, times, changed && ((fields) => changed(row, fields)));
      } catch (error) {
        if (!(error instanceof ReformFailure)) throw error;
        this.#failed(error);
        reject(row, error.reason);
      }
    };
    // Nothing that a row makes lasts until it is whole, so that it may be stopped anywhere and tried again.
    if (!this.#reform.mayTakeLong || isLimited()) for (let row = 0; row < batch.count; row++) step(row);
    else
      runLimited(batch.count, timeLimitMsDefault, step, (row) => {
        this.#sayOnce(`an expression took longer than ${timeLimitMsDefault} ms; such records go to @ERROR.`);
        made[row] = undefined;
        reject(row, 'time_limit');
      });
    return batch.map((_fields, row) => made[row], times);
  }

  #row(fields: Fields, row: number, times: (Instant | undefined)[], note?: (fields: Fields) => void): Fields {
    const changed = this.#reform.row(fields, row, note);
    const key = this.#renewTimeKey;
    const value = key === undefined ? undefined : getField(changed, key);
    if (value !== undefined) {
      const time = this.#reform.time ?? instantOf(value);
      if (!time) throw new ReformFailure('time_invalid', `renew_time_key ${key}: the value is not a time`);
      times[row] = time;
    }
    for (const accessor of this.#removed) accessor.delete(changed);
    return changed;
  }

  /** The message may hold what the record holds, so it is for debugging only. */
  #failed({ message, cause }: ReformFailure): void {
    this.#context.log.debug(`record_transformer: ${message}`);
    if (!(cause instanceof ExpressionFailure)) return this.#sayOnce(`${message}; such records go to @ERROR.`);
    const [expression = ''] = message.split(' : error = ');
    return this.#sayOnce(
      `${expression}${cause.className === '' ? '' : ` (${cause.className})`}; such records go to @ERROR.`,
    );
  }
  /** Once each: what is wrong with one record is mostly wrong with many, and a line a record would drown everything else. */
  #sayOnce(problem: string): void {
    if (this.#said.has(problem) || this.#said.size >= saidMax) return;
    this.#said.add(problem);
    this.#context.log.warn(`record_transformer: ${problem}`);
  }
}

/** Different problems that are told: far more than a configuration has expressions. */
const saidMax = 1000;

function instantOf(value: Value): Instant | undefined {
  const number = rubyFloat(value);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  const seconds = Math.floor(number);
  // The journal keeps whole seconds exactly up to 2^53.
  if (!Number.isSafeInteger(seconds)) return undefined;
  return { seconds, nanos: Math.min(999_999_999, Math.floor((number - seconds) * 1e9)) };
}
