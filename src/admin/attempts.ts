/** How often wrong credentials may be tried, per address and in total. */
import { isIPv6 } from 'node:net';

/** Mistakes in a row that are a person's; a guesser gets no further with them. */
const perAddress = { burst: 10, refillMs: 6000 };
/** All addresses together: many machines that guess are slowed down too, and a few people's mistakes do not lock out others. */
const inTotal = { burst: 100, refillMs: 500 };
/** Addresses remembered at once, some hundred bytes each; the oldest are forgotten, for whom the total still holds. */
const addressesMax = 10_000;

interface Bucket {
  left: number;
  filledMs: number;
}

/** The attempts that are left. */
export class Attempts {
  readonly #addresses = new Map<string, Bucket>();
  readonly #total: Bucket;
  readonly #nowMs: () => number;

  /** `nowMs`: a time that only goes forward. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#total = { left: inTotal.burst, filledMs: nowMs() };
  }
  /** Takes one, before anything is compared. Undefined, or how many ms to wait for the next. */
  take(address: string): number | undefined {
    const bucket = this.#bucketOf(networkOf(address));
    const nowMs = this.#nowMs();
    fill(bucket, perAddress, nowMs);
    fill(this.#total, inTotal, nowMs);
    if (bucket.left < 1) return bucket.filledMs + perAddress.refillMs - nowMs;
    if (this.#total.left < 1) return this.#total.filledMs + inTotal.refillMs - nowMs;
    bucket.left--;
    this.#total.left--;
    return undefined;
  }
  /** Gives one back: what was tried was right. */
  giveBack(address: string): void {
    const bucket = this.#bucketOf(networkOf(address));
    bucket.left = Math.min(perAddress.burst, bucket.left + 1);
    this.#total.left = Math.min(inTotal.burst, this.#total.left + 1);
  }
  #bucketOf(network: string): Bucket {
    const known = this.#addresses.get(network);
    if (known) return known;
    if (this.#addresses.size >= addressesMax) {
      const [oldest] = this.#addresses.keys();
      if (oldest !== undefined) this.#addresses.delete(oldest);
    }
    const bucket = { left: perAddress.burst, filledMs: this.#nowMs() };
    this.#addresses.set(network, bucket);
    return bucket;
  }
}

function fill(bucket: Bucket, { burst, refillMs }: typeof perAddress, nowMs: number): void {
  const refilled = Math.floor((nowMs - bucket.filledMs) / refillMs);
  if (refilled <= 0) return;
  bucket.left = Math.min(burst, bucket.left + refilled);
  bucket.filledMs += refilled * refillMs;
}

/** An IPv6 network of 64 bits is one customer's; an IPv4 address written as IPv6 is that address. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const rest = tail === undefined ? [] : tail.split(':').filter(Boolean);
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length;
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest].slice(0, 4).join(':');
}
