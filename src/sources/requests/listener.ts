/** An HTTP or HTTPS listener with its limits: how it begins to listen, and how it ends. */
import { chmod, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { https } from '../../core/node-tls.ts';
import { http } from '../../core/node-http.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { makeDirectories } from '../../core/directories.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import { handshakeTimeoutMs, stopFlushMs, stopWaitMs } from './limits.ts';

export type Listener = Server | TlsServer;

export interface ListenerLimits {
  /** Bytes of a request head. */
  readonly headBytesMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Above 0: Node takes 0 for ever. */
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
}

/** Takes all that a listener receives. */
export interface RequestHandler {
  /** Node's `request` and `checkContinue`. */
  handle(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void;
  /** Node's `checkExpectation`: anything but 100-continue. */
  handleExpectation(req: IncomingMessage, res: ServerResponse): void;
  /** Node's `clientError`. */
  handleClientError(error: Error, socket: Duplex): void;
}

/** Timeouts are looked at this often: a quarter of the shortest, so that none is late by more, but not all the time. */
function checkIntervalMs({ headersTimeoutMs, requestTimeoutMs }: ListenerLimits): number {
  const shortest = Math.min(headersTimeoutMs || Infinity, requestTimeoutMs || Infinity);
  return Math.min(5000, Math.max(50, shortest / 4));
}

/** A listener that hands all it receives to `handler`; it does not listen yet. */
export function createListener(limits: ListenerLimits, handler: RequestHandler, tls: TlsOptions | undefined): Listener {
  const settings: ServerOptions = {
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs(limits),
  };
  const server = tls
    ? https().createServer({ ...settings, ...tls, handshakeTimeout: handshakeTimeoutMs })
    : http.createServer(settings);
  server.maxConnections = limits.connectionsMax;
  server.on('request', (req: IncomingMessage, res: ServerResponse) => handler.handle(req, res, false));
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => handler.handle(req, res, true));
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => handler.handleExpectation(req, res));
  server.on('clientError', (error, socket) => handler.handleClientError(error, socket));
  return server;
}

/** Where to listen, as a person calls that. */
export interface NamedPlace {
  readonly host: string;
  readonly port: number;
  /** What is listened for, for errors: `postbacks`. */
  readonly what: string;
  /** How the address and another port are set: `P2L_HOST`, `P2L_PORT=8081`. */
  readonly hostSetting: string;
  readonly portSetting: string;
}

/** Where and how to listen. */
export interface Place extends NamedPlace {
  readonly backlog: number;
  /** Several processes share the port. */
  readonly isShared: boolean;
}

/** Begins to listen on a Unix socket, in place of one that an earlier life left. @throws OperatingError LISTEN_FAILED */
export async function listenOnPath(
  server: NetServer,
  path: string,
  mode: number | undefined,
  what: string,
): Promise<void> {
  try {
    await makeDirectories(dirname(path), 0o755);
    if ((await stat(path).catch(() => undefined))?.isSocket() === true) await rm(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    if (mode !== undefined) await chmod(path, mode);
  } catch (error) {
    throw new OperatingError('LISTEN_FAILED', `listening for ${what} on ${path}: ${errorText(error)}; check path`, {
      cause: error,
    });
  }
}

/** Begins to listen. @throws OperatingError LISTEN_FAILED naming address, reason and the next step */
export function listen(server: NetServer, place: Place): Promise<AddressInfo> {
  const { host, port, backlog, isShared } = place;
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(listenFailure(error, place));
    server.once('error', failed);
    server.listen({ host, port, backlog, reusePort: isShared, exclusive: true }, () => {
      server.off('error', failed);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Why it cannot be listened there, and what to do. */
export function listenFailure(error: Error, place: NamedPlace): OperatingError {
  const { host, port, what } = place;
  const shown = host.includes(':') ? `[${host}]` : host;
  const text = `listening for ${what} on ${shown}:${port}: ${reasonOf(error, place)}`;
  return new OperatingError('LISTEN_FAILED', text, { cause: error });
}

function reasonOf(error: Error, { hostSetting, portSetting }: NamedPlace): string {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `the port is in use (EADDRINUSE); stop what uses it, or try ${portSetting}`;
    case 'EACCES':
      return `this user may not use the port (EACCES); try ${portSetting}`;
    case 'EADDRNOTAVAIL':
      return `the address does not belong to this machine (EADDRNOTAVAIL); check ${hostSetting}`;
    case 'ENOTFOUND':
      return `the host name is not known (ENOTFOUND); check ${hostSetting}`;
    default:
      return errorText(error);
  }
}

/** `http://127.0.0.1:9880`, for logs. */
export function urlOf({ address, family, port }: AddressInfo, isTls: boolean): string {
  return `${isTls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Stops listening, has what was received answered, cuts what is still arriving after 5 s. */
export async function stopListening(
  server: Listener,
  requests: { idle(): Promise<void>; cutArriving(): void },
  clock: Clock,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cutting: Timer = clock.after(stopWaitMs, () => requests.cutArriving());
  await requests.idle();
  cutting.cancel();
  // Every answer closes its connection; what is left never sent a whole head, or is slow to read its answer.
  server.closeIdleConnections();
  const forcing: Timer = clock.after(stopFlushMs, () => server.closeAllConnections());
  await closed;
  forcing.cancel();
}
