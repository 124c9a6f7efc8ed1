/** What is written back to senders: status, headers and bodies of Fluentd 1.16's in_http.rb. */
import type { ServerResponse } from 'node:http';
import { http } from '../../core/node-http.ts';
import type { Refusal } from '../requests/refusal.ts';

/** One transparent pixel, the bytes that Fluentd sends. */
const emptyGif = Buffer.from('R0lGODlhAQABAID/AP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64');

/** What a request whose records are durable is answered with. */
export interface Success {
  readonly status: 200 | 204;
  readonly type: string;
  readonly body: Buffer | string;
}

export function successOf(options: { respondWithEmptyImg: boolean; use204Response: boolean }): Success {
  if (options.respondWithEmptyImg) return { status: 200, type: 'image/gif; charset=utf-8', body: emptyGif };
  return { status: options.use204Response ? 204 : 200, type: 'text/plain', body: '' };
}

/** Answers; `extra` are headers as name, value, name, value. */
export function answer(
  res: ServerResponse,
  { status, type, body }: { readonly status: number; readonly type: string; readonly body: Buffer | string },
  extra: readonly string[],
  isClosing: boolean,
): void {
  const head = ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), ...extra];
  if (isClosing) head.push('Connection', 'close');
  // Who asked for the end knows of it; Fluentd does not say it again.
  else if (!res.shouldKeepAlive) res.removeHeader('Connection');
  res.writeHead(status, head);
  res.end(body);
}

/** Bodies that are not the status with a text behind it. */
const ownBodies: Readonly<Record<number, string>> = { 403: '', 413: 'Too large', 417: '' };

/** The body of a refusal: `400 Bad Request`, a line feed, and what is wrong where. */
function refusalBody(refusal: Refusal): string {
  const own = ownBodies[refusal.status];
  if (own !== undefined) return own;
  if (refusal.reason === 'invalid_compression') return '';
  return `${refusal.status} ${http.STATUS_CODES[refusal.status] ?? 'Error'}\n${refusal.peerText ?? refusal.message}\n`;
}

export function answerRefusal(
  res: ServerResponse,
  refusal: Refusal,
  extra: readonly string[],
  isClosing: boolean,
): void {
  // What the body quotes of a request must not be taken for a page.
  const head = [...extra, 'X-Content-Type-Options', 'nosniff'];
  if (refusal.retryAfterMs !== undefined) head.push('Retry-After', String(Math.ceil(refusal.retryAfterMs / 1000)));
  const body = refusalBody(refusal);
  // Where the body is Fluentd's and says less than we know.
  if (!body.includes(refusal.message)) head.push(...problemHeader(refusal));
  answer(res, { status: refusal.status, type: 'text/plain', body }, head, isClosing);
}

/** Says what was wrong where the answer itself does not. */
export function problemHeader(refusal: Refusal): readonly string[] {
  return ['Post2log-Problem', refusal.message.replaceAll(/[^\x20-\x7e]/g, '?')];
}

/** The whole answer to what is not HTTP, for a socket that is closed behind it. */
export function rawAnswer(refusal: Refusal): string {
  const body = refusalBody(refusal);
  return `HTTP/1.1 ${refusal.status} ${http.STATUS_CODES[refusal.status] ?? 'Error'}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
