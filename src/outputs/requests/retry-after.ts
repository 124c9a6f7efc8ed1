/** How long a server asks to wait. Source: RFC 9110, 10.2.3. */
import type { ClientAnswer } from './client.ts';

/** No server is believed that asks to wait longer than an hour. */
const retryAfterMsMax = 3_600_000;

/** Retry-After in seconds or as a date; nothing where there is none, or one that has passed. */
export function retryAfterOf(
  { retryAfter }: Pick<ClientAnswer, 'retryAfter'>,
  nowMs: number,
): { readonly retryAfterMs?: number } {
  if (retryAfter === undefined) return {};
  const waitMs = /^\d+$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return Number.isNaN(waitMs) || waitMs <= 0 ? {} : { retryAfterMs: Math.min(waitMs, retryAfterMsMax) };
}
