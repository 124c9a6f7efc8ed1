/** Options that the sources for plain sockets share. Source: Fluentd 1.16 in_tcp.rb, in_udp.rb, in_syslog.rb. */
import type { Difference } from '../../core/difference.ts';
import { boolean, bytes, duration, integer, text } from '../../core/options.ts';
import type { SectionModel } from '../../config/model.ts';
import type { SectionSpec } from '../../core/plugin.ts';
import { transportSection } from '../requests/transport.ts';

export const socketOptions = {
  bind: text('Address to listen on. Loopback unless written; Fluentd listens on all addresses.', {
    default: '127.0.0.1',
  }),
  sourceAddressKey: text("A field for the sender's address."),
  sourceHostnameKey: text("A field for the sender's host name, which is looked up."),
  blockingTimeout: duration("How long Fluentd's event loop blocks.", { ignored: 'there is no such loop here' }),
};

export const streamOptions = {
  sendKeepalivePacket: boolean('Has the kernel ask silent senders whether they are still there.', { default: false }),
  // Without a bound a crowd of connections could use up the process's file handles.
  connectionsMax: integer(1)('Connections at a time; more are closed at once.', { default: 10_000 }),
  idleTimeout: duration(
    'Closes a connection on which nothing came for so long; 0: never, since a sender that does not look would lose what it sends next.',
    { default: 0 },
  ),
};

/** Longest message of a stream where nothing is written: it is held in memory, and the journal's record limit is of this order. */
export const streamTextBytesMax = 8 * 1024 * 1024;
/** No datagram is larger. */
export const datagramBytesMax = 64 * 1024;

/** `<transport>` of sources that take datagrams too. */
export const socketTransport: SectionSpec = {
  summary: 'How messages are carried: <transport udp>, <transport tcp> or <transport tls>.',
  options: {
    ...transportSection.options,
    receiveBufferSize: bytes('Kernel buffer for datagrams that were not taken yet (SO_RCVBUF).'),
  },
};

/** `receive_buffer_size` of a `<transport>`. */
export function receiveBufferOf(section: SectionModel | undefined): number | undefined {
  const size = section?.options['receiveBufferSize'];
  return typeof size === 'number' ? size : undefined;
}

/** In what all of them differ from Fluentd and Fluent Bit. */
export const socketDifferences: readonly Difference[] = [
  {
    peer: 'fluentd',
    text: 'Listens on all addresses. Here on 127.0.0.1, unless `bind` is written.',
    options: ['bind'],
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Listens on all addresses where `Listen` is not written. Here on 127.0.0.1 alone, with a warning.',
    options: ['bind'],
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Drops what the parser does not take with a line in its log. Here it is refused, counted and kept with the dead letters.',
  },
];

export const streamDifferences: readonly Difference[] = [
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Takes from connections whatever comes, into memory. Here a sender waits while 1 MiB of what it sent is not on disk.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Drops a last message that has no delimiter behind it. Here it is taken where the connection was closed in order, else counted as refused (`cut_off`).',
  },
];

export const datagramDifferences: readonly Difference[] = [
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Cuts a datagram off at message_length_limit (4096, syslog 2048) and takes its start for the message. Here a limit that is written refuses longer ones, and without one any datagram is taken.',
    options: ['messageLengthLimit'],
  },
];
