import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FoundRecord } from '../api/types.ts';
import { JsonObject } from '../json/exact.ts';
import { withBefore } from './shown-rows.ts';

function rows(...times: readonly number[]): FoundRecord[] {
  return times.map((timeMs) => ({
    id: String(timeMs),
    time: '',
    timeMs,
    appendMs: 0,
    tag: '',
    source: '',
    fields: new JsonObject([], '{}'),
  }));
}
const timesOf = (list: readonly FoundRecord[]): number[] => list.map(({ timeMs }) => timeMs);

test('behind what is found anew stands what was found before where nobody has looked yet', () => {
  const before = rows(9, 7, 5, 3);
  assert.deepEqual(timesOf(withBefore(rows(10, 9), before, 8, 'newest')), [10, 9, 7, 5, 3]);
  // The record of 7 is gone, and that of 5 was found again with others of its time still to come.
  assert.deepEqual(timesOf(withBefore(rows(10, 9, 5), before, 6, 'newest')), [10, 9, 5, 3]);
  assert.deepEqual(timesOf(withBefore(rows(1, 3), before.toReversed(), 4, 'oldest')), [1, 3, 5, 7, 9]);
  assert.deepEqual(timesOf(withBefore([], before, undefined, 'newest')), [9, 7, 5, 3]);
  assert.deepEqual(timesOf(withBefore(rows(4), [], 2, 'newest')), [4]);
});
