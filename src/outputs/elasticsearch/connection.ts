/** From options to a cluster of servers: addresses, logins, certificates, headers. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions, SecureVersion } from 'node:tls';
import { OperatingError, errorText } from '../../core/errors.ts';
import { tls } from '../../core/node-tls.ts';
import type { OutputContext } from '../../core/plugin.ts';
import { certificatesIn } from '../requests/client-tls.ts';
import { HttpClient } from '../requests/client.ts';
import { Cluster } from './cluster.ts';
import type { Signing } from './cluster.ts';
import { basePath, cloudHost, parseHosts, unescapedLogin } from './hosts.ts';
import type { Host } from './hosts.ts';

export interface ConnectionSettings {
  readonly hosts: readonly Host[];
  readonly requestTimeoutMs: number;
  readonly resurrectAfterMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsFiles;
}
export interface TlsFiles {
  /** Certificates that are trusted besides. */
  readonly caDirectory?: string | undefined;
  readonly verifies: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly passphrase: string | undefined;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** Another name to expect in the certificate. */
  readonly servername?: string | undefined;
  readonly ciphers?: string | undefined;
  /** False: any name in the certificate will do. */
  readonly verifiesName?: boolean;
}

/** The options that say where servers are, as the Fluentd plugins write them. */
export interface WrittenConnection {
  readonly host: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  readonly hosts: string | undefined;
  readonly path: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly cloudId?: string | undefined;
  readonly cloudAuth?: string | undefined;
}

/** @throws Error for a server that is none */
export function writtenHosts(written: WrittenConnection): Host[] {
  const { host, port, scheme, hosts, path, user, password = '', cloudId, cloudAuth } = written;
  const login = user === undefined ? undefined : `${unescapedLogin(user)}:${unescapedLogin(password)}`;
  if (cloudId !== undefined) return [cloudHost(cloudId, login ?? cloudAuth)];
  const found = parseHosts(hosts ?? host, { port, isTls: scheme === 'https', base: basePath(path), login });
  if (found.length === 0) throw new Error('hosts names no server');
  return found;
}

/** Reads the certificate files. @throws OperatingError OUTPUT_UNREACHABLE */
export async function openCluster(
  settings: ConnectionSettings,
  context: Pick<OutputContext, 'buffer' | 'clock'>,
  signing?: Signing,
): Promise<Cluster> {
  const { hosts, requestTimeoutMs, resurrectAfterMs, headers } = settings;
  // Whole milliseconds, and not the 4,500 after which an idle connection is closed: see HttpClient.
  const timeoutMs = Math.max(1, Math.ceil(requestTimeoutMs)) + (requestTimeoutMs === 4500 ? 1 : 0);
  const client = new HttpClient(
    {
      openTimeoutMs: timeoutMs,
      handshakeTimeoutMs: timeoutMs,
      readTimeoutMs: timeoutMs,
      reuses: true,
      proxy: undefined,
      // Writes go on side by side; one more for questions.
      connectionsMax: Math.max(1, context.buffer.concurrency) + 1,
    },
    hosts.some(({ isTls }) => isTls) ? await tlsOf(settings.tls) : {},
  );
  return new Cluster(hosts, client, { headers, signing, resurrectAfterMs, clock: context.clock });
}

async function tlsOf(files: TlsFiles): Promise<ConnectionOptions> {
  const read = async (path: string | undefined): Promise<Buffer | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      throw new OperatingError('OUTPUT_UNREACHABLE', `reading ${path}: ${errorText(error)}`, { cause: error });
    }
  };
  const [ca, cert, key] = [await read(files.ca), await read(files.cert), await read(files.key)];
  const { passphrase, servername, ciphers, minVersion, maxVersion, verifies, verifiesName = true } = files;
  const trusted = await certificatesIn(files.caDirectory);
  const all = [...(ca ? [ca] : trusted.length > 0 ? tls().getCACertificates('default') : []), ...trusted];
  return {
    rejectUnauthorized: verifies,
    minVersion,
    maxVersion,
    ...(all.length > 0 && { ca: all }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(servername !== undefined && { servername }),
    ...(ciphers !== undefined && { ciphers }),
    ...(!verifiesName && { checkServerIdentity: () => undefined }),
  };
}
