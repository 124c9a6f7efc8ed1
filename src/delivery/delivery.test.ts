import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBuffer } from '../config/model.ts';
import type { Output } from '../core/plugin.ts';
import type { OutputPlan } from './contract.ts';
import { Trial, refuse, unreachable } from '../../test/delivery/trial.ts';
import type { Write } from '../../test/delivery/trial.ts';

function exactPlan(trial: Trial, more: Partial<Omit<OutputPlan, 'buffer'>> = {}): OutputPlan {
  let length = 0;
  return trial.plan('x', (ids) => void (length += ids.length), {
    ...more,
    create: (committed) => {
      length = (committed as { length: number } | undefined)?.length ?? 0;
      trial.happened.push(`x create ${JSON.stringify(committed)}`);
      return {
        ...trial.output('x', (ids) => void (length += ids.length)),
        open: async () => void trial.happened.push('x open'),
        commit: async () => {
          trial.happened.push(`x commit ${length}`);
          return { length };
        },
      };
    },
  });
}

test('an exactly-once output commits before its first write, and its state comes back with its cursor', async () => {
  const trial = new Trial();
  trial.append(2);
  await trial.start([exactPlan(trial)]);
  await trial.settle(600);
  assert.deepEqual(trial.happened, ['x create undefined', 'x open', 'x commit 0', 'x write 0 1', 'x commit 2']);
  trial.disk = trial.disk.kill();
  trial.happened.length = 0;
  await trial.start([exactPlan(trial)]);
  trial.append(1);
  await trial.settle();
  assert.deepEqual(trial.happened, ['x create {"length":2}', 'x open', 'x write 2']);
  await trial.stop();
});

test('retention is held back by what is committed, not by what is delivered', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x')]);
  trial.append(4);
  await trial.settle();
  assert.equal(trial.status().delivered, 4);
  assert.equal(trial.delivery.passed('s', 0), 0);
  await trial.settle(600);
  assert.equal(trial.delivery.passed('s', 0), 4);
  await trial.stop();
});

test('a cursor that cannot be committed is said once, tried again, and stops no delivery', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x')]);
  trial.disk.fail('sync', 'ENOSPC', 1000, 'cursors/x');
  for (let i = 0; i < 3; i++) {
    trial.append(1);
    await trial.settle(1000);
  }
  assert.equal(trial.status().delivered, 3);
  assert.equal(trial.said.filter((text) => text.includes('committing the cursor of output x')).length, 1);
  assert.equal(trial.delivery.passed('s', 0), 0);
  trial.disk.heal();
  await trial.settle(1000);
  assert.equal(trial.delivery.passed('s', 0), 3);
  await trial.stop();
});

test('an output that cannot be opened holds its records, and is tried again', async () => {
  const trial = new Trial();
  let failures = 2;
  const create = (): Output => ({
    ...trial.output('x'),
    open: async () => (failures-- > 0 ? unreachable() : undefined),
  });
  await trial.start([trial.plan('x', undefined, { create })]);
  trial.append(1);
  await trial.settle();
  assert.deepEqual([trial.status().state, trial.status().waiting, trial.happened], ['retrying', 1, []]);
  await trial.settle(4000);
  assert.deepEqual([trial.status().state, trial.happened], ['running', ['x write 0']]);
  await trial.stop();
});

test('a reload keeps an unchanged instance, and hands a changed one what was committed and what is held', async () => {
  const trial = new Trial();
  await trial.start([exactPlan(trial)]);
  trial.append(1);
  await trial.settle(600);
  trial.happened.length = 0;
  await trial.delivery.setOutputs([exactPlan(trial)]);
  trial.append(1);
  await trial.settle();
  assert.deepEqual(trial.happened, ['x write 1']);
  trial.happened.length = 0;
  const isDown = trial.delivery.setOutputs([exactPlan(trial, { signature: '2' })]);
  trial.append(1);
  await trial.settle();
  await isDown;
  await trial.settle();
  assert.deepEqual(trial.happened.slice(0, 4), ['x commit 2', 'x close', 'x create {"length":2}', 'x open']);
  assert.equal(trial.happened.at(-1), 'x write 2');
  await trial.stop();
});

