import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpaceBudget } from './space.ts';

test('a budget is used up, takes whole requests only, and is set anew', () => {
  const space = new SpaceBudget(100);
  assert(space.take(60));
  assert(!space.take(41));
  assert.equal(space.leftBytes, 40);
  assert(space.take(40));
  assert(!space.take(1));
  space.set(10);
  assert(space.take(10));
});

test('without a limit everything fits', () => {
  assert(new SpaceBudget().take(Number.MAX_SAFE_INTEGER));
});
