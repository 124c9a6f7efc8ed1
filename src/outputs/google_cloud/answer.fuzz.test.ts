/** Fuzz: what a service, or something in its place, answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { partialErrors } from '../../../test/google/cloud-logging-fake.ts';
import { meaningOf } from './answer.ts';

const statuses = fc.constantFrom(200, 204, 301, 400, 401, 403, 404, 409, 413, 429, 500, 503);
const anyJson = fc.json();
const errors = fc
  .dictionary(fc.constantFrom('0', '1', '2', '7', '-1', 'x', '1e3'), fc.oneof(fc.json(), fc.constant({ code: 3 })))
  .map((entries) => JSON.stringify(partialErrors(new Map(Object.entries(entries) as never))));
const texts = fc.oneof(fc.string(), anyJson, errors);

test('no answer makes the reader throw, and each entry is taken, sent again or refused', () => {
  fc.assert(
    fc.property(statuses, texts, fc.integer({ min: 1, max: 4 }), (status, text, count) => {
      const answer = { status, reason: '', retryAfter: undefined, text, isWhole: true };
      const meaning = meaningOf(answer, count, 'p');
      assert.equal(meaning.kind === 'taken', status < 300);
      if (meaning.kind !== 'partly') return;
      assert.ok(meaning.later.every((index) => !meaning.refused.has(index)));
      assert.ok(meaning.later.length + meaning.refused.size > 0);
    }),
    fuzzRuns(500),
  );
});

test('an answer that names entries is read as such', () => {
  const text = JSON.stringify(partialErrors(new Map([[1, { code: 3, message: 'bad' }]])));
  const meaning = meaningOf({ status: 400, reason: '', retryAfter: undefined, text, isWhole: true }, 2, 'p');
  assert.ok(meaning.kind === 'partly' && meaning.refused.get(1) === '400: bad');
});
