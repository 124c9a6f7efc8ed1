/**
 * A source's TCP or TLS listener for streams of messages. Nobody is answered: a sender knows of nothing but its connection,
 * so reading stops while more of it than a bound is not durable, and TCP makes the sender wait.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Server as TlsServer, TlsOptions } from 'node:tls';
import { tls as nodeTls } from '../../core/node-tls.ts';
import type { SourceContext } from '../../core/plugin.ts';
import { parseAddress } from '../postback/client-address.ts';
import type { AddressSet } from '../postback/client-address.ts';
import { listen, listenOnPath } from '../requests/listener.ts';
import { TlsFiles } from '../requests/tls.ts';
import type { TlsSettings } from '../requests/tls.ts';
import { BadFrame } from './frames.ts';
import type { Frame, FrameCutter } from './frames.ts';
import type { HostNames } from './host-names.ts';
import type { Intake, Peer } from './intake.ts';

/** Bytes of one connection that may wait for the journal before it is read on. */
const unsettledBytesMax = 1024 * 1024;
/** Connections the kernel may hold before we accept them; it caps this at net.core.somaxconn. */
const listenBacklog = 1024;
/** Time for a TLS handshake; Node's 120 s would let a slow loris sit out there. */
const handshakeTimeoutMs = 10_000;
/** Bytes of messages that are not whole, of all connections: a crowd of senders that never end a message must not fill the memory. */
const pendingBytesMax = 64 * 1024 * 1024;

export interface StreamOptions {
  readonly what: string;
  readonly bind: string;
  readonly port: number;
  /** A Unix socket in place of these, and its mode. */
  readonly path?: string | undefined;
  readonly pathMode?: number | undefined;
  readonly connectionsMax: number;
  /** Silent connections are closed after so long; 0: never. */
  readonly idleTimeoutMs: number;
  readonly keepAlive: boolean;
  readonly tls: TlsSettings | undefined;
  /** Who may connect; undefined: everybody. */
  readonly clients: AddressSet | undefined;
  /** Undefined: names are not asked for. */
  readonly hostNames: HostNames | undefined;
  cutter(): FrameCutter;
}

export class StreamListener {
  readonly #context: SourceContext;
  readonly #options: StreamOptions;
  readonly #intake: Intake;
  readonly #connections = new Set<StreamConnection>();
  readonly #tls: TlsFiles | undefined;
  #server: Server | undefined;
  #pendingBytes = 0;
  #isStopping = false;

