import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TakenSlots } from './taken.ts';

const row = (offset: number, ordinal = -1, shard = 's') => ({ shard, offset, ordinal });
const all = () => true;

test('rows stand in the journal until a commit that knows them is durable, and are cleared then', () => {
  const slots = new TakenSlots(undefined, all);
  const first = slots.take([row(1), row(2), row(7), row(9, 1)]);
  assert.deepEqual(first.state, { 0: { s: [1, 3, 7, 8], 's.1': [9, 10] } });
  for (let i = 0; i < 3; i++) first.done();
  // The last row is not known to this commit.
  slots.onCommit()();
  first.done();
  assert.deepEqual(slots.take([row(3)]).state, { 1: { s: [3, 4] } });
  slots.onCommit()();
  assert.deepEqual(slots.take([row(4)]).state, { 0: null, 2: { s: [4, 5] } });
});

test('a commit that was taken before a row was done does not free it', () => {
  const slots = new TakenSlots(undefined, all);
  const committed = slots.onCommit();
  const taking = slots.take([row(1)]);
  taking.done();
  committed();
  assert.equal(slots.clearing(), undefined);
  slots.onCommit()();
  assert.deepEqual(slots.clearing(), { 0: null });
});

test('an append that failed leaves nothing, and what it would have cleared is cleared by the next', () => {
  const slots = new TakenSlots(undefined, all);
  slots.take([row(1)]).done();
  slots.onCommit()();
  slots.take([row(2)]).failed();
  assert.deepEqual(slots.take([row(2)]).state, { 0: null, 1: null, 2: { s: [2, 3] } });
});

test('slots run out, and are there again after a commit', () => {
  const slots = new TakenSlots(undefined, all);
  while (!slots.isFull) slots.take([row(1)]).done();
  slots.onCommit()();
  assert.equal(slots.isFull, false);
  assert.equal(Object.keys(slots.take([row(2)]).state).length, 256);
});

test('what earlier starts took is known as long as its shard is there, and moves to one place', () => {
  const state = new Map<string, unknown>([
    ['3', { s: [1, 3], gone: [1, 9] }],
    ['found', { s: [7, 8], 's.2': [5, 6] }],
  ]);
  const slots = new TakenSlots(state, (shard) => shard === 's');
  assert.deepEqual(
    [row(0), row(1), row(7), row(5), row(5, 2), row(1, -1, 'gone')].map((one) => slots.hasTaken(one)),
    [false, true, true, false, true, false],
  );
  const before = slots.take([row(9)]);
  assert.deepEqual(before.state, { 3: null, found: { s: [1, 3, 7, 8], 's.2': [5, 6] }, 0: { s: [9, 10] } });
  before.failed();
  assert.deepEqual(slots.clearing(), { 0: null, 3: null, found: { s: [1, 3, 7, 8], 's.2': [5, 6] } });
  assert.equal(slots.clearing(), undefined);
  assert.deepEqual(new TakenSlots(new Map([['found', { gone: [1, 2] }]]), () => false).clearing(), { found: null });
});
