import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { batchOf, contextOf, texts } from '../../test/fixture.ts';
import { filterProblems, filtered, makeFilter } from '../../test/fluentbit-fixture.ts';
import { builtinPlugins } from '../plugins.ts';
import { expectFilter } from './expect.ts';

const record = '{"a":"1","n":null,"l":[1],"k":{"x":5}}';
const holds = async (rule: string) =>
  (await filtered(expectFilter, [rule, 'action result_key', 'result_key ok'], [record]))[0] ===
  `{"ok":true,${record.slice(1)}`;

test('each rule, and the mark', async () => {
  for (const rule of [
    'key_exists a',
    "key_exists $k['x']",
    'key_not_exists z',
    'key_not_exists l',
    'key_val_is_null n',
    'key_val_is_not_null a',
    'key_val_eq a 1',
    "key_val_eq $k['x'] 6",
  ])
    assert.equal(await holds(rule), true, rule);
  for (const rule of [
    'key_exists z',
    'key_not_exists n',
    'key_val_is_null a',
    'key_val_is_not_null n',
    'key_val_eq a 2',
  ])
    assert.equal(await holds(rule), false, rule);
});

test('warn lets pass and counts; exit takes the record to the dead letters', async () => {
  const lines: string[] = [];
  const context = contextOf(builtinPlugins, pino({ base: null }, { write: (line: string) => lines.push(line) }));
  const batch = batchOf('a', [record, '{"b":1}']);
  const warn = await makeFilter(expectFilter, ['key_exists a'], { context });
  assert.equal(warn.apply(batch, () => assert.fail('nothing is rejected')).count, 2);
  const value = await context.metrics.registry.getSingleMetric('expect_failed_total')?.get();
  assert.equal(value?.values[0]?.value, 1);
  assert.match(lines.join(''), /key_exists a does not hold/);
  const exit = await makeFilter(expectFilter, ['key_exists a', 'action exit']);
  const rejected: [number, string][] = [];
  assert.deepEqual(texts(exit.apply(batch, (row, reason) => rejected.push([row, reason]))), [record]);
  assert.deepEqual(rejected, [[1, 'expectation_failed']]);
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(expectFilter, ['key_val_eq a'])), /a field and a text/);
  assert.match(String(await filterProblems(expectFilter, ['action stop'])), /expected one of/);
});
