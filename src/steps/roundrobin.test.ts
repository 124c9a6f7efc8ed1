import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundrobinStep } from './roundrobin.ts';

test('the router does it: there is nothing to create', () => {
  assert.equal(roundrobinStep.kind, 'step');
  assert.equal('create' in roundrobinStep, false);
  assert.deepEqual(roundrobinStep.options, {});
});
