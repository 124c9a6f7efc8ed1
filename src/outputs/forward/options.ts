/** Options of the forward output. Source: Fluentd 1.16 out_forward.rb, sd_static, sd_file.rb, sd_srv.rb. */
import { tlsVersions } from '../../core/tls.ts';
import { boolean, bytes, choice, duration, integer, list, map, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';

const defaultPort = 24_224;
const defaultWeight = 60;

export const forwardOptions = {
  transport: choice(['tcp', 'tls'])('How servers are reached.', { default: 'tcp' }),
  exactlyOnce: boolean(
    'Sends with every record which one it is, so that a post2log that gets it twice stores it once. Implies require_ack_response.',
    { default: false },
  ),
  tag: text("The records' tag there, in place of their own."),
  isTagTemplate: boolean(
    'Fills accessors of Fluent Bit ($log, $TAG[1]) in tag from each record, which is a message of its own then.',
    { default: false },
  ),
  retainsMetadata: boolean('Writes entries with metadata beside their time, as Fluent Bit does from 2.1 on.', {
    default: false,
  }),
  sendsOptions: boolean('Sends size and compression of each chunk also where the receiver does not need them.', {
    default: true,
  }),
  packsEntries: boolean(
    'Sends entries as packed bytes. False, as Fluent Bit: as an array, unless they are compressed.',
    {
      default: true,
    },
  ),
  extraOptions: map('Options of each chunk besides, for receivers that read them.'),
  requireAckResponse: boolean('Counts a chunk as delivered only when the server has acknowledged it.', {
    default: false,
  }),
  // Fluentd: as long as a Linux takes to give up a connection.
  ackResponseTimeout: duration('How long to wait for an acknowledgement.', { default: 190_000 }),
  sendTimeout: duration('How long sending a chunk may stand still.', { default: 60_000 }),
  connectTimeout: duration('How long connecting may take. Default: as long as the system tries.'),
  compress: choice(['text', 'gzip', 'zstd'])('How entries are packed.', { default: 'text' }),
  timeAsInteger: boolean('Sends whole seconds in place of event times, for Fluentd before 0.14.', { default: false }),
  keepalive: boolean('Uses a connection for more than one chunk.', { default: false }),
  keepaliveTimeout: duration('Longest idle time of a kept connection. Default: no limit.'),
  sendKeepalivePacket: boolean('Has the kernel ask silent servers whether they are still there.', { default: false }),
  heartbeatType: choice(['transport', 'tcp', 'udp', 'none'])('How servers are watched.', { default: 'transport' }),
  heartbeatInterval: duration('Time between two heartbeats.', { default: 1000 }),
  recoverWait: duration('How long a server must answer before it is used again.', { default: 10_000 }),
  hardTimeout: duration('A server that did not answer for so long is left out.', { default: 60_000 }),
  phiFailureDetector: boolean('Leaves out servers whose heartbeats come too irregularly.', { default: true }),
  phiThreshold: integer(1)('How irregularly.', { default: 16 }),
  expireDnsCache: duration('How long a looked-up address is used; 0: once. Default: for good.'),
  dnsRoundRobin: boolean("Picks one of a server's addresses at random.", { default: false }),
  ignoreNetworkErrorsAtStartup: boolean('Starts although a server cannot be looked up.', { default: false }),
  verifyConnectionAtStartup: boolean('Writes only once every server was reached.', { default: false }),
  tlsVersion: choice(tlsVersions)('The one TLS version to speak. Without it: 1.2 and 1.3.'),
  tlsMinVersion: choice(tlsVersions)('The oldest TLS version to speak.'),
  tlsMaxVersion: choice(tlsVersions)('The newest TLS version to speak.'),
  tlsCiphers: text('OpenSSL cipher list.'),
  tlsInsecureMode: boolean('Checks no certificate at all.', { default: false }),
  tlsAllowSelfSignedCert: boolean('Takes certificates that vouch for themselves.', { default: false }),
  tlsVerifyHostname: boolean("Checks that the certificate is the server's.", { default: true }),
  tlsCertPath: list('Certificates (PEM) to trust besides those of the system; goes before tls_ca_cert_path.'),
  tlsCaCertPath: list('Certificates (PEM) to trust besides those of the system.'),
  tlsCaCertDirectory: text('Directory of certificates (PEM) to trust besides.'),
  tlsClientCertPath: text("This end's certificate (PEM)."),
  tlsClientPrivateKeyPath: text("This end's private key (PEM)."),
  tlsClientPrivateKeyPassphrase: secret('Passphrase of the private key.'),
  readIntervalMsec: integer(0)('Pause between reads.', { ignored: 'answers are read when they come' }),
  readLength: bytes('Bytes read at once.', { ignored: 'answers are read as they come' }),
};

const serverOptions = {
  host: text('Address or host name.', { required: true }),
  port: integer(1, 65_535)('Port of the server.', { default: defaultPort }),
  name: text('Name for logs, and for its certificate where host is an address.'),
  // Each stands in the ring as often as its weight says (balancer.ts).
  weight: integer(0, 10_000)('Its share of the chunks.', { default: defaultWeight }),
  standby: boolean('Used only while others are out.', { default: false }),
  sharedKey: secret('Its key, in place of that of <security>.'),
  username: text('User name.', { default: '' }),
  password: secret('Password of the user.', { default: '' }),
};

export const forwardSections = {
  server: { summary: 'A server that takes records.', isMany: true, options: serverOptions },
  security: {
    summary: 'Proves to servers who this is.',
    options: {
      selfHostname: text('Name of this end in the handshake; differs from that of every server.', { required: true }),
      sharedKey: secret('Key that both ends know.', { required: true }),
    },
  },
  service_discovery: {
    summary: 'Servers from elsewhere: `static` (`<service>` sections), `file` (YAML or JSON) or `srv` (DNS).',
    isMany: true,
    options: {
      type: choice(['static', 'file', 'srv'])('Where from.', { required: true, fluentd: '@type' }),
      path: text('file: where it lies.', { default: '/etc/fluent/sd.yaml' }),
      confEncoding: text('file: its encoding.', { ignored: 'it is read as UTF-8' }),
      service: text('srv: service, without underscore.'),
      proto: text('srv: protocol, without underscore.', { default: 'tcp' }),
      hostname: text('srv: domain.'),
      dnsServerHost: text('srv: name server to ask, with a port if it is not 53.'),
      interval: duration('srv: time between two look-ups.', { default: 60_000 }),
      dnsLookup: boolean('srv: looks up the addresses of the hosts found.', { default: true }),
      sharedKey: secret('srv: key of all of them.'),
      username: text('srv: user name.', { default: '' }),
      password: secret('srv: password.', { default: '' }),
    },
    sections: { service: { summary: 'static: a server that takes records.', isMany: true, options: serverOptions } },
  },
} satisfies SectionTable;

export type ForwardOptions = OptionValues<typeof forwardOptions>;
export type ServerOptions = OptionValues<typeof serverOptions>;
export type SecurityOptions = OptionValues<typeof forwardSections.security.options>;
export type DiscoveryOptions = OptionValues<typeof forwardSections.service_discovery.options>;
export type ForwardConfig = PluginConfig<typeof forwardOptions>;
