import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../core/clock.ts';
import { RateLimiter } from './rate-limit.ts';

test('rate limit: a burst, then the rate, for each client', () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter(10, 3, clock);
  assert.deepEqual(
    [1, 2, 3].map(() => limiter.take('a')),
    [0, 0, 0],
  );
  assert.equal(limiter.take('a'), 100);
  assert.equal(limiter.take('b'), 0);
  clock.advance(99);
  assert.ok(limiter.take('a') > 0);
  clock.advance(1);
  assert.equal(limiter.take('a'), 0);
  clock.advance(3_600_000);
  assert.deepEqual(
    [1, 2, 3].map(() => limiter.take('a')),
    [0, 0, 0],
  );
  assert.ok(limiter.take('a') > 0, 'no more than a burst is saved up');
});

test('rate limit: without a burst as many as the rate, at least one', () => {
  const slow = new RateLimiter(0.5, undefined, new FakeClock());
  assert.equal(slow.take('a'), 0);
  assert.equal(slow.take('a'), 2000);
});

test('rate limit: no client gets more than burst plus rate times time, whatever the order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.constantFrom('a', 'b')), { maxLength: 100 }),
      (steps) => {
        const clock = new FakeClock();
        const limiter = new RateLimiter(2, 3, clock);
        const taken = { a: 0, b: 0 };
        for (const [waitMs, client] of steps) {
          clock.advance(waitMs);
          if (limiter.take(client) === 0) taken[client as 'a']++;
          assert.ok(taken[client as 'a'] <= 3 + (clock.monotonicMs() / 1000) * 2 + 1e-6);
        }
      },
    ),
  );
});

test('rate limit: the table is bounded; the client seen longest ago is forgotten', () => {
  const limiter = new RateLimiter(1, 1, new FakeClock());
  for (let i = 0; i < 100_000; i++) assert.equal(limiter.take(`c${i}`), 0);
  assert.ok(limiter.take('c0') > 0, 'still known, and seen last now');
  assert.equal(limiter.take('new'), 0);
  assert.ok(limiter.take('c0') > 0);
  assert.equal(limiter.take('c1'), 0, 'forgotten');
});
