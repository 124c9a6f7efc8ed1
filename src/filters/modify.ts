/** The `modify` filter of Fluent Bit: rules that change fields, one after the other, under conditions. Source: Fluent Bit 5.1 filter_modify/modify.c. */
import { compileFluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import type { FluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import { eachGuarded } from '../codecs/guarded-match.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Filter, PluginConfig } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { compileCondition, conditionsOfOne, conditionsOfTwo } from './fluentbit-conditions.ts';
import type { Condition, ConditionName } from './fluentbit-conditions.ts';

const rulesOfOne = ['remove', 'remove_wildcard', 'remove_regex', 'move_to_start', 'move_to_end'] as const;
const rulesOfTwo = ['set', 'add', 'rename', 'hard_rename', 'copy', 'hard_copy'] as const;
type RuleName = (typeof rulesOfOne)[number] | (typeof rulesOfTwo)[number];

export const modifyFilter = definePlugin({
  kind: 'filter',
  name: 'modify',
  summary: 'Sets, renames, copies, moves and removes fields by rules in their order, where conditions hold.',
  options: {},
  sections: {
    condition: {
      summary: 'A condition; rules apply where all hold for the record as it came.',
      isMany: true,
      options: {
        type: choice([...conditionsOfOne, ...conditionsOfTwo])('What must be so.', { required: true }),
        key: text('The field, a record accessor, or for conditions on several keys an expression for them.', {
          required: true,
        }),
        value: text('The text, or an expression.', { default: '' }),
      },
    },
    rule: {
      summary: 'A rule; each works on what those before it left.',
      isMany: true,
      options: {
        type: choice([...rulesOfOne, ...rulesOfTwo])(
          'What is done. set and hard_… replace a field that exists, add, rename and copy leave it.',
          { required: true },
        ),
        key: text('The field, the beginning of fields (remove_wildcard, move_…), or an expression (remove_regex).', {
          required: true,
        }),
        value: text('Its text (set, add), or the name of the other field.', { default: '' }),
      },
    },
  },
  fluentbit: fluentbitForm({
    repeated: {
      condition: 'A condition: its name, a key and where it has one a value.',
      set: 'Sets a field: key and text.',
      add: 'Sets a field that is not there: key and text.',
      add_if_not_present: 'The same, deprecated.',
      remove: 'Removes a field.',
      remove_wildcard: 'Removes all fields whose names begin so.',
      remove_regex: 'Removes all fields whose names match.',
      move_to_start: 'Moves fields whose names begin so to the front.',
      move_to_end: 'Moves fields whose names begin so to the end.',
      rename: 'Renames a field, unless there is one of the new name.',
      hard_rename: 'Renames a field in any case.',
      copy: 'Copies a field, unless there is one of the new name.',
      hard_copy: 'Copies a field in any case.',
    },
    lower(written) {
      const conditions = written.pairs.filter(({ key }) => key === 'condition');
      const rules = written.pairs.filter(({ key }) => key !== 'condition');
      return {
        sections: {
          condition: conditions.flatMap((pair) => conditionOf(written, pair)),
          rule: rules.flatMap((pair) => ruleOf(written, pair)),
        },
      };
    },
    example: `[FILTER]
    Name      modify
    Match     *
    Condition Key_exists log
    Rename    log message
    Set       cluster "west 1"`,
  }),
  example: `<filter app.**>
  @type modify
  <rule>
    type rename
    key log
    value message
  </rule>
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Hard_rename and Hard_copy of a field onto itself remove it. Here it stays.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A rule with a word too many becomes a Rename. Here it is an error.',
    },
  ],
  check: (config) => void compileModify(config),
  create(config) {
    return createModify(compileModify(config));
  },
});

function wordsOf({ error }: FluentbitWritten, { key, value, valueAt, at }: FluentbitWritten['pairs'][number]) {
  const words = fluentbitWords(value);
  if (!words) error(valueAt ?? at, `${key}: a quotation mark is not closed`);
  return words;
}

function conditionOf(written: FluentbitWritten, pair: FluentbitWritten['pairs'][number]) {
  const words = wordsOf(written, pair);
  if (!words) return [];
  const [name = '', key, value] = words;
  const type = name.toLowerCase();
  const at = pair.valueAt ?? pair.at;
  const isOfTwo = conditionsOfTwo.some((one) => one === type);
  if (!isOfTwo && !conditionsOfOne.some((one) => one === type))
    written.error(at, `Condition ${name}: expected one of ${[...conditionsOfOne, ...conditionsOfTwo].join(', ')}`);
  else if (key === undefined || (isOfTwo && value === undefined) || words.length > 3)
    written.error(at, `Condition ${pair.value}: expected ${isOfTwo ? 'a key and a value' : 'a key'} behind ${name}`);
  else return [madeSection({ type, key, value: value ?? '' }, pair.at)];
  return [];
}

function ruleOf(written: FluentbitWritten, pair: FluentbitWritten['pairs'][number]) {
  const words = wordsOf(written, pair);
  if (!words) return [];
  const isOfOne = rulesOfOne.some((one) => one === pair.key);
  if (words.length !== (isOfOne ? 1 : 2)) {
    const expected = isOfOne ? 'one word' : 'two words; what holds blanks stands in quotation marks';
    written.error(pair.valueAt ?? pair.at, `${pair.key} ${pair.value}: expected ${expected}`);
    return [];
  }
  const type = pair.key === 'add_if_not_present' ? 'add' : pair.key;
  return [madeSection({ type, key: words[0], value: words[1] ?? '' }, pair.at)];
}

type Entries = [string, Value][];

interface Rule {
  /** The entries as they were where the rule does nothing. */
  apply(entries: Entries): Entries;
  readonly pattern?: FluentbitPattern;
}
interface Modify {
  readonly conditions: readonly Condition[];
  readonly rules: readonly Rule[];
}

function compileModify({ sections }: PluginConfig): Modify {
  const words = (options: Readonly<Record<string, unknown>>) =>
    [String(options['key']), String(options['value'])] as const;
  return {
    conditions: (sections['condition'] ?? []).map(({ options }) =>
      compileCondition(options['type'] as ConditionName, ...words(options)),
    ),
    rules: (sections['rule'] ?? []).map(({ options }) => compileRule(options['type'] as RuleName, ...words(options))),
  };
}

function createModify({ conditions, rules }: Modify): Filter {
  const patterns = [...conditions.flatMap((one) => one.patterns), ...rules.flatMap(({ pattern }) => pattern ?? [])];
  const modified = (fields: Fields): Fields => {
    if (!conditions.every((condition) => condition.holds(fields))) return fields;
    const before: Entries = fieldEntries(fields);
    const after = rules.reduce((entries, rule) => rule.apply(entries), before);
    return after === before ? fields : fieldsFromEntries(after);
  };
  return {
    apply(batch, reject) {
      const changed: (Fields | undefined)[] = [];
      eachGuarded(
        batch.count,
        patterns.map(({ match }) => match),
        (row) => (changed[row] = modified(batch.fields(row))),
        (row) => {
          changed[row] = undefined;
          reject(row, 'time_limit');
        },
      );
      return batch.map((_fields, row) => changed[row]);
    },
  };
}

function compileRule(type: RuleName, key: string, value: string): Rule {
  const has = (entries: Entries, name: string) => entries.some(([one]) => one === name);
  switch (type) {
    case 'set':
      return { apply: (entries) => [...entries.filter(([one]) => one !== key), [key, value]] };
    case 'add':
      return { apply: (entries) => (has(entries, key) ? entries : [...entries, [key, value]]) };
    case 'rename':
    case 'hard_rename':
      return onto(key, value, type === 'hard_rename', ([, held]) => [[value, held]]);
    case 'copy':
    case 'hard_copy':
      return onto(key, value, type === 'hard_copy', ([, held]) => [
        [key, held],
        [value, held],
      ]);
    case 'remove':
      return removal((one) => one === key);
    case 'remove_wildcard':
      return removal((one) => one.startsWith(key));
    case 'remove_regex': {
      const pattern = compileFluentbitPattern(key);
      return { ...removal((one) => pattern.exec(one) !== null), pattern };
    }
    default:
      return move(key, type === 'move_to_start');
  }
}

/** Puts what `made` gives in the place of a field; where there is one of the new name, only when `isHard`. */
function onto(key: string, name: string, isHard: boolean, made: (entry: [string, Value]) => Entries): Rule {
  return {
    apply(entries) {
      const isTaken = entries.some(([one]) => one === name);
      if (key === name || (isTaken && !isHard) || !entries.some(([one]) => one === key)) return entries;
      return entries.flatMap((entry) => (entry[0] === key ? made(entry) : entry[0] === name ? [] : [entry]));
    },
  };
}

function removal(goes: (key: string) => boolean): Rule {
  return {
    apply(entries) {
      const kept = entries.filter(([key]) => !goes(key));
      return kept.length === entries.length ? entries : kept;
    },
  };
}

function move(beginning: string, isToStart: boolean): Rule {
  return {
    apply(entries) {
      const moved = entries.filter(([key]) => key.startsWith(beginning));
      if (moved.length === 0) return entries;
      const others = entries.filter(([key]) => !key.startsWith(beginning));
      return isToStart ? [...moved, ...others] : [...others, ...moved];
    },
  };
}
