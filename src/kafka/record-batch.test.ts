import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, crc32c, readRecordsBatches } from '@platformatic/kafka';
import { compressions } from './compression.ts';
import { loadKafka } from './library.ts';
import { RecordBatchWriter, encodeHeaders, noHeaders } from './record-batch.ts';

const library = await loadKafka();
const text = (value: string): Buffer => Buffer.from(value);

async function read(
  writer: RecordBatchWriter,
  ...rest: Parameters<RecordBatchWriter['seal']> extends [unknown, ...infer R] ? R : never
) {
  const bytes = await writer.seal(library, ...rest);
  assert.equal(bytes.readUInt32BE(17), crc32c(bytes.subarray(21)));
  const [batch, ...others] = readRecordsBatches(Reader.from(bytes));
  assert.equal(others.length, 0);
  assert.ok(batch);
  return batch;
}

describe('a record batch', () => {
  for (const compression of compressions)
    test(`is what a Kafka client reads: ${compression}`, async () => {
      const writer = new RecordBatchWriter();
      const source = text('..{"a":1}..');
      writer.add(1_700_000_000_500, text('k'), source, 2, 9, noHeaders);
      writer.add(1_700_000_000_000, undefined, source, 0, 0, encodeHeaders([['name', text('ü')]]));
      writer.add(1_800_000_000_000, undefined, undefined, 0, 0, noHeaders);
      const long = text('x'.repeat(100_000));
      writer.add(1_700_000_000_501, text(''), long, 0, long.length, noHeaders);
      const batch = await read(writer, compression);
      assert.equal(Number(batch.firstTimestamp), 1_700_000_000_500);
      assert.equal(Number(batch.maxTimestamp), 1_800_000_000_000);
      assert.equal(batch.lastOffsetDelta, 3);
      assert.deepEqual(
        batch.records.map(({ key, value, offsetDelta, timestampDelta, headers }) => [
          offsetDelta,
          Number(timestampDelta),
          key && key.toString(),
          value && value.length < 100 ? value.toString() : value?.length,
          headers.map(([name, one]) => [name?.toString(), one?.toString()]),
        ]),
        [
          [0, 0, 'k', '{"a":1}', []],
          [1, -500, null, '', [['name', 'ü']]],
          [2, 99_999_999_500, null, undefined, []],
          [3, 1, '', 100_000, []],
        ],
      );
    });

  test('carries who sends it', async () => {
    const writer = new RecordBatchWriter();
    writer.add(0, undefined, text('v'), 0, 1, noHeaders);
    const producer = { id: 4000n, epoch: 7, sequence: 99, isTransactional: true };
    const batch = await read(writer, 'none', producer);
    assert.deepEqual(
      [batch.producerId, batch.producerEpoch, batch.firstSequence, batch.attributes],
      [4000n, 7, 99, 0x10],
    );
  });
});