test('a reload whose output cannot be made is gone back from', async () => {
  const trial = new Trial();
  await trial.start([exactPlan(trial)]);
  trial.append(1);
  await trial.settle(600);
  const create = (): Output => {
    throw new Error('no such plugin');
  };
  const failed = assert.rejects(
    trial.delivery.setOutputs([{ ...exactPlan(trial, { signature: '2' }), create }]),
    /no such/,
  );
  await trial.settle();
  await failed;
  trial.append(1);
  await trial.settle(600);
  assert.equal(trial.status().waiting, 1);
  await trial.delivery.setOutputs([exactPlan(trial)]);
  await trial.settle(600);
  assert.deepEqual([trial.status().state, trial.status().delivered, trial.status().waiting], ['running', 2, 0]);
  assert.deepEqual(
    trial.happened.filter((text) => text === 'x close'),
    ['x close'],
  );
  await trial.stop();
});

test('an output that cannot be committed stays as it is, and the reload fails instead of waiting for ever', async () => {
  const trial = new Trial();
  await trial.start([exactPlan(trial)]);
  trial.append(1);
  await trial.settle();
  trial.disk.fail('sync', 'ENOSPC', 1000, 'cursors/x');
  const failed = assert.rejects(
    trial.delivery.setOutputs([exactPlan(trial, { signature: '2' })]),
    /replacing output x: what it wrote cannot be committed: .*ENOSPC/,
  );
  await trial.settle(12_000);
  await failed;
  trial.disk.heal();
  await trial.delivery.setOutputs([exactPlan(trial)]);
  trial.append(1);
  await trial.settle(600);
  assert.deepEqual([trial.status().delivered, trial.status().waiting], [2, 0]);
  assert.equal(trial.happened.includes('x close'), false);
  await trial.stop();
});

test('a write that never ends is told to end before its instance is replaced', async () => {
  const trial = new Trial();
  const hang: Write = (_ids, _chunk, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  await trial.start([trial.plan('x', hang)]);
  trial.append(1);
  await trial.settle();
  const replaced = trial.delivery.setOutputs([trial.plan('x', undefined, { signature: '2' })]);
  await trial.settle(12_000);
  await replaced;
  await trial.settle(2000);
  assert.deepEqual(trial.happened, ['x write 0', 'x close', 'x write 0']);
  assert.equal(trial.status().delivered, 1);
  await trial.stop();
});

test('a removed output drains, is closed once it had nothing to do for a while, and can come back', async () => {
  const trial = new Trial();
  let isDown = true;
  const buffer = { retry: { ...defaultBuffer.retry, waitMsMax: 1000 } };
  await trial.start([trial.plan('x', () => (isDown ? unreachable() : undefined), { buffer }), trial.plan('y')]);
  trial.append(1);
  await trial.settle();
  await trial.delivery.setOutputs([trial.plan('y')]);
  await trial.settle(20_000);
  assert.equal(trial.status().waiting, 1);
  isDown = false;
  await trial.settle(3000);
  assert.deepEqual([trial.status().state, trial.status().waiting], ['draining', 0]);
  await trial.settle(12_000);
  assert.equal(trial.happened.at(-1), 'x close');
  assert.deepEqual(
    trial.delivery.status().map(({ id }) => id),
    ['y'],
  );
  await trial.stop();
  await trial.start([trial.plan('y')]);
  assert.deepEqual(trial.delivery.unfinished(), []);
  await trial.delivery.setOutputs([trial.plan('x'), trial.plan('y')]);
  assert.deepEqual(
    trial.delivery.status().map(({ id }) => id),
    ['x', 'y'],
  );
  trial.dispatcher.setRecipients(trial.delivery.recipients());
  trial.append(1);
  await trial.settle();
  assert.equal(trial.happened.at(-1), 'x write 1');
  assert.equal(trial.status().delivered, 2);
  await trial.stop();
});

test('an output that was removed while the program was down is known as unfinished, and drains when it is planned', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x', unreachable), trial.plan('y')]);
  trial.append(2);
  await trial.settle(600);
  await trial.stop();
  await trial.start([trial.plan('y')]);
  assert.deepEqual(trial.delivery.unfinished(), ['x']);
  assert.equal(trial.delivery.passed('s', 0), 0);
  await trial.delivery.drain([trial.plan('x')]);
  trial.dispatcher.setRecipients(trial.delivery.recipients());
  await trial.settle();
  assert.deepEqual([trial.status().state, trial.status().delivered], ['draining', 2]);
  await trial.stop();
});

