/**
 * One connection of a sender: handshake, messages, acknowledgements.
 *
 * Messages that lie ready are taken together (a *turn*): their records are appended, and once all are durable those that
 * asked for it are acknowledged, in order. A turn that the journal did not take acknowledges nothing: the sender sends it
 * again. Reading stops while too much of this connection is not durable, or all connections hold too much.
 */
import type { Socket } from 'node:net';
import { OperatingError, errorText } from '../../core/errors.ts';
import { stringifyJson } from '../../core/json.ts';
import { MsgpackFramer } from '../../core/msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from '../../core/msgpack.ts';
import type { AppendRequest } from '../../core/plugin.ts';
import type { Value } from '../../core/record.ts';
import { Gatherer } from './intake.ts';
import { JsonFramer, parseJsonValue } from './json.ts';
import type { Challenge, Security } from './security.ts';

/** What a connection does not read ahead of the journal. */
const heldBytesMax = 8 * 1024 * 1024;
/** Messages of a turn: enough to share a sync, few enough that the first does not wait for the last. */
const turnBytesMax = 4 * 1024 * 1024;
/** `[` and `{`: JSON, of which MessagePack would make the integers 91 and 123. */
const jsonStarts: readonly number[] = [91, 123];

/** What came of one message. */
export interface Handled {
  /** The value that asks for an acknowledgement, encoded as the message was. */
  readonly chunk: Buffer | undefined;
}

/** What a connection needs of its source. */
export interface ConnectionHost {
  readonly security: Security | undefined;
  readonly isKeepaliveDenied: boolean;
  /** Largest message. */
  readonly messageBytesMax: number;
  monotonicMs(): number;
  append(requests: readonly AppendRequest[]): Promise<void>;
  /** Reads a message into `gatherer`. `isJson`: it is text. */
  take(bytes: Buffer, isJson: boolean, peer: Peer, gatherer: Gatherer): Handled | Promise<Handled>;
  /** The connection is closed because of what it sent. */
  broken(peer: Peer, reason: string, text: string, count: number): void;
  /** It holds so many bytes more (or less). */
  held(change: number): void;
  closed(connection: Connection): void;
}

/** Who sends. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Its host name, where it is looked up; else its address. */
  readonly hostname: string;
}

interface Framer {
  readonly pendingBytes: number;
  add(chunk: Buffer): void;
  next(): Buffer | undefined;
}

export class Connection {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #challenge: Challenge | undefined;
  #framer: Framer | undefined;
  #isJson = false;
  #isEstablished: boolean;
  #isReading = true;
  #isRunning = false;
  /** Nothing more comes, or is wanted: it closes once what was taken is settled. */
  #isEnded = false;
  #isGone = false;
  #isPausedForAll = false;
  /** Bytes taken that are not durable yet; and what the source was told of all that is held. */
  #unsettledBytes = 0;
  #toldBytes = 0;
  #settled: Promise<void> = Promise.resolve();
  /** When bytes came last, monotonic. */
  lastMs: number;

