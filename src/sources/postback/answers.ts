/** What is written back to senders. Bodies as the original's FastAPI wrote them: `{"status":"success"}`, `{"detail":…}`. */
import type { ServerResponse } from 'node:http';
import { http } from '../../core/node-http.ts';
import type { Refusal } from '../requests/refusal.ts';

const okBody = '{"status":"success"}';
// A flat list is what Node writes out without building an object; the length spares it chunked encoding.
const okHead: readonly string[] = ['Content-Type', 'application/json', 'Content-Length', String(okBody.length)];
const okHeadClosing: readonly string[] = [...okHead, 'Connection', 'close'];

/** 200: the records are durable. */
export function answerOk(res: ServerResponse, isClosing: boolean): void {
  // Node types the list as mutable; it only reads it.
  res.writeHead(200, (isClosing ? okHeadClosing : okHead) as string[]);
  res.end(okBody, 'latin1');
}

/** `GET /` and `GET /healthz`. */
export function answerHealth(res: ServerResponse, isClosing: boolean): void {
  const head = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '2'];
  res.writeHead(200, isClosing ? [...head, 'Connection', 'close'] : head);
  res.end('ok', 'latin1');
}

/** `{"detail":…}` with the refusal's status; `allow`: the methods for a 405. */
export function answerRefusal(res: ServerResponse, refusal: Refusal, isClosing: boolean, allow?: string): void {
  const body = JSON.stringify({ detail: refusal.message });
  const head = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))];
  if (allow !== undefined) head.push('Allow', allow);
  if (refusal.retryAfterMs !== undefined) head.push('Retry-After', String(Math.ceil(refusal.retryAfterMs / 1000)));
  if (refusal.reason === 'unauthorized') head.push('WWW-Authenticate', 'Bearer');
  if (isClosing) head.push('Connection', 'close');
  res.writeHead(refusal.status, head);
  res.end(body);
}

/** The whole answer to what is not HTTP, for a socket that is closed behind it. */
export function rawAnswer(refusal: Refusal): string {
  const body = JSON.stringify({ detail: refusal.message });
  return `HTTP/1.1 ${refusal.status} ${http.STATUS_CODES[refusal.status] ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
