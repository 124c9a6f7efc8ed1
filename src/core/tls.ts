/** TLS versions as configurations write them. Source: Fluentd 1.16 tls.rb. */
import type { SecureVersion } from 'node:tls';

/** What tls_version, version, min_version and max_version may be. */
export const tlsVersions = ['TLSv1_1', 'TLSv1_2', 'TLSv1_3', 'TLS1_1', 'TLS1_2', 'TLS1_3'] as const;
export type TlsVersion = (typeof tlsVersions)[number];

/** `TLSv1_2` and `TLS1_2` → `TLSv1.2` */
export function secureVersion(version: TlsVersion): SecureVersion {
  return `TLSv1.${version.slice(-1)}` as SecureVersion;
}
