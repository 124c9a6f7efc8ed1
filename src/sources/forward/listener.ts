/** The sockets a forward source listens on: TCP or TLS for messages, UDP on the same port for heartbeats. */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { tls as nodeTls } from '../../core/node-tls.ts';
import { tlsRange } from '../../core/tls.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import type { ForwardOptions, TransportOptions } from './options.ts';

/** Time for a TLS handshake; Node's 120 s would let a slow loris sit out there. */
const handshakeTimeoutMs = 10_000;
/** Connections the kernel may hold before we accept them; it caps this at net.core.somaxconn. Covers a reconnecting crowd. */
const listenBacklog = 4096;

/** Reads the files that `<transport tls>` names. @throws OperatingError LISTEN_FAILED */
export async function loadTls(options: TransportOptions): Promise<TlsOptions> {
  const { certPath = '', privateKeyPath = '', caPath, privateKeyPassphrase, ciphers } = options;
  try {
    const [cert, key, ca] = await Promise.all([
      readFile(certPath),
      readFile(privateKeyPath),
      caPath === undefined ? undefined : readFile(caPath),
    ]);
    const tls: TlsOptions = {
      cert,
      key,
      ...(ca && { ca }),
      ...(privateKeyPassphrase !== undefined && { passphrase: privateKeyPassphrase }),
      ...(ciphers !== undefined && { ciphers }),
      ...tlsRange(options.version, options.minVersion, options.maxVersion),
      requestCert: options.clientCertAuth,
      rejectUnauthorized: options.clientCertAuth,
      handshakeTimeout: handshakeTimeoutMs,
    };
    // Throws where they do not belong together, or the passphrase is wrong.
    nodeTls().createSecureContext(tls);
    return tls;
  } catch (error) {
    throw new OperatingError(
      'LISTEN_FAILED',
      `reading the certificate and key of <transport tls>: ${errorText(error)}; check cert_path, private_key_path, private_key_passphrase and ca_path`,
      { cause: error },
    );
  }
}

/** A server that hands over connections, after the TLS handshake where there is one. It does not listen yet. */
export function createListener(
  tls: TlsOptions | undefined,
  options: ForwardOptions,
  onConnection: (socket: Socket) => void,
): Server {
  const common = { keepAlive: options.sendKeepalivePacket, noDelay: true };
  // Who has sent all may close its half and wait for acknowledgements. Not with TLS: there a socket whose client goes away
  // in the middle of the handshake would stay open (Node 24).
  const server = tls ? nodeTls().createServer({ ...common, ...tls }) : createServer({ ...common, allowHalfOpen: true });
  server.maxConnections = options.connectionsMax;
  server.on(tls ? 'secureConnection' : 'connection', onConnection);
  return server;
}

/** Begins to listen. @throws OperatingError LISTEN_FAILED naming address, reason and the next step */
export async function listen(server: Server, options: ForwardOptions, workerCount: number): Promise<AddressInfo> {
  const { bind: host, port, backlog = listenBacklog } = options;
  const settings = { host, port, backlog, reusePort: workerCount > 1, exclusive: true };
  await started(server, options, () => server.listen(settings));
  return server.address() as AddressInfo;
}

/** Answers heartbeats: whatever comes, the sender hears one byte. */
export async function listenForHeartbeats(
  address: AddressInfo,
  options: ForwardOptions,
  workerCount: number,
): Promise<UdpSocket> {
  const socket = createSocket({ type: address.family === 'IPv6' ? 'udp6' : 'udp4', reusePort: workerCount > 1 });
  socket.on('message', (_bytes, sender) => socket.send(heartbeat, sender.port, sender.address, () => undefined));
  await started(socket, options, () => socket.bind({ address: address.address, port: address.port, exclusive: true }));
  return socket;
}
const heartbeat = Buffer.from([0]);

function started(what: Server | UdpSocket, { bind, port }: ForwardOptions, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const shown = bind.includes(':') ? `[${bind}]` : bind;
      const text = `listening for forward on ${shown}:${port}: ${reasonOf(error)}`;
      reject(new OperatingError('LISTEN_FAILED', text, { cause: error }));
    };
    what.once('error', failed);
    what.once('listening', () => {
      what.off('error', failed);
      resolve();
    });
    start();
  });
}

function reasonOf(error: Error): string {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return 'the port is in use (EADDRINUSE); stop what uses it, or write another port';
    case 'EACCES':
      return 'this user may not use the port (EACCES); write a port above 1023';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${errorText(error)}; check bind`;
    default:
      return errorText(error);
  }
}
