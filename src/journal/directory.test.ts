import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDirectory } from './directory.ts';
import { JournalFixture, appendOf, fixtureDirectory, readShard } from './journal-fixture.ts';
import type { JournalWriter } from './contract.ts';
import { openWriter } from './writer.ts';

test('a writer of another process is followed by its news', async () => {
  const fixture = new JournalFixture();
  const directory = await openDirectory(fixture.options());
  let changes = 0;
  directory.onChange(() => changes++);
  const writer = await openWriter(fixture.options());
  writer.onDurable((shard, durableOffset) => directory.noteDurable(shard, durableOffset));
  await writer.append(appendOf([1]));
  await writer.append(appendOf([2]));
  await fixture.turns(40);
  assert.deepEqual(directory.shards(), [
    { shard: writer.shard, firstOffset: 0, durableOffset: 2, isSealed: false, bytes: directory.totalBytes() },
  ]);
  assert(directory.totalBytes() > 0);
  assert(changes > 0);
  assert.deepEqual((await readShard(directory, writer.shard)).texts, ['{"n":1}', '{"n":2}']);
  // Old news and no shards change nothing.
  directory.noteDurable(writer.shard, 1);
  directory.noteDurable('nonsense', 5);
  assert.equal(directory.shards()[0]?.durableOffset, 2);
});

test('changes are told once a turn, and not after close', async () => {
  const fixture = new JournalFixture();
  const { directory, writer } = await fixture.open();
  await fixture.turns();
  let changes = 0;
  directory.onChange(() => changes++);
  for (let offset = 1; offset < 50; offset++) directory.noteDurable(writer.shard, offset);
  assert.equal(changes, 0);
  await fixture.turns(2);
  assert.equal(changes, 1);
  directory.noteDurable(writer.shard, 51);
  await directory.close();
  await fixture.turns(2);
  assert.equal(changes, 1);
});

test('a directory that opens beside living writers leaves their shards open, and seals them when told', async () => {
  const fixture = new JournalFixture();
  const writer = await openWriter(fixture.options());
  for (let n = 0; n < 5; n++) await writer.append(appendOf([n]));
  const directory = await openDirectory(fixture.options({ live: async () => new Set(writer.living) }));
  const before = directory.shards()[0];
  assert.equal(before?.isSealed, false);
  // As far as the frames themselves prove it: each says what was durable before it.
  assert.equal(before?.durableOffset, 4);
  await writer.append(appendOf([5]));
  await directory.sealLeft('test', async () => new Set(writer.living));
  await directory.sealLeft('another', async () => new Set());
  assert.equal(directory.shards()[0]?.isSealed, false);
  await directory.sealLeft('test', async () => new Set());
  assert.deepEqual((await readShard(directory, writer.shard)).texts.length, 6);
  assert.equal(directory.shards()[0]?.isSealed, true);
  await directory.sealLeft('test', async () => new Set());
});

test('what a process left is found although nobody told of it', async () => {
  const fixture = new JournalFixture();
  const directory = await openDirectory(fixture.options());
  const writer = await openWriter(fixture.options());
  await writer.append(appendOf([1, 2]));
  await directory.sealLeft('test', async () => new Set());
  assert.deepEqual((await readShard(directory, writer.shard)).texts, ['{"n":1}', '{"n":2}']);
  assert.equal(directory.shards()[0]?.isSealed, true);
});

test('a shard that is made, grown or ended while it is asked who lives is not cut', async () => {
  const fixture = new JournalFixture();
  const gone = await openWriter(fixture.options({ segmentBytes: 300 }));
  await gone.append(appendOf([1]));
  const closed = await openWriter(fixture.options());
  await closed.append(appendOf([10]));
  let late: JournalWriter | undefined;
  const directory = await openDirectory(
    fixture.options({
      live: async () => {
        for (let n = 2; n < 9; n++) await gone.append(appendOf([n]));
        await closed.append(appendOf([11]));
        await closed.close();
        late = await openWriter(fixture.options());
        await late.append(appendOf([20]));
        return new Set(late.living);
      },
    }),
  );
  const texts = async (shard: string): Promise<number> => (await readShard(directory, shard)).texts.length;
  assert.equal(await texts(gone.shard), 8);
  assert.equal(await texts(closed.shard), 2);
  assert(late);
  await late.append(appendOf([21]));
  directory.noteDurable(late.shard, late.durableOffset);
  await fixture.turns(40);
  const shown = directory.shards().find(({ shard }) => shard === late?.shard);
  assert.equal(shown?.isSealed, false);
  assert.equal(await texts(late.shard), 2);
});

