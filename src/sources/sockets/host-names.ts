/** Host names of senders. */
import { lookupService } from 'node:dns/promises';
import type { Clock } from '../../core/clock.ts';

/** Names kept, and for how long: every connection of a sender would ask the resolver again. */
const namesMax = 1000;
const nameMs = 60_000;

export class HostNames {
  readonly #clock: Clock;
  readonly #names = new Map<string, { readonly name: Promise<string>; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** The name of an address; the address where it has none, as in Fluentd. */
  of(address: string, port: number): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#names.get(address);
    if (known && known.untilMs > nowMs) return known.name;
    const name = lookupService(address, port).then(
      ({ hostname }) => hostname,
      () => address,
    );
    if (this.#names.size >= namesMax) this.#names.clear();
    this.#names.set(address, { name, untilMs: nowMs + nameMs });
    return name;
  }
}
