/**
 * What an orchestrator asks every few seconds of every process: does it live, is it ready, its metrics. Answered here, so
 * that a small collector needs nothing more for them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../core/log.ts';
import type { Access } from './access.ts';
import { failureAnswer } from './api/failures.ts';
import type { AdminBackend } from './backend.ts';
import { setSafeHeaders } from './headers.ts';

export interface ProbeOptions {
  readonly backend: Pick<AdminBackend, 'notReady' | 'targets' | 'metricsText'>;
  readonly access: Access;
  /** True for requests of this user, over the Unix socket: they need no login. */
  readonly isPrivate: (request: IncomingMessage) => boolean;
  readonly log: Log;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' };
const textHeaders = { 'content-type': 'text/plain; charset=utf-8' };
const metricsHeaders = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };

/** Answers a request if it is one of these, else gives false. */
export function answerProbe(request: IncomingMessage, response: ServerResponse, options: ProbeOptions): boolean {
  const probe = probes[(request.url ?? '').split('?', 1)[0] ?? ''];
  if (!probe || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
  setSafeHeaders(response);
  void probe(request, options)
    .catch((error: unknown): Answer => {
      const { status, headers, body } = failureAnswer(error, options.log);
      return { status, headers: { ...jsonHeaders, ...headers }, body: JSON.stringify(body) };
    })
    .then(({ status, headers, body }) => {
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  return true;
}

/** The first two tell an orchestrator only whether the program lives and works, so they need no login. */
const probes: Readonly<Record<string, (request: IncomingMessage, options: ProbeOptions) => Promise<Answer>>> = {
  '/healthz': () => Promise.resolve({ status: 200, headers: textHeaders, body: 'ok' }),
  '/readyz': async (request, { backend, access, isPrivate }) => {
    const reasons = await backend.notReady();
    const isTold =
      isPrivate(request) ||
      (await access.check(request).then(
        () => true,
        () => false,
      ));
    // Records wait while a target is gone, so that this program is ready. What a target says may name hosts.
    const targets = backend.targets().map(({ said, ...target }) => ({ ...target, ...(isTold && { said }) }));
    const isReady = reasons.length === 0;
    return {
      status: isReady ? 200 : 503,
      headers: jsonHeaders,
      body: JSON.stringify({ ready: isReady, reasons, targets }),
    };
  },
  '/metrics': async (request, { backend, access, isPrivate }) => {
    if (!isPrivate(request)) {
      access.checkOrigin(request);
      await access.check(request);
    }
    return { status: 200, headers: metricsHeaders, body: await backend.metricsText() };
  },
};
