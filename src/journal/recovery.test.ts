import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../core/errors.ts';
import { JournalFixture, appendOf, fixtureDirectory, readShard } from './journal-fixture.ts';
import { findShards, recoverState } from './recovery.ts';
import { segmentHeaderBytes } from './segment.ts';

/** A journal that wrote `count` appends of one record with state, and was killed. */
async function killed(
  count: number,
  segmentBytes = 1e6,
): Promise<{ fixture: JournalFixture; shard: string; path: string }> {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open({ segmentBytes });
  for (let n = 0; n < count; n++) await writer.append(appendOf([n], { source: 'tail', state: { file: n } }));
  fixture.disk = fixture.disk.kill();
  return { fixture, shard: writer.shard, path: `${fixtureDirectory}/${writer.shard}` };
}

async function overwrite(fixture: JournalFixture, path: string, text: string): Promise<void> {
  const file = await fixture.disk.open(path, 'write');
  await file.truncate(0);
  await file.write([Buffer.from(text)], 0);
}

test('a killed shard is read, sealed, and not read again', async () => {
  const { fixture, shard, path } = await killed(5);
  const { directory, writer } = await fixture.open();
  assert.deepEqual((await readShard(directory, shard)).texts.length, 5);
  const found = directory.shards().find((one) => one.shard === shard);
  assert(found?.isSealed);
  assert.equal(writer.state.get('tail')?.get('file'), 4);
  const end = JSON.parse(String(await fixture.disk.readFile(`${path}/end.json`))) as Record<string, unknown>;
  assert.deepEqual([end['durableOffset'], end['reason']], [5, 'recovered']);
  // Were it read again, the cut would show.
  await overwrite(fixture, `${path}/0000000000000000.seg`, '');
  fixture.disk = fixture.disk.kill();
  const again = await fixture.open();
  assert.equal(again.directory.shards().find((one) => one.shard === shard)?.durableOffset, 5);
  assert.equal(again.writer.state.get('tail')?.get('file'), 4);
});

test('a torn tail is cut without loss, at every length', async () => {
  const { fixture: first, path } = await killed(3);
  const whole = (await first.disk.readFile(`${path}/0000000000000000.seg`)) as Buffer;
  for (let length = whole.length - 1; length > whole.length - 120; length -= 7) {
    const { fixture, shard, path } = await killed(3);
    const file = await fixture.disk.open(`${path}/0000000000000000.seg`, 'write');
    await file.truncate(length);
    // Zeros behind it, as a file system leaves that had grown the file already.
    await file.write([Buffer.alloc(50)], length);
    const { directory, writer } = await fixture.open();
    assert.deepEqual(await readShard(directory, shard), { texts: ['{"n":0}', '{"n":1}'], lost: [] });
    assert.equal(writer.state.get('tail')?.get('file'), 1);
    assert.deepEqual(await fixture.disk.list('/p2l/quarantine'), []);
  }
});

test('damage before whole frames is kept and counted once, its offsets are reported, its neighbours survive', async () => {
  const { fixture, shard, path } = await killed(5);
  const bytes = (await fixture.disk.readFile(`${path}/0000000000000000.seg`)) as Buffer;
  const at = bytes.indexOf('{"n":2}');
  fixture.disk.flip(`${path}/0000000000000000.seg`, at);
  const { directory } = await fixture.open();
  for (let reads = 0; reads < 2; reads++)
    assert.deepEqual(await readShard(directory, shard), {
      texts: ['{"n":0}', '{"n":1}', '{"n":3}', '{"n":4}'],
      lost: [{ from: 2, to: 3, reason: 'corrupt' }],
    });
  const kept = await fixture.disk.list('/p2l/quarantine');
  assert.equal(kept.length, 2);
  const raw = (await fixture.disk.readFile(`/p2l/quarantine/${kept[0]}`)) as Buffer;
  const note = JSON.parse(String(await fixture.disk.readFile(`/p2l/quarantine/${kept[1]}`))) as Record<string, number>;
  const position = note['position'] as number;
  assert.deepEqual(
    [note['shard'], note['segment'], note['bytes'], note['reason']],
    [shard, 0, raw.length, 'bad frame'],
  );
  assert.equal(raw[at - position], (bytes[at] as number) ^ 0xff);
  const counted = await fixture.metrics.registry.getSingleMetric('journal_quarantined_total')?.get();
  assert.equal(counted?.values[0]?.value, 1);
});

test('a damaged header or snapshot of the last segment costs nothing', async () => {
  for (const place of [10, segmentHeaderBytes + 20]) {
    const { fixture, shard, path } = await killed(20, 700);
    const last = (await fixture.disk.list(path)).findLast((name) => name.endsWith('.seg')) as string;
    assert.notEqual(last, '0000000000000000.seg');
    fixture.disk.flip(`${path}/${last}`, place);
    const { directory, writer } = await fixture.open();
    assert.equal((await readShard(directory, shard)).texts.length, 20);
    assert.equal(writer.state.get('tail')?.get('file'), 19);
  }
});

