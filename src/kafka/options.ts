/** Options of TLS and login that sources and outputs share. Source: fluent-plugin-kafka 0.19 kafka_plugin_util.rb. */
import { boolean, list, secret, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import type { SaslSettings, TlsSettings } from './connect.ts';
import { brokersProblem } from './rdkafka.ts';

const elsewhere = 'this kind of login comes with a later version';

export const connectionOptionTable = {
  sslCaCert: list('PEM files of certificates to trust. With any ssl_ option that names a file the connection is TLS.'),
  sslClientCert: text('PEM file with a certificate to show to the brokers.'),
  sslClientCertKey: text('PEM file with the private key of that certificate.'),
  sslClientCertKeyPassword: secret('Passphrase of that key.'),
  sslClientCertChain: text('PEM file with certificates between that one and its issuer.'),
  sslCaCertsFromSystem: boolean('Trusts the certificates of the system, and speaks TLS.', { default: false }),
  sslVerifyHostname: boolean('Checks that the certificate is the broker’s.', { default: true }),
  username: text('User name of a login with SASL.'),
  password: secret('Password of that user.'),
  scramMechanism: text('sha256 or sha512 for SASL/SCRAM; without it SASL/PLAIN.'),
  principal: text(`Kerberos principal: ${elsewhere}.`),
  keytab: text(`Kerberos keytab: ${elsewhere}.`),
};
export type ConnectionOptionValues = OptionValues<typeof connectionOptionTable>;

/** TLS as the options ask for it; undefined: none. */
export function tlsOf(options: ConnectionOptionValues): TlsSettings | undefined {
  const { sslCaCert = [], sslClientCert, sslClientCertKey, sslCaCertsFromSystem } = options;
  const isWanted = sslCaCert.length > 0 || sslClientCert !== undefined || sslCaCertsFromSystem;
  if (!isWanted) return undefined;
  return {
    caPaths: sslCaCert,
    trustsSystem: sslCaCertsFromSystem,
    certPath: sslClientCert,
    chainPath: options.sslClientCertChain,
    keyPath: sslClientCertKey,
    passphrase: options.sslClientCertKeyPassword,
    verifiesHostname: options.sslVerifyHostname,
    verifies: true,
  };
}

export function saslOf({ username, password, scramMechanism }: ConnectionOptionValues): SaslSettings | undefined {
  if (username === undefined || password === undefined) return undefined;
  const mechanism =
    scramMechanism === undefined ? 'PLAIN' : /512/.test(scramMechanism) ? 'SCRAM-SHA-512' : 'SCRAM-SHA-256';
  return { mechanism, username, password };
}

/** What is wrong with these options; undefined: nothing. `saslNeedsTls`: ruby-kafka's sasl_over_ssl. */
export function connectionProblem(
  options: ConnectionOptionValues,
  brokers: readonly string[],
  saslNeedsTls: boolean,
): string | undefined {
  const problem = brokersProblem(brokers);
  if (problem !== undefined) return problem;
  if (options.principal !== undefined || options.keytab !== undefined)
    return 'principal, keytab: login with Kerberos comes with a later version; use username and password';
  const { scramMechanism, username, password } = options;
  if (scramMechanism !== undefined && !/^(?:scram-)?sha-?(?:256|512)$/i.test(scramMechanism))
    return `scram_mechanism ${scramMechanism}: sha256 or sha512 was expected`;
  if ((username === undefined) !== (password === undefined)) return 'username and password must be given together';
  if ((options.sslClientCert === undefined) !== (options.sslClientCertKey === undefined))
    return 'ssl_client_cert and ssl_client_cert_key must be given together';
  if (saslNeedsTls && username !== undefined && !tlsOf(options))
    return 'username and password would be sent in the clear: set ssl_ca_cert or ssl_ca_certs_from_system, or sasl_over_ssl false where that is wanted';
  return undefined;
}
