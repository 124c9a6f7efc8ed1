/**
 * The `record_modifier` filter: sets fields from Ruby expressions one after the other, removes or keeps fields, replaces in
 * texts, converts encodings. Source: fluent-plugin-record-modifier 2.2 filter_record_modifier.rb.
 */
import { compilePattern } from '../../codecs/onigmo.ts';
import { isLimited, runLimited, timeLimitMsDefault } from '../../codecs/time-limit.ts';
import { compileAccessor } from '../../core/accessor.ts';
import type { Accessor } from '../../core/accessor.ts';
import type { Batch } from '../../core/batch.ts';
import { list, pattern, text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Filter, PluginConfig, PluginContext, RejectRecord } from '../../core/plugin.ts';
import { getField, setField } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import { ExpressionFailure } from '../../ruby/expression.ts';
import { compileConversion } from './encoding.ts';
import type { Conversion } from './encoding.ts';
import { Expander, checkExpressions } from './expander.ts';
import { compileReplacements, expressionSource } from './replace.ts';
import type { Replacement } from './replace.ts';

const options = {
  prepareValue: text(
    'Ruby that prepares values for the expressions: `require "socket"; @host = Socket.gethostname` lets them write `${@host}`.',
  ),
  charEncoding: text('`from` or `from:to`: texts are read in the one encoding and converted to the other.'),
  removeKeys: list('Fields to remove; record accessors ($.a.b) reach nested ones.'),
  whitelistKeys: list('Fields to keep, in this order; those of <record> are kept too.'),
};

