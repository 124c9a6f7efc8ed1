/** How Fluent Bit's configurations write `forward`. Source: Fluent Bit 5.1 out_forward/forward.c. */
import { hostname } from 'node:os';
import type { Location } from '../../core/errors.ts';
import { fluentbitForm, fluentbitWords, madeSection, tlsProperties } from '../../core/fluentbit.ts';
import type { FluentbitWritten } from '../../core/fluentbit.ts';
import { boolean, integer, secret, text } from '../../core/options.ts';
import { fluentbitClientTls } from '../requests/client-tls.ts';

export const forwardForm = fluentbitForm({
  options: {
    timeAsInteger: {},
    requireAckResponse: {},
    exactlyOnce: {},
    compress: { default: 'text' },
    tag: {},
    retainsMetadata: { name: 'retain_metadata_in_forward_mode', default: true },
    sendsOptions: { name: 'send_options', default: false },
  },
  properties: {
    host: text('Server that takes the records.', { default: '127.0.0.1' }),
    port: integer(1, 65_535)('Port of the host.', { default: 24_224 }),
    sharedKey: secret('Key that both ends know.', { fluentbit: 'Shared_Key' }),
    emptySharedKey: boolean('Uses an empty key.', { default: false }),
    selfHostname: text('Name of this end in the handshake.'),
    username: text('User name.', { default: '' }),
    password: secret('Password of the user.', { default: '' }),
    upstream: text('File with servers that take turns, or the name of an entry of upstream_servers.'),
    ...tlsProperties,
  },
  repeated: { add_option: 'An option of each chunk, for receivers that read it: its key and its value.' },
  ignored: {
    fluentd_compat: 'accepted; what is sent is the same, Fluentd takes it from 1.16 on',
  },
  lower(lowered) {
    const { properties, options, at, written } = lowered;
    const { host, port, sharedKey, emptySharedKey, selfHostname, username, password, tls } = properties;
    const secrets = fluentbitClientTls(properties, written('tlsVerifyHostname') !== undefined);
    const key = sharedKey ?? (emptySharedKey ? '' : undefined);
    const own = { host, port, username, password, name: properties.tlsVhost };
    const servers =
      properties.upstream === undefined ? [{ at, sharedKey: undefined, options: own }] : upstreamServers(lowered, own);
    // Where servers have keys of their own, one of them stands for those without.
    const common = key ?? servers.map(({ sharedKey: one }) => one).find((one) => one !== undefined);
    const extraOptions: Record<string, string> = {};
    for (const { value, valueAt } of lowered.pairs) {
      const [name = '', text, ...more] = fluentbitWords(value) ?? [];
      if (text === undefined || more.length > 0)
        lowered.error(valueAt ?? at, `add_option ${value}: a key and a value were expected`);
      else extraOptions[name] = text;
    }
    return {
      options: {
        ...(lowered.pairs.length > 0 && { extraOptions }),
        transport: tls ? 'tls' : 'tcp',
        // It asks servers for nothing but what it sends.
        heartbeatType: 'none',
        packsEntries: false,
        isTagTemplate: typeof options['tag'] === 'string' && options['tag'].includes('$'),
        ...(options['timeAsInteger'] === true && { retainsMetadata: false }),
        tlsInsecureMode: !properties.tlsVerify,
        tlsVerifyHostname: secrets.tlsVerifyHostname,
        tlsMinVersion: secrets.tlsMinVersion,
        tlsMaxVersion: secrets.tlsMaxVersion,
        tlsCaCertDirectory: properties.tlsCaPath,
        ...(properties.tlsCaFile !== undefined && { tlsCertPath: [properties.tlsCaFile] }),
        tlsClientCertPath: properties.tlsCrtFile,
        tlsClientPrivateKeyPath: properties.tlsKeyFile,
        tlsClientPrivateKeyPassphrase: properties.tlsKeyPasswd,
        tlsCiphers: properties.tlsCiphers,
      },
      sections: {
        server: servers.map((server) =>
          madeSection({ weight: 60, standby: false, sharedKey: server.sharedKey, ...server.options }, server.at),
        ),
        ...(common !== undefined && {
          security: [madeSection({ selfHostname: selfHostname ?? hostname(), sharedKey: common }, at)],
        }),
      },
    };
  },
  example: `[OUTPUT]
    Name  forward
    Match *
    Host  collector.example.com
    Port  24224`,
});

/** What a server of an Upstream may say; everything else is said in the output, for all of them. */
const nodeKeys = ['name', 'host', 'port', 'shared_key', 'username', 'password'];

interface Server {
  readonly at: Location;
  readonly sharedKey: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The servers of an Upstream; `own`: what they have where they say nothing. */
function upstreamServers(
  {
    properties,
    at,
    written,
    upstream,
    error,
  }: Pick<FluentbitWritten, 'at' | 'written' | 'upstream' | 'error'> & {
    readonly properties: { readonly upstream?: string | undefined };
  },
  own: {
    readonly host: string;
    readonly username: string;
    readonly password: string;
    readonly name: string | undefined;
  },
): Server[] {
  const nodes = upstream(properties.upstream ?? '', written('upstream') ?? at);
  // What is wrong was said; that there is no server follows from it.
  if (!nodes) return [{ at, sharedKey: undefined, options: own }];
  return nodes.map(({ at: nodeAt, values }) => {
    const value = (key: string): string | undefined => values.get(key)?.value;
    for (const [key, { at: place }] of values)
      if (!nodeKeys.includes(key))
        error(place, `${key}: a server of an Upstream has ${nodeKeys.join(', ')}; write others into the output`);
    const port = Number(value('port'));
    if (value('host') === undefined || !Number.isInteger(port) || port < 1 || port > 65_535)
      error(nodeAt, 'a server of an Upstream needs a host and a port from 1 to 65535');
    return {
      at: nodeAt,
      sharedKey: value('shared_key'),
      options: {
        host: value('host') ?? '',
        port,
        // Fluent Bit's name of it is for its log; a certificate is looked at for tls.vhost or the host.
        name: own.name,
        username: value('username') ?? own.username,
        password: value('password') ?? own.password,
      },
    };
  });
}
