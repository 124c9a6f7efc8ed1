import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JournalFixture, appendOf, fixtureDirectory } from './journal-fixture.ts';
import { recentKeys } from './recent-keys.ts';

async function keysSince(fixture: JournalFixture, sinceMs: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, appendMs } of recentKeys(fixture.options(), sinceMs)) {
    assert(appendMs >= sinceMs);
    keys.push(key);
  }
  return keys;
}

test('keys of all shards, sealed and living, from the time asked for', async () => {
  const fixture = new JournalFixture();
  const startMs = fixture.clock.nowMs();
  const first = await fixture.open();
  await first.writer.append(appendOf([1], { keys: ['a'] }));
  fixture.clock.advance(1000);
  await first.writer.append(appendOf([2], { keys: ['b', 'c'] }));
  await first.close();
  const second = await fixture.open();
  await second.writer.append(appendOf([3], { keys: ['d'] }));
  await second.writer.append(appendOf([4]));
  assert.deepEqual(await keysSince(fixture, startMs), ['a', 'b', 'c', 'd']);
  assert.deepEqual(await keysSince(fixture, startMs + 1), ['b', 'c', 'd']);
  assert.deepEqual(await keysSince(fixture, startMs + 1001), []);
});

test('keys behind the durable end of a failed shard do not count, and damage hides only its own', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open();
  for (const key of ['k0', 'k1', 'k2']) await writer.append(appendOf([1], { keys: [key] }));
  const { shard } = writer;
  fixture.disk.fail('truncate', 'EIO');
  fixture.disk.fail('sync', 'EIO');
  await assert.rejects(writer.append(appendOf([1], { keys: ['rejected'] })));
  await writer.append(appendOf([1], { keys: ['k3'] }));
  const path = `${fixtureDirectory}/${shard}/0000000000000000.seg`;
  const bytes = (await fixture.disk.readFile(path)) as Buffer;
  assert(bytes.includes('rejected'), 'the rejected key must be in the file for this test to mean anything');
  fixture.disk.flip(path, bytes.indexOf('"k1"'));
  assert.deepEqual(await keysSince(fixture, 0), ['k0', 'k2', 'k3']);
});

test('finished segments without keys are not read', async () => {
  const fixture = new JournalFixture();
  const { writer } = await fixture.open({ segmentBytes: 500 });
  for (let n = 0; n < 20; n++) await writer.append(appendOf([n]));
  await writer.append(appendOf([20], { keys: ['late'] }));
  for (let n = 21; n < 40; n++) await writer.append(appendOf([n]));
  let reads = 0;
  const options = fixture.options();
  const { disk } = fixture;
  const counting = {
    ...options,
    disk: new Proxy(disk, {
      get(target, name) {
        if (name !== 'open') return Reflect.get(target, name, target)?.bind?.(target) as unknown;
        return async (...given: Parameters<typeof disk.open>) => {
          const file = await disk.open(...given);
          return {
            ...file,
            read: (buffer: Uint8Array, position: number) => {
              if (buffer.length > 80) reads++;
              return file.read(buffer, position);
            },
          };
        };
      },
    }),
  };
  const keys: string[] = [];
  for await (const { key } of recentKeys(counting, 0)) keys.push(key);
  assert.deepEqual(keys, ['late']);
  const segments = (await disk.list(`${fixtureDirectory}/${writer.shard}`)).length - 1;
  // The segment with the key and the one being written take a read and a look for more each.
  assert(segments > 5 && reads <= 4, `${reads} reads of ${segments} segments`);
});
