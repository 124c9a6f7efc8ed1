/** How a cluster is reached: addresses, TLS, login. What the sources and outputs of all dialects are lowered to. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ConnectionOptions } from '@platformatic/kafka';
import { tls as nodeTls } from '../core/node-tls.ts';
import { OperatingError, errorText } from '../core/errors.ts';

export interface ClusterSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Undefined: not encrypted. */
  readonly tls?: TlsSettings | undefined;
  /** Undefined: no login. */
  readonly sasl?: SaslSettings | undefined;
}

export interface TlsSettings {
  /** PEM files of certificates to trust; none: those of the system. */
  readonly caPaths: readonly string[];
  /** Trusts those of the system too. */
  readonly trustsSystem: boolean;
  readonly certPath?: string | undefined;
  readonly chainPath?: string | undefined;
  readonly keyPath?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly verifiesHostname: boolean;
  /** False: any certificate will do. */
  readonly verifies: boolean;
}

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export interface SaslSettings {
  readonly mechanism: (typeof saslMechanisms)[number];
  readonly username: string;
  readonly password: string;
}

/** What the library takes. @throws OperatingError OUTPUT_UNREACHABLE where a file cannot be read */
export async function connectionOptions(settings: ClusterSettings): Promise<ConnectionOptions> {
  const { connectTimeoutMs, requestTimeoutMs, tls, sasl } = settings;
  return {
    connectTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...(tls && { tls: await tlsOptions(tls) }),
    ...(sasl && { sasl: { ...sasl } }),
  };
}

async function tlsOptions(tls: TlsSettings): Promise<TlsOptions> {
  const [cert, chain, key, ...ca] = await Promise.all(
    [tls.certPath, tls.chainPath, tls.keyPath, ...tls.caPaths].map(readPem),
  );
  const trusted = ca.filter((one) => one !== undefined);
  if (trusted.length > 0 && tls.trustsSystem) trusted.push(...nodeTls().getCACertificates('default'));
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.verifies,
    ...(trusted.length > 0 && { ca: trusted }),
    ...(cert !== undefined && { cert: chain === undefined ? cert : `${cert}\n${chain}` }),
    ...(key !== undefined && { key }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
    ...(!tls.verifiesHostname && { checkServerIdentity: () => undefined }),
  };
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || path.trim() === '') return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading certificates for Kafka: ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
}
