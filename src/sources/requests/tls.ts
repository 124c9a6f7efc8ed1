/** The certificate and key files of an HTTPS listener, taken up anew when they change. */
import { readFile, stat } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Settings {
  readonly certPath: string;
  readonly keyPath: string;
  /** ms between two looks at the files. */
  readonly interval: number;
}

/** Reads the pair, and watches its files by their inode, size and time (mounted secrets are swapped by link). */
export class TlsFiles {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #log: Log;
  #seen = '';
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(settings: Settings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }
  /** The pair for the start. @throws OperatingError LISTEN_FAILED when it cannot be read or does not fit together */
  async load(): Promise<TlsPair> {
    try {
      this.#seen = await this.#fingerprint();
      return await this.#read();
    } catch (error) {
      throw new OperatingError('LISTEN_FAILED', `${this.#what()}: ${errorText(error)}; check tls_cert and tls_key`, {
        cause: error,
      });
    }
  }
  /** From now on a changed pair is used for new connections of `server`; those that are open go on with the old one. */
  watch(server: Server): void {
    if (this.#isStopped) return;
    this.#timer = this.#clock.after(this.#settings.interval, () => {
      void this.reload(server).finally(() => this.watch(server));
    });
  }
  /** Looks at the files once. A pair that cannot be used is said and left out; the one in use stays. */
  async reload(server: Server): Promise<void> {
    try {
      const fingerprint = await this.#fingerprint();
      if (fingerprint === this.#seen) return;
      // Remembered first: a bad pair is said once, not at every look.
      this.#seen = fingerprint;
      server.setSecureContext(await this.#read());
      this.#log.info(`took up the changed TLS certificate ${this.#settings.certPath}`);
    } catch (error) {
      this.#log.warn(`${this.#what()}: ${errorText(error)}; the certificate in use stays in use`);
    }
  }
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
  #what(): string {
    return `reading the TLS certificate ${this.#settings.certPath} and key ${this.#settings.keyPath}`;
  }
  async #read(): Promise<TlsPair> {
    const [cert, key] = await Promise.all([readFile(this.#settings.certPath), readFile(this.#settings.keyPath)]);
    // Throws when the two do not belong together.
    createSecureContext({ cert, key });
    return { cert, key };
  }
  async #fingerprint(): Promise<string> {
    const found = await Promise.all([stat(this.#settings.certPath), stat(this.#settings.keyPath)]);
    return found.map(({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`).join(' ');
  }
}
