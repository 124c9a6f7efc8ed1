/**
 * Checks AWS signatures of version 4 as a service does, written from the published algorithm ("Create a signed AWS API
 * request", IAM User Guide) and independent of the library that the program signs with.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as it came over the wire. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Names and values in turn, as node:http gives them. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** Keys that the service knows, by access key id. */
export type KnownKeys = ReadonlyMap<string, { readonly secret: string; readonly token?: string }>;

export interface Expected {
  readonly keys: KnownKeys;
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
  /** The service wants the body's hash as a header too. */
  readonly needsContentHash?: boolean;
}

/** What is wrong with a signature; undefined: it is right. */
export function signatureProblem(request: SignedRequest, expected: Expected): string | undefined {
  const headers = headersOf(request.rawHeaders);
  const [authorization, more] = headers.get('authorization') ?? [];
  if (authorization === undefined || more !== undefined) return 'MissingAuthenticationToken: no Authorization, or two';
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([^/,]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (!parsed) return `IncompleteSignature: ${authorization}`;
  const [, id = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = parsed;
  const date = headers.get('x-amz-date')?.[0] ?? '';
  const sentMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(sentMs) || !date.startsWith(day)) return `IncompleteSignature: x-amz-date ${date} and day ${day}`;
  if (Math.abs(sentMs - expected.nowMs) > 15 * 60_000) return `Signature expired: ${date}`;
  if (region !== expected.region || service !== expected.service)
    return `Credential should be scoped to ${expected.region}/${expected.service}, not ${region}/${service}`;
  const known = expected.keys.get(id);
  if (!known) return `UnrecognizedClientException: The security token included in the request is invalid: ${id}`;
  const token = headers.get('x-amz-security-token')?.[0];
  if (token !== known.token) return 'UnrecognizedClientException: another session token';
  const names = signedHeaders.split(';');
  const unsigned = [...headers.keys()].find(
    (name) => (name === 'host' || name === 'content-type' || name.startsWith('x-amz-')) && !names.includes(name),
  );
  if (unsigned !== undefined) return `SignatureDoesNotMatch: header ${unsigned} is not signed`;
  if ([...names].sort().join(';') !== signedHeaders) return 'SignatureDoesNotMatch: SignedHeaders are not sorted';
  const hash = sha256(request.body);
  const sentHash = headers.get('x-amz-content-sha256')?.[0];
  if (sentHash === undefined ? expected.needsContentHash === true : sentHash !== hash)
    return `XAmzContentSHA256Mismatch: ${sentHash}`;
  const [path = '', ...query] = request.url.split('?');
  const canonical = [
    request.method,
    canonicalPath(path),
    canonicalQuery(query.join('?')),
    ...names.map(
      (name) => `${name}:${(headers.get(name) ?? []).map((one) => one.trim().replaceAll(/ +/g, ' ')).join(',')}`,
    ),
    '',
    signedHeaders,
    hash,
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(Buffer.from(canonical))].join('\n');
  let key: Buffer = Buffer.from(`AWS4${known.secret}`);
  for (const part of [day, region, service, 'aws4_request']) key = hmac(key, part);
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex'))
    ? undefined
    : 'SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.';
}

function headersOf(raw: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    found.set(name, [...(found.get(name) ?? []), raw[i + 1] ?? '']);
  }
  return found;
}

/** Dot segments and empty ones go (RFC 3986), and each that stays is escaped once more. */
function canonicalPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(escaped(segment));
  }
  return `/${kept.join('/')}${kept.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...value] = part.split('=');
      return [name, value.join('=')].map((text) => escaped(decodeURIComponent(text))) as [string, string];
    })
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
}

/** All but unreserved characters as %XX of their UTF-8 bytes. */
function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
