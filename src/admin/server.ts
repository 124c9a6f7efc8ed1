/**
 * The admin server: explorer, search, health, metrics, status, reload, dead letters, API docs. Listens on
 * P2L_ADMIN_HOST:P2L_ADMIN_PORT (loopback, or with a token or users anywhere) and always on the Unix socket
 * `<dataDir>/post2log.sock` (mode 0600), over which the command line talks to the running program.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import Fastify from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { realClock } from '../core/clock.ts';
import { ConfigError, OperatingError, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Access } from './access.ts';
import type { ApiContext } from './api/asking.ts';
import { addDeadLetterRoutes } from './api/dead-letters.ts';
import { addExportRoute } from './api/export.ts';
import { sendFailure } from './api/failures.ts';
import { addFieldRoutes } from './api/fields.ts';
import { addSearchRoutes } from './api/search.ts';
import { addSessionRoutes } from './api/session.ts';
import { addStoreRoutes } from './api/store.ts';
import { addTailRoute } from './api/tail.ts';
import { isLoopback } from './auth.ts';
import type { AdminBackend } from './backend.ts';
import { serveDocs } from './docs.ts';
import { explorerDirectory, serveExplorer } from './explorer.ts';
import { setSafeHeaders } from './headers.ts';
import { Users } from './users.ts';

export interface AdminOptions {
  readonly host: string;
  /** Undefined: no TCP port, only the socket. */
  readonly port: number | undefined;
  readonly token: string | undefined;
  /** Users file (P2L_ADMIN_USERS). */
  readonly usersPath?: string | undefined;
  /** Undefined: no socket. */
  readonly socketPath: string | undefined;
  /** Where the explorer's build is; for tests, as is pingMs. */
  readonly explorer?: string;
  readonly pingMs?: number;
}

export interface AdminServer {
  /** `http://host:port`, or undefined without a port. */
  readonly url: string | undefined;
  close(): Promise<void>;
}

/** Largest request body: the API takes small JSON only. */
const bodyBytesMax = 1024 * 1024;

/** Largest request head: a query with some hundred ids in it. */
const headBytesMax = 64 * 1024;
/** Live tails write at least so often, in ms, so that nothing on the way takes them for dead. */
const pingMs = 15_000;

/** Routes that tell an orchestrator only whether the program lives. */
const healthRoutes = new Set<string | undefined>(['/healthz', '/readyz']);
/** Routes that need no login, so that one can log in. */
const openRoutes = new Set<string | undefined>(['/', '/*', '/api/session']);

