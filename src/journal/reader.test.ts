import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../core/batch.ts';
import { JournalFixture, appendOf, fixtureDirectory, readShard } from './journal-fixture.ts';

/** An append of one record of this many bytes. */
function large(n: number, bytes: number): ReturnType<typeof appendOf> {
  const payload = Buffer.alloc(bytes, n);
  return {
    ...appendOf([n]),
    records: { codec: codecs.msgpack, payloads: [payload], exact: [true], seconds: [n], nanos: [n] },
  };
}

test('frames larger and smaller than a slab are read whole, and stay as they are', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  const sizes = [10, 600_000, 3, 100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 2_000_000, 1];
  for (const [n, size] of sizes.entries()) await writer.append(large(n, size));
  const reader = await directory.reader(writer.shard);
  const blocks = [];
  for (let next = 0; next < sizes.length;) {
    const result = await reader.read(next, sizes.length, 50_000);
    blocks.push(...result.frames.map(({ block }) => block));
    next = result.next;
  }
  assert.equal(blocks.length, sizes.length);
  for (const [n, block] of blocks.entries()) {
    assert(block.encoded(0).equals(Buffer.alloc(sizes[n] as number, n)), `record ${n}`);
    assert.equal(block.parts.seconds[0], n);
    assert.equal(block.parts.exact[0], 1);
  }
});

test('reading follows the head without looking past the durable offset', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open({ segmentBytes: 1500 });
  const reader = await directory.reader(writer.shard);
  let next = 0;
  const seen: unknown[] = [];
  for (let n = 0; n < 200; n += 2) {
    await writer.append(appendOf([n]));
    const until = writer.durableOffset;
    // Already in the file, but not yet known to be durable.
    await writer.append(appendOf([n + 1]));
    const result = await reader.read(next, until, 1e6);
    assert.equal(result.next, until);
    assert.deepEqual(result.lost, []);
    for (const { block } of result.frames)
      for (let row = 0; row < block.count; row++) seen.push(block.fields(row)['n' as never]);
    next = result.next;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 199 }, (_, n) => n),
  );
  assert.deepEqual(await reader.read(next, next, 100), { frames: [], lost: [], next });
});

test('any offset can be asked for, forwards and backwards; its frame is given whole', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open({ segmentBytes: 700 });
  for (let n = 0; n < 60; n += 3) await writer.append(appendOf([n, n + 1, n + 2]));
  const reader = await directory.reader(writer.shard);
  for (const from of [31, 30, 0, 59, 32, 1, 58, 0]) {
    const { frames, next, lost } = await reader.read(from, 60, 1);
    assert.deepEqual(lost, []);
    assert.equal(frames.length, 1);
    assert.equal(frames[0]?.block.parts.firstOffset, from - (from % 3));
    assert.equal(next, from - (from % 3) + 3);
  }
});

test('frames with state only are passed over, keys and generations are given', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  await writer.append(appendOf([], { source: 'tail', state: { file: 1 } }));
  await writer.append(appendOf([1], { keys: ['a', 'b'], generation: 3 }));
  await writer.append(appendOf([], { source: 'tail', state: { file: 2 } }));
  const reader = await directory.reader(writer.shard);
  const { frames, next } = await reader.read(0, 1, 1e6);
  assert.equal(next, 1);
  assert.deepEqual(
    frames.map(({ keys, generation, tag }) => ({ keys, generation, tag })),
    [{ keys: ['a', 'b'], generation: 3, tag: 'app' }],
  );
});

test('damage at the head is lost up to the durable offset, and reading goes on with what follows', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  await writer.append(appendOf([0]));
  await writer.append(appendOf([1]));
  const path = `${fixtureDirectory}/${writer.shard}/0000000000000000.seg`;
  fixture.disk.flip(path, ((await fixture.disk.readFile(path)) as Buffer).indexOf('{"n":1}'));
  const reader = await directory.reader(writer.shard);
  const first = await reader.read(0, 2, 1e6);
  assert.deepEqual([first.frames.length, first.next, first.lost], [1, 2, [{ from: 1, to: 2, reason: 'corrupt' }]]);
  await writer.append(appendOf([2]));
  const second = await reader.read(2, 3, 1e6);
  assert.deepEqual([second.frames.length, second.next, second.lost], [1, 3, []]);
});

test('damage does not lead past the durable offset', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  for (const n of [0, 1, 2]) await writer.append(appendOf([n]));
  const path = `${fixtureDirectory}/${writer.shard}/0000000000000000.seg`;
  fixture.disk.flip(path, ((await fixture.disk.readFile(path)) as Buffer).indexOf('{"n":1}'));
  const reader = await directory.reader(writer.shard);
  const first = await reader.read(0, 2, 1e6);
  assert.deepEqual([first.frames.length, first.next, first.lost], [1, 2, [{ from: 1, to: 2, reason: 'corrupt' }]]);
  const second = await reader.read(2, 3, 1e6);
  assert.deepEqual([second.frames.length, second.next, second.lost], [1, 3, []]);
});

test('a frame whose checksum holds but whose parts do not fit is lost alone', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  const odd = appendOf([1]);
  await writer.append(appendOf([0]));
  await writer.append({ ...odd, records: { ...odd.records, codec: 77 as never } });
  await writer.append(appendOf([2]));
  await fixture.turns();
  assert.deepEqual(await readShard(directory, writer.shard), {
    texts: ['{"n":0}', '{"n":2}'],
    lost: [{ from: 1, to: 2, reason: 'corrupt' }],
  });
});

test('a missing segment in the middle is lost, its neighbours are read', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open({ segmentBytes: 500 });
  for (let n = 0; n < 30; n++) await writer.append(appendOf([n]));
  await fixture.turns();
  const path = `${fixtureDirectory}/${writer.shard}`;
  const [, second, third] = (await fixture.disk.list(path)).filter((name) => name.endsWith('.seg'));
  await fixture.disk.remove(`${path}/${second}`);
  const { texts, lost } = await readShard(directory, writer.shard);
  const [from, to] = [Number(second?.slice(0, 16)), Number(third?.slice(0, 16))];
  assert.deepEqual(lost, [{ from, to, reason: 'corrupt' }]);
  assert.equal(texts.length, 30 - (to - from));
});

test('a segment deleted under a reader that has it listed', async () => {
  const fixture = new JournalFixture();
  const { writer, directory, retain } = await fixture.open({ segmentBytes: 500 });
  for (let n = 0; n < 30; n++) await writer.append(appendOf([n]));
  const reader = await directory.reader(writer.shard);
  await reader.read(0, 30, 1);
  await reader.read(20, 30, 1);
  await retain(() => 18);
  const { lost } = await reader.read(0, 30, 1);
  assert.deepEqual(
    lost.map(({ from, reason }) => [from, reason]),
    [[0, 'deleted']],
  );
  await reader.close();
});
