/**
 * The 128-bit hashes that Fluent Bit makes ids of documents with: MurmurHash3 x64 128 (Austin Appleby, public domain) for
 * `es`, XXH3 128 (the XXH3 specification of xxHash 0.8) with its default secret for `opensearch`. Both give 16 bytes.
 */

const mask = 0xffff_ffff_ffff_ffffn;

function times(a: bigint, b: bigint): bigint {
  return (a * b) & mask;
}
function plus(a: bigint, b: bigint): bigint {
  return (a + b) & mask;
}
function rotated(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & mask;
}
function shifted(value: bigint, by: bigint): bigint {
  return value ^ (value >> by);
}
function littleEndian(low: bigint, high: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(16);
  bytes.writeBigUInt64LE(low, 0);
  bytes.writeBigUInt64LE(high, 8);
  return bytes;
}

// ---------------------------------------------------------------------------------------------------- MurmurHash3

const c1 = 0x87c3_7b91_1142_53d5n;
const c2 = 0x4cf5_ad43_2745_937fn;

export function murmur3(bytes: Buffer, seed: bigint): Buffer {
  let [h1, h2] = [seed, seed];
  const blocks = bytes.length >> 4;
  for (let block = 0; block < blocks; block++) {
    h1 ^= mixFirst(bytes.readBigUInt64LE(block * 16));
    h1 = plus(times(plus(rotated(h1, 27n), h2), 5n), 0x52dc_e729n);
    h2 ^= mixSecond(bytes.readBigUInt64LE(block * 16 + 8));
    h2 = plus(times(plus(rotated(h2, 31n), h1), 5n), 0x3849_5ab5n);
  }
  const tail = Buffer.alloc(16);
  bytes.copy(tail, 0, blocks * 16);
  const left = bytes.length & 15;
  if (left > 8) h2 ^= mixSecond(tail.readBigUInt64LE(8));
  if (left > 0) h1 ^= mixFirst(tail.readBigUInt64LE(0));
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = plus(h1, h2);
  h2 = plus(h2, h1);
  h1 = finished(h1);
  h2 = finished(h2);
  h1 = plus(h1, h2);
  return littleEndian(h1, plus(h2, h1));
}
function mixFirst(k: bigint): bigint {
  return times(rotated(times(k, c1), 31n), c2);
}
function mixSecond(k: bigint): bigint {
  return times(rotated(times(k, c2), 33n), c1);
}
function finished(value: bigint): bigint {
  const half = shifted(times(shifted(value, 33n), 0xff51_afd7_ed55_8ccdn), 33n);
  return shifted(times(half, 0xc4ce_b9fe_1a85_ec53n), 33n);
}

// ---------------------------------------------------------------------------------------------------- XXH3

const prime32 = [0x9e37_79b1n, 0x85eb_ca77n, 0xc2b2_ae3dn] as const;
const prime64 = [
  0x9e37_79b1_85eb_ca87n,
  0xc2b2_ae3d_27d4_eb4fn,
  0x1656_67b1_9e37_79f9n,
  0x85eb_ca77_c2b2_ae63n,
  0x27d4_eb2f_1656_67c5n,
] as const;
const mixPrime = [0x1656_6791_9e37_79f9n, 0x9fb2_1c65_1e98_df25n] as const;

/** The default secret. */
const secret = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
    'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb' +
    '170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
);
const stripeBytes = 64;
const stripesPerBlock = (secret.length - stripeBytes) / 8;

function secretAt(at: number): bigint {
  return secret.readBigUInt64LE(at);
}
/** Both halves of a product of 128 bits, folded. */
function folded(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & mask) ^ (product >> 64n);
}
function avalanche(value: bigint): bigint {
  return shifted(times(shifted(value, 37n), mixPrime[0]), 32n);
}
function mix16(bytes: Buffer, at: number, key: number): bigint {
  return folded(bytes.readBigUInt64LE(at) ^ secretAt(key), bytes.readBigUInt64LE(at + 8) ^ secretAt(key + 8));
}

/** XXH3 128 without a seed, of at least 8 bytes: a document has its time. */
export function xxh3(bytes: Buffer): Buffer {
  if (bytes.length <= 8) return upTo8(bytes);
  if (bytes.length <= 16) return upTo16(bytes);
  return bytes.length <= 240 ? upTo240(bytes) : long(bytes);
}

function upTo8(bytes: Buffer): Buffer {
  const input = BigInt(bytes.readUInt32LE(0)) | (BigInt(bytes.readUInt32LE(bytes.length - 4)) << 32n);
  const product = (input ^ secretAt(16) ^ secretAt(24)) * plus(prime64[0], BigInt(bytes.length << 2));
  let low = product & mask;
  const high = plus(product >> 64n, low << 1n);
  low ^= high >> 3n;
  low = shifted(times(shifted(low, 35n), mixPrime[1]), 28n);
  return littleEndian(low, avalanche(high));
}

