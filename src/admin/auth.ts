/** Who may use the admin server: a bearer token beyond loopback, and a Host check that stops DNS rebinding on loopback. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Exported for its tests. Compares in a time that does not depend on where the texts differ, nor on their lengths. */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** True for 127.0.0.0/8, ::1 and `localhost`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' ||
    bare === '::1' ||
    bare === '0:0:0:0:0:0:0:1' ||
    (isIP(bare) === 4 && bare.startsWith('127.'))
  );
}

/** The host name in a Host header, without the port. */
function hostName(header: string | undefined): string {
  return (header ?? '').replace(/:\d+$/, '');
}

/** Checks a request's Authorization header against the token; without a token only loopback's host names pass. */
export function isAllowed(
  request: { authorization: string | undefined; host: string | undefined },
  token: string | undefined,
  listenHost: string,
): boolean {
  if (token !== undefined) {
    const given = /^Bearer +(.+)$/i.exec(request.authorization ?? '')?.[1];
    return given !== undefined && equalSecrets(given, token);
  }
  const name = hostName(request.host);
  return isLoopback(name) || name === listenHost;
}

/**
 * True for a request that a browser sent for a page of another site, which may do so without being asked (a POST without
 * body); browsers name the page's origin in those. Programs send no Origin.
 */
export function isForeign(request: { origin: string | undefined; host: string | undefined }): boolean {
  if (request.origin === undefined) return false;
  const { host } = URL.canParse(request.origin) ? new URL(request.origin) : { host: undefined };
  return host === undefined || host !== request.host?.toLowerCase();
}
