import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur3, xxh3 } from './hashes.ts';

/** `length` bytes, each its position. */
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at & 255));

test('MurmurHash3 x64 128 of lengths with and without a tail', () => {
  assert.equal(murmur3(Buffer.alloc(0), 0n).toString('hex'), '00000000000000000000000000000000');
  // The published example: h1 and h2 of "hello" with seed 0, each the other way round.
  assert.equal(murmur3(Buffer.from('hello'), 0n).toString('hex'), '029bbd41b3a7d8cb191dae486a901e5b');
  assert.notEqual(murmur3(bytes(16), 42n).toString('hex'), murmur3(bytes(17), 42n).toString('hex'));
});

test('XXH3 128 at every kind of length', () => {
  const hashes = [8, 9, 16, 17, 32, 33, 128, 129, 240, 241, 1024, 1025, 5000].map((length) =>
    xxh3(bytes(length)).toString('hex'),
  );
  assert.deepEqual(hashes, [
    'c198bbc8610cd5cfe47f21622a43e4e1',
    '4637ca9d97317990ceeb4a3ed869c716',
    'e2ca0d87cc122884e207768231069572',
    '179272f73d236ec07f057db358c45b68',
    '97d6fcb666957d45d2ee4c42b3c9e725',
    '86de391395848de03706b0ab3a5c1702',
    '417bd6640b1a32056cdc88afc32f7914',
    '3b9ab08233b630bc4ef5456bac745edd',
    'b6bb836fe1682bc9e74055da86beb565',
    '026d1c4295cde802a1a2b8bc61cba11d',
    '228d398429f970a80c64b63b855e8883',
    '529893ee916ec878463b7610f108e5e1',
    '7a8c2ac8a2bd741b22289c912415687a',
  ]);
});