/** Starts it. @throws OperatingError LISTEN_FAILED; ConfigError for a bad users file, and when it would be open to others. */
export async function startAdminServer(options: AdminOptions, backend: AdminBackend, log: Log): Promise<AdminServer> {
  const users = options.usersPath === undefined ? undefined : await Users.open(options.usersPath, log);
  if (options.port !== undefined && !isLoopback(options.host) && options.token === undefined && !users) {
    throw new ConfigError([
      {
        at: undefined,
        text: `P2L_ADMIN_HOST=${options.host}: the admin server would be open to everybody who reaches this machine; set P2L_ADMIN_TOKEN or P2L_ADMIN_USERS, or P2L_ADMIN_HOST=127.0.0.1, or P2L_ADMIN_PORT=off`,
      },
    ]);
  }
  const privates = new WeakSet<Socket>();
  const { host, token } = options;
  const monotonicMs = (): number => realClock.monotonicMs();
  const access = new Access({ host, port: options.port, token, users, log, monotonicMs });
  const app = build(backend, options, access, privates, log);
  const overSocket = createServer({ maxHeaderSize: headBytesMax }, (request, response) =>
    app.routing(request, response),
  );
  // Told by the connection itself and not by its address: that one is unknown too where a TCP connection is gone already.
  overSocket.on('connection', (socket) => privates.add(socket));
  // A connection that cannot be accepted (too many open files) must not end the process.
  const unaccepted = (error: Error): void => log.error(`accepting admin connections: ${error.message}`);
  app.server.on('error', unaccepted);
  const { port } = options;
  try {
    if (port === undefined) await app.ready();
    else await app.listen({ host: options.host, port });
  } catch (error) {
    await app.close();
    const code = systemCode(error) ?? 'failed';
    throw new OperatingError(
      'LISTEN_FAILED',
      `listening for the admin server on ${options.host}:${port}: ${code}; try P2L_ADMIN_PORT=${Number(port) + 1}, or P2L_ADMIN_PORT=off`,
      { cause: error },
    );
  }
  if (options.socketPath !== undefined) await listenOnSocket(overSocket, options.socketPath, log);
  overSocket.on('error', unaccepted);
  const address = app.addresses()[0];
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${typeof address === 'object' ? address.port : port}`;
  return {
    url: port === undefined ? undefined : url,
    async close() {
      // Its callback comes also where it does not listen.
      const closed = new Promise<void>((resolve) => void overSocket.close(() => resolve()));
      overSocket.closeAllConnections();
      await app.close();
      await closed;
    },
  };
}

async function listenOnSocket(server: Server, path: string, log: Log): Promise<void> {
  try {
    await rm(path, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } finally {
      process.umask(before);
    }
    await chmod(path, 0o600);
  } catch (error) {
    log.warn(
      { path, code: systemCode(error) },
      'The socket for the command line cannot be made here; commands that ask the running program need the admin port.',
    );
  }
}

/** `privates`: connections over the Unix socket, which only this user can open: they need no login. */
function build(
  backend: AdminBackend,
  options: AdminOptions,
  access: Access,
  privates: WeakSet<Socket>,
  log: Log,
): FastifyInstance {
  const server = Fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    http: { maxHeaderSize: headBytesMax },
  });
  const isPrivate = ({ raw }: FastifyRequest): boolean => privates.has(raw.socket);
  server.addHook('onRequest', async (request, reply) => {
    setSafeHeaders(reply.raw);
    const { url } = request.routeOptions;
    if (healthRoutes.has(url) || isPrivate(request)) return;
    access.checkOrigin(request.raw);
    if (!openRoutes.has(url)) await access.check(request.raw);
  });
  server.setErrorHandler((error, _request, reply) => sendFailure(error, reply, log));
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ detail: `No ${request.method} ${request.url}; /docs lists what there is` }),
  );
  const context: ApiContext = {
    backend,
    nowMs: () => realClock.nowMs(),
    isAllowedStill: async (request) => isPrivate(request) || access.isAllowedStill(request.raw),
    pingMs: options.pingMs ?? pingMs,
  };
  const isAllowed = async (request: FastifyRequest): Promise<boolean> =>
    isPrivate(request) ||
    access.check(request.raw).then(
      () => true,
      () => false,
    );
  addRoutes(server, backend, isAllowed);
  addSearchRoutes(server, context);
  addFieldRoutes(server, context);
  addExportRoute(server, context);
  addTailRoute(server, context);
  addStoreRoutes(server, context);
  addSessionRoutes(server, access, isPrivate);
  serveDocs(server, backend);
  serveExplorer(server, options.explorer ?? explorerDirectory);
  return server;
}

/** `isAllowed`: whether who asks has a login, where one is needed. */
function addRoutes(
  server: FastifyInstance,
  backend: AdminBackend,
  isAllowed: (request: FastifyRequest) => Promise<boolean>,
): void {
  server.get('/healthz', () => 'ok');
  server.get('/readyz', async (request, reply) => {
    const reasons = await backend.notReady();
    // Records wait while a target is gone, so that this program is ready. What a target says may name hosts.
    const isTold = await isAllowed(request);
    const targets = backend.targets().map(({ said, ...target }) => ({ ...target, ...(isTold && { said }) }));
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons, targets });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await backend.metricsText()),
  );
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