test('a last segment that was only begun ends the shard where it starts', async () => {
  const { fixture, shard, path } = await killed(3);
  await overwrite(fixture, `${path}/0000000000000003.seg`, 'P2LS');
  const { directory, writer } = await fixture.open();
  assert.deepEqual(await readShard(directory, shard), { texts: ['{"n":0}', '{"n":1}', '{"n":2}'], lost: [] });
  assert.equal(writer.state.get('tail')?.get('file'), 2);
});

test('without shard.json a shard is read by its segment headers', async () => {
  const { fixture, shard, path } = await killed(2);
  await fixture.disk.remove(`${path}/shard.json`);
  const { directory, writer } = await fixture.open();
  assert.equal((await readShard(directory, shard)).texts.length, 2);
  assert.equal(writer.state.get('tail')?.get('file'), 1);
  const found = await findShards(fixture.options());
  assert.deepEqual(
    found.map(({ shard, epoch }) => [shard, epoch]),
    [
      [shard, 1],
      [writer.shard, 2],
    ],
  );
});

test('foreign files, empty directories and unreadable shards are left alone', async () => {
  const { fixture } = await killed(1);
  await fixture.disk.makeDirectory(`${fixtureDirectory}/lost+found`);
  await fixture.disk.makeDirectory(`${fixtureDirectory}/bbbbbbbbbbbbbbbb`);
  await fixture.disk.makeDirectory(`${fixtureDirectory}/cccccccccccccccc`);
  await overwrite(fixture, `${fixtureDirectory}/cccccccccccccccc/0000000000000000.seg`, 'nothing');
  await overwrite(fixture, `${fixtureDirectory}/notes.txt`, 'nothing');
  await overwrite(fixture, `${fixtureDirectory}/${fixture.shardId(0)}/notes.txt`, 'nothing');
  const { directory, writer } = await fixture.open();
  await fixture.turns();
  assert.deepEqual(
    directory.shards().map(({ shard }) => shard),
    [fixture.shardId(0), writer.shard],
  );
  await directory.retain(() => Number.POSITIVE_INFINITY);
  assert(await fixture.disk.stat(`${fixtureDirectory}/lost+found`));
  assert(await fixture.disk.stat(`${fixtureDirectory}/cccccccccccccccc/0000000000000000.seg`));
});

test('an unreadable end.json is as good as none', async () => {
  const { fixture, shard, path } = await killed(4);
  for (const text of ['', '{"version":1', '{"version":1,"durableOffset":"4"}', 'null']) {
    await overwrite(fixture, `${path}/end.json`, text);
    const { directory } = await fixture.open();
    assert.equal((await readShard(directory, shard)).texts.length, 4);
    fixture.disk = fixture.disk.kill();
  }
});

test('a newer version stops the start with DATA_DIR_NEWER', async () => {
  for (const name of ['shard.json', 'end.json']) {
    const { fixture, path } = await killed(1);
    await overwrite(fixture, `${path}/${name}`, '{"version":2,"epoch":1,"createdMs":0}');
    await assert.rejects(
      fixture.open(),
      (error) => error instanceof OperatingError && error.code === 'DATA_DIR_NEWER' && error.message.includes(name),
    );
  }
});

test('newer state wins by epoch and sequence, whatever the clock says', async () => {
  const fixture = new JournalFixture();
  for (let life = 0; life < 4; life++) {
    const { writer } = await fixture.open();
    assert.equal(writer.state.get('tail')?.get('file'), life === 0 ? undefined : life * 10 - 1);
    for (let n = 0; n < 10; n++) await writer.append(appendOf([n], { source: 'tail', state: { file: life * 10 + n } }));
    fixture.clock.setWall(fixture.clock.nowMs() - 1e9);
    fixture.disk = fixture.disk.kill();
  }
});

test('state can be recovered beside a living writer, without changing anything', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  await writer.append(appendOf([1], { source: 'tail', state: { file: 1 } }));
  const before = await fixture.disk.list(`${fixtureDirectory}/${writer.shard}`);
  const { table, epochMax } = await recoverState(fixture.options());
  assert.equal(table.values.get('tail')?.get('file'), 1);
  assert.equal(epochMax, 1);
  assert.deepEqual(await fixture.disk.list(`${fixtureDirectory}/${writer.shard}`), before);
  assert.equal(await writer.append(appendOf([2])), 1);
});

test('progress of a long recovery is told', async () => {
  const { fixture, shard } = await killed(50);
  let bytes = 0;
  await fixture.open({
    onProgress: (progress) => {
      assert.equal(progress.shard, shard);
      bytes += progress.readBytes;
    },
  });
  assert(bytes > 50 * 80);
});
