/** The forward source as a whole: start, stop, and what its connections share. */
import type { Socket as UdpSocket } from 'node:dgram';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { HostNames } from '../sockets/host-names.ts';
import { Connection } from './connection.ts';
import type { ConnectionHost, Peer } from './connection.ts';
import { Appender } from './intake.ts';
import { createListener, listen, listenForHeartbeats, loadTls } from './listener.ts';
import type {
  ClientOptions,
  ForwardConfig,
  ForwardOptions,
  SecurityOptions,
  TransportOptions,
  UserOptions,
} from './options.ts';
import { PacketReader } from './reader.ts';
import { Security } from './security.ts';
import { listenUnix } from './unix-socket.ts';
import { unpack } from './unpack.ts';

/** How long a connection may stay in the middle of a handshake or a message without a byte; Fluentd's send_timeout. */
const stallMs = 60_000;
/** How often stalled connections are looked for: none stays longer by more than a twelfth. */
const sweepMs = 5000;
/** How long stop() waits for peers to take their acknowledgements: they fit the kernel's buffers. */
const stopFlushMs = 500;
/** Least time between two warnings about what senders sent: anybody could fill the log. */
const warnGapMs = 10_000;
/** Refused entries are kept to this size. */
const keptBytesMax = 1024 * 1024;

export class ForwardSource implements Source {
  readonly #context: SourceContext;
  readonly #options: ForwardOptions;
  readonly #transport: TransportOptions | undefined;
  readonly #security: Security | undefined;
  readonly #appender: Appender;
  readonly #host: ConnectionHost;
  /** In the order in which they came. */
  readonly #connections = new Set<Connection>();
  readonly #names: HostNames;
  /** The socket in the file system that it listens on in place of a port. */
  readonly #socketPath: string | undefined;
  #server: Server | undefined;
  #heartbeats: UdpSocket | undefined;
  #address: AddressInfo | undefined;
  #sweeping: Timer | undefined;
  #heldBytes = 0;
  #areAllPaused = false;
  #unpacking: Promise<unknown> = Promise.resolve();
  #warnedMs = Number.NEGATIVE_INFINITY;
  #unwarned = 0;
  #isStopping = false;

