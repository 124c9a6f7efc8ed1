import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../core/batch.ts';
import { OperatingError } from '../core/errors.ts';
import { JournalFixture, appendOf, fixtureDirectory, readShard } from './journal-fixture.ts';
import { SpaceBudget } from './space.ts';
import { openWriter } from './writer.ts';

/** Matches an operating error of this code. */
function code(wanted: string): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof OperatingError, String(error));
    assert.equal(error.code, wanted, error.message);
    return true;
  };
}

test('64 callers share a commit and a frame, and are told their own offsets', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  let commits = 0;
  writer.onDurable((shard, durableOffset) => {
    commits++;
    directory.noteDurable(shard, durableOffset);
  });
  const offsets = await Promise.all(Array.from({ length: 64 }, (_, n) => writer.append(appendOf([n]))));
  assert.deepEqual(
    offsets,
    Array.from({ length: 64 }, (_, n) => n),
  );
  assert.equal(commits, 1);
  assert.equal(writer.durableOffset, 64);
  await fixture.turns();
  const reader = await directory.reader(writer.shard);
  const { frames } = await reader.read(0, 64, 1e6);
  assert.deepEqual(
    frames.map(({ block }) => block.count),
    [64],
  );
  assert.deepEqual(frames[0]?.block.fields(63), { n: 63 });
});

test('an append without records resolves with the next offset and keeps its state', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  await writer.append(appendOf([1, 2]));
  assert.equal(await writer.append(appendOf([], { source: 'tail', state: { file: { at: 7 } } })), 2);
  assert.deepEqual(writer.state.get('tail')?.get('file'), { at: 7 });
  await writer.append(appendOf([], { source: 'tail', state: { file: null } }));
  assert(!writer.state.get('tail')?.has('file'));
});

test('interval appends wait for the clock, for somebody urgent, or for enough bytes', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  let answered = 0;
  const send = (request: Parameters<typeof writer.append>[0]): Promise<void> =>
    writer.append({ ...request, sync: 'interval' }).then(() => {
      answered++;
    });
  const first = send(appendOf([1]));
  fixture.clock.advance(199);
  await fixture.turns();
  assert.equal(answered, 0);
  fixture.clock.advance(1);
  await first;

  const second = send(appendOf([2]));
  await fixture.turns();
  assert.equal(answered, 1);
  await writer.append(appendOf([3]));
  await second;

  const large = appendOf([4]);
  await send({ ...large, records: { ...large.records, payloads: [`{"n":"${'x'.repeat(300_000)}"}`] } });
  assert.equal(answered, 3);
});

test('a timer that finds nothing to do does not stop the writer', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  const waiting = writer.append(appendOf([1], { sync: 'interval' }));
  await writer.append(appendOf([2]));
  await waiting;
  fixture.clock.advance(1000);
  assert.equal(await writer.append(appendOf([3])), 2);
});

test('RECORD_TOO_LARGE refuses one append alone', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  const limit = 16 * 1024 * 1024;
  const one = (payload: string | Uint8Array): ReturnType<typeof appendOf> => ({
    ...appendOf([1]),
    records: { codec: codecs.json, payloads: [payload], exact: [false], seconds: [0], nanos: [0] },
  });
  const fine = writer.append(appendOf([1]));
  await assert.rejects(writer.append(one('x'.repeat(limit + 1))), code('RECORD_TOO_LARGE'));
  await assert.rejects(writer.append(one('é'.repeat(limit / 2 + 1))), code('RECORD_TOO_LARGE'));
  assert.equal(await fine, 0);
  assert.equal(await writer.append(one(new Uint8Array(limit))), 1);
  const many = Array.from({ length: 5 }, () => new Uint8Array(limit - 1));
  const together = { ...one(''), records: { ...one('').records, payloads: many } };
  await assert.rejects(writer.append(together), code('RECORD_TOO_LARGE'));
});

test('JOURNAL_FULL before anything is written when the space is used up', async () => {
  const fixture = new JournalFixture();
  const space = new SpaceBudget(300);
  const writer = await openWriter({ ...fixture.options(), space });
  await writer.append(appendOf([1]));
  await writer.append(appendOf([2]));
  const used = fixture.disk.usedBytes();
  await assert.rejects(writer.append(appendOf([3])), code('JOURNAL_FULL'));
  await fixture.turns();
  assert.equal(fixture.disk.usedBytes(), used);
  space.set(1000);
  assert.equal(await writer.append(appendOf([4])), 2);
});