function upTo16(bytes: Buffer): Buffer {
  const first = bytes.readBigUInt64LE(0);
  const last = bytes.readBigUInt64LE(bytes.length - 8);
  const product = (first ^ last ^ secretAt(32) ^ secretAt(40)) * prime64[0];
  let low = plus(product & mask, BigInt(bytes.length - 1) << 54n);
  const turned = last ^ secretAt(48) ^ secretAt(56);
  const high = plus(product >> 64n, turned + (turned & 0xffff_ffffn) * (prime32[1] - 1n));
  const swapped = Buffer.allocUnsafe(8);
  swapped.writeBigUInt64LE(high);
  low ^= swapped.readBigUInt64BE();
  const whole = low * prime64[1];
  return littleEndian(avalanche(whole & mask), avalanche(plus(whole >> 64n, high * prime64[1])));
}

function upTo240(bytes: Buffer): Buffer {
  const { length } = bytes;
  let [low, high] = [times(BigInt(length), prime64[0]), 0n];
  const mix = (one: number, two: number, key: number): void => {
    low = plus(low, mix16(bytes, one, key)) ^ plus(bytes.readBigUInt64LE(two), bytes.readBigUInt64LE(two + 8));
    high = plus(high, mix16(bytes, two, key + 16)) ^ plus(bytes.readBigUInt64LE(one), bytes.readBigUInt64LE(one + 8));
  };
  if (length <= 128)
    for (let pair = (length - 1) >> 5; pair >= 0; pair--) mix(16 * pair, length - 16 * (pair + 1), 32 * pair);
  else {
    for (let at = 32; at < 160; at += 32) mix(at - 32, at - 16, at - 32);
    [low, high] = [avalanche(low), avalanche(high)];
    for (let at = 160; at <= length; at += 32) mix(at - 32, at - 16, 3 + at - 160);
    // 136 is the least a secret may have, 17 how far from its end the last pair begins.
    mix(length - 16, length - 32, 136 - 17 - 16);
  }
  const sum = times(low, prime64[0]) + times(high, prime64[3]) + times(BigInt(length), prime64[1]);
  return littleEndian(avalanche(plus(low, high)), -avalanche(sum & mask) & mask);
}

function long(bytes: Buffer): Buffer {
  const { length } = bytes;
  const lanes: bigint[] = [
    prime32[2],
    prime64[0],
    prime64[1],
    prime64[2],
    prime64[3],
    prime32[1],
    prime64[4],
    prime32[0],
  ];
  const accumulate = (at: number, key: number): void => {
    for (let lane = 0; lane < 8; lane++) {
      const value = bytes.readBigUInt64LE(at + lane * 8);
      const keyed = value ^ secretAt(key + lane * 8);
      lanes[lane ^ 1] = plus(lanes[lane ^ 1] as bigint, value);
      lanes[lane] = plus(lanes[lane] as bigint, (keyed & 0xffff_ffffn) * (keyed >> 32n));
    }
  };
  const blockBytes = stripeBytes * stripesPerBlock;
  const blocks = Math.floor((length - 1) / blockBytes);
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < stripesPerBlock; stripe++)
      accumulate(block * blockBytes + stripe * stripeBytes, stripe * 8);
    for (let lane = 0; lane < 8; lane++) {
      const key = secretAt(secret.length - stripeBytes + lane * 8);
      lanes[lane] = times(shifted(lanes[lane] as bigint, 47n) ^ key, prime32[0]);
    }
  }
  const stripes = Math.floor((length - 1 - blocks * blockBytes) / stripeBytes);
  for (let stripe = 0; stripe < stripes; stripe++) accumulate(blocks * blockBytes + stripe * stripeBytes, stripe * 8);
  accumulate(length - stripeBytes, secret.length - stripeBytes - 7);
  const merged = (start: bigint, key: number): bigint => {
    let result = start;
    for (let pair = 0; pair < 4; pair++)
      result = plus(
        result,
        folded(
          (lanes[pair * 2] as bigint) ^ secretAt(key + pair * 16),
          (lanes[pair * 2 + 1] as bigint) ^ secretAt(key + pair * 16 + 8),
        ),
      );
    return avalanche(result);
  };
  const count = BigInt(length);
  return littleEndian(
    merged(times(count, prime64[0]), 11),
    merged(~times(count, prime64[1]) & mask, secret.length - stripeBytes - 11),
  );
}
