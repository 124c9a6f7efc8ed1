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
import { silentLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { DeadLetterMarks } from './dead-letter-marks.ts';
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

type OpenWriter = ConstructorParameters<typeof DeadLetterReader>[0]['openWriter'];
/** A reader as the program has it; `journal`: whose disk the marks are on. */
function readerOf(journal: JournalFixture, directory: OpenDirectory, openWriter: OpenWriter, metrics = new Metrics()) {
  const marks = new DeadLetterMarks(journal.disk, '/dead-done.json', silentLog());
  return new DeadLetterReader({ directory, marks, metrics, openWriter });
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
  const reader = readerOf(journal, directory, () => openWriter(target.options({ owner: 'replay' })));
  const rows = await reader.newest(10);
  assert.deepEqual(
    rows.map(({ output }) => output),
    ['es', 'es', '@request'],
  );
  assert.equal(await reader.replay({ ids: [String(rows[0]?.id)] }, 3), 1);
  assert.equal(await reader.replay({}, 3), 1);
  assert.equal(await reader.replay({}, 3), 0, 'each once');
  await reader.close();
  const replayed = await openDirectory(target.options());
  const [shard] = replayed.shards();
  const { frames } = await (await replayed.reader(String(shard?.shard))).read(0, 2, 1e6);
  const texts = frames.flatMap(({ block }) =>
    Array.from({ length: block.count }, (_, row) => block.encoded(row).toString()),
  );
  assert.deepEqual(texts, ['{"n":1.0}', deep]);
  assert.deepEqual([frames[0]?.tag, frames[0]?.generation, frames[0]?.block.parts.seconds[0]], ['app', 3, 7]);
});

test('a replay that the journal refuses is an answer, not the end of the process, and can be tried again', async () => {
  const { journal, queue, directory } = await fixture();
  await queue.append(request(Array.from({ length: 50 }, (_, n) => letter(`{"n":${n}}`))));
  await journal.turns(40);
  const target = new JournalFixture();
  const space = new SpaceBudget(1000);
  let isBroken = true;
  const reader = readerOf(journal, directory, async () => {
    if (isBroken) throw new OperatingError('DATA_DIR_UNUSABLE', 'no');
    return openWriter({ ...target.options(), space });
  });
  await assert.rejects(reader.replay({}, 1), { code: 'DATA_DIR_UNUSABLE' });
  isBroken = false;
  await assert.rejects(reader.replay({}, 1), { code: 'JOURNAL_FULL' });
  // Nobody was left waiting for the appends that failed.
  await journal.turns(40);
  space.set(1e6);
  // What was appended before it was full does not come twice.
  const left = (await reader.newest(100)).length;
  assert.ok(left > 0 && left < 50, String(left));
  assert.equal(await reader.replay({}, 1), left);
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
  const [row] = await readerOf(journal, directory, () => Promise.reject(new Error())).newest(1);
  assert.ok(row);
  const { bodyBase64 } = row.record as { bodyBase64: string };
  assert.deepEqual(Buffer.from(bodyBase64, 'base64'), Buffer.alloc(10_000, 1));
  assert.ok(directory.totalBytes() < 20_000);
});

const refusal = (output: string, reason: string, n: number): string =>
  `{"output":"${output}","reason":"${reason}","id":"s-${n}","tag":"app","seconds":7,"nanos":8,"refusedMs":${n},"attempts":2,"record":{"n":${n}}}`;
const never: OpenWriter = () => Promise.reject(new Error('nothing is replayed here'));

test('letters are chosen by output and reason, shown whole, and dropped for good, which is counted', async () => {
  const { journal, queue, directory } = await fixture();
  await queue.append(
    request([refusal('es', '400 mapping', 1), refusal('es', '413 too large', 2), refusal('kafka', '400 mapping', 3)]),
  );
  await journal.turns(40);
  const metrics = new Metrics();
  const reader = readerOf(journal, directory, never, metrics);
  const ns = async (choice = {}) => (await reader.newest(10, choice)).map(({ record }) => (record as { n: number }).n);
  assert.deepEqual(
    [await ns({ output: 'es' }), await ns({ reason: 'mapping' })],
    [
      [1, 2],
      [1, 3],
    ],
  );
  const [first] = await reader.newest(10);
  const shown = await reader.show(String(first?.id));
  assert.deepEqual([shown?.emissionId, shown?.attempts, shown?.time], ['s-1', 2, { seconds: 7, nanos: 8 }]);
  assert.equal(await reader.drop({ output: 'es', reason: 'mapping' }), 1);
  assert.equal(await reader.drop({ output: 'es', reason: 'mapping' }), 0);
  assert.deepEqual([await ns(), await reader.show(String(first?.id))], [[2, 3], undefined]);
  assert.match(await metrics.registry.metrics(), /dead_letters_dropped_total\{output="es"\} 1/);
  // A new process knows it too.
  assert.equal((await readerOf(journal, directory, never).newest(10)).length, 2);
});

test('when all letters are done with, what holds them goes, also where some cannot be read', async () => {
  const { journal, queue, directory } = await fixture();
  await queue.append(request([refusal('es', 'bad', 1), 'none at all']));
  await journal.turns(40);
  await queue.close();
  await journal.turns(40);
  const reader = readerOf(journal, directory, never);
  assert.equal(await reader.drop({ output: 'es' }), 1);
  assert.equal(await reader.drop({}), 1);
  assert.deepEqual(
    directory.shards().reduce((sum, { firstOffset, durableOffset }) => sum + durableOffset - firstOffset, 0),
    0,
  );
});
