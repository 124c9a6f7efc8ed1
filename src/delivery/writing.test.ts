import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBuffer } from '../config/model.ts';
import { OperatingError } from '../core/errors.ts';
import type { Output } from '../core/plugin.ts';
import { Trial, refuse, unreachable } from '../../test/delivery/trial.ts';

test('records are written in chunks, counted, and not again after a restart', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x'), trial.plan('y')]);
  trial.append(3);
  trial.append(2, 'y');
  await trial.settle();
  assert.deepEqual(trial.happened, ['x write 0 1 2', 'y write 3 4']);
  assert.deepEqual(await trial.stop(), []);
  await trial.start([trial.plan('x'), trial.plan('y')]);
  trial.append(1);
  await trial.settle();
  assert.equal(trial.happened.at(-1), 'x write 5');
  const { delivered, passed, refused, waiting, derived } = trial.status();
  assert.deepEqual(
    { delivered, passed, refused, waiting, derived },
    {
      delivered: 4,
      passed: 2,
      refused: {},
      waiting: 0,
      derived: 0,
    },
  );
  await trial.stop();
});

test('while a write runs the next chunk grows', async () => {
  const trial = new Trial();
  let release = (): void => undefined;
  await trial.start([
    trial.plan('x', (ids) => (ids[0] === '0' ? new Promise<void>((resolve) => (release = resolve)) : undefined)),
  ]);
  for (let i = 0; i < 4; i++) {
    trial.append(1);
    await trial.settle();
  }
  assert.deepEqual(trial.happened, ['x write 0']);
  assert.ok(trial.status().queuedBytes > 0);
  release();
  await trial.settle();
  assert.deepEqual(trial.happened, ['x write 0', 'x write 1 2 3']);
  await trial.stop();
});

test('an interval passes before a chunk is written, unless there is no room or all is flushed', async () => {
  const trial = new Trial();
  const buffer = { flushMode: 'interval', flushIntervalMs: 5000 } as const;
  await trial.start([trial.plan('x', undefined, { buffer })], { queueBytesMax: 3000 });
  trial.append(1);
  await trial.settle(4900);
  assert.deepEqual(trial.happened, []);
  await trial.settle(200);
  assert.deepEqual(trial.happened, ['x write 0']);
  trial.append(1);
  await trial.settle();
  trial.delivery.flush();
  await trial.settle();
  assert.deepEqual(trial.happened.slice(1), ['x write 1']);
  for (let i = 0; i < 8; i++) trial.append(1);
  await trial.settle();
  assert.ok(trial.happened.length > 2, 'a full queue is written');
  await trial.stop();
});

test('a target that is down is tried again, seldom said, and nothing behind overtakes', async () => {
  const trial = new Trial();
  let isDown = true;
  await trial.start([trial.plan('x', () => (isDown ? unreachable() : undefined))]);
  trial.append(1);
  await trial.settle();
  trial.append(1);
  await trial.settle(1000);
  const status = trial.status();
  assert.equal(status.state, 'retrying');
  assert.equal(status.lastError, 'connection refused');
  assert.ok((status.nextTryMs ?? 0) > trial.clock.nowMs() - 100);
  assert.equal(status.waiting, 2);
  assert.ok(status.lagMs >= 0);
  await trial.settle(30_000);
  assert.ok(trial.happened.every((what) => what === 'x write 0'));
  assert.ok(trial.said.length < trial.happened.length);
  isDown = false;
  await trial.settle(60_000);
  assert.equal(trial.happened.at(-1), 'x write 1');
  assert.deepEqual([trial.status().state, trial.status().lastError], ['running', undefined]);
  await trial.stop();
});

test('a chunk that is refused is halved until only the bad record is refused, and nobody is written twice', async () => {
  const trial = new Trial();
  const taken: string[] = [];
  await trial.start([
    trial.plan('x', (ids) => {
      if (ids.includes('5')) refuse();
      taken.push(...ids);
    }),
  ]);
  trial.append(11);
  await trial.settle();
  assert.deepEqual(taken, ['0', '1', '2', '3', '4', '6', '7', '8', '9', '10']);
  assert.deepEqual(
    trial.dead.map(({ output, emissionId, reason, tag, attempts }) => [output, emissionId, reason, tag, attempts]),
    [['x', 's-5', 'OUTPUT_REFUSED: bad record', 'x', 1]],
  );
  assert.deepEqual(trial.status().refused, { 'OUTPUT_REFUSED: bad record': 1 });
  assert.equal(trial.status().delivered, 10);
  // The log says that there are dead letters, and not what the target said of a record.
  const kept = trial.said.filter((text) => text.startsWith('warn output x refused records, 1 now'));
  assert.equal(kept.length, 1);
  assert.doesNotMatch(trial.said.join(), /bad record/);
  await trial.stop();
});

test('rows a target refuses or puts off are cut off from those it took', async () => {
  const trial = new Trial();
  await trial.start([
    trial.plan('x', (ids) => ({
      refused: ids.flatMap((id, row) => (id === '1' ? [{ row, reason: 'mapping' }] : [])),
      retry: ids.length > 3 ? [0, 3] : [],
    })),
  ]);
  trial.append(5);
  await trial.settle(1200);
  assert.deepEqual(trial.happened, ['x write 0 1 2 3 4', 'x write 0 3']);
  assert.deepEqual(
    trial.dead.map(({ emissionId }) => emissionId),
    ['s-1'],
  );
  assert.equal(trial.status().delivered, 4);
  await trial.stop();
});

