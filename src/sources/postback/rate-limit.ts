/** Token buckets, one for each client. */
import type { Clock } from '../../core/clock.ts';

/** Clients remembered: about 150 bytes each, 15 MB in all. Beyond it the one seen longest ago is forgotten, with a full bucket. */
const clientsMax = 100_000;

interface Bucket {
  tokens: number;
  /** On the clock's monotonic time. */
  atMs: number;
}

/** Lets each client send `rate` requests a second, and `burst` at once. */
export class RateLimiter {
  readonly #rate: number;
  readonly #burst: number;
  readonly #clock: Clock;
  /** In order of the last request. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(ratePerSecond: number, burst: number | undefined, clock: Clock) {
    this.#rate = ratePerSecond;
    this.#burst = burst ?? Math.max(1, Math.ceil(ratePerSecond));
    this.#clock = clock;
  }
  /** Takes one request of a client: 0 when it may pass, else the ms until one may. */
  take(client: string): number {
    const nowMs = this.#clock.monotonicMs();
    let bucket = this.#buckets.get(client);
    if (bucket) {
      bucket.tokens = Math.min(this.#burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * this.#rate);
      bucket.atMs = nowMs;
      this.#buckets.delete(client);
    } else {
      bucket = { tokens: this.#burst, atMs: nowMs };
      if (this.#buckets.size >= clientsMax)
        for (const oldest of this.#buckets.keys()) {
          this.#buckets.delete(oldest);
          break;
        }
    }
    this.#buckets.set(client, bucket);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / this.#rate) * 1000);
    bucket.tokens -= 1;
    return 0;
  }
}
