/** Chooses servers by weight. Source: Fluentd 1.16 out_forward/load_balancer.rb. */

export interface Balanced {
  readonly weight: number;
  readonly isStandby: boolean;
  readonly isAvailable: boolean;
}

/** Each server stands in the ring at least about so often, so that one that is down does not send all its share to the next. */
const turnsMin = 6;

export class Balancer<N extends Balanced> {
  readonly #random: () => number;
  #ring: readonly N[] = [];
  #at = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }
  get ringSize(): number {
    return this.#ring.length;
  }
  /** Makes the ring anew: with standby servers in place of the weight that is out. */
  rebuild(servers: readonly N[]): void {
    const used = servers.filter(({ weight, isStandby }) => weight > 0 && !isStandby);
    let lostWeight = used.reduce((sum, server) => sum + (server.isAvailable ? 0 : server.weight), 0);
    for (const server of servers) {
      if (lostWeight <= 0) break;
      if (!server.isStandby || server.weight <= 0 || !server.isAvailable) continue;
      used.push(server);
      lostWeight -= server.weight;
    }
    const divisor = used.reduce((common, { weight }) => greatestDivisor(common, weight), 0);
    const once = used.flatMap((server) => Array.from({ length: server.weight / divisor }, () => server));
    const times = Math.max(1, Math.floor((used.length * turnsMin) / Math.max(1, once.length)));
    const ring = Array.from({ length: times }, () => once).flat();
    this.#ring = ring
      .map((server) => ({ server, key: this.#random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ server }) => server);
    this.#at = 0;
  }
  /** The next server that is available and not in `tried`, or undefined. */
  next(tried: ReadonlySet<N>): N | undefined {
    const ring = this.#ring;
    for (let i = 0; i < ring.length; i++) {
      const server = ring[(this.#at + i) % ring.length] as N;
      if (!server.isAvailable || tried.has(server)) continue;
      this.#at = (this.#at + i + 1) % ring.length;
      return server;
    }
    return undefined;
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
