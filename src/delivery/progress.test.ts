import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counts, ShardProgress } from './progress.ts';

/** Three records, of whose second one two of three emissions were over before the restart. */
function restarted(): ShardProgress {
  const counts = new Counts({ delivered: 2, passed: 0, derived: 2, refused: {} }, () => undefined);
  return new ShardProgress('s', counts, { start: 0, low: 0, done: [], partials: { 1: [0, 1] } });
}

test('a record that is routed to fewer emissions than were over before is done', () => {
  const progress = restarted();
  progress.complete(0, 1, 1);
  progress.counts.delivered++;
  assert.deepEqual([...progress.expect(1, 2, 1, 2)], [0, 1]);
  progress.complete(2, 3, 1);
  progress.counts.delivered++;
  assert.equal(progress.low, 3);
  assert.deepEqual(progress.cursor(), { start: 0, low: 3, done: [], partials: {} });
  const { delivered, passed, derived } = progress.counts;
  assert.equal(3 + derived, delivered + passed, 'counts balance');
});

test('what was over of a record that no longer has several emissions is forgotten with it', () => {
  const progress = restarted();
  progress.complete(0, 3, 0);
  assert.deepEqual(progress.cursor(), { start: 0, low: 3, done: [], partials: {} });
  assert.equal(progress.isClean(3), true);
});
