import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StateTable, stateEntries } from './state.ts';
import type { StateEntry } from './state.ts';

const entry: fc.Arbitrary<StateEntry> = fc
  .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('x', '__proto__', ''), fc.nat(3), fc.nat(5), fc.boolean())
  // One stamp is one frame: it cannot say two things.
  .map(([source, key, epoch, sequence, isValue]) =>
    isValue && sequence % 2 === 0
      ? ([source, key, epoch, sequence, `${epoch}.${sequence}`] as const)
      : ([source, key, epoch, sequence - (sequence % 2 === 0 ? 0 : 0) + (sequence % 2 === 0 ? 10 : 0)] as const),
  );

function plain(table: StateTable): unknown {
  return [...table.entries()].map((value) => JSON.stringify(value)).sort();
}

test('merging is a maximum: order and repeats do not matter', () => {
  fc.assert(
    fc.property(fc.array(entry), fc.array(entry), (one, two) => {
      const forward = new StateTable();
      forward.merge([...one, ...two]);
      const backward = new StateTable();
      backward.merge([...two, ...one, ...two]);
      assert.deepEqual(plain(forward), plain(backward));
      const again = new StateTable();
      again.merge(stateEntries(JSON.parse(JSON.stringify(forward.entries()))));
      assert.deepEqual(plain(again), plain(forward));
      assert(forward.covers(one) && forward.covers(two));
    }),
    { numRuns: 200 },
  );
});

test('null forgets a key, and older values do not bring it back', () => {
  const table = new StateTable();
  table.apply('tail', 2, 7, { file: { inode: 1 }, other: 1 });
  table.apply('tail', 2, 8, { file: null });
  table.apply('tail', 1, 99, { file: 'old' });
  assert.deepEqual([...(table.values.get('tail') ?? [])], [['other', 1]]);
  const copy = new StateTable();
  copy.merge(stateEntries(JSON.parse(JSON.stringify(table.entries()))));
  copy.apply('tail', 1, 100, { file: 'old' });
  assert(!copy.values.get('tail')?.has('file'), 'the tombstone must survive a snapshot');
});

test('tombstones are dropped only when no shard from before them is left', () => {
  const table = new StateTable();
  table.apply('tail', 5, 1, { file: 1, other: 1 });
  table.apply('tail', 5, 2, { file: null });
  table.dropTombstones(5);
  assert.equal(table.entries().length, 2);
  table.dropTombstones(6);
  assert.deepEqual(table.entries(), [['tail', 'other', 5, 1, 1]]);
});

test('covers: only the same or newer stamps', () => {
  const table = new StateTable();
  table.apply('tail', 2, 7, { file: 1 });
  assert(table.covers([['tail', 'file', 2, 7]]));
  assert(table.covers([['tail', 'file', 1, 900]]));
  assert(!table.covers([['tail', 'file', 2, 8]]));
  assert(!table.covers([['tail', 'unknown', 0, 0]]));
});

test('what is no entry is left out', () => {
  assert.deepEqual(stateEntries('x'), []);
  assert.deepEqual(stateEntries([1, ['a'], ['a', 'b', 1, 2, 3], ['a', 'b', '1', 2]]), [['a', 'b', 1, 2, 3]]);
});
