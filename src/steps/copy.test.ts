import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyStep } from './copy.ts';

test('the router does it: there is nothing to create', () => {
  assert.equal(copyStep.kind, 'step');
  assert.equal('create' in copyStep, false);
  // Options are taken so that configs load, and none of them does anything.
  assert.ok(Object.values(copyStep.options).every((spec) => spec.ignored !== undefined));
});