test('a failed sync rejects its batch, and writing goes on in a new shard without syncing the old file again', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open();
  const old = writer.shard;
  const told: string[] = [];
  writer.onDurable((shard, durableOffset) => {
    told.push(`${shard}:${durableOffset}`);
    directory.noteDurable(shard, durableOffset);
  });
  await writer.append(appendOf([1], { source: 'tail', state: { file: 1 } }));
  fixture.disk.fail('sync', 'EIO');
  const lost = [writer.append(appendOf([2], { source: 'tail', state: { file: 2 } })), writer.append(appendOf([3]))];
  for (const one of lost) await assert.rejects(one, code('JOURNAL_WRITE'));
  assert.equal(writer.state.get('tail')?.get('file'), 1);
  assert.equal(await writer.append(appendOf([4])), 0);
  assert.notEqual(writer.shard, old);
  assert.deepEqual(told, [`${old}:1`, `${writer.shard}:0`, `${writer.shard}:1`]);
  assert.deepEqual(fixture.disk.violations, []);
  await fixture.turns(40);
  assert.deepEqual((await readShard(directory, old)).texts, ['{"n":1}']);
  assert.deepEqual((await readShard(directory, writer.shard)).texts, ['{"n":4}']);
  const [oldShard] = directory.shards();
  assert.deepEqual([oldShard?.shard, oldShard?.isSealed, oldShard?.durableOffset], [old, true, 1]);

  fixture.disk = fixture.disk.kill();
  const again = await fixture.open();
  assert.deepEqual((await readShard(again.directory, old)).texts, ['{"n":1}'], 'what was rejected must stay away');
  assert.equal(again.writer.state.get('tail')?.get('file'), 1);
});

test('a full disk answers JOURNAL_FULL, is asked again after a while, and writing goes on by itself', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open({ reserveBytes: 0 });
  await writer.append(appendOf([1]));
  fixture.disk.capacityBytes = fixture.disk.usedBytes() + 50;
  await assert.rejects(writer.append(appendOf([2])), code('JOURNAL_FULL'));
  await assert.rejects(writer.append(appendOf([3])), code('JOURNAL_FULL'));
  fixture.disk.capacityBytes = 1e9;
  // Within the waiting time it is not even tried.
  await assert.rejects(writer.append(appendOf([4])), code('JOURNAL_FULL'));
  fixture.clock.advance(100);
  assert.equal(await writer.append(appendOf([5])), 0);
});

test('a start on a full disk opens, and takes records when there is room', async () => {
  const fixture = new JournalFixture();
  fixture.disk.capacityBytes = 10;
  const writer = await openWriter(fixture.options());
  await assert.rejects(writer.append(appendOf([1])), code('JOURNAL_FULL'));
  fixture.disk.capacityBytes = 1e9;
  fixture.clock.advance(5000);
  assert.equal(await writer.append(appendOf([2])), 0);
});

test('a directory that cannot be written is DATA_DIR_UNUSABLE at start', async () => {
  const fixture = new JournalFixture();
  fixture.disk.fail('makeDirectory', 'EACCES');
  await assert.rejects(openWriter(fixture.options()), code('DATA_DIR_UNUSABLE'));
});

test('close waits for what is pending, then refuses, and leaves an end that needs no reading', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  const pending = [writer.append(appendOf([1])), writer.append(appendOf([2], { sync: 'interval' }))];
  await writer.close();
  assert.deepEqual(await Promise.all(pending), [0, 1]);
  await assert.rejects(writer.append(appendOf([3])), code('JOURNAL_CLOSED'));
  const end = JSON.parse(String(await fixture.disk.readFile(`${fixtureDirectory}/${writer.shard}/end.json`))) as object;
  assert.deepEqual(
    { ...end, bytes: 0 },
    {
      version: 1,
      durableOffset: 2,
      segment: 0,
      bytes: 0,
      sequence: 3,
      reason: 'closed',
      state: [],
    },
  );
});

test('a failing end does not fail close: the next start reads the shard', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  await writer.append(appendOf([1]));
  fixture.disk.fail('write', 'EIO', 3);
  await writer.close();
  fixture.disk = fixture.disk.kill();
  const again = await fixture.open();
  assert.deepEqual((await readShard(again.directory, writer.shard)).texts, ['{"n":1}']);
});

test('segments are finished at their size, and each starts with the state of all sources', async () => {
  const fixture = new JournalFixture();
  const { writer, directory } = await fixture.open({ segmentBytes: 1000 });
  for (let n = 0; n < 30; n++) await writer.append(appendOf([n], { source: 'tail', state: { file: n } }));
  const names = (await fixture.disk.list(`${fixtureDirectory}/${writer.shard}`)).filter((name) =>
    name.endsWith('.seg'),
  );
  assert(names.length > 2, names.join());
  // Only the newest segment: its snapshot must do.
  for (const name of names.slice(0, -1)) await fixture.disk.remove(`${fixtureDirectory}/${writer.shard}/${name}`);
  const { shard } = writer;
  assert.equal((await readShard(directory, shard, 29)).texts.at(-1), '{"n":29}');
  fixture.disk = fixture.disk.kill();
  const again = await fixture.open();
  assert.equal(again.writer.state.get('tail')?.get('file'), 29);
});
