/** What comes from outside in Kafka's room: headers that name an origin, answers with batches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { readFetchAnswer } from './fetch-answer.ts';
import { loadKafka } from './library.ts';
import { decodeOrigin, encodeOrigin } from './origin-header.ts';
import { readHeads, readRecords } from './read-batches.ts';
import { RecordBatchWriter, noHeaders } from './record-batch.ts';
import { compressions } from './compression.ts';
import { Reader } from '@platformatic/kafka';

test('any bytes are an origin that is written again as it was read, or none', () => {
  const words = fc.constantFrom(
    'a.b',
    'shard16letters.0123456789',
    ' ',
    '-1',
    '0',
    '12',
    '9007199254740991',
    '\n',
    'x',
  );
  const near = fc.array(words, { maxLength: 9 }).map((list) => Buffer.from(list.join(' ')));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), (bytes) => {
      const origin = decodeOrigin(bytes);
      if (origin) assert.deepEqual(decodeOrigin(encodeOrigin(origin)), origin);
    }),
    fuzzRuns(2000),
  );
});

test('any bytes are batches that are read or say why not, and no error is one of the reader itself', async () => {
  const library = await loadKafka();
  const seeds = await Promise.all(
    compressions.map(async (compression) => {
      const writer = new RecordBatchWriter();
      const value = Buffer.from('a value, a value, a value');
      for (let i = 0; i < 3; i++) writer.add(i, undefined, value, 0, value.length, noHeaders);
      return writer.seal(library, compression);
    }),
  );
  const changes = fc.array(fc.tuple(fc.nat(120), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  const changed = fc.tuple(fc.constantFrom(...seeds), changes, fc.boolean()).map(([seed, list, isSound]) => {
    const bytes = Buffer.from(seed);
    for (const [at, byte] of list) bytes[at % bytes.length] = byte;
    if (isSound) bytes.writeUInt32BE(library.crc32c(bytes.subarray(21)) >>> 0, 17);
    return bytes;
  });
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(changed, any), (bytes) => {
      for (const head of readHeads(library, bytes)) {
        assert.ok(head.last >= head.first);
        try {
          for (const { offset } of readRecords(library, head)) assert.ok(offset >= head.first && offset <= head.last);
        } catch (error) {
          assert.match((error as Error).message, /^(?:it |its |record )/);
        }
      }
    }),
    fuzzRuns(2000),
  );
});

test('any bytes are an answer to Fetch or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 4, max: 17 }), (bytes, version) => {
      try {
        readFetchAnswer(Reader.from(Buffer.from(bytes)), version);
      } catch (error) {
        // The library's reader says so in several ways; the call that was made is answered with it.
        assert.ok(error instanceof Error && !(error instanceof TypeError), String(error));
      }
    }),
    fuzzRuns(2000),
  );
});
