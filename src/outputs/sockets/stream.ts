/** One connection, TCP or TLS, on which chunks are sent; it is opened when one is due and kept as long as it works. */
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { tls as nodeTls } from '../../core/node-tls.ts';
import type { Clock } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';

export interface StreamSettings {
  readonly host: string;
  readonly port: number;
  readonly openTimeoutMs: number;
  /** Undefined: plain TCP. Read each time a connection opens. */
  readonly tls: (() => Promise<ConnectionOptions>) | undefined;
  readonly clock: Clock;
}

export class Stream {
  readonly #settings: StreamSettings;
  #socket: Socket | undefined;
  /** One chunk at a time: they would mix. */
  #last: Promise<void> = Promise.resolve();

  constructor(settings: StreamSettings) {
    this.#settings = settings;
  }
  /** Resolves once the kernel has taken all bytes. @throws OperatingError OUTPUT_UNREACHABLE */
  send(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const sent = this.#last.then(() => this.#send(bytes, signal));
    this.#last = sent.catch(() => undefined);
    return sent;
  }
  /** Opens a connection unless one is open. @throws OperatingError OUTPUT_UNREACHABLE */
  async open(signal?: AbortSignal): Promise<Socket> {
    const socket = this.#socket;
    if (socket?.writable) return socket;
    return (this.#socket = await this.#connected(signal));
  }
  /** What was sent arrives. */
  close(): void {
    this.#socket?.end();
    this.#socket?.unref();
    this.#socket = undefined;
  }

  async #send(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const socket = await this.open(signal);
    await new Promise<void>((resolve, reject) => {
      const failed = (error?: Error): void => {
        done();
        socket.destroy();
        this.#socket = undefined;
        reject(this.#unreachable('sending to', error ?? new Error('the connection was closed')));
      };
      const aborted = (): void => failed(new Error('stopped'));
      const done = (): void => {
        socket.off('error', failed);
        socket.off('close', closed);
        signal.removeEventListener('abort', aborted);
      };
      const closed = (): void => failed();
      socket.once('error', failed);
      socket.once('close', closed);
      signal.addEventListener('abort', aborted, { once: true });
      socket.write(bytes, (error) => {
        if (error) return failed(error);
        done();
        resolve();
      });
    });
  }
  async #connected(signal: AbortSignal | undefined): Promise<Socket> {
    const { host, port, openTimeoutMs, tls, clock } = this.#settings;
    const secrets = await tls?.();
    const named = isIP(host) === 0 && { servername: host };
    const socket = secrets ? nodeTls().connect({ ...named, ...secrets, host, port }) : connect({ host, port });
    socket.setNoDelay(true);
    return new Promise<Socket>((resolve, reject) => {
      const failed = (error: Error): void => {
        done();
        socket.destroy();
        reject(this.#unreachable('connecting to', error));
      };
      const timer = clock.after(openTimeoutMs, () =>
        failed(new Error(`it took longer than ${openTimeoutMs / 1000} s`)),
      );
      const aborted = (): void => failed(new Error('stopped'));
      const done = (): void => {
        timer.cancel();
        socket.off('error', failed);
        signal?.removeEventListener('abort', aborted);
      };
      socket.once('error', failed);
      signal?.addEventListener('abort', aborted, { once: true });
      socket.once(secrets ? 'secureConnect' : 'connect', () => {
        done();
        // Between chunks nobody listens for what goes wrong: the next one opens another connection.
        socket.on('error', () => undefined);
        socket.on('end', () => socket.destroy());
        socket.resume();
        resolve(socket);
      });
    });
  }
  #unreachable(doing: string, error: Error): OperatingError {
    const { host, port } = this.#settings;
    return new OperatingError('OUTPUT_UNREACHABLE', `${doing} ${host}:${port}: ${errorText(error)}`, { cause: error });
  }
}
