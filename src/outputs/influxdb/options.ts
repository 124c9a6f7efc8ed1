/** Options and texts that the three InfluxDB outputs share. */
import type { ConnectionOptions } from 'node:tls';
import { boolean, choice, integer, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { Difference, Peer } from '../../core/difference.ts';
import type { OutputContext } from '../../core/plugin.ts';
import { readTlsFiles } from '../requests/tls.ts';
import type { ClientSettings } from '../requests/client.ts';

/** What none of the peers has. */
export const ownOptions = {
  exactlyOnce: boolean(
    'Every record makes one point, however often it is sent: times are written in nanoseconds, and the digits that the precision has not say which record it is; at ms and finer also a tag (sequence_tag, else `_seq`).',
    { default: false },
  ),
  onTypeConflict: choice(['refuse', 'divert'])(
    'What becomes of a value that its field cannot hold on the server: its record is refused, or it is written as text into the field with `__str` behind its name.',
    { default: 'refuse' },
  ),
  compress: choice(['text', 'gzip'])('Compresses requests.', { default: 'text' }),
} as const;

export const tlsOptions = {
  tlsCaCertPath: text(
    'PEM file with the certificates that the server’s must come from; without it those of the system.',
  ),
  tlsClientCertPath: text('PEM file with a certificate to show to the server.'),
  tlsPrivateKeyPath: text('PEM file with the private key of that certificate.'),
  tlsPrivateKeyPassphrase: secret('Passphrase of that key.'),
} as const;

export const timeoutOptions = {
  openTimeout: integer(1)('Seconds for a connection to open.', { default: 5 }),
  readTimeout: integer(1)('Seconds without a byte of the answer.', { default: 300 }),
} as const;

/** @throws Error */
export function checkTls({ tlsClientCertPath, tlsPrivateKeyPath }: OptionValues<typeof tlsOptions>): void {
  if ((tlsClientCertPath === undefined) !== (tlsPrivateKeyPath === undefined))
    throw new Error('tls_client_cert_path and tls_private_key_path must be given together');
}

export async function tlsOf(options: OptionValues<typeof tlsOptions>, isVerified: boolean): Promise<ConnectionOptions> {
  const { tlsPrivateKeyPassphrase: passphrase } = options;
  return {
    ...(await readTlsFiles({
      ca: ['tls_ca_cert_path', options.tlsCaCertPath],
      cert: ['tls_client_cert_path', options.tlsClientCertPath],
      key: ['tls_private_key_path', options.tlsPrivateKeyPath],
    })),
    rejectUnauthorized: isVerified,
    ...(passphrase !== undefined && { passphrase }),
  };
}

export function clientOf(
  { openTimeout, readTimeout }: OptionValues<typeof timeoutOptions>,
  { buffer }: OutputContext,
): ClientSettings {
  return {
    openTimeoutMs: openTimeout * 1000,
    handshakeTimeoutMs: openTimeout * 1000,
    readTimeoutMs: readTimeout * 1000,
    reuses: true,
    proxy: undefined,
    connectionsMax: Math.max(1, buffer.concurrency),
  };
}

/** What all three do better than their peers. */
export function sharedDifferences(peer: Peer): readonly Difference[] {
  return [
    {
      peer,
      verdict: 'better',
      text:
        peer === 'fluentd'
          ? 'Sends a chunk again and again, or gives it up, for one point that the server refuses. Here the server’s answer is read: what was written is done, the point it refuses goes to the secondary or the dead letters with its words.'
          : 'Takes every answer for a success, and loses what the server refused. Here the answer is read: refused points go to the dead letters with the server’s words, and what may be taken later is sent again.',
    },
    {
      peer,
      verdict: 'better',
      text: 'Does not know which type a field has on the server. Here it is learned from the server’s answer: a number is written as the kind of number that the field holds where nothing is lost by it, other values go where `on_type_conflict` says.',
      options: ['onTypeConflict'],
    },
    {
      peer,
      verdict: 'better',
      text: 'Breaks the line on a line feed in a name or tag, loses a line whose measurement begins with `#` and a field called `time`, and joins what follows to a name that ends in a backslash. Here each is written as the nearest that InfluxDB can hold: `\\n`, `\\#`, `time_`, `_` behind the backslash.',
    },
    {
      peer,
      verdict: 'better',
      text: 'A point whose measurement, tags and time are those of another replaces it. Here `exactly_once true` keeps records apart whatever they share, and makes one that is sent twice replace itself.',
      options: ['exactlyOnce'],
    },
    {
      peer,
      text: 'What `exactly_once` cannot promise: records whose measurement, tags and time at the precision are the same meet where 1,000,000,000 of them (precision s to ms), 65,536,000 (us) or 65,536 (ns) come from one start of a receiving process; of two starts any two such records meet by a chance of one in that number. A record that is sent again is another point where measurement, tags, time or precision were configured anew in between. One that is older than the retention policy of its bucket or database when it is sent again is refused, and so in the dead letters, though it may have been written before.',
      options: ['exactlyOnce'],
    },
  ];
}
