/** What comes from outside in Kafka's room: headers that name an origin, and the control batches of other producers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { decodeOrigin, encodeOrigin } from './origin-header.ts';

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
