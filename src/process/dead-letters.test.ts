import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import { JournalFixture } from '../journal/journal-fixture.ts';
import { openDirectory } from '../journal/directory.ts';
import type { OpenDirectory } from '../journal/directory.ts';
import { SpaceBudget } from '../journal/space.ts';
import { openWriter } from '../journal/writer.ts';
import { DeadLetterReader } from './dead-letter-reader.ts';
import { DeadLetterQueue } from './dead-letters.ts';

const limitBytes = 100_000;

/** A queue whose letters are in `directory` once `look` was called; `used` is what measuring finds. */
async function fixture() {
  const journal = new JournalFixture();
  const space = new SpaceBudget(limitBytes);
  const found = { usedBytes: 0 };
  const clock = new FakeClock();
  const queue = new DeadLetterQueue(
    () => openWriter({ ...journal.options(), space }),
    {
      limitBytes,
      get leftBytes() {
        return space.leftBytes;
      },
      measure: async () => space.set(limitBytes - found.usedBytes),
    },
    clock,
  );
  const directory: OpenDirectory = await openDirectory(journal.options());
  queue.onDurable((shard, durableOffset) => directory.noteDurable(shard, durableOffset));
  return { journal, queue, directory, clock, space, found };
}

const letter = (record: string, more = ''): string =>
  `{"output":"es","reason":"bad","id":"s-1","tag":"app","seconds":7,"nanos":8,"refusedMs":1,"attempts":1${more},"record":${record}}`;

const request = (payloads: readonly string[]) => ({
  tag: 'es',
  records: {
    codec: codecs.json,
    payloads,
    exact: payloads.map(() => true),
    seconds: payloads.map(() => 0),
    nanos: payloads.map(() => 0),
  },
});

test('a letter that cannot be read hides no other, and letters are replayed byte for byte', async () => {
  const { journal, queue, directory } = await fixture();
  const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
  await queue.append(request([letter('{"n":1.0}'), '{"nonsense":1}', 'none', letter(deep)]));
  await queue.keepRequest('postback', { reason: 'invalid_json', tag: 't', raw: Buffer.from('{"n":'), detail: {} });
  await journal.turns(40);
  const target = new JournalFixture();
  const reader = new DeadLetterReader(directory, () => openWriter(target.options({ owner: 'replay' })));
  const rows = await reader.newest(10);
  assert.deepEqual(
    rows.map(({ output }) => output),
    ['es', 'es', '@request'],
  );
  assert.equal(await reader.replay('all', 3), 2);
  assert.equal(await reader.replay([String(rows[0]?.id)], 3), 1);
  await reader.close();
  const replayed = await openDirectory(target.options());
  const [shard] = replayed.shards();
  const { frames } = await (await replayed.reader(String(shard?.shard))).read(0, 3, 1e6);
  const texts = frames.flatMap(({ block }) =>
    Array.from({ length: block.count }, (_, row) => block.encoded(row).toString()),
  );
  assert.deepEqual(texts, ['{"n":1.0}', deep, '{"n":1.0}']);
  assert.deepEqual([frames[0]?.tag, frames[0]?.generation, frames[0]?.block.parts.seconds[0]], ['app', 3, 7]);
});

test('a replay that the journal refuses is an answer, not the end of the process, and can be tried again', async () => {
  const { journal, queue, directory } = await fixture();
  await queue.append(request(Array.from({ length: 50 }, (_, n) => letter(`{"n":${n}}`))));
  await journal.turns(40);
  const target = new JournalFixture();
  const space = new SpaceBudget(1000);
  let isBroken = true;
  const reader = new DeadLetterReader(directory, async () => {
    if (isBroken) throw new OperatingError('DATA_DIR_UNUSABLE', 'no');
    return openWriter({ ...target.options(), space });
  });
  await assert.rejects(reader.replay('all', 1), { code: 'DATA_DIR_UNUSABLE' });
  isBroken = false;
  await assert.rejects(reader.replay('all', 1), { code: 'JOURNAL_FULL' });
  // Nobody was left waiting for the appends that failed.
  await journal.turns(40);
  space.set(1e6);
  assert.equal(await reader.replay('all', 1), 50);
  await reader.close();
});

test('a full queue looks again whether somebody made room', async () => {
  const { queue, space, found, clock } = await fixture();
  await queue.append(request([letter('{}')]));
  space.set(0);
  found.usedBytes = limitBytes;
  await assert.rejects(queue.append(request([letter('{}')])), { code: 'JOURNAL_FULL' });
  found.usedBytes = 0;
  await assert.rejects(queue.append(request([letter('{}')])), { code: 'JOURNAL_FULL' });
  clock.advance(1000);
  await queue.append(request([letter('{}')]));
});

test('refused requests leave outputs their half of the queue', async () => {
  const { queue } = await fixture();
  const entry = { reason: 'invalid_json', tag: 't', raw: Buffer.alloc(5000, 'x') };
  let kept = 0;
  await assert.rejects(
    async () => {
      for (; kept < 100; kept++) await queue.keepRequest('postback', entry);
    },
    { code: 'JOURNAL_FULL' },
  );
  assert.ok(kept >= 9 && kept <= 11, String(kept));
  await queue.append(request([letter(`{"text":"${'x'.repeat(20_000)}"}`)]));
});

test('a body of control characters is kept as base64, so that it fits', async () => {
  const { queue, directory, journal, space } = await fixture();
  space.set(1e9);
  await queue.keepRequest('postback', { reason: 'invalid_json', tag: 't', raw: Buffer.alloc(10_000, 1) });
  await journal.turns(40);
  const [row] = await new DeadLetterReader(directory, () => Promise.reject(new Error())).newest(1);
  assert.ok(row);
  const { bodyBase64 } = row.record as { bodyBase64: string };
  assert.deepEqual(Buffer.from(bodyBase64, 'base64'), Buffer.alloc(10_000, 1));
  assert.ok(directory.totalBytes() < 20_000);
});
