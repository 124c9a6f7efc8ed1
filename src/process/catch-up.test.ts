import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { FakeClock } from '../core/clock.ts';
import type { OutputStatus } from '../delivery/contract.ts';
import { CatchUpWatch } from './catch-up.ts';

type Standing = Pick<OutputStatus, 'id' | 'waiting' | 'state'>;

/** A watch that is called once a second; `run` gives the lines said meanwhile. */
function watched() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (line: string): void => {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    lines.push(`${pino.levels.labels[level]}: ${msg}`);
  };
  const watch = new CatchUpWatch(clock, pino({ base: null }, { write }));
  let asked = 0;
  const run = (seconds: number, standings: (second: number) => readonly Standing[]): string[] => {
    lines.length = 0;
    for (let second = 0; second < seconds; second++) {
      watch.look(() => {
        asked++;
        return standings(second);
      });
      clock.advance(1000);
    }
    return [...lines];
  };
  return { run, asked: () => asked };
}

const file = (waiting: number, state: Standing['state'] = 'running'): Standing[] => [{ id: 'file', waiting, state }];

test('progress of an output that catches up is said every ten seconds, and its end', () => {
  const { run, asked } = watched();
  assert.deepEqual(
    run(40, (second) => file(Math.max(3, 1_000_000 - second * 31_000))),
    [
      'info: Output file is catching up: 690,000 records wait for it, 31,000 a second fewer, about 23 s to go.',
      'info: Output file is catching up: 380,000 records wait for it, 31,000 a second fewer, about 13 s to go.',
      'info: Output file has caught up: 70,000 records wait for it.',
    ],
  );
  assert.equal(asked(), 4);
});

test('an output that falls behind or stands still is a warning', () => {
  const { run } = watched();
  assert.deepEqual(
    run(20, (second) => file(90_000 + second * 2000)),
    ['warn: Output file falls behind: 110,000 records wait for it, 2,000 a second more.'],
  );
  assert.deepEqual(
    run(10, () => file(110_000)),
    ['warn: Output file is behind: 110,000 records wait for it, none fewer.'],
  );
  assert.deepEqual(
    run(10, () => file(1)),
    ['info: Output file has caught up: 1 record waits for it.'],
  );
});

test('nothing and one are words of their own', () => {
  for (const [waiting, words] of [
    [0, 'nothing waits'],
    [1, '1 record waits'],
  ] as const) {
    const { run } = watched();
    run(20, () => file(200_000));
    assert.deepEqual(
      run(1, () => file(waiting)),
      [`info: Output file has caught up: ${words} for it.`],
    );
  }
});

test('long catch-ups are told in minutes and hours', () => {
  for (const [fewer, left] of [
    [100_000, '17 min'],
    [10_000, '3 h'],
  ] as const) {
    const { run } = watched();
    const [line] = run(11, (second) => file(100_000_000 + fewer * 10 - second * fewer));
    assert.ok(line?.endsWith(`about ${left} to go.`), line);
  }
});

test('nothing is said of little, of the first look, or of an output that is being retried', () => {
  const { run } = watched();
  assert.deepEqual(
    run(30, (second) => file(99_999 - second)),
    [],
  );
  assert.deepEqual(
    run(30, (second) => file(200_000 + second, second < 10 ? 'retrying' : 'stopped')),
    [],
  );
  assert.deepEqual(
    run(10, () => []),
    [],
  );
  // It is new again: there is nothing to compare with.
  assert.deepEqual(
    run(10, () => file(500_000)),
    [],
  );
});
