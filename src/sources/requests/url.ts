/** Request targets. */

/** The request target as path and query: the absolute form that proxies use loses its scheme and host (RFC 9112, 3.2.2). */
export function pathAndQuery(url: string): string {
  if (url.charCodeAt(0) === 47) return url;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1];
  if (absolute === undefined) return url;
  return absolute.startsWith('/') ? absolute : `/${absolute}`;
}
