/** The `fluentbit_grep` filter, Fluent Bit's `grep`. Source: Fluent Bit 5.1 filter_grep/grep.c. */
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import type { FluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { compileFluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import type { FluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import { eachGuarded } from '../codecs/guarded-match.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { choice, pattern, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';

const ruleTypes = ['regex', 'exclude'] as const;

export const fluentbitGrepFilter = definePlugin({
  kind: 'filter',
  name: 'fluentbit_grep',
  summary: 'Keeps or drops records by regular expressions on their texts, the way Fluent Bit’s grep does.',
  options: {
    logicalOp: choice(['legacy', 'and', 'or'])(
      'How several rules go together. legacy: in written order, the first regex that matches keeps, the first that does not drops, and the first exclude that matches drops.',
      { default: 'legacy' },
    ),
  },
  sections: {
    rule: {
      summary: 'A rule; their order counts.',
      isMany: true,
      options: {
        type: choice(ruleTypes)('Whether records that match are kept or dropped.', { default: 'regex' }),
        key: text("The field, or a record accessor ($a['b'][0]).", { required: true }),
        pattern: pattern('What its text is searched for; a value that is no text never matches.', { required: true }),
      },
    },
  },
  fluentbit: fluentbitForm({
    names: ['grep'],
    options: { logicalOp: {} },
    repeated: {
      regex: 'Keeps records whose field matches: key and expression.',
      exclude: 'Drops records whose field matches: key and expression.',
    },
    lower: (written) => ({ sections: { rule: written.pairs.flatMap((pair) => ruleOf(written, pair)) } }),
    example: `[FILTER]
    Name    grep
    Match   *
    Regex   $kubernetes['labels']['app'] ^numbers-api$
    Exclude log /health`,
  }),
  example: `<filter app.**>
  @type fluentbit_grep
  <rule>
    key level
    pattern ^(warn|error)$
  </rule>
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Takes any word as `Logical_Op` and goes on as with `legacy`. Here one that is not known is an error.',
      options: ['logicalOp'],
    },
  ],
  check: (config) => void compileRules(config),
  create(config) {
    const rules = compileRules(config);
    const keeps = config.options.logicalOp === 'legacy' ? keepsInOrder : keepsBy(config.options.logicalOp);
    return {
      apply(batch, reject) {
        const isKept: boolean[] = [];
        eachGuarded(
          batch.count,
          rules.map(({ pattern: { match } }) => match),
          (row) => (isKept[row] = keeps(rules, batch.fields(row))),
          (row) => {
            isKept[row] = false;
            reject(row, 'time_limit');
          },
        );
        if (isKept.every(Boolean)) return batch;
        return batch.select(isKept.flatMap((kept, row) => (kept ? [row] : [])));
      },
    };
  },
});

function ruleOf(
  { error, warn }: FluentbitWritten,
  { key: type, value, at, valueAt = at }: FluentbitWritten['pairs'][number],
) {
  const [key, expression] = fluentbitWords(value, { max: 1, isQuoted: false }) ?? [];
  if (key === undefined || expression === undefined) {
    error(valueAt, `${type} ${value}: a key and a regular expression were expected`);
    return [];
  }
  try {
    const { rest } = compileFluentbitAccessor(accessorText(key));
    if (rest !== '')
      warn(
        valueAt,
        `${type} ${key}: ${rest} has no effect, as in Fluent Bit; write $a['b'] for a field inside of another`,
      );
  } catch {
    // The check says it.
  }
  return [madeSection({ type, key, pattern: expression }, at)];
}

interface Rule {
  readonly isExclude: boolean;
  readonly accessor: FluentbitAccessor;
  readonly pattern: FluentbitPattern;
}

function matches({ accessor, pattern }: Rule, fields: Fields): boolean {
  return pattern.exec(accessor.get(fields)) !== null;
}

function keepsInOrder(rules: readonly Rule[], fields: Fields): boolean {
  for (const rule of rules) {
    const isMatch = matches(rule, fields);
    if (isMatch) return !rule.isExclude;
    if (!rule.isExclude) return false;
  }
  return true;
}

/** All rules are of one type. */
function keepsBy(op: 'and' | 'or') {
  return (rules: readonly Rule[], fields: Fields): boolean => {
    const isMatch =
      op === 'and' ? rules.every((rule) => matches(rule, fields)) : rules.some((rule) => matches(rule, fields));
    return rules[0] === undefined || isMatch !== rules[0].isExclude;
  };
}

const accessorText = (key: string) => (key.startsWith('$') ? key : `$${key}`);

function compileRules({ options, sections }: PluginConfig): Rule[] {
  const rules = (sections['rule'] ?? []).map(({ options: rule }) => ({
    isExclude: rule['type'] === 'exclude',
    accessor: compileFluentbitAccessor(accessorText(String(rule['key']))),
    pattern: compileFluentbitPattern(String(rule['pattern'])),
  }));
  if (options['logicalOp'] !== 'legacy' && new Set(rules.map(({ isExclude }) => isExclude)).size > 1)
    throw new Error(
      `Logical_Op ${String(options['logicalOp'])} takes either Regex or Exclude, not both; write two filters`,
    );
  return rules;
}
