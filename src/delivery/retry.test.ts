import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultBuffer } from '../config/model.ts';
import type { RetryModel } from '../config/model.ts';
import { OperatingError } from '../core/errors.ts';
import { RetryState, isRetryable, refusalReason, retryAfterMs } from './retry.ts';

function waits(model: Partial<RetryModel>, count: number, options: { hasSecondary?: boolean; random?: number } = {}) {
  const retry = { ...defaultBuffer.retry, ...model };
  const state = new RetryState(retry, options.hasSecondary ?? false, () => options.random ?? 0.5, 0);
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    const decision = state.failed(nowMs, undefined);
    if (decision.kind === 'exhausted') return 'exhausted';
    nowMs += decision.waitMs;
    return decision.waitMs;
  });
}

test('waits grow by the base up to the longest wait, for ever where no limit is written', () => {
  assert.deepEqual(
    waits({ waitMs: 1000, base: 2, waitMsMax: 5000, isRandomized: false }, 5),
    [1000, 2000, 4000, 5000, 5000],
  );
  assert.ok(!waits({}, 10_000).includes('exhausted'));
});

test('periodic waits stay the same', () => {
  assert.deepEqual(waits({ type: 'periodic', waitMs: 700, isRandomized: false }, 3), [700, 700, 700]);
});

test('randomized waits stay within an eighth and below the longest wait', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 20 }), (random, tries) => {
      const plain = waits({ isRandomized: false }, tries).at(-1) as number;
      const spread = waits({ isRandomized: true }, tries, { random }).at(-1) as number;
      assert.ok(spread >= plain * 0.875 - 1e-6 && spread <= Math.min(plain * 1.125 + 1e-6, 60_000));
    }),
  );
});

test('written limits end the tries: their number, or the time since the first', () => {
  assert.deepEqual(waits({ triesMax: 2, isRandomized: false }, 3), [1000, 2000, 'exhausted']);
  // The last try is made when the time is up.
  assert.deepEqual(waits({ timeoutMs: 5000, isRandomized: false }, 4), [1000, 2000, 2000, 'exhausted']);
  assert.deepEqual(
    waits({ timeoutMs: 5000, isRandomized: false, secondaryThreshold: 0.5 }, 3, { hasSecondary: true }),
    [1000, 1500, 'exhausted'],
  );
});

test('a target that says when to come back is not asked before', () => {
  const state = new RetryState(defaultBuffer.retry, false, () => 0.5, 0);
  assert.deepEqual(state.failed(0, 90_000), { kind: 'wait', waitMs: 90_000 });
  assert.equal(retryAfterMs(new OperatingError('OUTPUT_UNREACHABLE', 'busy', { retryAfterMs: 7 })), 7);
  assert.equal(retryAfterMs(new Error('busy')), undefined);
});

test('only operating errors that say so are for good', () => {
  assert.equal(isRetryable(new OperatingError('OUTPUT_REFUSED', 'no')), false);
  assert.equal(isRetryable(new OperatingError('OUTPUT_UNREACHABLE', 'later')), true);
  assert.equal(isRetryable(new TypeError('x is undefined')), true);
  assert.equal(refusalReason(new OperatingError('OUTPUT_REFUSED', 'bad field')), 'OUTPUT_REFUSED: bad field');
});
