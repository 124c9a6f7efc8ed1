/** Records that come through Kafka into the store of another program, and batches that nobody can read. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32c } from '@platformatic/kafka';
import { foundRecords } from '../found.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { kafka, segmentPath } from '../services/kafka.ts';
import { makeTopics, send } from './kafka-fixture.ts';

test('a postback of one program is found in the store of another, with Kafka between', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['edge']);
  const directory = await temporaryDirectory(context);
  const aggregatorPath = join(directory, 'aggregator.conf');
  const format = '<format>\n@type json\n</format>';
  const extra = `<match **>\n@type kafka2\nbrokers ${address}\ndefault_topic edge\n${format}\n<buffer>\nflush_interval 0.1\n</buffer>\n</match>`;
  await writeFile(
    aggregatorPath,
    `<source>
  @type kafka_group
  brokers ${address}
  consumer_group aggregator
  topics edge
  add_prefix from
</source>
<match from.edge>
  @type store
</match>`,
  );
  const edge = await startProgram(context, { env: { P2L_FLUENTD_EXTRACFG: extra } });
  const aggregator = await startProgram(context, { args: ['run', '--config', aggregatorPath] });
  await Promise.all([edge.ready(), aggregator.ready()]);
  assert.equal((await edge.post('/postback?p1=through&p2=Kafka')).status, 200);
  assert.equal((await edge.post('/postback', '{"order":{"id":12345678901234567890,"\\n":1.0}}')).status, 200);
  const [first] = await until('the first', async () => {
    const records = await foundRecords(aggregator, 'p1:through');
    return records.length > 0 && records;
  });
  assert.deepEqual([first?._tag, first?.fields['p2']], ['from.edge', 'Kafka']);
  await until('the second', async () => (await foundRecords(aggregator, 'order.id:12345678901234567890')).length === 1);
  assert.equal((await foundRecords(aggregator, '_tag:from.edge')).length, 2);
});

test('a batch that cannot be decompressed is set aside, counted and kept; what stands behind it comes', async (context) => {
  const broker = await startService(context, kafka);
  const address = broker.addresses['plain'] ?? '';
  await makeTopics(address, ['t'], { partitions: 1 });
  // Long enough to be worth it.
  await send(address, 't', [`k:{"n":1,"pad":"${'x'.repeat(1000)}"}`, 'k:{"n":2}'], '-z', 'gzip');
  await send(address, 't', ['k:{"n":3}']);
  await broker.stop();
  const path = segmentPath(broker, 't', 0);
  const segment = await readFile(path);
  const batch = segment.subarray(0, 12 + segment.readInt32BE(8));
  // Behind the head of the batch stands that of gzip. The checksum says nothing of it, so that the broker does not notice.
  batch.fill(0, 61, 71);
  batch.writeUInt32BE(crc32c(batch.subarray(21)) >>> 0, 17);
  await writeFile(path, segment);
  await broker.restart();
  const config = join(await temporaryDirectory(context), 'source.conf');
  await writeFile(
    config,
    `<source>
  @type kafka
  brokers ${address}
  topics t
  offset -2
</source>
<match t>
  @type stdout
</match>`,
  );
  const program = await (await startProgram(context, { args: ['run', '--config', config] })).ready();
  await until('the record behind it', () => program.stdout.includes('{"n":3}'));
  assert.match(program.stderr, /offsets 0 to 1 of t\/0 cannot be read: it cannot be decompressed \(gzip\)/);
  const answer = await fetch(`${program.adminUrl}/api/dead-letters`);
  const [letter, ...others] = (await answer.json()) as { reason: string; record: Record<string, unknown> }[];
  assert.equal(others.length, 0);
  assert.equal(letter?.reason, 'undecodable_batch');
  assert.deepEqual([letter.record['topic'], letter.record['offset'], letter.record['last']], ['t', '0', '1']);
  const metrics = await (await fetch(`${program.adminUrl}/metrics`)).text();
  assert.match(metrics, /refused_total\{[^}]*undecodable_batch[^}]*\} 2/);
  // Not again after a restart.
  assert.equal(await program.stop(), 0, program.stderr);
  const again = await startProgram(context, { args: ['run', '--config', config], dataDir: program.dataDir });
  await again.ready();
  await send(address, 't', ['k:{"n":4}']);
  await until('the next record', () => again.stdout.includes('{"n":4}'));
  assert.doesNotMatch(again.stderr, /cannot be read/);
});
