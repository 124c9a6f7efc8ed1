import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import type { Output } from '../core/plugin.ts';
import type { TargetStatus } from './contract.ts';
import { TargetWatch } from './target.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
function outputWith(probe?: () => Promise<string | void>): Output {
  return { write: () => Promise.resolve(), close: () => Promise.resolve(), ...(probe && { probe }) };
}

test('writes tell whether a target answers, and since when', () => {
  const clock = new FakeClock();
  const watch = new TargetWatch(clock);
  const output = outputWith();
  const status = (): TargetStatus => watch.status;
  assert.equal(status().answers, undefined);
  watch.note(output, undefined);
  const sinceMs = clock.nowMs();
  clock.advance(1000);
  watch.note(output, undefined);
  assert.deepEqual(status(), { answers: true, sinceMs, said: undefined });
  watch.note(output, 'gone; start it');
  assert.deepEqual(status(), { answers: false, sinceMs: clock.nowMs(), said: 'gone; start it' });
  const beganMs = clock.nowMs();
  clock.advance(1000);
  watch.note(output, 'still gone');
  assert.deepEqual(status(), { answers: false, sinceMs: beganMs, said: 'still gone' });
  // Another one is in its place.
  watch.note(outputWith(), 'still gone');
  assert.equal(status().sinceMs, clock.nowMs());
});

test('where nothing was heard for a while it is asked, once at a time and not too often', async () => {
  const clock = new FakeClock();
  const watch = new TargetWatch(clock);
  let asked = 0;
  let answer = (): Promise<string | void> => Promise.reject(new Error('connect ECONNREFUSED; is it running?'));
  const output = outputWith(() => {
    asked++;
    return answer();
  });
  watch.ask(output);
  watch.ask(output);
  await settled();
  assert.deepEqual([watch.status.answers, watch.status.said], [false, 'connect ECONNREFUSED; is it running?']);
  watch.ask(output);
  assert.equal(asked, 1);
  clock.advance(30_000);
  answer = () => Promise.resolve('one of two is not there');
  watch.ask(output);
  await settled();
  assert.deepEqual([watch.status.answers, watch.status.said, asked], [true, 'one of two is not there', 2]);
  // One that is silent.
  clock.advance(30_000);
  answer = () => new Promise(() => undefined);
  watch.ask(output);
  await settled();
  clock.advance(15_000);
  await settled();
  assert.equal(watch.status.answers, false);
  assert.match(watch.status.said ?? '', /no answer within 15 s; check/);
});

test('what is asked gives way to a write that ended meanwhile', async () => {
  const clock = new FakeClock();
  const watch = new TargetWatch(clock);
  let refuse: (error: Error) => void = () => undefined;
  const output = outputWith(() => new Promise((_, reject) => (refuse = reject)));
  watch.ask(output);
  clock.advance(10);
  watch.note(output, undefined);
  refuse(new Error('too late'));
  await settled();
  assert.equal(watch.status.answers, true);
});
