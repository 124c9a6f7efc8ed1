/** One connection to a server: connect, handshake, send, acknowledgement. Source: Fluentd 1.16 out_forward. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { digestHex, isDigest, valueBytes } from '../../codecs/forward-handshake.ts';
import type { Clock } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { protocolOf } from '../../core/foreign-protocol.ts';
import { tls as nodeTls } from '../../core/node-tls.ts';
import { MsgpackFramer } from '../../core/msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import { getField, isFields } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';

/** Largest answer: a HELO, PONG or acknowledgement is a few hundred bytes. */
const answerBytesMax = 64 * 1024;

/** What the handshake says of this end. */
export interface Credentials {
  readonly selfHostname: string;
  readonly sharedKey: string;
  readonly username: string;
  readonly password: string;
}

export interface ClientSettings {
  readonly clock: Clock;
  readonly connectTimeoutMs: number | undefined;
  readonly sendTimeoutMs: number;
  readonly ackTimeoutMs: number;
  /** For handshakes. */
  readonly hardTimeoutMs: number;
  readonly keepAlivePacket: boolean;
  /** Undefined: plain TCP. */
  readonly tls: ConnectionOptions | undefined;
  /** Takes certificates that vouch for themselves. */
  readonly isSelfSignedAllowed: boolean;
}

/** Where to connect to. `name`: for its certificate; undefined where there is none to check. */
export interface Place {
  readonly address: string;
  readonly port: number;
  readonly name: string | undefined;
}