  constructor(context: SourceContext, options: StreamOptions, intake: Intake) {
    this.#context = context;
    this.#options = options;
    this.#intake = intake;
    if (options.tls) this.#tls = new TlsFiles(options.tls, context.clock, context.log);
  }
  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<AddressInfo | undefined> {
    const { worker, log } = this.#context;
    const { what, bind, port, path, pathMode, keepAlive, connectionsMax } = this.#options;
    const tls = await this.#tls?.load();
    const server = makeServer(tls, keepAlive, (socket) => void this.#accept(socket));
    server.maxConnections = connectionsMax;
    const place = { host: bind, port, what, hostSetting: 'bind', portSetting: `another port than ${port}` };
    let address: AddressInfo | undefined;
    if (path === undefined)
      address = await listen(server, { ...place, backlog: listenBacklog, isShared: worker.count > 1 });
    else await listenOnPath(server, path, pathMode, what);
    this.#server = server;
    server.on('error', (error) => log.error(`accepting connections of ${what}: ${error.message}`));
    server.on('drop', () => void this.#refuse('too_many_connections', `there are ${connectionsMax} already`));
    server.on('tlsClientError', (error: Error) => void this.#refuse('tls_failed', error.message));
    if ('setSecureContext' in server) this.#tls?.watch(server);
    return address;
  }
  /** Takes no more; resolves once what was received whole is durable. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#tls?.stop();
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.stop()));
    await closed;
  }
  async #accept(socket: Socket): Promise<void> {
    const quiet = (): void => undefined;
    // What was received whole is kept whatever becomes of the connection; why it broke is the sender's business.
    socket.on('error', quiet);
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const { clients, hostNames, idleTimeoutMs, path } = this.#options;
    const known = parseAddress(address);
    // Gone before it was looked at.
    if ((!known && path === undefined) || this.#isStopping) return void socket.destroy();
    if (clients && known && !clients.has(known)) {
      socket.destroy();
      return this.#refuse('client_denied', `${address} is no <client>`);
    }
    const hostname = hostNames ? await hostNames.of(address, socket.remotePort ?? 0) : address;
    if (this.#isStopping || socket.destroyed) return void socket.destroy();
    if (idleTimeoutMs > 0) socket.setTimeout(idleTimeoutMs, () => socket.end());
    const connection = new StreamConnection(socket, { address, hostname }, this.#options.cutter(), this.#intake, {
      pending: (change) => (this.#pendingBytes += change) <= pendingBytesMax,
      closed: (gone) => this.#connections.delete(gone),
    });
    this.#connections.add(connection);
  }
  #refuse(reason: string, problem: string): Promise<void> {
    return this.#intake.refuse(reason, Buffer.alloc(0), problem, undefined);
  }
}

function makeServer(
  tls: TlsOptions | undefined,
  keepAlive: boolean,
  onSocket: (socket: Socket) => void,
): Server | TlsServer {
  if (!tls) return createServer({ keepAlive, noDelay: true }, onSocket);
  return nodeTls().createServer({ keepAlive, noDelay: true, handshakeTimeout: handshakeTimeoutMs, ...tls }, onSocket);
}

interface ConnectionHost {
  /** So many bytes more (or less) are held of messages that are not whole. False: that is too much. */
  pending(change: number): boolean;
  closed(connection: StreamConnection): void;
}

class StreamConnection {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #cutter: FrameCutter;
  readonly #intake: Intake;
  readonly #host: ConnectionHost;
  #pendingBytes = 0;
  #unsettledBytes = 0;
  readonly #unsettled = new Set<Promise<void>>();
  #isOver = false;

  constructor(socket: Socket, peer: Peer, cutter: FrameCutter, intake: Intake, host: ConnectionHost) {
    this.#socket = socket;
    this.#peer = peer;
    this.#cutter = cutter;
    this.#intake = intake;
    this.#host = host;
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#close());
  }
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#socket.destroy();
    await Promise.all(this.#unsettled);
  }
  #data(chunk: Buffer): void {
    if (this.#isOver) return;
    let frames: readonly Frame[];
    try {
      frames = this.#cutter.add(chunk);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      this.#settle(error.frames, chunk.length);
      this.#break('bad_frame', error.bytes, `${error.message}; the connection is closed`);
      return;
    }
    this.#settle(frames, chunk.length);
    if (!this.#hold())
      this.#break(
        'memory_full',
        Buffer.alloc(0),
        'all connections hold too many messages that are not whole; the connection is closed',
      );
  }
  /** The sender is done: what is left is its last message. */
  #end(): void {
    const rest = this.#isOver ? undefined : this.#cutter.end();
    if (rest) this.#settle([rest], rest.bytes.length);
    else if (!this.#isOver && this.#cutter.pendingBytes > 0) this.#cutOff();
    this.#isOver = true;
    this.#hold();
  }
  #close(): void {
    if (!this.#isOver && this.#cutter.pendingBytes > 0) this.#cutOff();
    this.#isOver = true;
    this.#hold();
    this.#host.closed(this);
  }
  #cutOff(): void {
    const problem = `the connection ended in the middle of a message; ${this.#cutter.pendingBytes} bytes of it had come`;
    void this.#intake.refuse('cut_off', Buffer.alloc(0), problem, this.#peer);
  }
  #break(reason: string, raw: Buffer, problem: string): void {
    this.#isOver = true;
    this.#hold();
    void this.#intake.refuse(reason, raw, problem, this.#peer);
    this.#socket.destroy();
  }
  #hold(): boolean {
    const bytes = this.#isOver ? 0 : this.#cutter.pendingBytes;
    const change = bytes - this.#pendingBytes;
    this.#pendingBytes = bytes;
    return this.#host.pending(change) || change <= 0;
  }
  #settle(frames: readonly Frame[], bytes: number): void {
    if (frames.length === 0) return;
    this.#unsettledBytes += bytes;
    if (this.#unsettledBytes > unsettledBytesMax) this.#socket.pause();
    const settled: Promise<void> = this.#intake.take(frames, this.#peer).finally(() => {
      this.#unsettled.delete(settled);
      this.#unsettledBytes -= bytes;
      if (this.#unsettledBytes <= unsettledBytesMax && this.#socket.isPaused()) this.#socket.resume();
    });
    this.#unsettled.add(settled);
  }
}
