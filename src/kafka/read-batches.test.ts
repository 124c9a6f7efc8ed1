import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, Writer } from '@platformatic/kafka';
import { compressions } from './compression.ts';
import { readFetchAnswer } from './fetch-answer.ts';
import { loadKafka } from './library.ts';
import { readHeads, readRecords } from './read-batches.ts';
import { RecordBatchWriter, encodeHeaders, noHeaders } from './record-batch.ts';

const library = await loadKafka();

/** Values of one batch, at offsets from `first` on. */
async function sealed(
  values: readonly string[],
  compression: (typeof compressions)[number],
  first = 0,
): Promise<Buffer> {
  const writer = new RecordBatchWriter();
  for (const [i, value] of values.entries()) {
    const bytes = Buffer.from(value);
    const headers = i === 0 ? encodeHeaders([['h', Buffer.from('x')]]) : noHeaders;
    writer.add(1000 + i * 1e10, i === 0 ? undefined : Buffer.from('k'), bytes, 0, bytes.length, headers);
  }
  const batch = await writer.seal(library, compression);
  batch.writeBigInt64BE(BigInt(first), 0);
  return batch;
}
/** A byte behind the head changed; `isSound`: with a checksum that says nothing of it. */
function broken(batch: Buffer, at: number, isSound: boolean): Buffer {
  const bytes = Buffer.from(batch);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  if (isSound) bytes.writeUInt32BE(library.crc32c(bytes.subarray(21)) >>> 0, 17);
  return bytes;
}

describe('batches are read', () => {
  for (const compression of compressions)
    test(`as they were written: ${compression}`, async () => {
      const set = Buffer.concat([
        await sealed(['a', ''], compression, 7),
        await sealed(['x'.repeat(50_000)], compression, 9),
      ]);
      const [one, two, ...others] = readHeads(library, set);
      assert.ok(one && two && others.length === 0);
      assert.deepEqual([one.first, one.last, two.first, two.last], [7, 8, 9, 9]);
      const shown = readRecords(library, one).map(({ offset, timeMs, key, value, headers }) => [
        offset,
        timeMs,
        key?.toString(),
        value?.toString(),
        headers.map((pair) => pair.map(String).join()),
      ]);
      assert.deepEqual(shown, [
        [7, 1000, undefined, 'a', ['h,x']],
        [8, 1e10 + 1000, 'k', '', []],
      ]);
      assert.equal(readRecords(library, two)[0]?.value?.length, 50_000);
      // What is cut off comes whole with the next answer.
      assert.equal(readHeads(library, set.subarray(0, set.length - 1)).length, 1);
    });

  for (const compression of compressions)
    test(`but for those that cannot be: ${compression}`, async () => {
      const batch = await sealed(['a'.repeat(100), 'b'.repeat(100)], compression, 3);
      const [unsound] = readHeads(library, broken(batch, 70, false));
      assert.ok(unsound);
      assert.throws(() => readRecords(library, unsound), /its checksum is wrong/);
      const [damaged] = readHeads(library, broken(batch, 61, true));
      assert.ok(damaged);
      assert.deepEqual([damaged.first, damaged.last, damaged.count], [3, 4, 2]);
      assert.throws(
        () => readRecords(library, damaged),
        compression === 'none' ? /record 0 of 2: / : new RegExp(`cannot be decompressed \\(${compression}\\)`),
      );
    });

  test('of older formats not, but which offset it is', () => {
    const old = Buffer.alloc(40);
    old.writeBigInt64BE(5n, 0);
    old.writeInt32BE(28, 8);
    old[16] = 1;
    const [head] = readHeads(library, old);
    assert.ok(head);
    assert.deepEqual([head.first, head.last], [5, 5]);
    assert.throws(() => readRecords(library, head), /format 1, which brokers before 0\.11 wrote/);
  });
});

test('answers of all versions give the batches as they came', () => {
  const batches = Buffer.from('the batches');
  const id = '01234567-89ab-4cde-8f01-23456789abcd';
  for (let version = 4; version <= 17; version++) {
    const isCompact = version >= 12;
    const writer = Writer.create().appendInt32(0);
    if (version >= 7) writer.appendInt16(0).appendInt32(0);
    writer.appendArray(
      [1],
      (w) => {
        if (version >= 13) w.appendUUID(id);
        else w.appendString('t', isCompact);
        w.appendArray(
          [1],
          (p) => {
            p.appendInt32(2).appendInt16(3).appendInt64(0n).appendInt64(44n);
            if (version >= 5) p.appendInt64(0n);
            p.appendArray([1], (a) => a.appendInt64(9n).appendInt64(8n), isCompact, isCompact);
            if (version >= 11) p.appendInt32(-1);
            p.appendBytes(batches, isCompact);
          },
          isCompact,
          isCompact,
        );
      },
      isCompact,
      isCompact,
    );
    const { errorCode, partitions } = readFetchAnswer(Reader.from(writer.buffer), version);
    assert.equal(errorCode, 0);
    assert.deepEqual(partitions, [
      {
        topic: version >= 13 ? id : 't',
        partition: 2,
        errorCode: 3,
        lastStableOffset: 44n,
        aborted: [{ producerId: 9n, firstOffset: 8n }],
        batches,
      },
    ]);
  }
});
