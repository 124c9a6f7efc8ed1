/** The `expect` filter of Fluent Bit: says where records are not as they should be. Source: Fluent Bit 5.1 filter_expect/expect.c. */
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const ruleTypes = ['key_exists', 'key_not_exists', 'key_val_is_null', 'key_val_is_not_null', 'key_val_eq'] as const;
type RuleType = (typeof ruleTypes)[number];

/** Lines about failures that one filter writes: enough to see what is wrong; all are counted. */
const linesMax = 20;

export const expectFilter = definePlugin({
  kind: 'filter',
  name: 'expect',
  summary: 'Checks that records have the fields they should, and says or marks where they have not.',
  options: {
    action: choice(['warn', 'exit', 'result_key'])(
      'What becomes of a record that fails: warn says so, exit takes it to the dead letters, result_key marks each record.',
      { default: 'warn' },
    ),
    resultKey: text('The field that gets true or false.', { default: 'matched' }),
  },
  sections: {
    rule: {
      summary: 'A rule; the first that fails is said.',
      isMany: true,
      options: {
        type: choice(ruleTypes)('What must be so.', { required: true }),
        key: text("The field, or a record accessor ($a['b']).", { required: true }),
        value: text('The text that key_val_eq wants; other values than texts pass.', { default: '' }),
      },
    },
  },
  fluentbit: fluentbitForm({
    options: { action: {}, resultKey: { name: 'result_key' } },
    repeated: {
      key_exists: 'A field that must be there.',
      key_not_exists: 'A field that must not be there.',
      key_val_is_null: 'A field that must be null.',
      key_val_is_not_null: 'A field that must be there and not null.',
      key_val_eq: 'A field and the text that it must have.',
    },
    lower: (written) => ({ sections: { rule: written.pairs.flatMap((pair) => ruleOf(written, pair)) } }),
    example: `[FILTER]
    Name       expect
    Match      *
    key_exists log
    key_val_eq $kubernetes['namespace_name'] test
    action     warn`,
  }),
  example: `<filter app.**>
  @type expect
  <rule>
    type key_exists
    key level
  </rule>
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: '`action exit` ends the program, with records on their way. Here the record goes to the dead letters (`expectation_failed`), an error is logged, and all others go on.',
      options: ['action'],
    },
    {
      peer: 'fluentbit',
      text: 'Writes each record that fails into the log. Here the first few failures are said with their rule, without the record, and all are counted in a metric.',
    },
  ],
  check: (config) => void compileRules(config),
  create(config, context) {
    const { action, resultKey } = config.options;
    const rules = compileRules(config);
    const failures = context.metrics.counter(
      'expect_failed_total',
      'Records that a filter expect found not as expected.',
    );
    let said = 0;
    const fail = (problem: string): void => {
      failures.inc(1);
      if (said++ >= linesMax) return;
      const line = `expect: ${problem}.${said === linesMax ? ' Further ones are only counted.' : ''}`;
      if (action === 'exit') context.log.error(line);
      else context.log.warn(line);
    };
    return {
      apply: (batch, reject) =>
        batch.map((fields, row) => {
          const problem = firstProblem(rules, fields);
          if (action === 'result_key')
            return fieldsFromEntries([[resultKey, problem === undefined], ...fieldEntries(fields)]);
          if (problem === undefined) return fields;
          fail(problem);
          if (action === 'warn') return fields;
          reject(row, 'expectation_failed');
          return undefined;
        }),
    };
  },
});

function ruleOf(
  { error }: FluentbitWritten,
  { key: type, value, at, valueAt = at }: FluentbitWritten['pairs'][number],
) {
  if (type !== 'key_val_eq') return [madeSection({ type, key: value, value: '' }, at)];
  const [key, expected] = fluentbitWords(value, { max: 1, isQuoted: false }) ?? [];
  if (key === undefined || expected === undefined) {
    error(valueAt, `key_val_eq ${value}: a field and a text were expected`);
    return [];
  }
  return [madeSection({ type, key, value: expected }, at)];
}

/** What is wrong with a record; undefined: nothing. */
type Rule = (fields: Fields) => string | undefined;

function firstProblem(rules: readonly Rule[], fields: Fields): string | undefined {
  for (const rule of rules) {
    const problem = rule(fields);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function compileRules({ sections }: PluginConfig): Rule[] {
  return (sections['rule'] ?? []).map(({ options }) => {
    const key = String(options['key']);
    const accessor = compileFluentbitAccessor(key);
    const holds = compileHolds(options['type'] as RuleType, String(options['value']));
    const problem = `${String(options['type'])} ${key} does not hold for a record`;
    // A list counts as missing there.
    return (fields) => {
      const value = accessor.get(fields);
      return holds(Array.isArray(value) ? undefined : value) ? undefined : problem;
    };
  });
}

function compileHolds(type: RuleType, expected: string): (value: Value | undefined) => boolean {
  switch (type) {
    case 'key_exists':
      return (value) => value !== undefined;
    case 'key_not_exists':
      return (value) => value === undefined;
    case 'key_val_is_null':
      return (value) => value === null;
    case 'key_val_is_not_null':
      return (value) => value !== undefined && value !== null;
    default:
      return (value) => value !== undefined && (typeof value !== 'string' || value === expected);
  }
}
