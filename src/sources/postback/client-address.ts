/** Who sent a request: the address of its connection, or what trusted proxies say. */
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import type { IPv4, IPv6 } from 'ipaddr.js';

type Address = IPv4 | IPv6;
type Range = readonly [Address, number];

/** A set of addresses and CIDR ranges. */
export class AddressSet {
  readonly #ranges: Range[];

  /** @throws Error naming the entry that is neither an address nor a range */
  constructor(entries: readonly string[]) {
    this.#ranges = entries.map(parseRange);
  }
  /** @throws Error as the constructor does */
  static check(entries: readonly string[]): void {
    entries.forEach(parseRange);
  }
  has(address: Address): boolean {
    return this.#ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  }
}

function parseRange(entry: string): Range {
  try {
    if (!entry.includes('/')) {
      const address = ipaddr.process(entry);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    }
    const [address, bits] = ipaddr.parseCIDR(entry);
    // `::ffff:10.0.0.0/104` is written so where sockets show IPv4 clients as IPv6; addresses are compared as IPv4.
    if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96)
      return [address.toIPv4Address(), bits - 96];
    return [address, bits];
  } catch (error) {
    throw new Error(`${JSON.stringify(entry)} is not an address or CIDR range such as 10.0.0.0/8`, { cause: error });
  }
}

/** An address from text, IPv4 in IPv6 as IPv4; undefined when it is none. Seen outside by tests. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/, '');
  if (!ipaddr.isValid(bare)) return undefined;
  // ipaddr.js takes `1` and `0x7f000001` for IPv4 addresses; proxies never write them so, attackers do.
  if (!bare.includes(':') && !/^\d+\.\d+\.\d+\.\d+$/.test(bare)) return undefined;
  return ipaddr.process(bare);
}

/** What one client is counted under: its IPv4 address, or the /64 of its IPv6 address, within which it can change at will. */
export function clientKey(address: Address): string {
  if (address.kind() === 'ipv4') return address.toString();
  return (address as IPv6).parts.slice(0, 4).join(':');
}

/** Finds the client behind trusted proxies. */
export class ClientFinder {
  readonly #trusted: AddressSet | undefined;
  readonly #header: 'x-forwarded-for' | 'forwarded';

  constructor(trustedProxies: readonly string[], header: 'x-forwarded-for' | 'forwarded') {
    this.#trusted = trustedProxies.length > 0 ? new AddressSet(trustedProxies) : undefined;
    this.#header = header;
  }
  /**
   * The last address on the way that is not a trusted proxy's; a hop that is no address ends the way at the proxy that
   * named it. Undefined when the connection is gone.
   */
  find(req: IncomingMessage): Address | undefined {
    let address = parseAddress(req.socket.remoteAddress ?? '');
    if (address === undefined || !this.#trusted?.has(address)) return address;
    const header = req.headers[this.#header];
    if (typeof header !== 'string') return address;
    const hops = this.#header === 'forwarded' ? forwardedHops(header) : header.split(',');
    for (const hop of hops.toReversed()) {
      const named = hopAddress(hop.trim());
      if (named === undefined) break;
      address = named;
      if (!this.#trusted.has(named)) break;
    }
    return address;
  }
}

/** The `for` of each element of a Forwarded header (RFC 7239); empty for an element without one. */
function forwardedHops(header: string): string[] {
  return splitOutsideQuotes(header).map((element) => {
    const found = /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;\s]*))/i.exec(element);
    return found?.[1] ?? found?.[2] ?? '';
  });
}

/** The parts between commas that stand outside quoted strings. One pass: a sender must not make a regular expression backtrack. */
function splitOutsideQuotes(header: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < header.length; at++) {
    const char = header[at];
    if (isQuoted && char === '\\') at++;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === ',' && !isQuoted) {
      parts.push(header.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(header.slice(start));
  return parts;
}

/** `1.2.3.4`, `1.2.3.4:80`, `[2001:db8::1]:80`, `2001:db8::1` */
function hopAddress(hop: string): Address | undefined {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1];
  if (bracketed !== undefined) return parseAddress(bracketed);
  return parseAddress(/^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop);
}
