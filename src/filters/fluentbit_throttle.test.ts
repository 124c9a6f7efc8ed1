import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../test/fixture.ts';
import { filterProblems, makeFilter } from '../../test/fluentbit-fixture.ts';
import { Batch, Block } from '../core/batch.ts';
import type { Filter } from '../core/plugin.ts';
import { fluentbitThrottleFilter } from './fluentbit_throttle.ts';

/** `count` records that the journal took at once. */
function taken(appendMs: number, firstOffset: number, count: number, shard = '00'): Batch {
  const { parts } = batchOf(
    'a',
    Array.from({ length: count }, () => '{"n":1}'),
  ).block;
  return Batch.of('a', new Block({ ...parts, shard, appendMs, firstOffset }));
}
const passed = (filter: Filter, batch: Batch) => {
  const out = filter.apply(batch, () => assert.fail('nothing is rejected'));
  return Array.from({ length: out.count }, (_, row) => out.offset(row));
};
const throttle = () => makeFilter(fluentbitThrottleFilter, ['Rate 2', 'Window 3', 'Interval 10s']);

test('in a burst rate times window pass; the window slides', async () => {
  const filter = await throttle();
  assert.deepEqual(passed(filter, taken(1_000_000, 0, 10)), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(passed(filter, taken(1_029_000, 10, 2)), []);
  assert.deepEqual(passed(filter, taken(1_030_000, 12, 8)), [12, 13, 14, 15, 16, 17]);
  assert.deepEqual(passed(filter, taken(900_000, 20, 1)), []);
  assert.deepEqual(passed(filter, taken(9_000_000, 21, 2)), [21, 22]);
});

test('a record that is read again fares as before, whatever came in between', async () => {
  const filter = await throttle();
  const burst = taken(1_000_000, 0, 10);
  passed(filter, burst);
  passed(filter, taken(1_030_000, 10, 5));
  assert.deepEqual(passed(filter, burst), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(passed(filter, burst.select([4, 5, 6])), [4, 5]);
});

test('shards are counted apart', async () => {
  const filter = await throttle();
  passed(filter, taken(0, 0, 10));
  assert.equal(passed(filter, taken(0, 0, 10, '01')).length, 6);
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(fluentbitThrottleFilter, ['Interval 0'])), /above 0/);
});
