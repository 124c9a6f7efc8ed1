/** The admin server's pages and API: explorer, search, status, reload, dead letters, API docs. Loaded at the first request for any of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Fastify from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { realClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Access } from './access.ts';
import type { ApiContext } from './api/asking.ts';
import { addDeadLetterRoutes } from './api/dead-letters.ts';
import { addExportRoute } from './api/export.ts';
import { sendFailure } from './api/failures.ts';
import { addFieldRoutes } from './api/fields.ts';
import { addSearchRoutes } from './api/search.ts';
import { addSessionRoutes } from './api/session.ts';
import { addStoreRoutes } from './api/store.ts';
import { addTailRoute } from './api/tail.ts';
import type { AdminBackend } from './backend.ts';
import { serveDocs } from './docs.ts';
import { explorerDirectory, serveExplorer } from './explorer.ts';
import { setSafeHeaders } from './headers.ts';

export interface AppOptions {
  readonly backend: AdminBackend;
  readonly access: Access;
  /** True for requests of this user, over the Unix socket: they need no login. */
  readonly isPrivate: (request: IncomingMessage) => boolean;
  readonly explorer: string | undefined;
  readonly pingMs: number | undefined;
  readonly log: Log;
}

/** Answers requests; listens nowhere itself. */
export interface App {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** Largest request body: the API takes small JSON only. */
const bodyBytesMax = 1024 * 1024;
/** Live tails write at least so often, in ms, so that nothing on the way takes them for dead. */
const defaultPingMs = 15_000;
/** Routes that need no login, so that one can log in. */
const openRoutes = new Set<string | undefined>(['/', '/*', '/api/session']);

/** Makes it, ready to answer. */
export async function openApp({ backend, access, isPrivate, explorer, pingMs, log }: AppOptions): Promise<App> {
  const server = Fastify({ bodyLimit: bodyBytesMax });
  server.addHook('onRequest', async (request, reply) => {
    setSafeHeaders(reply.raw);
    if (isPrivate(request.raw)) return;
    access.checkOrigin(request.raw);
    if (!openRoutes.has(request.routeOptions.url)) await access.check(request.raw);
  });
  server.setErrorHandler((error, _request, reply) => sendFailure(error, reply, log));
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ detail: `No ${request.method} ${request.url}; /docs lists what there is` }),
  );
  const context: ApiContext = {
    backend,
    nowMs: () => realClock.nowMs(),
    isAllowedStill: async ({ raw }) => isPrivate(raw) || access.isAllowedStill(raw),
    pingMs: pingMs ?? defaultPingMs,
  };
  addRoutes(server, backend);
  addSearchRoutes(server, context);
  addFieldRoutes(server, context);
  addExportRoute(server, context);
  addTailRoute(server, context);
  addStoreRoutes(server, context);
  addSessionRoutes(server, access, ({ raw }: FastifyRequest) => isPrivate(raw));
  serveDocs(server, backend);
  serveExplorer(server, explorer ?? explorerDirectory);
  await server.ready();
  return {
    handle: (request, response) => server.routing(request, response),
    close: () => server.close(),
  };
}

function addRoutes(server: FastifyInstance, backend: AdminBackend): void {
  server.get('/api/status', () => backend.status());
  server.post('/api/reload', () => backend.reload());
  addDeadLetterRoutes(server, backend);
  server.post<{ Params: { id: string } }>('/api/outputs/:id/drop', async (request, reply) => {
    const waiting = await backend.dropOutput(request.params.id);
    if (waiting === undefined)
      return reply.code(409).send({
        detail: `No removed output ${request.params.id}; only outputs that the running configuration no longer names can be dropped`,
      });
    return { dropped: waiting };
  });
}