export const recordModifierFilter = definePlugin({
  kind: 'filter',
  name: 'record_modifier',
  summary: 'Sets fields from Ruby expressions, each of which sees what those before it did, and removes others.',
  options,
  sections: {
    record: {
      summary: 'Fields to set: a name, and a text with ${expression}.',
      options: {},
      isFreeform: true,
      isMany: true,
    },
    replace: {
      summary: 'Replaces what an expression finds in a field.',
      isMany: true,
      options: {
        key: text('The field.', { required: true }),
        expression: pattern('The regular expression, as /…/.', { required: true }),
        replace: text('The text for each place; \\1 and \\k<name> are groups.', { required: true }),
      },
    },
  },
  example: `<filter app.**>
  @type record_modifier
  prepare_value require "socket"; @host = Socket.gethostname
  remove_keys dummy, $.kubernetes.annotations
  <record>
    host \${@host}
    service \${tag_parts[1]}
    received \${Time.at(time).strftime('%Y-%m-%dT%H:%M:%S.%L%z')}
    dummy \${record["level"] = record["level"].to_s.upcase; nil}
  </record>
  <replace>
    key message
    expression /password=\\S+/
    replace password=***
  </replace>
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Runs any Ruby. Here expressions are read by an evaluator of their own, which computes values and reaches nothing else; what it does not take is an error when the configuration is checked (docs/ruby-expressions.md). `Time.now` is the time of receipt, and random values are made from the record, so that a record is the same when it is filtered again.',
    },
    {
      peer: 'fluentd',
      text: 'Runs any Ruby once for each field. Here it may be `require "…"` and `@name = expression`, run once.',
      options: ['prepareValue'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'An expression may take any time and memory, and one that raises is gone halfway: fields set before it stay in the record that @ERROR gets. Here one that takes more than its share goes to @ERROR too (`expression_limit`, `time_limit`), as it was.',
    },
    {
      peer: 'fluentd',
      text: 'With `from` alone bytes are only said to be in that encoding, and outputs write them as they are. The same here: it has no effect.',
      options: ['charEncoding'],
    },
  ],
  check(config) {
    const { removeKeys, whitelistKeys, charEncoding } = config.options;
    if (removeKeys !== undefined && whitelistKeys !== undefined)
      throw new Error('remove_keys and whitelist_keys are exclusive with each other; leave one out');
    removeKeys?.forEach(compileAccessor);
    for (const { options: one } of config.sections['replace'] ?? [])
      compilePattern(`/${expressionSource(String(one['expression'])).source}/`);
    if (charEncoding !== undefined) compileConversion(charEncoding);
    checkExpressions(config);
  },
  create: (config, context) => new RecordModifier(config, context),
});

/** Different problems that are told: far more than a configuration has expressions. */
const saidMax = 1000;

class RecordModifier implements Filter {
  readonly #expander: Expander;
  readonly #removed: readonly Accessor[];
  readonly #kept: readonly string[] | undefined;
  readonly #replacements: readonly Replacement[];
  readonly #convert: Conversion | undefined;
  readonly #context: PluginContext;
  readonly #said = new Set<string>();

  constructor(config: PluginConfig<typeof options>, context: PluginContext) {
    const { removeKeys, whitelistKeys, charEncoding } = config.options;
    this.#context = context;
    this.#expander = new Expander(config);
    this.#removed = (removeKeys ?? []).map(compileAccessor);
    this.#kept = whitelistKeys && [...new Set([...whitelistKeys, ...this.#expander.keys])];
    this.#replacements = compileReplacements(config.sections['replace'] ?? [], (warning) => this.#sayOnce(warning));
    this.#convert = charEncoding === undefined ? undefined : compileConversion(charEncoding);
  }
  apply(batch: Batch, reject: RejectRecord): Batch {
    this.#expander.begin(batch);
    const made: (Fields | undefined)[] = [];
    const step = (row: number): void => {
      try {
        made[row] = this.#row(batch.fields(row), row);
      } catch (error) {
        if (!(error instanceof ExpressionFailure)) throw error;
        this.#failed(error);
        reject(row, error.isLate ? 'time_limit' : error.isLimit ? 'expression_limit' : 'expression_failed');
      }
    };
    const mayTakeLong = this.#expander.mayTakeLong || this.#replacements.some((one) => one.mayTakeLong);
    // Nothing that a row makes lasts until it is whole, so that it may be stopped anywhere and tried again.
    if (!mayTakeLong || isLimited()) for (let row = 0; row < batch.count; row++) step(row);
    else
      runLimited(batch.count, timeLimitMsDefault, step, (row) => {
        this.#sayOnce(`an expression took longer than ${timeLimitMsDefault} ms; such records go to @ERROR.`);
        made[row] = undefined;
        reject(row, 'time_limit');
      });
    return batch.map((_fields, row) => made[row]);
  }
  #row(fields: Fields, row: number): Fields {
    let changed = this.#expander.row(fields, row);
    for (const accessor of this.#removed) accessor.delete(changed);
    if (this.#kept) changed = onlyFields(changed, this.#kept);
    for (const replacement of this.#replacements) replacement.apply(changed, this.#expander.frame);
    return this.#convert ? (this.#convert(changed) as Fields) : changed;
  }
  /** The message may hold what the record holds, so it is for debugging only. */
  #failed({ message, className }: ExpressionFailure): void {
    this.#context.log.debug(`record_modifier: ${message}`);
    const [expression = ''] = message.split(' : error = ');
    this.#sayOnce(`${expression}${className === '' ? '' : ` (${className})`}; such records go to @ERROR.`);
  }
  /** Once each: what is wrong with one record is mostly wrong with many. */
  #sayOnce(problem: string): void {
    if (this.#said.has(problem) || this.#said.size >= saidMax) return;
    this.#said.add(problem);
    this.#context.log.warn(`record_modifier: ${problem}`);
  }
}

/** Those that the record has, in the order of the list. */
function onlyFields(fields: Fields, keys: readonly string[]): Fields {
  const kept: Fields = fields instanceof Map ? new Map() : {};
  for (const key of keys) {
    const value = getField(fields, key);
    if (value !== undefined) setField(kept, key, value);
  }
  return kept;
}
