/** TLS versions as Fluentd writes them (fluent/tls.rb 1.16), for both ends of a connection. */
import type { SecureVersion } from 'node:tls';

export const tlsVersions = ['TLSv1_1', 'TLSv1_2', 'TLSv1_3', 'TLS1_1', 'TLS1_2', 'TLS1_3'] as const;
type TlsVersion = (typeof tlsVersions)[number];

function secureVersion(version: TlsVersion): SecureVersion {
  return `TLSv${version.replace(/^TLSv?/, '').replace('_', '.')}` as SecureVersion;
}

/** The range to speak: `version` alone, `min` to `max`, or 1.2 and 1.3 where nothing is written (Fluentd: 1.2 alone). */
export function tlsRange(
  version: TlsVersion | undefined,
  min?: TlsVersion,
  max?: TlsVersion,
): { readonly minVersion: SecureVersion; readonly maxVersion: SecureVersion } {
  return {
    minVersion: secureVersion(min ?? version ?? 'TLSv1_2'),
    maxVersion: secureVersion(max ?? version ?? 'TLSv1_3'),
  };
}
