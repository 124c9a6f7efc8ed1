/** TLS of outputs, as the client: one table of options, what is made of it, and Fluent Bit's spelling of it. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { tlsProperties } from '../../core/fluentbit.ts';
import { boolean, choice, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { tls } from '../../core/node-tls.ts';
import { tlsRange, tlsVersions } from '../../core/tls.ts';
import { readTlsFiles } from './tls.ts';

/** Spread it into the options of an output. Names as in Fluentd's out_http; those that it has not are Fluent Bit's. */
export const clientTlsOptions = {
  tlsCaCertPath: text(
    'PEM file with the certificates that the server’s must come from; without it those of the system.',
  ),
  tlsCaCertDirectory: text('Directory of such files, which are trusted besides.'),
  tlsClientCertPath: text('PEM file with a certificate to show to the server.'),
  tlsPrivateKeyPath: text('PEM file with the private key of that certificate.'),
  tlsPrivateKeyPassphrase: secret('Passphrase of that key.'),
  tlsVerifyMode: choice(['peer', 'none'])('Whether the server’s certificate is looked at.', { default: 'peer' }),
  tlsVerifyHostname: boolean('Whether the certificate must name the host.', { default: true }),
  tlsServerName: text('The name to ask the server for, and to look for in its certificate; without it the host.'),
  tlsVersion: choice(tlsVersions)('The one version of TLS that is spoken; without it 1.2 and 1.3.'),
  tlsMinVersion: choice(tlsVersions)('The oldest version of TLS that is spoken.'),
  tlsMaxVersion: choice(tlsVersions)('The newest version of TLS that is spoken.'),
  tlsCiphers: text('Ciphers of TLS 1.2 and before, as OpenSSL writes them.'),
} as const;

export type ClientTlsOptions = OptionValues<typeof clientTlsOptions>;

/** What is wrong with them together; undefined: nothing. */
export function clientTlsProblem(options: ClientTlsOptions): string | undefined {
  if ((options.tlsClientCertPath === undefined) !== (options.tlsPrivateKeyPath === undefined))
    return 'tls_client_cert_path and tls_private_key_path must be given together';
  return undefined;
}

/** @throws OperatingError OUTPUT_UNREACHABLE: a file cannot be read; somebody may put it there later */
export async function clientTls(options: ClientTlsOptions): Promise<ConnectionOptions> {
  const { tlsPrivateKeyPassphrase: passphrase, tlsCiphers: ciphers, tlsServerName: servername } = options;
  const files = await readTlsFiles({
    ca: ['tls_ca_cert_path', options.tlsCaCertPath],
    cert: ['tls_client_cert_path', options.tlsClientCertPath],
    key: ['tls_private_key_path', options.tlsPrivateKeyPath],
  });
  const trusted = await certificatesIn(options.tlsCaCertDirectory);
  return {
    ...files,
    ...(trusted.length > 0 && {
      ca: [...(files.ca ? [files.ca].flat() : tls().getCACertificates('default')), ...trusted],
    }),
    rejectUnauthorized: options.tlsVerifyMode !== 'none',
    ...(!options.tlsVerifyHostname && { checkServerIdentity: () => undefined }),
    ...tlsRange(options.tlsVersion, options.tlsMinVersion, options.tlsMaxVersion),
    ...(passphrase !== undefined && { passphrase }),
    ...(ciphers !== undefined && { ciphers }),
    ...(servername !== undefined && { servername }),
  };
}

/** All certificates of a directory; none without one. @throws OperatingError OUTPUT_UNREACHABLE */
export async function certificatesIn(directory: string | undefined): Promise<Buffer[]> {
  if (directory === undefined) return [];
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => join(directory, name));
    const read = await Promise.all(files.map((file) => readFile(file)));
    return read.filter((bytes) => bytes.includes('-----BEGIN CERTIFICATE-----'));
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading certificates in ${directory}: ${errorText(error)}`, {
      cause: error,
    });
  }
}

/** These options as `tls.*` says them. `isNameWritten`: tls.verify_hostname stands in the configuration; else names are looked at. */
export function fluentbitClientTls(
  properties: OptionValues<typeof tlsProperties>,
  isNameWritten: boolean,
): ClientTlsOptions {
  const version = (name: string | undefined) => name?.replace('.', '_') as ClientTlsOptions['tlsVersion'];
  return {
    tlsCaCertPath: properties.tlsCaFile,
    tlsCaCertDirectory: properties.tlsCaPath,
    tlsClientCertPath: properties.tlsCrtFile,
    tlsPrivateKeyPath: properties.tlsKeyFile,
    tlsPrivateKeyPassphrase: properties.tlsKeyPasswd,
    tlsVerifyMode: properties.tlsVerify ? 'peer' : 'none',
    tlsVerifyHostname: !isNameWritten || properties.tlsVerifyHostname,
    tlsServerName: properties.tlsVhost,
    tlsVersion: undefined,
    tlsMinVersion: version(properties.tlsMinVersion),
    tlsMaxVersion: version(properties.tlsMaxVersion),
    tlsCiphers: properties.tlsCiphers,
  };
}
