/** One server that takes records: its address, whether it is alive, its kept connections. Source: Fluentd 1.16 out_forward.rb Node. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { firstBytes, protocolOf } from '../../core/foreign-protocol.ts';
import type { Log } from '../../core/log.ts';
import type { Balanced } from './balancer.ts';
import { ForwardClient, noForwardServer } from './client.ts';
import type { ClientSettings, Credentials } from './client.ts';
import type { ForwardPacket } from './encode.ts';
import { FailureDetector } from './failure-detector.ts';
import { connectProblem } from './failures.ts';

/** A server as the configuration or a service discovery names it. */
export interface ServerModel {
  readonly host: string;
  readonly port: number;
  readonly name: string | undefined;
  readonly weight: number;
  readonly standby: boolean;
  readonly sharedKey: string | undefined;
  readonly username: string;
  readonly password: string;
}

export interface NodeSettings {
  readonly clock: Clock;
  readonly log: Log;
  readonly client: ClientSettings;
  /** Undefined: no handshake. */
  readonly security: { readonly selfHostname: string; readonly sharedKey: string } | undefined;
  readonly isWatched: boolean;
  readonly heartbeatIntervalMs: number;
  readonly hardTimeoutMs: number;
  readonly recoverWaitMs: number;
  /** Undefined: only the hard timeout counts. */
  readonly phiThreshold: number | undefined;
  readonly isKeepalive: boolean;
  readonly keepaliveTimeoutMs: number | undefined;
  /** Undefined: an address is looked up once. */
  readonly expireDnsCacheMs: number | undefined;
  readonly isDnsRoundRobin: boolean;
}

interface IdleClient {
  readonly client: ForwardClient;
  readonly untilMs: number;
}

/** How long each step of a probe may take: a person waits for it. */
const probeStepMs = 5000;
/** How long a probe listens whether a server wants a handshake that is not configured: Fluentd says HELO at once. */
const listenMs = 500;
const httpHello = Buffer.from('GET / HTTP/1.0\r\n\r\n');

export class ServerNode implements Balanced {
  readonly model: ServerModel;
  /** For logs. */
  readonly title: string;
  readonly #settings: NodeSettings;
  readonly #failure: FailureDetector;
  readonly #credentials: Credentials | undefined;
  #isAlive = true;
  #address: string | undefined;
  #addressMs = 0;
  #idle: IdleClient[] = [];
  #isClosed = false;

