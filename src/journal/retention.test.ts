import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDeletions } from './retention.ts';
import type { RetainedShard } from './retention.ts';

const rules = { nowMs: 1000, keepMs: 100, keysKeepMs: 0, limitBytes: 1e9 };

/** Segments of ten records and ten bytes each, last written at the times given. */
function shardOf(name: string, modifiedMs: readonly number[], changes: Partial<RetainedShard> = {}): RetainedShard {
  return {
    shard: name,
    segments: modifiedMs.map((ms, index) => ({ firstOffset: index * 10, bytes: 10, modifiedMs: ms })),
    durableOffset: modifiedMs.length * 10,
    hasEnded: false,
    isStateKept: false,
    ...changes,
  };
}
function chosen(shards: readonly RetainedShard[], passed: number, changes: Partial<typeof rules> = {}): string[] {
  return chooseDeletions(shards, () => passed, { ...rules, ...changes }).map(
    ({ shard, firstOffset }) => `${shard}${firstOffset}`,
  );
}

test('old segments that every cursor has passed go, the active one never', () => {
  const shard = shardOf('a', [1, 2, 3]);
  assert.deepEqual(chosen([shard], 30), ['a0', 'a10']);
  assert.deepEqual(chosen([shard], 19), ['a0']);
  assert.deepEqual(chosen([shard], 9), []);
});

test('what is younger than keepMs stays, and all behind it', () => {
  assert.deepEqual(chosen([shardOf('a', [800, 950, 10, 20])], 40), ['a0']);
});

test('beyond the limit the oldest of all shards go first, however young', () => {
  const shards = [shardOf('a', [950, 970, 990]), shardOf('b', [960, 980, 995])];
  assert.deepEqual(chosen(shards, 30, { limitBytes: 30 }), ['a0', 'b0', 'a10']);
  assert.deepEqual(chosen(shards, 10, { limitBytes: 0 }), ['a0', 'b0']);
});

test('a segment needs a later one whose snapshot is known to be durable', () => {
  // The last segment was begun, and nothing behind its snapshot is durable yet.
  assert.deepEqual(chosen([shardOf('a', [1, 2], { durableOffset: 10 })], 10), []);
  assert.deepEqual(chosen([shardOf('a', [1, 2], { durableOffset: 11 })], 10), ['a0']);
});

test('the last segment goes when the shard has ended and its state is kept elsewhere', () => {
  assert.deepEqual(chosen([shardOf('a', [1, 2], { hasEnded: true })], 20), ['a0']);
  assert.deepEqual(chosen([shardOf('a', [1, 2], { hasEnded: true, isStateKept: true })], 20), ['a0', 'a10']);
  assert.deepEqual(chosen([shardOf('a', [1, 2], { hasEnded: true, isStateKept: true })], 19), ['a0']);
});

test('keys hold a segment for their window unless space forces it, which is said', () => {
  const shard = shardOf('a', [500, 600, 700]);
  assert.deepEqual(chosen([shard], 30, { keysKeepMs: 600 }), []);
  const forced = chooseDeletions([shard], () => 30, { ...rules, keysKeepMs: 450, limitBytes: 0 });
  assert.deepEqual(
    forced.map(({ firstOffset, isEarly }) => [firstOffset, isEarly]),
    [
      [0, false],
      [10, true],
    ],
  );
});

test('a clock that went backwards deletes nothing by age', () => {
  assert.deepEqual(chosen([shardOf('a', [5000, 6000, 7000])], 30), []);
});
