/**
 * Shard ids: 80 random bits as 16 characters of lowercase base32 (RFC 4648 alphabet, no padding). Random, so that a data
 * directory that was wiped or copied never repeats one; letters and digits only, so that an id is a file name and a part
 * of a record id (`<shard>-<offset>`).
 */
import { randomBytes } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** Makes ids; tests give their own for runs that can be repeated. */
export type ShardIdSource = () => string;

/** A new shard id. */
export function newShardId(random: Uint8Array = randomBytes(10)): string {
  let bits = 0n;
  for (const byte of random.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let id = '';
  for (let shift = 75n; shift >= 0n; shift -= 5n) id += alphabet[Number((bits >> shift) & 31n)];
  return id;
}

/** True for a name that newShardId could have made. */
export function isShardId(name: string): boolean {
  return /^[a-z2-7]{16}$/.test(name);
}