  constructor(config: ForwardConfig, context: SourceContext, socketPath?: string) {
    this.#context = context;
    this.#socketPath = socketPath;
    this.#names = new HostNames(context.clock);
    this.#options = config.options;
    const transport = config.sections['transport']?.[0];
    this.#transport = transport?.argument === 'tls' ? (transport.options as TransportOptions) : undefined;
    this.#security = securityOf(config);
    this.#appender = new Appender(context);
    this.#host = this.#connectionHost();
  }
  /** Where it listens, once started. Seen outside by tests. */
  get address(): AddressInfo | undefined {
    return this.#address;
  }
  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<void> {
    const { worker, log, id } = this.#context;
    const tls = this.#transport && (await loadTls(this.#transport));
    await this.#security?.load();
    const server = createListener(tls, this.#options, (socket) => void this.#accept(socket));
    if (this.#socketPath === undefined) {
      this.#address = await listen(server, this.#options, worker.count);
      try {
        this.#heartbeats = await listenForHeartbeats(this.#address, this.#options, worker.count);
      } catch (error) {
        server.close();
        throw error;
      }
    } else await listenUnix(server, this.#socketPath, this.#options.backlog);
    this.#server = server;
    server.on('error', (error) => log.error(`accepting forward connections: ${error.message}`));
    server.on('drop', () => this.#refuse('too_many_connections', '', 1));
    server.on('tlsClientError', (error: Error) => {
      this.#refuse('tls_failed', '', 1);
      this.#warn(`a TLS handshake failed: ${error.message}`);
    });
    this.#heartbeats?.on('error', (error) => log.error(`receiving heartbeats: ${error.message}`));
    this.#armSweep();
    const { address = this.#socketPath, port = '' } = this.#address ?? {};
    log.debug(`forward source ${id} listens on ${address}:${port}`);
  }
  /** Takes no more, acknowledges what becomes durable, closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sweeping?.cancel();
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    this.#heartbeats?.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.#appender.stop();
    await Promise.all([...this.#connections].map((connection) => connection.stop()));
    const cutting = this.#context.clock.after(stopFlushMs, () => {
      for (const connection of this.#connections) connection.cut();
    });
    await closed;
    cutting.cancel();
  }

  async #accept(socket: Socket): Promise<void> {
    const address = this.#socketPath ?? (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const port = socket.remotePort ?? 0;
    // Gone before it was looked at.
    if (address === '') return void socket.destroy();
    const { resolveHostname, sourceHostnameKey } = this.#options;
    const needsName = resolveHostname ?? sourceHostnameKey !== undefined;
    let hostname = address;
    if (needsName) {
      const quiet = (): void => undefined;
      socket.on('error', quiet);
      hostname = await this.#names.of(address, port);
      socket.off('error', quiet);
    }
    if (this.#isStopping || socket.destroyed) return void socket.destroy();
    this.#connections.add(new Connection(socket, { address, port, hostname }, this.#host));
  }

  // ------------------------------------------------------------------------------------------------ what connections share

  #connectionHost(): ConnectionHost {
    const { clock } = this.#context;
    const reader = new PacketReader(this.#options, {
      now: () => clock.now(),
      refuse: (reason, tag, count, raw, peer) => this.#refuse(reason, tag, count, raw, peer),
      warn: (text) => this.#warn(text),
      unpack: (packed, compression) => this.#unpack(packed, compression),
    });
    return {
      security: this.#security,
      isKeepaliveDenied: this.#options.denyKeepalive,
      messageBytesMax: this.#options.memoryLimit,
      monotonicMs: () => clock.monotonicMs(),
      append: (requests) => this.#appender.append(requests),
      take: (bytes, isJson, peer, gatherer) => reader.take(bytes, isJson, peer, gatherer),
      broken: (peer, reason, text, count) => {
        this.#refuse(reason, '', count);
        this.#warn(`the connection of ${peer.hostname}:${peer.port} is closed: ${text}`);
      },
      held: (change) => this.#held(change),
      closed: (connection) => {
        this.#connections.delete(connection);
        this.#pauseOthers();
      },
    };
  }
  /** One at a time, whoever sent them: a crowd of bombs must not go off together. */
  #unpack(packed: Buffer, compression: string): Promise<Buffer> {
    const unpacked = this.#unpacking.then(() => unpack(packed, compression, this.#options.decompressionSizeLimit));
    this.#unpacking = unpacked.catch(() => undefined);
    return unpacked;
  }
  #held(change: number): void {
    this.#heldBytes += change;
    const areTooMany = this.#heldBytes > this.#options.memoryLimit;
    if (areTooMany || this.#areAllPaused) this.#pauseOthers();
  }
  /** Beyond the limit only the oldest connection that holds something goes on, so that at least one comes to an end. */
  #pauseOthers(): void {
    this.#areAllPaused = this.#heldBytes > this.#options.memoryLimit;
    let hasFirst = false;
    for (const connection of this.#connections) {
      const isFirst: boolean = !hasFirst && connection.heldBytes > 0;
      hasFirst ||= isFirst;
      connection.pauseForAll(this.#areAllPaused && !isFirst);
    }
  }
  #armSweep(): void {
    const { clock } = this.#context;
    this.#sweeping = clock.after(sweepMs, () => {
      const limitMs = clock.monotonicMs() - stallMs;
      for (const connection of this.#connections)
        if (connection.isStalling && connection.lastMs <= limitMs)
          connection.break('stalled', `nothing came for ${stallMs / 1000} s in the middle of a handshake or message`);
      if (!this.#isStopping) this.#armSweep();
    });
  }
  #refuse(reason: string, tag: string, count: number, raw?: Buffer, peer?: Peer): void {
    const { log } = this.#context;
    this.#context.refused(reason, tag, count);
    if (!raw) return;
    this.#warn(
      `something from ${peer?.hostname ?? 'a sender'} with tag ${JSON.stringify(tag)} is no record (${reason}); it is kept in the dead letters`,
    );
    const kept = raw.subarray(0, keptBytesMax);
    const detail = { peer: peer ? `${peer.address}:${peer.port}` : '' };
    this.#context.keepRefused({ reason, tag, raw: kept, detail }).catch((error: unknown) => {
      log.error(`keeping a refused entry of ${peer?.hostname ?? 'a sender'}: ${errorText(error)}; it is lost.`);
    });
  }
  #warn(text: string): void {
    const { clock, log, id } = this.#context;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#warnedMs < warnGapMs) {
      this.#unwarned++;
      return;
    }
    this.#warnedMs = nowMs;
    const more = this.#unwarned > 0 ? ` (and ${this.#unwarned} more such warnings since the last)` : '';
    this.#unwarned = 0;
    log.warn(`forward source ${id}: ${text}${more}`);
  }
}

function securityOf({ sections }: ForwardConfig): Security | undefined {
  const section = sections['security']?.[0];
  if (!section) return undefined;
  const inner = (name: string) => (section.sections?.[name] ?? []).map(({ options }) => options);
  return new Security(
    section.options as SecurityOptions,
    inner('user') as UserOptions[],
    inner('client') as ClientOptions[],
  );
}