  constructor(socket: Socket, peer: Peer, host: ConnectionHost) {
    this.#socket = socket;
    this.peer = peer;
    this.#host = host;
    this.lastMs = host.monotonicMs();
    this.#isEstablished = host.security === undefined;
    this.#challenge = host.security?.challenge();
    if (host.security && this.#challenge)
      this.#send(host.security.helo(this.#challenge, !host.isKeepaliveDenied), false);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('end', () => this.#end());
    // What was received whole is kept whatever becomes of the connection; why it broke is the sender's business.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#close());
  }
  get heldBytes(): number {
    return this.#toldBytes;
  }
  /** True: it began something that it has not finished, and nothing keeps it from going on: a handshake or a message. */
  get isStalling(): boolean {
    return !this.#isPaused && (!this.#isEstablished || (this.#framer?.pendingBytes ?? 0) > 0);
  }
  /** Stops or goes on reading because of what all connections hold. */
  pauseForAll(isPaused: boolean): void {
    if (this.#isPausedForAll === isPaused) return;
    this.#isPausedForAll = isPaused;
    this.#update();
  }
  /** Reads no more, acknowledges what becomes durable, closes. */
  async stop(): Promise<void> {
    this.#isReading = false;
    this.#socket.pause();
    while (this.#isRunning) await this.#settled.then(nextTurn);
    this.#end();
    await this.#settled;
  }
  /** Closes because of what it sent, or did not send; what it sent before is still taken and acknowledged. */
  break(reason: string, text: string): void {
    if (this.#isEnded) return;
    this.#host.broken(this.peer, reason, text, 1);
    this.#isReading = false;
    this.#isEnded = true;
    void this.#settled.then(() => this.#socket.destroySoon());
  }

  /** Closes without waiting for the sender to take what was written. */
  cut(): void {
    this.#socket.destroy();
  }

  #data(chunk: Buffer): void {
    if (!this.#isReading) return;
    this.lastMs = this.#host.monotonicMs();
    this.#framer ??= this.#chooseFramer(chunk);
    this.#framer.add(chunk);
    void this.#run();
  }
  #chooseFramer(chunk: Buffer): Framer {
    this.#isJson = jsonStarts.includes(chunk[0] as number);
    const { messageBytesMax } = this.#host;
    return this.#isJson ? new JsonFramer(messageBytesMax) : new MsgpackFramer(messageBytesMax);
  }
  /** Takes what is whole, turn by turn. One at a time: messages keep their order. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (await this.#turn()) if (this.#unsettledBytes > heldBytesMax) await this.#settled;
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.break('bad_message', errorText(error));
    } finally {
      this.#isRunning = false;
      this.#update();
      if (this.#isGone) this.#leave();
      else if (this.#isEnded) this.#finish();
    }
  }
  /** False: there is nothing whole any more. */
  async #turn(): Promise<boolean> {
    const gatherer = new Gatherer();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let hasMore = true;
    try {
      while (hasMore && bytes < turnBytesMax) {
        const message = this.#isWanting ? this.#framer?.next() : undefined;
        hasMore = message !== undefined;
        if (!message) break;
        bytes += message.length;
        if (!this.#isEstablished) {
          this.#shakeHands(message);
          continue;
        }
        const taken = this.#host.take(message, this.#isJson, this.peer, gatherer);
        const { chunk } = taken instanceof Promise ? await taken : taken;
        if (chunk) chunks.push(chunk);
        bytes = Math.max(bytes, gatherer.bytes);
        if (this.#host.isKeepaliveDenied) this.#isEnded = true;
      }
    } finally {
      this.#settle(gatherer.take(), chunks, bytes);
    }
    return hasMore;
  }
  /** True while messages that were received are to be taken. */
  get #isWanting(): boolean {
    return !(this.#isEnded && (this.#host.isKeepaliveDenied || !this.#isEstablished));
  }
  /** Appends a turn's records and sends its acknowledgements behind those before. */
  #settle(requests: readonly AppendRequest[], chunks: readonly Buffer[], bytes: number): void {
    if (bytes === 0) return;
    this.#unsettledBytes += bytes;
    this.#update();
    const appended = requests.length > 0 ? this.#host.append(requests) : Promise.resolve();
    // Waits for both: acknowledgements go out in order.
    this.#settled = Promise.allSettled([this.#settled, appended]).then(([, result]) => {
      this.#unsettledBytes -= bytes;
      if (result.status === 'fulfilled') for (const chunk of chunks) this.#acknowledge(chunk);
      else this.#refuse(requests, result.reason);
      this.#update();
    });
  }
  /** The journal takes them no more; who asked for an acknowledgement sends them again. */
  #refuse(requests: readonly AppendRequest[], reason: unknown): void {
    const count = requests.reduce((sum, { records }) => sum + records.payloads.length, 0);
    this.#host.broken(this.peer, 'not_appended', errorText(reason), count);
    this.#isReading = false;
    this.#isEnded = true;
    this.#socket.destroySoon();
  }
  #acknowledge(chunk: Buffer): void {
    if (this.#isGone) return;
    if (this.#isJson) this.#socket.write(`{"ack":${chunk.toString('utf8')}}`);
    else this.#socket.write(Buffer.concat([ackHead, chunk]));
  }
  #shakeHands(message: Buffer): void {
    const { security } = this.#host;
    const challenge = this.#challenge;
    if (!security || !challenge) return;
    const ping = this.#isJson ? parseJsonValue(message.toString('utf8')) : decodeMsgpack(message);
    const result = security.check(ping, this.peer.address, challenge);
    this.#send(security.pong(result, challenge), this.#isJson);
    if (result.isAccepted) this.#isEstablished = true;
    else this.break('not_authenticated', result.reason);
  }
  #send(value: Value, isJson: boolean): void {
    this.#socket.write(isJson ? stringifyJson(value) : encodeMsgpack(value));
  }
  get #isPaused(): boolean {
    // A single message larger than the bound must still arrive: what is not whole counts only while others are taken.
    const waiting = this.#isRunning ? (this.#framer?.pendingBytes ?? 0) : 0;
    return this.#isPausedForAll || this.#unsettledBytes + waiting > heldBytesMax;
  }
  /** Tells the source what is held, and stops or goes on reading. */
  #update(): void {
    const heldBytes = this.#unsettledBytes + (this.#framer?.pendingBytes ?? 0);
    const change = heldBytes - this.#toldBytes;
    this.#toldBytes = heldBytes;
    if (change !== 0) this.#host.held(change);
    if (!this.#isReading) return;
    const isPaused = this.#isPaused;
    if (isPaused && !this.#socket.isPaused()) this.#socket.pause();
    else if (!isPaused && this.#socket.isPaused()) {
      this.lastMs = this.#host.monotonicMs();
      this.#socket.resume();
    }
  }
  /** The sender sends no more; it may still wait for acknowledgements. */
  #end(): void {
    this.#isEnded = true;
    if (!this.#isRunning) this.#finish();
  }
  #finish(): void {
    void this.#settled.then(() => this.#socket.end());
  }
  #close(): void {
    this.#isGone = true;
    if (!this.#isRunning) this.#leave();
  }
  #leave(): void {
    const pendingBytes = this.#framer?.pendingBytes ?? 0;
    if (pendingBytes > 0 && this.#isReading)
      this.#host.broken(
        this.peer,
        'cut_off',
        `the connection ended in the middle of a message; ${pendingBytes} bytes of it had come`,
        1,
      );
    this.#isReading = false;
    this.#framer = undefined;
    this.#update();
    this.#host.closed(this);
  }
}

/** `{"ack": ` as MessagePack. */
const ackHead = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b]);

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
