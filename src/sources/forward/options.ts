/** Options of the forward source. Source: Fluentd 1.16 in_forward.rb and plugin_helper/server.rb. */
import { boolean, bytes, bytesFrom, choice, duration, integer, list, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';
import { tlsVersions } from '../../core/tls.ts';
import { clientOptions } from '../sockets/clients.ts';

export const forwardOptions = {
  port: integer(0, 65_535)('Port to listen on, TCP and (for heartbeats) UDP.', { default: 24_224 }),
  bind: text('Address to listen on. Loopback unless written; Fluentd listens on all addresses.', {
    default: '127.0.0.1',
  }),
  backlog: integer(1)('Connections the kernel may hold before they are accepted.'),
  tag: text('Tag of all records, in place of the one that was sent.'),
  addTagPrefix: text('Prefix of all tags; a dot comes between.'),
  tagPrefix: text('Prefix of all tags, with nothing between.'),
  skipInvalidEvent: boolean('Leaves out (and counts) what is no time, record or text as tag.', { default: false }),
  chunkSizeLimit: bytes('A larger message is refused, without an acknowledgement.'),
  chunkSizeWarnLimit: bytes('A larger message is taken, with a warning.'),
  // Fluentd 1.19's default, and the size of its largest buffer chunks.
  decompressionSizeLimit: bytesFrom(1)('Most bytes that a compressed message may unpack to.', {
    default: 256 * 1024 * 1024,
  }),
  // One message of the largest file buffer chunk, and what other connections bring meanwhile.
  memoryLimit: bytesFrom(1024 * 1024)('Bytes of messages held at a time; beyond it connections wait.', {
    default: 256 * 1024 * 1024,
  }),
  sourceAddressKey: text("A field for the sender's address."),
  sourceHostnameKey: text("A field for the sender's host name."),
  resolveHostname: boolean("Looks up the sender's host name."),
  denyKeepalive: boolean('Closes a connection after its first message.', { default: false }),
  sendKeepalivePacket: boolean('Has the kernel ask silent senders whether they are still there.', { default: false }),
  // Without a pool of this kind a crowd of half-open connections could use up the process's file handles.
  connectionsMax: integer(1)('Connections at a time; more are closed at once.', { default: 10_000 }),
  lingerTimeout: integer(0)('Time to linger on close.', { ignored: 'connections are closed in order, never reset' }),
  blockingTimeout: duration('Loop wait of another runtime.', { ignored: 'there is no such loop here' }),
};

const transportOptions = {
  version: choice(tlsVersions)('The one TLS version to speak. Without it: 1.2 and 1.3.'),
  minVersion: choice(tlsVersions)('Oldest TLS version; needs max_version.'),
  maxVersion: choice(tlsVersions)('Newest TLS version; needs min_version.'),
  ciphers: text('OpenSSL cipher list.'),
  certPath: text('Certificate file (PEM), with intermediates behind it.'),
  privateKeyPath: text('Private key file (PEM).'),
  privateKeyPassphrase: secret('Passphrase of the private key.'),
  clientCertAuth: boolean('Takes only clients with a certificate that ca_path vouches for.', { default: false }),
  caPath: text('Certificates (PEM) that client certificates must lead to.'),
  lingerTimeout: integer(0)('Time to linger on close.', { ignored: 'connections are closed in order, never reset' }),
  receiveBufferSize: bytes('Kernel buffer for received bytes.', { ignored: 'the kernel sizes it' }),
};

export const forwardSections = {
  security: {
    summary: 'Asks senders for a shared key, and for a user name and password.',
    options: {
      selfHostname: text('Name of this end in the handshake; differs from that of every sender.', { required: true }),
      sharedKey: secret('Key that both ends know.', { required: true }),
      userAuth: boolean('Asks for user name and password too.', { default: false }),
      allowAnonymousSource: boolean('Takes senders that no <client> names.', { default: true }),
    },
    sections: {
      user: {
        summary: 'Somebody who may send.',
        isMany: true,
        options: {
          username: text('Name of the user.', { required: true }),
          password: secret('Password of the user.', { required: true }),
        },
      },
      client: {
        summary: 'An address or network that may send.',
        isMany: true,
        options: {
          ...clientOptions,
          sharedKey: secret('Key of this client, in place of the common one.'),
          users: list('Users that may send from there; all where none is named.'),
        },
      },
    },
  },
  transport: {
    summary: '`<transport tls>`: takes TLS connections only.',
    options: transportOptions,
  },
} satisfies SectionTable;

export type ForwardOptions = OptionValues<typeof forwardOptions>;
export type SecurityOptions = OptionValues<typeof forwardSections.security.options>;
export type UserOptions = OptionValues<typeof forwardSections.security.sections.user.options>;
export type ClientOptions = OptionValues<typeof forwardSections.security.sections.client.options>;
export type TransportOptions = OptionValues<typeof transportOptions>;
export type ForwardConfig = PluginConfig<typeof forwardOptions>;
