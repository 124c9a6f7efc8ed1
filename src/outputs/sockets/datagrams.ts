/** A UDP socket that sends datagrams to one place. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';

/** What a datagram over IPv4 can carry: 65,535 bytes less the headers of IP and UDP. */
export const datagramBytesMax = 65_507;

export class Datagrams {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }
  /** Resolves once the kernel has taken it; false: it is larger than the way to the other end allows. @throws OperatingError OUTPUT_UNREACHABLE */
  async send(bytes: Buffer): Promise<boolean> {
    const socket = await this.open();
    return new Promise((resolve, reject) => {
      socket.send(bytes, (error) => {
        if (!error) return resolve(true);
        if (systemCode(error) === 'EMSGSIZE') return resolve(false);
        this.close();
        reject(this.#unreachable('sending to', error));
      });
    });
  }
  /** Looks its host up, unless that is done. @throws OperatingError OUTPUT_UNREACHABLE */
  async open(): Promise<Socket> {
    if (this.#socket) return this.#socket;
    try {
      const { address, family } = await lookup(this.#host);
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      socket.unref();
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(this.#port, address, resolve);
      });
      // A datagram that nobody took is told of with the next one, if at all.
      socket.on('error', () => undefined);
      return (this.#socket = socket);
    } catch (error) {
      throw this.#unreachable('looking for', error);
    }
  }
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
  #unreachable(doing: string, error: unknown): OperatingError {
    const text = `${doing} ${this.#host}:${this.#port} over UDP: ${errorText(error)}`;
    return new OperatingError('OUTPUT_UNREACHABLE', text, { cause: error });
  }
}
