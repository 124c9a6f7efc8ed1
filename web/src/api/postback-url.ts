/** Where records can be posted to, out of the program's own description (`/openapi.json`). */

interface Described {
  readonly paths?: Readonly<
    Record<string, { readonly post?: unknown; readonly servers?: readonly { readonly url?: unknown }[] } | undefined>
  >;
}

/**
 * The first endpoint that takes a POST at a server of its own, as this page's reader reaches it: a program that listens on
 * all addresses calls itself localhost. Undefined: it takes no postbacks, or does not say where.
 */
export function postbackUrl(described: unknown, pageHost: string): string | undefined {
  const { paths = {} } = described as Described;
  for (const [path, entry] of Object.entries(paths)) {
    const server = entry?.servers?.[0]?.url;
    if (entry?.post === undefined || typeof server !== 'string' || path.includes('{')) continue;
    const url = new URL(path, server);
    if (url.hostname === 'localhost') url.hostname = pageHost;
    return url.href;
  }
  return undefined;
}
