import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyStep } from './copy.ts';

test('the router does it: there is nothing to create', () => {
  assert.equal(copyStep.kind, 'step');
  assert.equal('create' in copyStep, false);
});
