/** `<security>`: who may send. Source: Fluentd 1.16 in_forward.rb check_ping. */
import { randomBytes } from 'node:crypto';
import { digestHex, isDigest, valueBytes } from '../../codecs/forward-handshake.ts';
import type { Value } from '../../core/record.ts';
import { AddressSet, parseAddress } from '../postback/client-address.ts';
import { clientAddress } from '../sockets/clients.ts';
import type { ClientOptions, SecurityOptions, UserOptions } from './options.ts';

interface Client {
  readonly addresses: AddressSet;
  readonly sharedKey: string;
  /** Empty: all. */
  readonly users: readonly string[];
}

/** The secrets of one connection. */
export interface Challenge {
  readonly nonce: Uint8Array;
  readonly auth: Uint8Array;
}

/** What a PING came to. `reason`: what the client is told; it names no secret. */
export type PingResult =
  | { readonly isAccepted: true; readonly salt: Uint8Array; readonly sharedKey: string }
  | { readonly isAccepted: false; readonly reason: string };

export class Security {
  readonly #options: SecurityOptions;
  readonly #users: readonly UserOptions[];
  readonly #clientOptions: readonly ClientOptions[];
  #clients: readonly Client[] = [];

  constructor(options: SecurityOptions, users: readonly UserOptions[], clients: readonly ClientOptions[]) {
    this.#options = options;
    this.#users = users;
    this.#clientOptions = clients;
  }
  /** Looks up the clients' host names. @throws OperatingError LISTEN_FAILED */
  async load(): Promise<void> {
    this.#clients = await Promise.all(
      this.#clientOptions.map(async ({ host, network, sharedKey, users }) => ({
        addresses: new AddressSet(network === undefined ? [await clientAddress(host ?? '')] : [network]),
        sharedKey: sharedKey ?? this.#options.sharedKey,
        users: users ?? [],
      })),
    );
  }
  /** For one connection's HELO. */
  challenge(): Challenge {
    return { nonce: new Uint8Array(randomBytes(16)), auth: new Uint8Array(randomBytes(16)) };
  }
  helo({ nonce, auth }: Challenge, keepalive: boolean): Value {
    return ['HELO', { nonce, auth, keepalive }];
  }
  check(ping: Value, remoteAddress: string, { nonce, auth }: Challenge): PingResult {
    if (!Array.isArray(ping) || ping.length !== 6 || ping[0] !== 'PING') return refused('invalid ping message');
    const [hostname, salt, username] = [ping[1], ping[2], ping[4]].map(valueBytes);
    if (!hostname || !salt || !username) return refused('invalid ping message');
    const address = parseAddress(remoteAddress);
    const client = address && this.#clients.find(({ addresses }) => addresses.has(address));
    if (!client && !this.#options.allowAnonymousSource)
      return refused(`anonymous source host '${remoteAddress}' denied`);
    const sharedKey = client?.sharedKey ?? this.#options.sharedKey;
    if (!isDigest(ping[3], digestHex(salt, hostname, nonce, sharedKey))) return refused('shared_key mismatch');
    if (this.#options.userAuth && !this.#isUser(client, username, ping[5], auth))
      return refused('username/password mismatch');
    return { isAccepted: true, salt, sharedKey };
  }
  #isUser(client: Client | undefined, name: Uint8Array, digest: Value | undefined, auth: Uint8Array): boolean {
    let isKnown = false;
    // All are looked at, so that the time tells nothing of who is known.
    for (const { username, password } of this.#users) {
      const isDigestRight = isDigest(digest, digestHex(auth, name, password));
      const isAllowed = !client || client.users.length === 0 || client.users.includes(username);
      if (isDigestRight && isAllowed && Buffer.from(username).equals(name)) isKnown = true;
    }
    return isKnown;
  }
  pong(result: PingResult, { nonce }: Challenge): Value {
    if (!result.isAccepted) return ['PONG', false, result.reason, '', ''];
    const { selfHostname } = this.#options;
    return ['PONG', true, '', selfHostname, digestHex(result.salt, selfHostname, nonce, result.sharedKey)];
  }
}

function refused(reason: string): PingResult {
  return { isAccepted: false, reason };
}
