import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trial, refuse, unreachable } from '../../test/delivery/trial.ts';

/** Tries again once an hour: what happens meanwhile is not the target's doing. */
const retry = {
  type: 'periodic',
  waitMs: 3_600_000,
  base: 1,
  waitMsMax: 3_600_000,
  isRandomized: false,
  secondaryThreshold: 1,
} as const;
/** `{"n":0}` to `{"n":9}`: seven bytes each. */
const records = (trial: Trial, count: number): void => {
  for (let left = count; left > 0; left--) trial.append(1);
};

test('beyond its limit the oldest records of an output that may drop are refused, be they retried or waiting', async () => {
  const trial = new Trial();
  let isDown = true;
  const write = () => (isDown ? unreachable() : undefined);
  const buffer = { overflow: 'drop_oldest', backlogBytesMax: 70, chunkRecordsMax: 3, retry } as const;
  await trial.start([trial.plan('x', write, { buffer })]);
  records(trial, 9);
  await trial.settle();
  assert.deepEqual(trial.status().backlog, { bytes: 63, bytesMax: 70 });
  assert.deepEqual(trial.status().refused, {});
  records(trial, 5);
  await trial.settle();
  const { refused, waiting, backlog } = trial.status();
  assert.deepEqual([refused, waiting, backlog?.bytes], [{ overflow: 5 }, 9, 63]);
  assert.equal(trial.happened.length, 1, 'what is left of a chunk waits on for its time');
  assert.match(trial.said.join('\n'), /^error dropping the oldest records of output x: more than 70 bytes wait/m);
  isDown = false;
  await trial.settle(3_600_000);
  const got = trial.happened.slice(1).flatMap((text) => text.split(' ').slice(2).map(Number));
  assert.deepEqual(got, [5, 6, 7, 8, 9, 10, 11, 12, 13]);
  assert.equal(trial.status().backlog?.bytes, 0);
  await trial.stop();
});

test('beyond its limit an output that may not drop says so, and receiving goes on', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x', unreachable, { buffer: { backlogBytesMax: 20, retry } })]);
  records(trial, 10);
  await trial.settle();
  records(trial, 10);
  await trial.settle();
  assert.deepEqual([trial.status().refused, trial.status().waiting], [{}, 20]);
  const said = trial.said.filter((text) => text.includes('total_limit_size'));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /^warn \d+ bytes wait for output x, more than its total_limit_size of 20/);
  await trial.stop();
});

test('what was not read from the journal yet counts by what the output got before', async () => {
  const trial = new Trial();
  const buffer = { backlogBytesMax: 1_000_000, retry };
  await trial.start([trial.plan('x', unreachable, { buffer })], { queueBytesMax: 100 });
  for (let left = 50; left > 0; left--) trial.append(2);
  await trial.settle();
  const bytes = trial.status().backlog?.bytes ?? 0;
  assert.ok(bytes > 600 && bytes < 800, `100 records of 7 bytes: ${bytes}`);
  await trial.stop();
});

test('staged chunks are dropped as wholes where they are the oldest', async () => {
  const trial = new Trial();
  const lazy = { flushMode: 'lazy', chunkKeys: ['tag'], overflow: 'drop_oldest', backlogBytesMax: 50 } as const;
  await trial.start([trial.plan('x', undefined, { buffer: lazy })]);
  records(trial, 4);
  await trial.settle(61_000);
  assert.equal(trial.status().backlog?.bytes, 28);
  records(trial, 5);
  await trial.settle();
  assert.deepEqual([trial.status().refused, trial.status().waiting], [{ overflow: 4 }, 5]);
  await trial.stop(1000);
});

test('while chunks wait to be written the younger ones grow on, and are written when there is room', async () => {
  const trial = new Trial();
  let failures = 1;
  const write = () => (failures-- > 0 ? unreachable() : undefined);
  const quick = { ...retry, waitMs: 10_000, waitMsMax: 10_000 };
  const buffer = { flushMode: 'interval', flushIntervalMs: 1000, queuedChunksMax: 1, retry: quick } as const;
  await trial.start([trial.plan('x', write, { buffer })]);
  trial.append(1);
  await trial.settle(1100);
  for (let n = 0; n < 5; n++) {
    trial.append(1);
    await trial.settle(1100);
  }
  assert.deepEqual(trial.happened, ['x write 0']);
  await trial.settle(10_000);
  assert.deepEqual(trial.happened, ['x write 0', 'x write 0', 'x write 1 2 3 4 5']);
  await trial.stop();
});

test('a chunk is full at the part of its limits that is written', async () => {
  const trial = new Trial();
  const buffer = { flushMode: 'lazy', chunkRecordsMax: 10, chunkFullPart: 0.5 } as const;
  await trial.start([trial.plan('x', undefined, { buffer })]);
  records(trial, 11);
  await trial.settle();
  assert.deepEqual(trial.happened, ['x write 0 1 2 3 4', 'x write 5 6 7 8 9']);
  await trial.stop();
});

test('refused records are dropped where the configuration says so; those that ran out of tries are kept', async () => {
  const trial = new Trial();
  const once = { ...retry, waitMs: 1, waitMsMax: 1, triesMax: 1 };
  const buffer = { isRefusedDropped: true, retry: once, chunkRecordsMax: 1 };
  const write = (ids: string[]) => (ids[0] === '0' ? refuse() : unreachable());
  await trial.start([trial.plan('x', write, { buffer })]);
  trial.append(2);
  await trial.settle(500);
  const { refused, waiting } = trial.status();
  assert.equal(
    Object.values(refused).reduce((sum, count) => sum + count, 0),
    2,
  );
  assert.equal(waiting, 0);
  assert.deepEqual(
    trial.dead.map(({ emissionId }) => emissionId),
    ['s-1'],
  );
  assert.match(trial.said.join('\n'), /^error dropping 1 records that output x refused/m);
  await trial.stop();
});
