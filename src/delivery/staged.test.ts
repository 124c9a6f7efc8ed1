import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trial } from '../../test/delivery/trial.ts';

/** Chunks of ten minutes: FakeClock begins at 1,700,000,000 s, with 400 s left of one. */
const byTime = {
  chunkKeys: ['time'],
  timekeySeconds: 600,
  timekeyWaitMs: 0,
  timezone: 'UTC',
  flushMode: 'lazy',
  flushAtShutdown: false,
} as const;
const untilEndMs = 400_000;
const segment = '/d/staged/x/00000001.staged';

async function until(trial: Trial, isThere: () => boolean): Promise<void> {
  while (!isThere()) await trial.settle();
}
async function staged(trial: Trial): Promise<readonly string[]> {
  return trial.disk.list('/d/staged/x');
}

test('a chunk that stays open is staged after a minute: the journal may forget its records, which are written in their time', async () => {
  const trial = new Trial();
  const plan = trial.plan('x', undefined, { buffer: byTime });
  await trial.start([plan]);
  trial.append(3);
  await trial.settle(50_000);
  assert.deepEqual(await staged(trial), []);
  assert.equal(trial.delivery.passed('s', 0), 0);
  await trial.settle(12_000);
  assert.deepEqual(await staged(trial), ['00000001.staged']);
  assert.equal(trial.delivery.passed('s', 0), 3);
  assert.deepEqual([trial.status().waiting, trial.status().queuedBytes, trial.happened], [3, 0, []]);
  trial.append(2);
  assert.deepEqual(await trial.stop(), [{ id: 'x', waiting: 5 }]);
  // What was not staged is read again; what was is not.
  await trial.start([plan]);
  await trial.settle(untilEndMs - 62_000 - 3000 - 1000);
  assert.deepEqual([trial.happened, trial.status().waiting], [['x close'], 5]);
  await trial.settle(5000);
  assert.deepEqual(trial.happened.slice(1), ['x write 0 1 2 3 4']);
  assert.deepEqual([trial.status().delivered, trial.status().waiting], [5, 0]);
  assert.deepEqual(await staged(trial), []);
  await trial.stop();
});

test('with ever new keys the older half of the chunks is staged instead of written in crumbs', async () => {
  const trial = new Trial();
  const buffer = { chunkKeys: ['n'], flushMode: 'interval', flushIntervalMs: 30_000 } as const;
  await trial.start([trial.plan('x', undefined, { buffer })]);
  trial.append(400);
  await trial.settle(2000);
  assert.deepEqual(trial.happened, []);
  assert.equal(trial.status().waiting, 400);
  await trial.settle(60_000);
  assert.equal(trial.happened.length, 400);
  assert.equal(new Set(trial.happened).size, 400);
  assert.equal(trial.status().waiting, 0);
  await trial.stop();
});

test('without room, or where the disk fails, chunks are written before their time, which is said', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x', undefined, { buffer: byTime })], { stagedBytesMax: 1 });
  trial.append(2);
  await trial.settle(61_000);
  assert.deepEqual(trial.happened, ['x write 0 1']);
  assert.match(trial.said.join('\n'), /^warn staging chunks of output x: staged chunks have 0 of 1 bytes/m);
  await trial.stop();

  const broken = new Trial();
  await broken.start([broken.plan('x', undefined, { buffer: byTime })]);
  broken.append(2);
  broken.disk.fail('sync', 'EIO', 1, 'staged');
  await broken.settle(61_000);
  assert.deepEqual(broken.happened, ['x write 0 1']);
  broken.append(1);
  await broken.settle(62_000);
  assert.equal(broken.status().waiting, 1);
  assert.deepEqual(broken.disk.violations, []);
  await broken.stop();
});

