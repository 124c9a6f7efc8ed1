/**
 * A source's UDP socket. Datagrams that lie ready are taken together: one append for all that came while the one before was
 * made durable. What comes faster than the journal takes it, beyond a bound, is refused and counted; what the kernel drops
 * before that nobody knows.
 */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { errorText } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import { listenFailure } from '../requests/listener.ts';
import { BadFrame } from './frames.ts';
import type { Frame, FrameCutter } from './frames.ts';
import type { HostNames } from './host-names.ts';
import type { Intake, Peer } from './intake.ts';

/** Bytes that may wait for the journal: half a second of a full gigabit link. */
const waitingBytesMax = 64 * 1024 * 1024;
/** What one datagram costs besides its bytes. */
const overheadBytes = 256;
/** Asked of the kernel where nothing is written: its default of 208 KiB is a burst of some hundred messages. The kernel caps it at net.core.rmem_max. */
const receiveBytes = 4 * 1024 * 1024;

export interface DatagramOptions {
  readonly what: string;
  readonly bind: string;
  readonly port: number;
  readonly messageBytesMax: number;
  readonly receiveBufferBytes: number | undefined;
  /** Takes one line end off the end of each. */
  readonly isChomped: boolean;
  readonly hostNames: HostNames | undefined;
  /** Where a datagram may hold several messages. */
  readonly cutter?: (() => FrameCutter) | undefined;
}

interface Datagram {
  readonly frames: readonly Frame[];
  readonly address: string;
  readonly port: number;
}

export class DatagramListener {
  readonly #context: SourceContext;
  readonly #options: DatagramOptions;
  readonly #intake: Intake;
  #socket: Socket | undefined;
  #waiting: Datagram[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;

  constructor(context: SourceContext, options: DatagramOptions, intake: Intake) {
    this.#context = context;
    this.#options = options;
    this.#intake = intake;
  }
  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<AddressInfo> {
    const { worker, log } = this.#context;
    const { what, bind, port } = this.#options;
    const place = { host: bind, port, what, hostSetting: 'bind', portSetting: `another port than ${port}` };
    let address = bind;
    try {
      if (!isIPv6(bind)) address = (await lookup(bind, { family: 0 })).address;
    } catch (error) {
      throw listenFailure(error as Error, place);
    }
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reusePort: worker.count > 1 });
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => {
        socket.close();
        reject(listenFailure(error, place));
      };
      socket.once('error', failed);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.off('error', failed);
        resolve();
      });
    });
    this.#sizeBuffer(socket);
    socket.on('message', (bytes, sender) => this.#received(bytes, sender));
    socket.on('error', (error) => log.error(`receiving datagrams of ${what}: ${error.message}`));
    this.#socket = socket;
    return socket.address();
  }
  /** Takes no more; resolves once what was received is durable. */
  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()));
    await this.#running;
  }
  #sizeBuffer(socket: Socket): void {
    const { receiveBufferBytes, what } = this.#options;
    try {
      socket.setRecvBufferSize(receiveBufferBytes ?? receiveBytes);
    } catch (error) {
      if (receiveBufferBytes !== undefined)
        this.#context.log.warn(`${what}: receive_buffer_size ${receiveBufferBytes}: ${errorText(error)}`);
    }
  }
  #received(bytes: Buffer, { address, port }: RemoteInfo): void {
    const cost = bytes.length + overheadBytes;
    if (this.#waitingBytes + cost > waitingBytesMax) {
      void this.#intake.refuse(
        'overrun',
        Buffer.alloc(0),
        'datagrams come faster than the journal takes them',
        undefined,
      );
      return;
    }
    this.#waitingBytes += cost;
    this.#waiting.push({ frames: this.#framesOf(bytes), address: address.replace(/^::ffff:(?=\d+\.)/, ''), port });
    this.#running ??= this.#run();
  }
  #framesOf(bytes: Buffer): readonly Frame[] {
    const { messageBytesMax, isChomped, cutter: newCutter } = this.#options;
    if (!newCutter) {
      const message = isChomped ? chomped(bytes) : bytes;
      return [{ bytes: message, isWhole: message.length <= messageBytesMax }];
    }
    const cutter = newCutter();
    try {
      const frames = cutter.add(bytes);
      const rest = cutter.end();
      // A message ends with its datagram.
      if (!rest && cutter.pendingBytes > 0) return [...frames, { bytes, isWhole: true }];
      return rest ? [...frames, rest] : frames;
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      // The parser says what is wrong with it.
      return [...error.frames, { bytes: error.bytes, isWhole: true }];
    }
  }
  async #run(): Promise<void> {
    // Others that lie ready come in the same turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      const bytes = this.#waitingBytes;
      this.#waiting = [];
      await this.#intake.takeAll(await this.#bySender(taken));
      this.#waitingBytes -= bytes;
    }
    this.#running = undefined;
  }
  /** In the order in which they came; neighbours of one sender together. */
  async #bySender(datagrams: readonly Datagram[]): Promise<{ readonly frames: Frame[]; readonly peer: Peer }[]> {
    const groups: { readonly frames: Frame[]; readonly peer: Peer }[] = [];
    for (const { frames, address, port } of datagrams) {
      const last = groups.at(-1);
      if (last?.peer.address === address) {
        last.frames.push(...frames);
        continue;
      }
      const { hostNames } = this.#options;
      const hostname = hostNames ? await hostNames.of(address, port) : address;
      groups.push({ frames: [...frames], peer: { address, hostname } });
    }
    return groups;
  }
}

/** Without one line end at its end, as Ruby's chomp. */
function chomped(bytes: Buffer): Buffer {
  const last = bytes.at(-1);
  if (last === 13) return bytes.subarray(0, -1);
  if (last !== 10) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 13 ? -2 : -1);
}
