/** How Fluent Bit's configurations write the source `forward`. Source: Fluent Bit 5.1 in_forward/fw.c. */
import { hostname } from 'node:os';
import { fluentbitForm, fluentbitWords, madeSection, tlsProperties } from '../../core/fluentbit.ts';
import { boolean, secret, text } from '../../core/options.ts';

export const forwardForm = fluentbitForm({
  options: {
    bind: { name: ['Listen', 'Host'] },
    port: {},
    tagPrefix: { name: 'Tag_Prefix' },
    chunkSizeLimit: { name: 'Buffer_Max_Size' },
  },
  properties: {
    sharedKey: secret('Key that senders must know.', { fluentbit: 'Shared_Key' }),
    emptySharedKey: boolean('Senders must use an empty key.', { default: false }),
    selfHostname: text('Name of this end in the handshake.'),
    ...tlsProperties,
  },
  repeated: { 'security.users': 'Somebody who may send: user name and password.' },
  ignored: {
    buffer_chunk_size: 'messages are read as they come',
    workers: 'P2L_WORKERS says how many processes receive',
  },
  lower({ properties, pairs, at, tag, error, warn, written }) {
    if (!written('bind'))
      warn(
        at,
        'listens on 127.0.0.1 alone, where Fluent Bit listens on all addresses; write Listen 0.0.0.0 to take records of other machines, or Listen 127.0.0.1',
      );
    const { sharedKey, emptySharedKey, selfHostname, tls, tlsCrtFile, tlsKeyFile, tlsKeyPasswd } = properties;
    const user = pairs.map(({ value, valueAt, at: pairAt }) => {
      const [username = '', password = ''] = fluentbitWords(value) ?? [];
      if (password === '') error(valueAt ?? pairAt, 'Security.Users: a user name and a password were expected');
      return madeSection({ username, password }, pairAt);
    });
    const key = sharedKey ?? (emptySharedKey ? '' : undefined);
    const security = madeSection(
      {
        selfHostname: selfHostname ?? hostname(),
        sharedKey: key ?? '',
        userAuth: user.length > 0,
        allowAnonymousSource: true,
      },
      at,
    );
    const transport = madeSection(
      { certPath: tlsCrtFile, privateKeyPath: tlsKeyFile, privateKeyPassphrase: tlsKeyPasswd, clientCertAuth: false },
      at,
    );
    if (user.length > 0 && key === undefined) error(at, 'Security.Users needs Shared_Key, or Empty_Shared_Key on');
    return {
      options: { tag },
      sections: {
        ...(key !== undefined && { security: [{ ...security, sections: { user, client: [] } }] }),
        ...(tls && { transport: [{ ...transport, argument: 'tls' }] }),
      },
    };
  },
  example: `[INPUT]
    Name   forward
    Listen 127.0.0.1
    Port   24224`,
});
