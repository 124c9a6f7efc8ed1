import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a, murmur2, partitioners, rdkafkaPartitioners } from './partitioners.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('murmur2 is that of Kafka’s clients in Java', () => {
  // From Kafka's own test of it.
  const expected: readonly (readonly [string, number])[] = [
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ];
  for (const [text, hash] of expected) assert.equal(murmur2(bytes(text)), hash & 0x7fff_ffff, text);
});

test('crc32 and fnv1a give known values', () => {
  assert.equal(partitioners['ruby-crc32'](bytes('123456789'), 1000), 0xcbf4_3926 % 1000);
  // The test vectors of FNV: 0xe40c292c for "a" is negative in 32 signed bits.
  assert.equal(fnv1a(bytes('a')), Math.abs(0xe40c_292c | 0));
  assert.equal(fnv1a(bytes('')), Math.abs(0x811c_9dc5 | 0));
});

test('without a key some choose a partition, and others leave it to the sender', () => {
  const chosen = Object.fromEntries(rdkafkaPartitioners.map((name) => [name, partitioners[name](undefined, 5)]));
  assert.deepEqual(
    Object.entries(chosen)
      .filter(([, partition]) => partition === undefined)
      .map(([name]) => name),
    ['random', 'consistent_random', 'murmur2_random', 'fnv1a_random'],
  );
  assert.equal(chosen['consistent'], 0);
  // librdkafka takes an empty key for none here, and for a key there.
  assert.equal(partitioners['consistent_random'](bytes(''), 5), undefined);
  assert.equal(partitioners['murmur2_random'](bytes(''), 5), murmur2(bytes('')) % 5);
});