test('damage costs the records it hits, which are counted and their bytes kept', async () => {
  const trial = new Trial();
  const plan = trial.plan('x', undefined, { buffer: byTime });
  await trial.start([plan]);
  for (let round = 0; round < 3; round++) {
    trial.append(2);
    await trial.settle(61_000);
  }
  await trial.stop();
  const bytes = (await trial.disk.readFile(segment)) as Buffer;
  const frames = [...bytes.toString('latin1').matchAll(/P2LF/g)].map(({ index }) => index);
  assert.equal(frames.length, 3);
  // The head of the second frame, and the last record of the third.
  trial.disk.flip(segment, (frames[1] as number) + 30);
  trial.disk.flip(segment, bytes.length - 1);
  await trial.start([plan]);
  await trial.settle(untilEndMs);
  assert.deepEqual(trial.happened.slice(1), ['x write 0 1']);
  const { refused, delivered, waiting } = trial.status();
  assert.deepEqual({ refused, delivered, waiting }, { refused: { corrupt: 4 }, delivered: 2, waiting: 0 });
  assert.equal((await trial.disk.list('/d/quarantine')).length, 2);
  assert.match(trial.said.join('\n'), /00000001\.staged is damaged/);
  await trial.stop();
});

test('without its cursor an output still delivers what was staged', async () => {
  const trial = new Trial();
  const plan = trial.plan('x', undefined, { buffer: byTime });
  await trial.start([plan]);
  trial.append(2);
  await trial.settle(62_000);
  await trial.journal.retain((shard) => trial.delivery.passed(shard, 0));
  await trial.stop();
  for (const name of await trial.disk.list('/d/cursors'))
    if (name.startsWith('x.')) await trial.disk.remove(`/d/cursors/${name}`);
  await trial.start([plan]);
  await trial.settle(untilEndMs);
  assert.deepEqual(trial.happened.slice(1), ['x write 0 1']);
  assert.match(trial.said.join('\n'), /2 staged records of output x are found without a cursor/);
  await trial.stop();
});

test('an output that is dropped refuses what it staged; one that is removed delivers it at once', async () => {
  const trial = new Trial();
  await trial.start([trial.plan('x', undefined, { buffer: byTime })]);
  trial.append(2);
  await trial.settle(62_000);
  assert.equal(trial.delivery.dropOutput('x'), true);
  await trial.settle(1000);
  assert.deepEqual([trial.status().refused, trial.status().waiting], [{ output_dropped: 2 }, 0]);
  trial.append(2);
  await trial.settle(62_000);
  await trial.delivery.setOutputs([]);
  await trial.settle(1000);
  assert.deepEqual(trial.happened, ['x write 2 3']);
  await trial.stop();
});

for (const compress of ['gzip', 'zstd'] as const)
  test(`staged chunks are packed with ${compress} where the configuration says so, and read as they were written`, async () => {
    const trial = new Trial();
    const plan = trial.plan('x', undefined, { buffer: { ...byTime, compress } });
    await trial.start([plan]);
    trial.append(500);
    await trial.settle(62_000);
    // Packing is done by threads of their own.
    await until(trial, () => trial.status().queuedBytes === 0);
    const size = (await trial.disk.stat(segment))?.size ?? 0;
    assert.ok(size > 0 && size < 500 * 10, `500 records in ${size} bytes`);
    await trial.stop();
    // Other settings do not matter for what lies there.
    await trial.start([trial.plan('x', undefined, { buffer: byTime })]);
    await trial.settle(untilEndMs);
    await until(trial, () => trial.status().waiting === 0);
    assert.equal(trial.status().delivered, 500);
    assert.equal(trial.happened.at(-1)?.split(' ').length, 502);
    await trial.stop();
  });

test('a packed frame that is damaged costs its records alone', async () => {
  const trial = new Trial();
  const plan = trial.plan('x', undefined, { buffer: { ...byTime, compress: 'gzip' } });
  await trial.start([plan]);
  for (let round = 0; round < 2; round++) {
    trial.append(2);
    await trial.settle(61_000);
    await until(trial, () => trial.status().queuedBytes === 0);
  }
  await trial.stop();
  const bytes = (await trial.disk.readFile(segment)) as Buffer;
  trial.disk.flip(segment, bytes.length - 1);
  await trial.start([plan]);
  await trial.settle(untilEndMs);
  await until(trial, () => trial.status().waiting === 0);
  assert.deepEqual([trial.status().refused, trial.status().delivered], [{ corrupt: 2 }, 2]);
  await trial.stop();
});
