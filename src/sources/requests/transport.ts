/**
 * `<transport tls>` of sources that listen: certificate files, client certificates, versions, ciphers. Names and rules as
 * Fluentd 1.16's server helper, plugin_helper/server.rb and cert_option.rb; what makes certificates on the fly is left out.
 */
import type { SectionModel } from '../../config/model.ts';
import { madeSection } from '../../core/fluentbit.ts';
import type { FluentbitWritten, serverTlsProperties } from '../../core/fluentbit.ts';
import { boolean, choice, integer, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { SectionSpec } from '../../core/plugin.ts';
import { tlsRange, tlsVersions } from '../../core/tls.ts';
import type { TlsSettings } from './tls.ts';

const options = {
  certPath: text('PEM file with the certificate, and those that lead to its issuer.'),
  privateKeyPath: text('PEM file with its private key.'),
  privateKeyPassphrase: secret('Passphrase of the private key.'),
  clientCertAuth: boolean('Takes only clients that show a certificate of ca_path.', { default: false }),
  caPath: text('PEM file with the certificates that client certificates must come from.'),
  version: choice(tlsVersions)('The one version of TLS that is spoken; without it 1.2 and 1.3.'),
  minVersion: choice(tlsVersions)('Oldest version of TLS; with max_version.'),
  maxVersion: choice(tlsVersions)('Newest version of TLS; with min_version.'),
  ciphers: text('Ciphers of TLS 1.2 and before, as OpenSSL writes them.'),
  lingerTimeout: integer()('Seconds for SO_LINGER.', { ignored: 'connections are closed after their last answer' }),
} as const;
type TransportOptions = OptionValues<typeof options>;

/** For the sections of a source. */
export const transportSection: SectionSpec = {
  summary: 'How connections are carried: <transport tls>, or <transport tcp>, which is the same as none',
  options,
};

/** What is wrong with a section, or undefined. */
export function transportProblem(section: SectionModel | undefined): string | undefined {
  if (!section) return undefined;
  const kind = section.argument;
  if (kind !== 'tls') {
    if (kind === 'tcp' || kind === '') return undefined;
    return `<transport ${kind}>: expected tls or tcp`;
  }
  const values = section.options as TransportOptions;
  if (values.certPath === undefined || values.privateKeyPath === undefined)
    return '<transport tls>: cert_path and private_key_path are required; certificates are not made on the fly here, make them with openssl';
  if ((values.minVersion === undefined) !== (values.maxVersion === undefined))
    return '<transport tls>: min_version and max_version must be given together';
  if (values.clientCertAuth && values.caPath === undefined)
    return '<transport tls>: client_cert_auth needs ca_path, the certificates that clients must come from';
  return undefined;
}

/** `<transport tls>` as Fluent Bit's `tls.*` of an input says it; none without `tls on`. */
export function fluentbitTransport(
  properties: OptionValues<typeof serverTlsProperties>,
  { at, error }: Pick<FluentbitWritten, 'at' | 'error'>,
): { readonly transport?: readonly SectionModel[] } {
  const {
    tlsCrtFile: certPath,
    tlsKeyFile: privateKeyPath,
    tlsCaFile: caPath,
    tlsMinVersion,
    tlsMaxVersion,
  } = properties;
  if (!properties.tls) return {};
  if (certPath === undefined || privateKeyPath === undefined)
    error(at, 'tls on needs tls.crt_file and tls.key_file: the certificate to show, and its private key');
  if (properties.tlsVerifyClientCert && caPath === undefined)
    error(at, 'tls.verify_client_cert on needs tls.ca_file: the certificates that clients must come from');
  const isRange = tlsMinVersion !== undefined || tlsMaxVersion !== undefined;
  const section = madeSection(
    {
      certPath,
      privateKeyPath,
      privateKeyPassphrase: properties.tlsKeyPasswd,
      clientCertAuth: properties.tlsVerifyClientCert,
      ciphers: properties.tlsCiphers,
      ...(properties.tlsVerifyClientCert && { caPath }),
      ...(isRange && {
        minVersion: (tlsMinVersion ?? 'TLSv1.2').replace('.', '_'),
        maxVersion: (tlsMaxVersion ?? 'TLSv1.3').replace('.', '_'),
      }),
    },
    at,
  );
  return { transport: [{ ...section, argument: 'tls' }] };
}

/** The certificate files are looked at this often: certificates are renewed days before they end, and it costs two stats. */
const reloadIntervalMs = 5000;

/** Settings of a checked section; undefined: no TLS. */
export function transportTls(section: SectionModel | undefined): TlsSettings | undefined {
  if (section?.argument !== 'tls') return undefined;
  const values = section.options as TransportOptions;
  const { certPath = '', privateKeyPath = '' } = values;
  return {
    certPath,
    keyPath: privateKeyPath,
    interval: reloadIntervalMs,
    advice: 'cert_path and private_key_path',
    passphrase: values.privateKeyPassphrase,
    caPath: values.clientCertAuth ? values.caPath : undefined,
    fixed: {
      ...tlsRange(values.version, values.minVersion, values.maxVersion),
      ...(values.ciphers !== undefined && { ciphers: values.ciphers }),
      ...(values.clientCertAuth && { requestCert: true, rejectUnauthorized: true }),
    },
  };
}
