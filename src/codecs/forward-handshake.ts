/**
 * Digests of the forward protocol's handshake, for both ends. Source: Forward Protocol Specification v1.5; Fluentd 1.16
 * in_forward.rb and out_forward/handshake_protocol.rb.
 *
 *   server → client  ["HELO", {nonce, auth, keepalive}]
 *   client → server  ["PING", hostname, salt, sha512(salt + hostname + nonce + key), username, sha512(auth + username + password)]
 *   server → client  ["PONG", ok, reason, hostname, sha512(salt + hostname + nonce + key)]
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Value } from '../core/record.ts';

/** Our own option of a message: the origins of its entries (core/origin.ts packOrigins). Others pass over it. */
export const originsOption = 'post2log_origins';

/** SHA-512 over the parts, in lower-case hex. */
export function digestHex(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** True when the other end sent exactly `expected`; takes as long whatever was sent. */
export function isDigest(sent: Value | undefined, expected: string): boolean {
  const bytes = Buffer.from(valueBytes(sent) ?? '');
  const wanted = Buffer.from(expected);
  // Of two lengths only that they differ is told.
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}

/** The bytes of text or binary; undefined for anything else. */
export function valueBytes(value: Value | undefined): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  return value instanceof Uint8Array ? value : undefined;
}