  constructor(model: ServerModel, settings: NodeSettings) {
    this.model = model;
    this.title = model.name ?? `${model.host}:${model.port}`;
    this.#settings = settings;
    this.#failure = new FailureDetector(
      settings.heartbeatIntervalMs,
      settings.hardTimeoutMs,
      settings.clock.monotonicMs(),
    );
    const { security } = settings;
    this.#credentials = security && {
      selfHostname: security.selfHostname,
      sharedKey: model.sharedKey ?? security.sharedKey,
      username: model.username,
      password: model.password,
    };
  }
  get weight(): number {
    return this.model.weight;
  }
  get isStandby(): boolean {
    return this.model.standby;
  }
  /** Without heartbeats a server is always worth a try. */
  get isAvailable(): boolean {
    return this.#isAlive || !this.#settings.isWatched;
  }
  /** Out until heartbeats say otherwise. */
  disable(): void {
    this.#isAlive = false;
  }
  /** Sends messages over one connection, each acknowledged where that is wanted. @throws Error */
  async send(messages: readonly ForwardPacket[], signal: AbortSignal): Promise<void> {
    const kept = this.#takeIdle();
    // A kept connection may have been closed by the other end without our knowing: that says nothing of the server.
    const isDone = kept !== undefined && (await this.#sendOver(kept, messages, signal, true));
    if (!isDone) await this.#sendOver(await this.#connect(signal), messages, signal, false);
    this.heartbeat(false);
  }
  /** False: the connection was gone, and `mayBeGone`. */
  async #sendOver(
    client: ForwardClient,
    messages: readonly ForwardPacket[],
    signal: AbortSignal,
    mayBeGone: boolean,
  ): Promise<boolean> {
    const abort = (): void => client.destroy();
    signal.addEventListener('abort', abort, { once: true });
    let isWaiting = false;
    try {
      for (const { parts, chunk } of messages) {
        await client.send(parts);
        isWaiting = chunk !== undefined;
        if (chunk !== undefined) await client.acknowledged(chunk);
        isWaiting = false;
      }
    } catch (error) {
      const isGone = client.isGone;
      client.destroy();
      if (isGone && mayBeGone && !signal.aborted) return false;
      if (isWaiting) this.disable();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    this.#putBack(client);
    return true;
  }
  /** Connects, shakes hands, closes. @throws Error */
  async verify(signal: AbortSignal): Promise<void> {
    (await this.#connect(signal)).end();
  }
  /** As verify, within a time that a person waits, and with a closer look at what answers. @throws Error saying what to do */
  async probe(signal: AbortSignal): Promise<void> {
    const { client: settings } = this.#settings;
    const limited = {
      ...settings,
      connectTimeoutMs: Math.min(settings.connectTimeoutMs ?? probeStepMs, probeStepMs),
      hardTimeoutMs: Math.min(settings.hardTimeoutMs, probeStepMs),
    };
    let client: ForwardClient;
    try {
      client = await this.#connect(signal, limited);
    } catch (error) {
      const { port } = this.model;
      const isSilent = error instanceof Error && error.message.startsWith('waiting for HELO');
      const said = isSilent ? await firstBytes(await this.resolve(), port, httpHello, listenMs) : Buffer.alloc(0);
      const found = protocolOf(said);
      if (found === undefined) throw error;
      if (found === 'TLS') throw new Error('this port speaks TLS: write transport tls', { cause: error });
      throw noForwardServer(said);
    }
    const words = this.#credentials ? undefined : await client.words(listenMs);
    client.end();
    if (words === undefined) return;
    if (!isHelo(words)) throw noForwardServer(words);
    throw new Error('the server asks for a shared key; write <security> with self_hostname and shared_key');
  }
  async #connect(signal: AbortSignal, settings = this.#settings.client): Promise<ForwardClient> {
    const { host, port, name } = this.model;
    try {
      const address = await this.resolve();
      const certificateName = isIP(host) === 0 ? host : name;
      return await ForwardClient.open({ address, port, name: certificateName }, this.#credentials, settings, signal);
    } catch (error) {
      throw connectProblem(error);
    }
  }
  /** The address to connect to, looked up as the settings say. @throws Error */
  async resolve(): Promise<string> {
    const { clock, expireDnsCacheMs = Number.POSITIVE_INFINITY, isDnsRoundRobin } = this.#settings;
    const { host } = this.model;
    if (isIP(host) !== 0) return host;
    if (this.#address !== undefined && clock.monotonicMs() - this.#addressMs < expireDnsCacheMs) return this.#address;
    const found = await lookup(host, { all: true });
    const chosen = found[isDnsRoundRobin ? Math.floor(Math.random() * found.length) : 0];
    if (!chosen) throw new Error(`${host} has no address`);
    this.#address = chosen.address;
    this.#addressMs = clock.monotonicMs();
    return chosen.address;
  }

  // ------------------------------------------------------------------------------------------------ kept connections

  #takeIdle(): ForwardClient | undefined {
    const nowMs = this.#settings.clock.monotonicMs();
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.client.isUsable && idle.untilMs > nowMs) return idle.client;
      idle.client.end();
    }
    return undefined;
  }
  #putBack(client: ForwardClient): void {
    const { isKeepalive, keepaliveTimeoutMs, clock } = this.#settings;
    if (!isKeepalive || this.#isClosed || !client.isUsable) return client.end();
    this.#idle.push({ client, untilMs: clock.monotonicMs() + (keepaliveTimeoutMs ?? Number.POSITIVE_INFINITY) });
  }
  /** Closes kept connections that were idle too long, or that the other end closed. */
  purge(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    const isKept = ({ client, untilMs }: IdleClient): boolean => client.isUsable && untilMs > nowMs;
    for (const idle of this.#idle) if (!isKept(idle)) idle.client.end();
    this.#idle = this.#idle.filter(isKept);
  }
  close(): void {
    this.#isClosed = true;
    for (const { client } of this.#idle.splice(0)) client.end();
  }

  // ------------------------------------------------------------------------------------------------ liveness

  /** It gave a sign of life. True: it is available again. */
  heartbeat(canRecover: boolean): boolean {
    const { clock, log, recoverWaitMs, heartbeatIntervalMs } = this.#settings;
    this.#failure.add(clock.monotonicMs());
    if (!canRecover || this.#isAlive || this.#failure.sampleCount <= recoverWaitMs / heartbeatIntervalMs) return false;
    this.#isAlive = true;
    log.info(`forward server ${this.title} is back`);
    return true;
  }
  /** Looks at the clock. True: it is out from now on. */
  tick(): boolean {
    const { clock, log, phiThreshold } = this.#settings;
    const nowMs = clock.monotonicMs();
    const isHardTimeout = this.#failure.isHardTimeout(nowMs);
    if (!this.#isAlive) {
      if (isHardTimeout) this.#failure.clear();
      return false;
    }
    const isOut = isHardTimeout || (phiThreshold !== undefined && this.#failure.phi(nowMs) > phiThreshold);
    if (!isOut) return false;
    log.warn(`forward server ${this.title} does not answer; its records go to others, or wait`);
    this.disable();
    // Perhaps it has moved.
    this.#address = undefined;
    this.#failure.clear();
    return true;
  }
}

const isHelo = (words: Buffer): boolean => words.toString('latin1', 0, 6) === '\x92\xa4HELO';
