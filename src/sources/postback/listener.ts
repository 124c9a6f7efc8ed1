/** The HTTP or HTTPS listener with its limits. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import { handshakeTimeoutMs, listenBacklog } from './limits.ts';
import type { PostbackOptions } from './options.ts';
import type { Receiver } from './receiver.ts';
import type { TlsPair } from './tls.ts';

/** Timeouts are looked at this often: a quarter of the shortest, so that none is late by more, but not all the time. */
function checkIntervalMs({ headersTimeout, requestTimeout }: PostbackOptions): number {
  const shortest = Math.min(headersTimeout || Infinity, requestTimeout || Infinity);
  return Math.min(5000, Math.max(50, shortest / 4));
}

/** A listener that hands all it receives to `receiver`; it does not listen yet. */
export function createListener(
  options: PostbackOptions,
  receiver: Receiver,
  tls: TlsPair | undefined,
): Server | TlsServer {
  const settings: ServerOptions = {
    maxHeaderSize: options.headerLimit,
    headersTimeout: options.headersTimeout,
    requestTimeout: options.requestTimeout,
    keepAliveTimeout: options.keepAliveTimeout,
    connectionsCheckingInterval: checkIntervalMs(options),
  };
  const server = tls
    ? createTlsServer({ ...settings, ...tls, handshakeTimeout: handshakeTimeoutMs })
    : createServer(settings);
  server.maxConnections = options.connectionsMax;
  server.on('request', (req: IncomingMessage, res: ServerResponse) => receiver.handle(req, res, false));
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => receiver.handle(req, res, true));
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => receiver.handleExpectation(res));
  server.on('clientError', (error, socket) => receiver.handleClientError(error, socket));
  return server;
}

/** Begins to listen. @throws OperatingError LISTEN_FAILED naming address, reason and the next step */
export function listen(
  server: Server | TlsServer,
  options: PostbackOptions,
  workerCount: number,
): Promise<AddressInfo> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const shown = host.includes(':') ? `[${host}]` : host;
      reject(
        new OperatingError('LISTEN_FAILED', `listening for postbacks on ${shown}:${port}: ${reasonOf(error, port)}`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ host, port, backlog: listenBacklog, reusePort: workerCount > 1, exclusive: true }, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

function reasonOf(error: Error, port: number): string {
  const other = port === 8080 ? 8081 : 8080;
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `the port is in use (EADDRINUSE); stop what uses it, or try P2L_PORT=${other}`;
    case 'EACCES':
      return `this user may not use the port (EACCES); try P2L_PORT=${other}`;
    case 'EADDRNOTAVAIL':
      return 'the address does not belong to this machine (EADDRNOTAVAIL); check P2L_HOST';
    case 'ENOTFOUND':
      return 'the host name is not known (ENOTFOUND); check P2L_HOST';
    default:
      return errorText(error);
  }
}
