/** What tells a request's origin, and comparing secrets. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares in a time that does not depend on where the texts differ, nor on their lengths. */
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

interface OriginHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
}

/**
 * True for a request that a browser sent for a page of another site, which may do so without being asked (a POST without
 * body). Browsers say so in Sec-Fetch-Site, older ones and those on plain HTTP name the page's origin. Programs send neither.
 */
export function isForeign(headers: OriginHeaders): boolean {
  return (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) && !isSameOrigin(headers);
}

/** True where the browser says that the request is a page's of this server, or that a person made it. */
export function isSameOrigin({ origin, host, 'sec-fetch-site': site }: OriginHeaders): boolean {
  // Behind a proxy that changes Host the origin does not match; what the browser says itself holds.
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === host?.toLowerCase();
}
