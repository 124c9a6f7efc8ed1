/** The forward output at work: servers, who of them gets a chunk, what is told of failures. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { tls as nodeTls } from '../../core/node-tls.ts';
import { tlsRange } from '../../core/tls.ts';
import { certificatesIn } from '../requests/client-tls.ts';
import type { Timer } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Chunk, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import { Balancer } from './balancer.ts';
import { Discovery } from './discovery.ts';
import { encodeChunk } from './encode.ts';
import type { EncodeSettings, ForwardPacket } from './encode.ts';
import { Heartbeats } from './heartbeats.ts';
import type { ForwardConfig, ForwardOptions, SecurityOptions } from './options.ts';
import { ServerNode } from './server-node.ts';
import type { NodeSettings, ServerModel } from './server-node.ts';

/** How often kept connections are looked through. */
const purgeMs = 5000;

export class ForwardOutput implements Output {
  readonly #context: OutputContext;
  readonly #options: ForwardOptions;
  readonly #security: SecurityOptions | undefined;
  readonly #discovery: Discovery;
  readonly #balancer = new Balancer<ServerNode>();
  readonly #encoding: EncodeSettings;
  readonly #abort = new AbortController();
  #nodes: readonly ServerNode[] = [];
  #settings: NodeSettings | undefined;
  #heartbeats: Heartbeats | undefined;
  #purging: Timer | undefined;

