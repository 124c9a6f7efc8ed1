/** Headers that every answer of the admin server has. */
import type { ServerResponse } from 'node:http';

/**
 * Everything comes from here and nothing stands in the page itself; nobody shows it in a frame. Images may also be
 * `data:`: the API's pages at /docs have their icons so.
 */
const contentPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "object-src 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const headers: readonly (readonly [string, string])[] = [
  ['content-security-policy', contentPolicy],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  // Records are nobody else's; the explorer's files say otherwise for themselves.
  ['cache-control', 'no-store'],
];

/** Sets them, before anything else is known of the answer. */
export function setSafeHeaders(response: ServerResponse): void {
  for (const [name, value] of headers) response.setHeader(name, value);
}
