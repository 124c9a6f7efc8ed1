import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConditionRule } from '../config/model.ts';
import type { Filter } from '../core/plugin.ts';
import { withFields } from '../codecs/fields.ts';
import { getField } from '../core/record.ts';
import { batchOf, texts } from '../../test/fixture.ts';
import { conditional } from './conditional-filter.ts';

/** Drops records with drop, rejects those with bad, marks all others. */
const marking: Filter = {
  apply(batch, reject) {
    return batch.map(
      (fields, row) => {
        if (getField(fields, 'bad') !== undefined) reject(row, 'bad');
        if ((getField(fields, 'bad') ?? getField(fields, 'drop')) !== undefined) return undefined;
        return withFields(fields, [['mark', row]]);
      },
      Array.from({ length: batch.count }, () => ({ seconds: 9, nanos: 0 })),
    );
  },
};

function run(rules: readonly ConditionRule[], records: readonly string[], op: 'and' | 'or' = 'and') {
  const rejected: [number, string][] = [];
  const out = conditional(marking, { op, rules }).apply(batchOf('app.web', records), (row, why) =>
    rejected.push([row, why]),
  );
  return { out, rejected, made: texts(out) };
}
const rule = (field: string, op: ConditionRule['op'], ...values: string[]): ConditionRule => ({ field, op, values });

test('records that the condition is true for go through the filter, others stay, in order', () => {
  const { made, out, rejected } = run(
    [rule('$level', 'eq', 'error')],
    [
      '{"level":"info","n":1}',
      '{"level":"error","n":2}',
      '{"level":"error","drop":1}',
      '{"level":"info","bad":1}',
      '{"level":"error","bad":1}',
      '{"level":"error","n":3}',
    ],
  );
  assert.deepEqual(made, [
    '{"level":"info","n":1}',
    '{"level":"error","n":2,"mark":0}',
    '{"level":"info","bad":1}',
    '{"level":"error","n":3,"mark":3}',
  ]);
  assert.deepEqual(rejected, [[4, 'bad']]);
  assert.deepEqual([out.seconds(1), out.seconds(3)], [9, 9]);
  assert.notEqual(out.seconds(0), 9);
});

test('each operator; values are compared as texts, what is missing is empty', () => {
  const records = ['{"n":5,"s":"abc","m":{"k":"v"},"t":true}', '{"n":"7x","s":"b"}', '{}'];
  const marked = (...rules: ConditionRule[]) => run(rules, records).made.map((text) => text.includes('mark'));
  for (const [rules, expected] of [
    [[rule('$n', 'eq', '5')], [true, false, false]],
    [[rule('$n', 'neq', '5')], [false, true, true]],
    [[rule('$n', 'gt', '5')], [false, true, false]],
    [[rule('$n', 'gte', '5')], [true, true, false]],
    [[rule('$n', 'lt', '1')], [false, false, true]],
    [[rule('$n', 'lte', '5.0')], [true, false, true]],
    [[rule('$s', 'regex', '^a')], [true, false, false]],
    [[rule('$s', 'not_regex', '/^A/i')], [false, true, true]],
    [[rule('$s', 'in', 'b', 'c')], [false, true, false]],
    [[rule('$s', 'not_in', 'b', 'c')], [true, false, true]],
    [[rule("$m['k']", 'eq', 'v')], [true, false, false]],
    [[rule('$t', 'eq', 'true')], [true, false, false]],
    [
      [rule('$n', 'gt', '1'), rule('$s', 'eq', 'b')],
      [false, true, false],
    ],
  ] as const)
    assert.deepEqual(marked(...rules), expected, JSON.stringify(rules));
  const some = run([rule('$n', 'eq', '5'), rule('$s', 'eq', 'b')], records, 'or');
  assert.deepEqual(
    some.made.map((text) => text.includes('mark')),
    [true, true, false],
  );
});

test('an expression that backtracks for ever rejects its record alone', () => {
  const { made, rejected } = run(
    [rule('$s', 'regex', '^(a+)+$')],
    [`{"s":"${'a'.repeat(40)}!"}`, '{"s":"aa"}', '{"s":"b"}'],
  );
  assert.deepEqual(rejected, [[0, 'time_limit']]);
  assert.deepEqual(made, ['{"s":"aa","mark":0}', '{"s":"b"}']);
});

test('a filter without a condition is itself', () => {
  assert.equal(conditional(marking, undefined), marking);
});
