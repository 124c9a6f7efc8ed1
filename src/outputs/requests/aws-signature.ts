/**
 * Signature version 4 of AWS on a request. Source: "AWS Signature Version 4 for API requests", IAM User Guide. The library
 * is loaded with the first signature, so that a program without AWS does not pay for it.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import type { Address, ClientRequestParts } from './client.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Undefined: they do not expire. */
  readonly expiration?: Date;
}

/** What a signature is good for. */
export interface AwsScope {
  readonly region: string;
  /** The name that the service signs under, such as `es` or `aoss`. */
  readonly service: string;
  /** Headers that are signed besides host, content-type and x-amz-*; lower case. Proxies may change others. */
  readonly signedHeaders?: readonly string[] | undefined;
}

/** The request with its signature; header names are in lower case then. */
export async function signRequest(
  parts: ClientRequestParts,
  keys: AwsKeys,
  { region, service, signedHeaders = [] }: AwsScope,
  nowMs: number,
): Promise<ClientRequestParts> {
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const signer = new SignatureV4({ service, region, sha256: Sha256, credentials: keys });
  const [path = '/', query = ''] = splitOnce(parts.address.path, '?');
  const { isTls, hostname } = parts.address;
  const own = lowerCase({ Host: hostOf(parts.address, service), ...parts.headers });
  const extra = new Set(signedHeaders);
  const toSign = Object.entries(own).filter(
    ([name]) => name === 'host' || name === 'content-type' || name.startsWith('x-amz-') || extra.has(name),
  );
  const signed = await signer.sign(
    {
      method: parts.method,
      protocol: isTls ? 'https:' : 'http:',
      hostname,
      path,
      query: queryOf(query),
      headers: Object.fromEntries(toSign),
      body: parts.body,
    },
    { signingDate: new Date(nowMs), signableHeaders: extra },
  );
  // A plus is a space to some servers and a plus to others; escaped it is signed and read as one and the same.
  const sent = query === '' ? path : `${path}?${query.replaceAll('+', '%20')}`;
  return { ...parts, address: { ...parts.address, path: sent }, headers: { ...own, ...signed.headers } };
}

/** Amazon OpenSearch takes no signature of a host with its port. Source: Fluent Bit 5.1 es.c add_aws_auth. */
const portless: ReadonlySet<string> = new Set(['es', 'aoss']);

function hostOf({ isTls, hostname, port }: Address, service: string): string {
  const name = hostname.includes(':') ? `[${hostname}]` : hostname;
  return port === (isTls ? 443 : 80) || portless.has(service) ? name : `${name}:${port}`;
}

/** The header names in lower case; of two that differ by case alone the later one counts. */
function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function splitOnce(text: string, at: string): string[] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + at.length)];
}

/** A query as names and values without escapes. */
function queryOf(query: string): Record<string, string | string[]> {
  const found = new Map<string, string[]>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [name = '', value = ''] = splitOnce(part, '=').map(unescaped);
    const known = found.get(name);
    if (known) known.push(value);
    else found.set(name, [value]);
  }
  return Object.fromEntries(found);
}
function unescaped(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** SHA-256 as the library asks for it; with a secret its HMAC. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(part: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(part));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new TypeError('a hash is used once');
  }
}
function bytesOf(part: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof part === 'string') return Buffer.from(part);
  return ArrayBuffer.isView(part) ? Buffer.from(part.buffer, part.byteOffset, part.byteLength) : Buffer.from(part);
}
