/**
 * Which partition a key goes to. `crc32` and `murmur2` as ruby-kafka has them (fluent-plugin-kafka), the others as
 * librdkafka 2 does under the same names.
 */
import { crc32 } from 'node:zlib';

/** Names of librdkafka's option `partitioner`. */
export const rdkafkaPartitioners = [
  'random',
  'consistent',
  'consistent_random',
  'murmur2',
  'murmur2_random',
  'fnv1a',
  'fnv1a_random',
] as const;
export type RdkafkaPartitioner = (typeof rdkafkaPartitioners)[number];
export type PartitionerName = RdkafkaPartitioner | 'ruby-crc32' | 'ruby-murmur2';

/** The partition of a key among `count`; undefined: any, the sender chooses. */
export type Partitioner = (key: Uint8Array | undefined, count: number) => number | undefined;

const noKey = new Uint8Array(0);
type Hash = (key: Uint8Array) => number;
const hashed =
  (hash: Hash): Partitioner =>
  (key, count) =>
    hash(key ?? noKey) % count;
const hashedOrAny =
  (hash: Hash): Partitioner =>
  (key, count) =>
    key === undefined ? undefined : hash(key) % count;
const crc: Hash = (key) => crc32(key);

export const partitioners: Readonly<Record<PartitionerName, Partitioner>> = {
  'ruby-crc32': hashedOrAny(crc),
  'ruby-murmur2': hashedOrAny(murmur2),
  random: () => undefined,
  consistent: hashed(crc),
  consistent_random: (key, count) => (key === undefined || key.length === 0 ? undefined : crc(key) % count),
  murmur2: hashed(murmur2),
  murmur2_random: hashedOrAny(murmur2),
  fnv1a: hashed(fnv1a),
  fnv1a_random: hashedOrAny(fnv1a),
};

/** MurmurHash2 with the seed of Kafka's clients in Java, without its sign bit. Source: Kafka 4.1 Utils.murmur2 (the algorithm is in the public domain). Seen outside by tests. */
export function murmur2(key: Uint8Array): number {
  const factor = 0x5bd1_e995;
  let hash = 0x9747_b28c ^ key.length;
  const whole = key.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word =
      (key[at] as number) |
      ((key[at + 1] as number) << 8) |
      ((key[at + 2] as number) << 16) |
      ((key[at + 3] as number) << 24);
    word = Math.imul(word, factor);
    word ^= word >>> 24;
    hash = Math.imul(hash, factor) ^ Math.imul(word, factor);
  }
  const rest = key.length - whole;
  if (rest === 3) hash ^= (key[whole + 2] as number) << 16;
  if (rest >= 2) hash ^= (key[whole + 1] as number) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (key[whole] as number), factor);
  hash = Math.imul(hash ^ (hash >>> 13), factor);
  return (hash ^ (hash >>> 15)) & 0x7fff_ffff;
}

/** FNV-1a; the absolute value of what 32 signed bits hold, as librdkafka and Sarama take it. Seen outside by tests. */
export function fnv1a(key: Uint8Array): number {
  let hash = 0x811c_9dc5 | 0;
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return Math.abs(hash);
}
