/** Cross-origin rules. Source: Fluentd 1.16 in_http.rb. */

/** Which origins may send; headers are name, value, name, value. */
export class Cors {
  /** Undefined: requests are not looked at for their origin. */
  readonly #origins: readonly string[] | undefined;
  readonly #hasCredentials: boolean;

  constructor(origins: readonly string[] | undefined, hasCredentials: boolean) {
    this.#origins = origins;
    this.#hasCredentials = hasCredentials;
  }
  /** Headers for an answer; undefined: the request is forbidden. */
  headers(origin: string | undefined): readonly string[] | undefined {
    if (this.#origins === undefined) return [];
    if (this.#origins.includes('*')) return ['Access-Control-Allow-Origin', '*'];
    if (origin === undefined || !this.#origins.some((allowed) => matches(allowed, origin))) return undefined;
    const headers = ['Access-Control-Allow-Origin', origin, 'Vary', 'Origin'];
    return this.#hasCredentials ? [...headers, 'Access-Control-Allow-Credentials', 'true'] : headers;
  }
  /** Headers for a browser that asks first; undefined: it may not send. */
  preflight(
    origin: string | undefined,
    method: string | undefined,
    askedHeaders: string | undefined,
  ): readonly string[] | undefined {
    if (this.#origins === undefined || method !== 'POST') return undefined;
    const headers = this.headers(origin);
    if (!headers) return undefined;
    return ['Access-Control-Allow-Methods', 'POST', 'Access-Control-Allow-Headers', askedHeaders ?? '', ...headers];
  }
}

/** One `*` stands for anything. */
function matches(allowed: string, origin: string): boolean {
  if (allowed === origin) return true;
  const star = allowed.indexOf('*');
  if (star < 0) return false;
  const end = allowed.slice(star + 1);
  return origin.length >= allowed.length - 1 && origin.startsWith(allowed.slice(0, star)) && origin.endsWith(end);
}