test('sealing takes the end that the writer recorded itself', async () => {
  const fixture = new JournalFixture();
  const directory = await openDirectory(fixture.options());
  const writer = await openWriter(fixture.options());
  directory.noteDurable(writer.shard, 0);
  await writer.append(appendOf([1]));
  await writer.close();
  await directory.sealLeft('test', async () => new Set());
  assert.equal(directory.shards()[0]?.isSealed, true);
  assert.deepEqual((await readShard(directory, writer.shard)).texts, ['{"n":1}']);
});

test('what all have passed is deleted, and a shard that ended goes as a whole', async () => {
  const fixture = new JournalFixture();
  const first = await fixture.open({ segmentBytes: 500 });
  for (let n = 0; n < 20; n++) await first.writer.append(appendOf([n], { source: 'tail', state: { file: n } }));
  const old = first.writer.shard;
  await first.retain(() => 0);
  const before = first.directory.totalBytes();
  await first.retain(() => 7);
  const [info] = first.directory.shards();
  assert(info && info.firstOffset > 0 && info.firstOffset <= 7);
  assert(first.directory.totalBytes() < before);
  assert.deepEqual((await readShard(first.directory, old)).lost, [
    { from: 0, to: info.firstOffset, reason: 'deleted' },
  ]);
  assert.equal((await readShard(first.directory, old, 7)).texts.length, 13);
  await first.close();

  const second = await fixture.open();
  await second.retain(() => 20);
  await fixture.turns();
  assert.deepEqual(
    second.directory.shards().map(({ shard }) => shard),
    [second.writer.shard],
  );
  assert.equal(await fixture.disk.stat(`${fixtureDirectory}/${old}`), undefined);
  assert.equal(second.writer.state.get('tail')?.get('file'), 19, 'its state lives on');
  await second.close();
  assert.equal((await fixture.open()).writer.state.get('tail')?.get('file'), 19);
});

test('the last segment of an ended shard stays as long as no newer snapshot holds its state', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  await writer.append(appendOf([1], { source: 'tail', state: { file: 1 } }));
  await writer.close();
  const directory = await openDirectory(fixture.options());
  await directory.retain(() => 10);
  assert.deepEqual(
    directory.shards().map(({ shard }) => shard),
    [writer.shard],
  );
  const next = await openWriter(fixture.options());
  directory.noteDurable(next.shard, 0);
  await fixture.turns(20);
  await directory.retain(() => 10);
  assert.deepEqual(
    directory.shards().map(({ shard }) => shard),
    [next.shard],
  );
});

test('records younger than keepMs stay until the limit is reached', async () => {
  const fixture = new JournalFixture();
  const { writer, retain, directory } = await fixture.open({ segmentBytes: 500, keepMs: 60_000, limitBytes: 3000 });
  for (let n = 0; n < 10; n++) await writer.append(appendOf([n]));
  await retain(() => 10);
  assert.equal(directory.shards()[0]?.firstOffset, 0);
  for (let n = 10; n < 20; n++) await writer.append(appendOf([n]));
  await retain(() => 20);
  const forced = directory.shards()[0]?.firstOffset as number;
  assert(forced > 0);
  assert(directory.totalBytes() <= 3000);
  fixture.clock.advance(60_000);
  await retain(() => 20);
  assert((directory.shards()[0]?.firstOffset as number) > forced);
});

test('what may still be written follows the limit, the disk and what was deleted', async () => {
  const fixture = new JournalFixture();
  const { writer, retain, space, directory } = await fixture.open({
    limitBytes: 4000,
    segmentBytes: 500,
    reserveBytes: 100,
  });
  while (space.take(300)) await writer.append(appendOf([1])).catch(() => {});
  await retain(() => 0);
  const full = space.leftBytes;
  await retain(() => writer.durableOffset);
  assert(space.leftBytes > full);
  fixture.disk.capacityBytes = fixture.disk.usedBytes() + 150;
  assert.equal(await directory.leftBytes(100), 50);
  assert.equal(await directory.leftBytes(1000), 0);
});

test('a failing disk while deleting is passed on, and the next try goes on', async () => {
  const fixture = new JournalFixture();
  const { writer, retain, directory } = await fixture.open({ segmentBytes: 500 });
  for (let n = 0; n < 20; n++) await writer.append(appendOf([n]));
  fixture.disk.fail('syncDirectory', 'EIO');
  await assert.rejects(retain(() => 20));
  await retain(() => 20);
  assert((directory.shards()[0]?.firstOffset as number) > 10);
});