  constructor({ options, sections }: ForwardConfig, context: OutputContext) {
    this.#context = context;
    this.#options = options;
    this.#security = sections['security']?.[0]?.options as SecurityOptions | undefined;
    this.#discovery = new Discovery(sections, context.clock, context.log);
    this.#encoding = {
      compress: options.compress,
      tag: options.tag,
      isTagTemplate: options.isTagTemplate,
      isTimeInteger: options.timeAsInteger,
      hasMetadata: options.retainsMetadata,
      sendsOptions: options.sendsOptions,
      packsEntries: options.packsEntries,
      extraOptions: options.extraOptions,
      hasAck: options.requireAckResponse || options.exactlyOnce,
      originOf: options.exactlyOnce ? context.id : undefined,
    };
  }
  /** @throws OperatingError OUTPUT_UNREACHABLE */
  async open(): Promise<void> {
    const { ignoreNetworkErrorsAtStartup, verifyConnectionAtStartup, heartbeatType } = this.#options;
    try {
      await this.#findServers();
      if (heartbeatType !== 'none' && !ignoreNetworkErrorsAtStartup)
        for (const node of this.#nodes) await named(node, node.resolve());
      if (verifyConnectionAtStartup) for (const node of this.#nodes) await named(node, node.verify(this.#abort.signal));
    } catch (error) {
      throw new OperatingError('OUTPUT_UNREACHABLE', `opening a forward output: ${errorText(error)}`, { cause: error });
    }
    this.#watch();
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const { messages, refused } = await encodeChunk(chunk, this.#encoding);
    if (messages.length > 0) await this.#send(messages, signal);
    return { refused };
  }
  /** Connects to all servers, and shakes hands; one that would take records is enough. */
  async probe(): Promise<string | undefined> {
    try {
      if (!this.#settings) await this.#findServers();
    } catch (error) {
      throw new OperatingError('OUTPUT_UNREACHABLE', `looking for forward servers: ${errorText(error)}`, {
        cause: error,
      });
    }
    const nodes = this.#nodes;
    const asked = await Promise.allSettled(nodes.map(async (node) => named(node, node.probe(this.#abort.signal))));
    const problems = asked.flatMap((one) => (one.status === 'rejected' ? [errorText(one.reason)] : []));
    if (problems.length === 0 && nodes.length > 0) return undefined;
    const said = problems.length > 0 ? problems.join('; ') : 'there is none: service discovery named none';
    if (problems.length < nodes.length) return said;
    throw new OperatingError('OUTPUT_UNREACHABLE', `reaching forward servers: ${said}`);
  }
  close(): Promise<void> {
    this.#abort.abort();
    this.#purging?.cancel();
    this.#heartbeats?.stop();
    this.#discovery.stop();
    for (const node of this.#nodes) node.close();
    return Promise.resolve();
  }

  /** Gives messages to one server after the other until one takes them. */
  async #send(messages: readonly ForwardPacket[], signal: AbortSignal): Promise<void> {
    const tried = new Set<ServerNode>();
    let problem: string | undefined;
    for (let node = this.#balancer.next(tried); node; node = this.#balancer.next(tried)) {
      tried.add(node);
      try {
        await node.send(messages, signal);
        return;
      } catch (error) {
        problem = `sending to forward server ${node.title}: ${errorText(error)}`;
        if (signal.aborted) break;
      }
    }
    throw new OperatingError(
      'OUTPUT_UNREACHABLE',
      problem ?? 'sending to forward servers: none is available; they come back once their heartbeats are answered',
    );
  }
  async #findServers(): Promise<void> {
    this.#settings = this.#nodeSettings(await this.#tls());
    await this.#discovery.load();
    this.#setServers(this.#discovery.servers);
  }
  #setServers(models: readonly ServerModel[]): void {
    const settings = this.#settings;
    if (!settings) return;
    const before = new Map(this.#nodes.map((node) => [JSON.stringify(node.model), node]));
    this.#nodes = models.map((model) => {
      const known = before.get(JSON.stringify(model));
      before.delete(JSON.stringify(model));
      return known ?? new ServerNode(model, settings);
    });
    for (const gone of before.values()) gone.close();
    this.#balancer.rebuild(this.#nodes);
  }
  #watch(): void {
    const { clock, log } = this.#context;
    const { heartbeatType, heartbeatInterval, keepalive } = this.#options;
    this.#discovery.watch(() => {
      this.#setServers(this.#discovery.servers);
      log.info(`forward servers are now ${this.#nodes.map(({ title }) => title).join(', ')}`);
    });
    if (keepalive) this.#armPurge();
    if (heartbeatType === 'none') return;
    this.#heartbeats = new Heartbeats({
      type: heartbeatType === 'udp' ? 'udp' : 'transport',
      intervalMs: heartbeatInterval,
      clock,
      log,
      nodes: () => this.#nodes,
      onChange: () => this.#balancer.rebuild(this.#nodes),
    });
    this.#heartbeats.start();
  }
  #armPurge(): void {
    this.#purging = this.#context.clock.after(purgeMs, () => {
      for (const node of this.#nodes) node.purge();
      this.#armPurge();
    });
  }
  #nodeSettings(tls: ConnectionOptions | undefined): NodeSettings {
    const { clock, log } = this.#context;
    const options = this.#options;
    return {
      clock,
      log,
      client: {
        clock,
        connectTimeoutMs: options.connectTimeout,
        sendTimeoutMs: options.sendTimeout,
        ackTimeoutMs: options.ackResponseTimeout,
        hardTimeoutMs: options.hardTimeout,
        keepAlivePacket: options.sendKeepalivePacket,
        tls,
        isSelfSignedAllowed: options.tlsAllowSelfSignedCert && !options.tlsInsecureMode,
      },
      security: this.#security,
      isWatched: options.heartbeatType !== 'none',
      heartbeatIntervalMs: options.heartbeatInterval,
      hardTimeoutMs: options.hardTimeout,
      recoverWaitMs: options.recoverWait,
      phiThreshold: options.phiFailureDetector ? options.phiThreshold : undefined,
      isKeepalive: options.keepalive,
      keepaliveTimeoutMs: options.keepaliveTimeout,
      expireDnsCacheMs: options.expireDnsCache,
      isDnsRoundRobin: options.dnsRoundRobin,
    };
  }
  async #tls(): Promise<ConnectionOptions | undefined> {
    const options = this.#options;
    if (options.transport !== 'tls') return undefined;
    const read = (path: string | undefined) => (path === undefined ? undefined : readFile(path));
    const trusted = options.tlsCertPath?.length ? options.tlsCertPath : (options.tlsCaCertPath ?? []);
    const [cert, key, ...own] = await Promise.all([
      read(options.tlsClientCertPath),
      read(options.tlsClientPrivateKeyPath),
      ...trusted.map((path) => readFile(path, 'utf8')),
    ]);
    const ca = [...own, ...(await certificatesIn(options.tlsCaCertDirectory))];
    return {
      ...tlsRange(options.tlsVersion, options.tlsMinVersion, options.tlsMaxVersion),
      ...(options.tlsCiphers !== undefined && { ciphers: options.tlsCiphers }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(options.tlsClientPrivateKeyPassphrase !== undefined && { passphrase: options.tlsClientPrivateKeyPassphrase }),
      ...(ca.length > 0 && { ca: [...nodeTls().getCACertificates('default'), ...ca] }),
      // Self-signed ones are let through here and looked at once connected.
      rejectUnauthorized: !options.tlsInsecureMode && !options.tlsAllowSelfSignedCert,
      ...((options.tlsInsecureMode || !options.tlsVerifyHostname) && { checkServerIdentity: () => undefined }),
    };
  }
}

async function named<T>(node: ServerNode, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Error(`server ${node.title}: ${errorText(error)}`, { cause: error });
  }
}