test('dropping an output refuses what waits for it: held, unread, or of nobody who runs', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x', unreachable), trial.plan('y')], { queueBytesMax: 2000 });
  for (let i = 0; i < 10; i++) trial.append(1);
  await trial.settle();
  assert.equal(trial.delivery.dropOutput('nobody'), false);
  assert.equal(trial.delivery.dropOutput('x'), true);
  await trial.settle(3000);
  assert.deepEqual([trial.status().refused, trial.status().waiting], [{ output_dropped: 10 }, 0]);
  trial.append(1);
  await trial.settle(600);
  assert.equal(trial.status().waiting, 1, 'what comes later is not dropped');
  await trial.stop();
  await trial.start([trial.plan('y')]);
  assert.equal(trial.delivery.dropOutput('x'), true);
  await trial.settle(600);
  assert.deepEqual(trial.delivery.unfinished(), []);
  assert.equal(trial.delivery.passed('s', 0), 11);
  await trial.stop();
});

test('drop_oldest gives up what only such outputs hold back', async () => {
  const trial = new Trial();
  let isDown = true;
  await trial.start([
    trial.plan('x', unreachable, { buffer: { overflow: 'drop_oldest' } }),
    trial.plan('y', () => (isDown ? unreachable() : undefined)),
  ]);
  trial.append(1, 'y');
  for (let i = 0; i < 5; i++) trial.append(1);
  await trial.settle(600);
  assert.equal(trial.delivery.dropOldest('s', 4), false, 'y holds them back too');
  isDown = false;
  await trial.settle(3000);
  assert.equal(trial.delivery.dropOldest('s', 4), true);
  await trial.settle(3000);
  assert.deepEqual(trial.status().refused, { overflow: 3 });
  assert.equal(trial.delivery.passed('s', 0), 4);
  assert.equal(trial.status().waiting, 2);
  await trial.stop();
});

test('stopping waits for what outputs take in time, ends what hangs, and says what is left', async () => {
  const trial = new Trial();
  const buffer = { flushMode: 'interval', flushIntervalMs: 60_000 } as const;
  let wasTold = false;
  await trial.start([
    trial.plan('x', undefined, { buffer }),
    trial.plan('y', (_ids, _chunk, signal) => {
      signal.addEventListener('abort', () => {
        wasTold = true;
      });
      return new Promise(() => undefined);
    }),
  ]);
  trial.append(2);
  trial.append(3, 'y');
  await trial.settle();
  assert.deepEqual(await trial.stop(5000), [{ id: 'y', waiting: 3 }]);
  assert.ok(trial.happened.includes('x write 0 1'));
  assert.ok(wasTold);
});

test('a cursor that was damaged is said and set aside, and its output starts with the oldest record', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x')]);
  trial.append(2);
  await trial.settle(600);
  await trial.stop();
  for (const name of await trial.disk.list('/d/cursors'))
    if (name.startsWith('x')) trial.disk.flip(`/d/cursors/${name}`, 30);
  await trial.start([trial.plan('x')]);
  await trial.settle();
  assert.deepEqual(
    trial.happened.filter((what) => what.includes('write')),
    ['x write 0 1', 'x write 0 1'],
  );
  assert.ok(trial.said.some((text) => text.startsWith('error reading the cursor of output x')));
  await trial.stop();
});

test('cursors forget shards that the journal no longer has', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x')]);
  trial.append(1);
  await trial.settle(600);
  await trial.stop();
  trial.journal.seal('s');
  await trial.journal.retain(() => 1);
  await trial.start([trial.plan('x')]);
  const text = async (): Promise<string> =>
    Buffer.concat(
      await Promise.all([0, 1].map(async (slot) => (await trial.disk.readFile(`/d/cursors/x.${slot}`)) ?? Buffer.of())),
    ).toString();
  assert.match(await text(), /"s":\{"start"/);
  await trial.settle(61_000);
  trial.journal.append('u', 'x', ['{}']);
  await trial.settle(1000);
  trial.journal.append('u', 'x', ['{}']);
  await trial.settle(1000);
  assert.doesNotMatch(await text(), /"s":\{"start"/);
  await trial.stop();
});

test('what happens is there to be scraped', async () => {
  const trial = new Trial();
  let tries = 0;
  await trial.start([
    trial.plan('x', (ids) => (tries++ === 0 ? unreachable() : ids.includes('1') ? refuse() : undefined)),
  ]);
  trial.append(2);
  trial.append(1, 'X');
  await trial.settle(1500);
  const text = await trial.metrics.registry.metrics();
  for (const line of [
    'records_delivered_total{output="x"} 1',
    'output_records_refused_total{output="x",reason="OUTPUT_REFUSED: bad record"} 1',
    'output_records_refused_total{output="@router",reason="shouting"} 1',
    'output_retries_total{output="x"} 1',
    'output_lag_records{output="x"} 0',
    'output_write_seconds_count{output="x"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), `${line} is not in\n${text}`);
  await trial.stop();
});
