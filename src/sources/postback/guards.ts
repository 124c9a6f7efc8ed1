/** Guards: who may send to a path. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { AddressSet, ClientFinder, clientKey } from './client-address.ts';
import type { GuardOptions } from './options.ts';
import { RateLimiter } from './rate-limit.ts';
import { Refusal } from '../requests/refusal.ts';
import { SignatureVerifier, signatureProblem } from './signature.ts';

/** What is wrong with a guard's options; undefined when nothing is. */
export function guardProblem(options: GuardOptions): string | undefined {
  try {
    AddressSet.check(options.allowFrom ?? []);
  } catch (error) {
    return `allow_from: ${(error as Error).message}`;
  }
  if (options.rateLimit !== undefined && !(options.rateLimit >= 0 && options.rateLimit <= 1e6))
    return 'rate_limit must be between 0 and 1000000';
  if (options.bearerToken === '') return 'bearer_token is empty: give one, or leave the option out';
  return signatureProblem(options);
}

/** A section's options over those of the source. */
export function inheritGuard(base: GuardOptions, own: GuardOptions): GuardOptions {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(given) };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The checks of one path, in the order of their cost. */
export class Guard {
  readonly #allowed: AddressSet | undefined;
  readonly #rate: RateLimiter | undefined;
  /** SHA-256 of the token: digests are of equal length, whatever is sent. */
  readonly #bearer: Buffer | undefined;
  readonly #signature: SignatureVerifier | undefined;
  readonly #clients: ClientFinder;

  /** `options` must have passed guardProblem. */
  constructor(options: GuardOptions, clients: ClientFinder, clock: Clock) {
    this.#allowed = options.allowFrom?.length ? new AddressSet(options.allowFrom) : undefined;
    this.#rate = options.rateLimit ? new RateLimiter(options.rateLimit, options.rateBurst, clock) : undefined;
    this.#bearer = options.bearerToken === undefined ? undefined : digest(options.bearerToken);
    this.#signature =
      (options.signature ?? 'none') === 'none' ? undefined : new SignatureVerifier(options, () => clock.nowMs());
    this.#clients = clients;
  }
  /** True when there is nothing to check. */
  get isOpen(): boolean {
    return !this.#allowed && !this.#rate && !this.#bearer && !this.#signature;
  }
  /** Checks a request's head, before its body is read: address, rate, token. */
  admit(req: IncomingMessage): Refusal | undefined {
    if (this.#allowed || this.#rate) {
      const address = this.#clients.find(req);
      if (this.#allowed && !(address && this.#allowed.has(address)))
        return new Refusal('forbidden', 'this address may not send here');
      const waitMs = this.#rate && address ? this.#rate.take(clientKey(address)) : 0;
      if (waitMs > 0) return new Refusal('rate_limited', 'too many requests', { retryAfterMs: waitMs });
    }
    if (!this.#bearer) return undefined;
    const given = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
    if (given === undefined) return new Refusal('unauthorized', 'a bearer token is needed');
    return timingSafeEqual(digest(given), this.#bearer)
      ? undefined
      : new Refusal('unauthorized', 'the bearer token is not valid');
  }
  /** Checks the raw body. */
  verify(req: IncomingMessage, body: Buffer): Refusal | undefined {
    return this.#signature?.verify(req.headers, body);
  }
}
