/** The certificate and key files of a TLS listener, taken up anew when they change. */
import { readFile, stat } from 'node:fs/promises';
import type { Server, TlsOptions } from 'node:tls';
import { tls as nodeTls } from '../../core/node-tls.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

export interface TlsSettings {
  readonly certPath: string;
  readonly keyPath: string;
  /** ms between two looks at the files. */
  readonly interval: number;
  /** The options to check when the files cannot be used. */
  readonly advice: string;
  readonly passphrase?: string | undefined;
  /** Certificates that clients' must come from. */
  readonly caPath?: string | undefined;
  /** What no file holds. */
  readonly fixed?: TlsOptions;
}

/** Reads the pair, and watches its files by their inode, size and time (mounted secrets are swapped by link). */
export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  #seen = '';
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(settings: TlsSettings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }
  /** The pair for the start. @throws OperatingError LISTEN_FAILED when it cannot be read or does not fit together */
  async load(): Promise<TlsOptions> {
    try {
      this.#seen = await this.#fingerprint();
      return await this.#read();
    } catch (error) {
      throw new OperatingError(
        'LISTEN_FAILED',
        `${this.#what()}: ${errorText(error)}; check ${this.#settings.advice}`,
        {
          cause: error,
        },
      );
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
  async #read(): Promise<TlsOptions> {
    const { certPath, keyPath, caPath, passphrase, fixed } = this.#settings;
    const [cert, key, ca] = await Promise.all([
      readFile(certPath),
      readFile(keyPath),
      caPath === undefined ? undefined : readFile(caPath),
    ]);
    const options: TlsOptions = {
      ...fixed,
      cert,
      key,
      ...(ca !== undefined && { ca }),
      ...(passphrase !== undefined && { passphrase }),
    };
    // Throws when the two do not belong together.
    nodeTls().createSecureContext(options);
    return options;
  }
  async #fingerprint(): Promise<string> {
    const { certPath, keyPath, caPath } = this.#settings;
    const paths = [certPath, keyPath, ...(caPath === undefined ? [] : [caPath])];
    const found = await Promise.all(paths.map((path) => stat(path)));
    return found.map(({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`).join(' ');
  }
}
