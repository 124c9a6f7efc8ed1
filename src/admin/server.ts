/**
 * The admin server: explorer, search, health, metrics, status, reload, dead letters, API docs. Listens on
 * P2L_ADMIN_HOST:P2L_ADMIN_PORT (loopback, or with a token or users anywhere) and always on the Unix socket
 * `<dataDir>/post2log.sock` (mode 0600), over which the command line talks to the running program. Here it only listens and
 * answers probes; all else is loaded when somebody asks for it, because most collectors are never asked.
 */
import { lookup } from 'node:dns/promises';
import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { closeServer, http } from '../core/node-http.ts';
import { realClock } from '../core/clock.ts';
import { ConfigError, OperatingError, errorText, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Access } from './access.ts';
import type { App, AppOptions } from './app.ts';
import { isLoopback } from './auth.ts';
import type { AdminBackend } from './backend.ts';
import { answerProbe } from './probes.ts';
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

/** Largest request head: a query with some hundred ids in it. */
const headBytesMax = 64 * 1024;
/** A request has to be here whole by then, in ms. */
const requestTimeoutMs = 30_000;
/** Idle connections are kept for so long, in ms: longer than the minute after which proxies in front give theirs up. */
const keepAliveMs = 72_000;

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
  const isPrivate = ({ socket }: IncomingMessage): boolean => privates.has(socket);
  const common = { backend, access, isPrivate, log };
  const lazyApp = new LazyApp({ ...common, explorer: options.explorer, pingMs: options.pingMs });
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    if (!answerProbe(request, response, common)) lazyApp.handle(request, response);
  };
  const settings = { maxHeaderSize: headBytesMax, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveMs };
  const newServer = (): Server => http.createServer(settings, handle);
  const overSocket = newServer();
  // Told by the connection itself and not by its address: that one is unknown too where a TCP connection is gone already.
  overSocket.on('connection', (socket) => privates.add(socket));
  const overTcp = options.port === undefined ? [] : await listenOnPort(newServer, options.host, options.port);
  if (options.socketPath !== undefined) await listenOnSocket(overSocket, options.socketPath, log);
  const servers = [...overTcp, overSocket];
  // A connection that cannot be accepted (too many open files) must not end the process.
  for (const server of servers)
    server.on('error', (error) => log.error(`accepting admin connections: ${error.message}`));
  return {
    url: overTcp[0] && urlOf(options.host, overTcp[0]),
    async close() {
      const closed = Promise.all(servers.map(closeServer));
      await lazyApp.close();
      await closed;
    },
  };
}

function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The pages and the API: loaded by the first request for them, which waits. */
class LazyApp {
  readonly #options: AppOptions;
  #app: Promise<App> | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
  }
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#app ??= import('./app.ts').then(({ openApp }) => openApp(this.#options));
    this.#app.then(
      (app) => app.handle(request, response),
      (error: unknown) => {
        this.#options.log.error({ error: errorText(error) }, 'The admin server cannot be loaded; install it again.');
        response.writeHead(500).end();
      },
    );
  }
  async close(): Promise<void> {
    const app = await this.#app?.catch(() => undefined);
    await app?.close();
  }
}

/** Codes that say that this machine has no such address: IPv6 may be named and not be there. */
const absentCodes = new Set<string | undefined>(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Listens on every address of a name: `localhost` is two where there is IPv6. @throws OperatingError LISTEN_FAILED */
async function listenOnPort(newServer: () => Server, host: string, port: number): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    let absent: unknown;
    for (const { address } of await lookup(host, { all: true })) {
      const server = newServer();
      // A port that the system chose for the first is the one of all.
      const own = port === 0 && servers[0] ? (servers[0].address() as AddressInfo).port : port;
      try {
        await listening(server, { host: address, port: own });
        servers.push(server);
      } catch (error) {
        if (!absentCodes.has(systemCode(error))) throw error;
        absent = error;
      }
    }
    if (servers.length === 0) throw absent;
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    const code = systemCode(error) ?? 'failed';
    throw new OperatingError(
      'LISTEN_FAILED',
      `listening for the admin server on ${host}:${port}: ${code}; try P2L_ADMIN_PORT=${port + 1}, or P2L_ADMIN_PORT=off`,
      { cause: error },
    );
  }
}

function listening(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function listenOnSocket(server: Server, path: string, log: Log): Promise<void> {
  try {
    await rm(path, { force: true });
    const before = process.umask(0o177);
    try {
      await listening(server, { path });
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
