/** How Fluent Bit's configurations write the source `forward`. Source: Fluent Bit 5.1 in_forward/fw.c. */
import { hostname } from 'node:os';
import {
  fluentbitForm,
  fluentbitWords,
  madeSection,
  serverTlsProperties,
  warnOfLoopback,
} from '../../core/fluentbit.ts';
import { boolean, secret, text } from '../../core/options.ts';
import { fluentbitTransport } from '../requests/transport.ts';

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
    ...serverTlsProperties,
  },
  repeated: { 'security.users': 'Somebody who may send: user name and password.' },
  ignored: {
    buffer_chunk_size: 'messages are read as they come',
    workers: 'P2L_WORKERS says how many processes receive',
  },
  lower(lowered) {
    const { properties, pairs, at, tag, error } = lowered;
    warnOfLoopback(lowered);
    const { sharedKey, emptySharedKey, selfHostname } = properties;
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
    if (user.length > 0 && key === undefined) error(at, 'Security.Users needs Shared_Key, or Empty_Shared_Key on');
    return {
      options: { tag },
      sections: {
        ...(key !== undefined && { security: [{ ...security, sections: { user, client: [] } }] }),
        ...fluentbitTransport(properties, lowered),
      },
    };
  },
  example: `[INPUT]
    Name   forward
    Listen 127.0.0.1
    Port   24224`,
});
