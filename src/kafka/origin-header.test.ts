import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeOrigin, encodeOrigin } from './origin-header.ts';

test('an origin comes back as it was written', () => {
  for (const origin of [
    { stream: 'abcdefgh23456789.0123456789', offset: 0, ordinal: -1, before: 0, after: 0 },
    { stream: 'a.b', offset: 9_007_199_254_740_000, ordinal: 4095, before: 0, after: 0 },
    { stream: 'a.b', offset: 12, ordinal: 0, before: 3, after: 9 },
  ])
    assert.deepEqual(decodeOrigin(encodeOrigin(origin)), origin);
});

test('what encodeOrigin did not write is no origin', () => {
  const texts = [
    '',
    'a.b',
    'a.b 1',
    'a.b 1 x',
    'a.b 1 2 3',
    'a.b 01 -1',
    'a.b 1 -2',
    'a.b 1 -1 2 0',
    'no stream 1 2',
    'a.b 1e3 0',
  ];
  for (const text of texts) assert.equal(decodeOrigin(Buffer.from(text)), undefined, text);
  assert.equal(decodeOrigin(Buffer.alloc(1000, 0x20)), undefined);
});
