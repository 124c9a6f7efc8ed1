import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, realClock, sleep } from './clock.ts';

test('the fake clock runs timers in order and only when due; setting the wall leaves monotonic time alone', async () => {
  const clock = new FakeClock(1_000_000);
  const ran: string[] = [];
  clock.after(20, () => ran.push('b'));
  clock.after(10, () => {
    ran.push('a');
    clock.after(5, () => ran.push('a+5'));
  });
  clock.after(15, () => ran.push('never')).cancel();
  clock.advance(9);
  assert.deepEqual(ran, []);
  clock.advance(11);
  assert.deepEqual(ran, ['a', 'a+5', 'b']);
  clock.setWall(5);
  assert.equal(clock.nowMs(), 5);
  assert.equal(clock.monotonicMs(), 20);
  assert.deepEqual(new FakeClock(1500).now(), { seconds: 1, nanos: 500_000_000 });
  const waited = sleep(clock, 3);
  clock.advance(3);
  await waited;
});

test('the real clock’s nanoseconds belong to its milliseconds', () => {
  const before = Date.now();
  const { seconds, nanos } = realClock.now();
  const ms = seconds * 1000 + nanos / 1e6;
  assert.ok(nanos >= 0 && nanos < 1e9);
  assert.ok(Math.abs(ms - before) < 1000);
});

test('what is past is due at once, and nothing is too far off', async (context) => {
  const warnings: Error[] = [];
  const collect = (warning: Error) => warnings.push(warning);
  process.on('warning', collect);
  context.after(() => process.off('warning', collect));
  await new Promise<void>((resolve) => {
    // The clock's own timers do not keep the process alive.
    const alive = setInterval(() => undefined, 1000);
    realClock.after(-5, () => {
      clearInterval(alive);
      resolve();
    });
  });
  realClock.after(2 ** 40, () => assert.fail('not in this life')).cancel();
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);

  context.mock.timers.enable({ apis: ['setTimeout'] });
  let isDue = false;
  realClock.after(2 ** 31 + 10, () => (isDue = true));
  context.mock.timers.tick(2 ** 31 - 1);
  assert.equal(isDue, false);
  context.mock.timers.tick(11);
  assert.equal(isDue, true);
});
