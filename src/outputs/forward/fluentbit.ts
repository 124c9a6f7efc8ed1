/** How Fluent Bit's configurations write `forward`. Source: Fluent Bit 5.1 out_forward/forward.c. */
import { hostname } from 'node:os';
import { fluentbitForm, madeSection, tlsProperties } from '../../core/fluentbit.ts';
import { boolean, integer, secret, text } from '../../core/options.ts';

export const forwardForm = fluentbitForm({
  options: {
    timeAsInteger: {},
    requireAckResponse: {},
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
    ...tlsProperties,
  },
  ignored: {
    fluentd_compat: 'accepted; what is sent is the same, Fluentd takes it from 1.16 on',
  },
  lower({ properties, options, at }) {
    const { host, port, sharedKey, emptySharedKey, selfHostname, username, password, tls } = properties;
    const key = sharedKey ?? (emptySharedKey ? '' : undefined);
    return {
      options: {
        transport: tls ? 'tls' : 'tcp',
        // It asks servers for nothing but what it sends.
        heartbeatType: 'none',
        ...(options['timeAsInteger'] === true && { retainsMetadata: false }),
        tlsInsecureMode: !properties.tlsVerify,
        tlsVerifyHostname: properties.tlsVerifyHostname,
        ...(properties.tlsCaFile !== undefined && { tlsCertPath: [properties.tlsCaFile] }),
        tlsClientCertPath: properties.tlsCrtFile,
        tlsClientPrivateKeyPath: properties.tlsKeyFile,
        tlsClientPrivateKeyPassphrase: properties.tlsKeyPasswd,
        tlsCiphers: properties.tlsCiphers,
      },
      sections: {
        server: [
          madeSection({ host, port, weight: 60, standby: false, username, password, name: properties.tlsVhost }, at),
        ],
        ...(key !== undefined && {
          security: [madeSection({ selfHostname: selfHostname ?? hostname(), sharedKey: key }, at)],
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