test('tries that the configuration limits end in the dead letters', async () => {
  const trial = new Trial();
  const retry = { ...defaultBuffer.retry, triesMax: 2 };
  await trial.start([trial.plan('x', unreachable, { buffer: { retry } })]);
  trial.append(2);
  await trial.settle(5000);
  assert.equal(trial.happened.length, 3);
  assert.deepEqual(trial.status().refused, { 'retries_exhausted: connection refused': 2 });
  assert.deepEqual(
    trial.dead.map(({ attempts }) => attempts),
    [4, 4],
  );
  await trial.stop();
});

test('a secondary takes what the output does not get rid of; what it refuses too is a dead letter', async () => {
  const trial = new Trial();
  let opened = 0;
  const secondary = (): Output => ({
    ...trial.output('second', (ids) => (ids.includes('1') ? refuse() : undefined)),
    async open() {
      if (opened++ === 0) throw new OperatingError('OUTPUT_UNREACHABLE', 'no disk');
    },
    async commit() {
      trial.happened.push('second commit');
      return {};
    },
  });
  await trial.start([
    trial.plan('x', (ids) => ({ refused: ids.map((_, row) => ({ row, reason: 'mapping' })) }), {
      createSecondary: secondary,
    }),
  ]);
  trial.append(2);
  await trial.settle(4000);
  assert.deepEqual(
    trial.dead.map(({ emissionId, reason }) => [emissionId, reason]),
    [['s-1', 'OUTPUT_REFUSED: bad record']],
  );
  assert.deepEqual(trial.status().refused, { mapping: 2 });
  assert.ok(trial.happened.includes('second write 0'));
  assert.ok(trial.happened.includes('second commit'), 'what it wrote is made durable with the cursor');
  await trial.stop();
});

test('the state of a secondary is committed with the cursor, and given to it after a restart', async () => {
  const trial = new Trial();
  const given: unknown[] = [];
  const durable: unknown[] = [];
  let length = 0;
  const createSecondary = (committed: unknown): Output => {
    given.push(committed);
    return {
      ...trial.output('second', (ids) => void (length += ids.length)),
      commit: (state) => Promise.resolve(durable.push(state) && { length }),
    };
  };
  const plan = trial.plan('x', (ids) => ({ refused: ids.map((_, row) => ({ row, reason: 'no' })) }), {
    createSecondary,
  });
  await trial.start([plan]);
  trial.append(2);
  await trial.settle(1000);
  trial.append(1);
  await trial.settle(1000);
  await trial.stop();
  assert.deepEqual(durable.slice(0, 2), [undefined, { length: 2 }]);
  await trial.start([plan]);
  await trial.settle(1000);
  await trial.stop();
  await trial.start([plan]);
  await trial.stop();
  assert.deepEqual(given, [undefined, { length: 3 }, { length: 3 }], 'also when nothing was written in between');
});

test('an output whose dead letters find no room stops, says so, and goes on when they do', async () => {
  const trial = new Trial();
  trial.failDead = () => new OperatingError('JOURNAL_FULL', 'dead letters are full');
  await trial.start([trial.plan('x', (ids) => (ids.includes('0') ? refuse() : undefined))]);
  trial.append(1);
  await trial.settle();
  trial.append(1);
  await trial.settle(3000);
  assert.deepEqual([trial.status().state, trial.status().waiting], ['stopped', 2]);
  assert.equal(trial.said.filter((text) => text.startsWith('error keeping 1 dead letters')).length, 1);
  trial.failDead = () => undefined;
  await trial.settle(2000);
  assert.deepEqual([trial.status().state, trial.status().waiting], ['running', 0]);
  await trial.stop();
});

test('a record too large for the dead letters is counted and said, and does not stop the others', async () => {
  const trial = new Trial();
  trial.failDead = () => new OperatingError('RECORD_TOO_LARGE', 'too large');
  await trial.start([trial.plan('x', refuse)]);
  trial.append(2);
  await trial.settle(500);
  assert.equal(trial.status().waiting, 0);
  assert.equal(trial.said.filter((text) => text.includes('is lost')).length, 2);
  await trial.stop();
});

test('what a filter rejected is kept by the account of the router, and counted once', async () => {
  const trial = new Trial();
  trial.failDead = () => new OperatingError('JOURNAL_FULL', 'dead letters are full');
  await trial.start([trial.plan('x')]);
  trial.append(2, 'X');
  trial.append(1);
  await trial.settle();
  // The record behind them passed, and is done together with them.
  assert.deepEqual([trial.delivery.routerStatus().state, trial.delivery.routerStatus().waiting], ['stopped', 3]);
  assert.equal(trial.status().delivered, 1, 'outputs go on');
  await trial.stop();
  trial.failDead = () => undefined;
  await trial.start([trial.plan('x')]);
  await trial.settle();
  assert.deepEqual(trial.delivery.routerStatus().refused, { shouting: 2 });
  assert.deepEqual(
    trial.dead.map(({ output, tag, reason }) => [output, tag, reason]),
    [
      ['@router', 'X', 'shouting'],
      ['@router', 'X', 'shouting'],
    ],
  );
  await trial.stop();
});