export class ForwardClient {
  readonly #socket: Socket;
  readonly #settings: ClientSettings;
  readonly #framer = new MsgpackFramer(answerBytesMax);
  readonly #answers: Value[] = [];
  #isConnected = false;
  /** The first bytes that came. */
  #first: Buffer | undefined;
  #problem: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, settings: ClientSettings) {
    this.#socket = socket;
    this.#settings = settings;
    socket.once(settings.tls ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true;
      this.#wake?.();
    });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => this.#fail(new Error('the server closed the connection')));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }
  /** Connects and, with credentials, shakes hands. @throws Error saying what went wrong */
  static async open(
    place: Place,
    credentials: Credentials | undefined,
    settings: ClientSettings,
    signal: AbortSignal,
  ): Promise<ForwardClient> {
    const socket = openSocket(place, settings);
    const client = new ForwardClient(socket, settings);
    const abort = (): void => client.#fail(new Error('stopped'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      await client.#until(() => client.#isConnected, settings.connectTimeoutMs, 'connecting');
      client.#checkCertificate(place);
      if (credentials) await client.#shakeHands(credentials);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
  /** False once the other end closed, or sent what nobody asked for. */
  get isUsable(): boolean {
    return this.#problem === undefined && this.#answers.length === 0 && this.#socket.writable;
  }
  /** True once the connection broke or the other end closed it. */
  get isGone(): boolean {
    return this.#problem !== undefined;
  }
  /** What the server says by itself within `limitMs`; one that asks for no shared key says nothing. */
  async words(limitMs: number): Promise<Buffer | undefined> {
    if (this.#first === undefined && this.#problem === undefined) await this.#news(limitMs);
    return this.#first;
  }
  /** Resolves once the kernel has taken all. */
  async send(parts: readonly Buffer[]): Promise<void> {
    const socket = this.#socket;
    let isWritten = false;
    socket.cork();
    for (const part of parts.slice(0, -1)) socket.write(part);
    socket.write(parts.at(-1) as Buffer, () => {
      isWritten = true;
      this.#wake?.();
    });
    socket.uncork();
    socket.on('drain', this.#noteProgress);
    try {
      await this.#until(() => isWritten, this.#settings.sendTimeoutMs, 'sending');
    } finally {
      socket.off('drain', this.#noteProgress);
    }
  }
  readonly #noteProgress = (): void => this.#wake?.();
  /** Resolves once the server has acknowledged `chunk`. */
  async acknowledged(chunk: string): Promise<void> {
    const answer = await this.#answer(this.#settings.ackTimeoutMs, 'waiting for an acknowledgement');
    const ack = isFields(answer) ? getField(answer, 'ack') : undefined;
    const bytes = valueBytes(ack);
    if (!bytes || !Buffer.from(chunk).equals(bytes)) throw new Error('the server acknowledged another chunk');
  }
  /** Closes in order: what was sent arrives. */
  end(): void {
    this.#socket.end();
    this.#socket.unref();
    // A server that never closes its side must not keep the connection.
    this.#settings.clock.after(this.#settings.sendTimeoutMs, () => this.#socket.destroy());
  }
  destroy(): void {
    this.#socket.destroy();
  }

  async #shakeHands(credentials: Credentials): Promise<void> {
    const { hardTimeoutMs } = this.#settings;
    const helo = await this.#answer(hardTimeoutMs, 'waiting for HELO');
    if (!Array.isArray(helo) || helo.length !== 2 || helo[0] !== 'HELO') throw noForwardServer(this.#first);
    const option = isFields(helo[1]) ? helo[1] : {};
    const nonce = valueBytes(getField(option, 'nonce')) ?? new Uint8Array();
    const auth = valueBytes(getField(option, 'auth')) ?? new Uint8Array();
    const { selfHostname, sharedKey, username, password } = credentials;
    const salt = randomBytes(16).toString('hex');
    const login = auth.length > 0 ? [username, digestHex(auth, username, password)] : ['', ''];
    await this.send([
      encodeMsgpack(['PING', selfHostname, salt, digestHex(salt, selfHostname, nonce, sharedKey), ...login]),
    ]);
    const pong = await this.#answer(hardTimeoutMs, 'waiting for PONG');
    if (!Array.isArray(pong) || pong.length !== 5 || pong[0] !== 'PONG') throw new Error('received an invalid PONG');
    const hostname = valueBytes(pong[3]) ?? new Uint8Array();
    if (pong[1] !== true)
      throw new Error(`the server refused this end: ${textOf(pong[2])}; check shared_key, username and password`);
    if (Buffer.from(hostname).equals(Buffer.from(selfHostname)))
      throw new Error(`both ends are called ${selfHostname}; give them different self_hostname`);
    if (!isDigest(pong[4], digestHex(salt, hostname, nonce, sharedKey)))
      throw new Error('the server does not know the shared key');
  }
  #checkCertificate({ name }: Place): void {
    const { tls, isSelfSignedAllowed } = this.#settings;
    if (!tls || tls.rejectUnauthorized !== false || !isSelfSignedAllowed) return;
    const socket = this.#socket as TLSSocket;
    if (socket.authorized) return;
    const code = String(socket.authorizationError);
    if (/SELF_SIGNED/.test(code)) return;
    throw new Error(`the certificate of ${name ?? 'the server'} is not accepted: ${code}`);
  }
  async #answer(timeoutMs: number, doing: string): Promise<Value> {
    await this.#until(() => this.#answers.length > 0, timeoutMs, doing);
    return this.#answers.shift() as Value;
  }
  /** Waits until `isDone`; a timeout counts from the last sign of progress. */
  async #until(isDone: () => boolean, timeoutMs: number | undefined, doing: string): Promise<void> {
    while (!isDone()) {
      if (this.#problem) throw new Error(`${doing}: ${errorText(this.#problem)}`, { cause: this.#problem });
      const isTimeout = await this.#news(timeoutMs);
      if (isTimeout && !isDone()) throw new Error(`${doing}: nothing happened for ${(timeoutMs ?? 0) / 1000} s`);
    }
  }
  #news(timeoutMs: number | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : this.#settings.clock.after(timeoutMs, () => resolve(true));
      this.#wake = () => {
        timer?.cancel();
        resolve(false);
      };
    });
  }
  #take(chunk: Buffer): void {
    this.#first ??= Buffer.from(chunk);
    try {
      this.#framer.add(chunk);
      for (let value = this.#framer.next(); value; value = this.#framer.next())
        this.#answers.push(decodeMsgpack(value));
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#fail(error);
    }
    this.#wake?.();
  }
  #fail(error: Error): void {
    this.#problem ??= error;
    this.#wake?.();
  }
}

/** Of a server that says what none of the forward protocol says. */
export function noForwardServer(first: Uint8Array | undefined): Error {
  const found = protocolOf(first ?? Buffer.alloc(0)) ?? 'something else';
  return new Error(`no HELO of the forward protocol came: ${found} answers there; check host and port of <server>`);
}

function textOf(value: Value | undefined): string {
  return Buffer.from(valueBytes(value) ?? 'it did not say why').toString('utf8');
}

function openSocket({ address, port, name }: Place, settings: ClientSettings): Socket {
  const { tls, keepAlivePacket } = settings;
  const socket = tls
    ? nodeTls().connect({ ...tls, host: address, port, ...(name !== undefined && { servername: name }) })
    : connect({ host: address, port });
  socket.setNoDelay(true);
  if (keepAlivePacket) socket.setKeepAlive(true);
  return socket;
}
