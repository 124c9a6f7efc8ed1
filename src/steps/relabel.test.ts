import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relabelStep } from './relabel.ts';

test('the router does it: there is nothing to create', () => {
  assert.equal(relabelStep.kind, 'step');
  assert.equal('create' in relabelStep, false);
  // Options are taken so that configs load, and none of them does anything.
  assert.ok(Object.values(relabelStep.options).every((spec) => spec.ignored !== undefined));
});
