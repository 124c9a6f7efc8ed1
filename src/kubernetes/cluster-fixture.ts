/** What tests of clusters need. Not used by the program. */
import { execFileSync } from 'node:child_process';
import pino from 'pino';
import type { Log } from '../core/log.ts';
import type { ClusterSettings } from './contract.ts';

/** Of an API without TLS and token. */
export function clusterSettings(url: string, more: Partial<ClusterSettings> = {}): ClusterSettings {
  return {
    url,
    tokenFile: undefined,
    tokenCommand: undefined,
    tokenTtlMs: 600_000,
    caFile: undefined,
    caPath: undefined,
    clientCert: undefined,
    clientKey: undefined,
    verifies: true,
    verifiesHost: true,
    allowsPartialChain: false,
    serverName: undefined,
    openTimeoutMs: 10_000,
    readTimeoutMs: 10_000,
    nodeName: undefined,
    kubelet: undefined,
    preloadDirectory: undefined,
    ...more,
  };
}

/** A log whose texts a test can read. */
export function loggedTexts(): { readonly log: Log; readonly texts: string[] } {
  const texts: string[] = [];
  const write = (line: string): void => void texts.push((JSON.parse(line) as { msg: string }).msg);
  const log = pino({ level: 'info' }, { write });
  return { log, texts };
}

/** Makes `name.crt` and `name.key` in a directory, for that name or address (`DNS:…`, `IP:…`). */
export function certify(directory: string, name: string, subject: string): void {
  const kind = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -nodes -subj /CN=${name}`.split(' ');
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-addext', `subjectAltName=${subject}`];
  execFileSync('openssl', [...kind, ...files], { cwd: directory, stdio: 'ignore' });
}
