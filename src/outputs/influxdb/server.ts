/** The servers of one output: which of them is spoken to, and in which requests. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { OperatingError, errorText } from '../../core/errors.ts';
import { HttpClient } from '../requests/client.ts';
import type { Address, ClientAnswer, ClientSettings } from '../requests/client.ts';
import type { ConnectionOptions } from 'node:tls';

const pack = promisify(gzip);

export interface ServerSettings {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly isTls: boolean;
  /** Authorization and whatever the configuration adds. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none is said. */
  readonly contentType: string | undefined;
  /** Path and query of a write; without a policy where that is undefined. */
  writePath(policy: string | undefined, bucket: string | undefined): string;
  readonly isPacked: boolean;
  readonly client: ClientSettings;
  readonly tls: () => Promise<ConnectionOptions>;
}

/** Of an answer so much is kept: a list of databases or of fields. */
const answerBytesKept = 4 * 1024 * 1024;

export class Server {
  readonly settings: ServerSettings;
  #client: HttpClient | undefined;
  /** The host that answered last; the next one is asked when it does not. */
  #current = 0;

  constructor(settings: ServerSettings) {
    this.settings = settings;
  }
  /** Reads the certificate files. @throws OperatingError OUTPUT_UNREACHABLE */
  async open(): Promise<void> {
    this.#client ??= new HttpClient(this.settings.client, await this.settings.tls());
  }
  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }
  /** Sends lines. @throws OperatingError OUTPUT_UNREACHABLE when no host answers */
  async write(path: string, lines: Buffer, signal: AbortSignal): Promise<ClientAnswer> {
    const { isPacked, contentType } = this.settings;
    const body = isPacked && lines.length > 0 ? await pack(lines) : lines;
    const headers = {
      ...(contentType !== undefined && { 'Content-Type': contentType }),
      ...(body !== lines && { 'Content-Encoding': 'gzip' }),
    };
    return this.#send('POST', path, headers, body, signal);
  }
  /** Asks for something. @throws OperatingError OUTPUT_UNREACHABLE when no host answers */
  get(path: string, signal: AbortSignal): Promise<ClientAnswer> {
    return this.#send('GET', path, {}, undefined, signal);
  }
  /** The host spoken to, for texts. */
  get shown(): string {
    return this.#address('').shown;
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    own: Readonly<Record<string, string>>,
    body: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<ClientAnswer> {
    const { hosts, headers } = this.settings;
    const failures: string[] = [];
    for (let tried = 0; ;) {
      await this.open();
      const client = this.#client as HttpClient;
      const from = this.#current;
      try {
        return await client.send(
          {
            address: this.#address(path),
            method,
            headers: { ...headers, ...own },
            body,
            answer: { bytesKept: answerBytesKept },
          },
          signal,
        );
      } catch (error) {
        failures.push(errorText(error));
        // Another write of the same time may have gone on to the next host already.
        if (this.#current === from) this.#current = (from + 1) % hosts.length;
        if (++tried < hosts.length && !signal.aborted) continue;
        throw new OperatingError('OUTPUT_UNREACHABLE', failures.join('; '), { cause: error });
      }
    }
  }
  #address(path: string): Address {
    const { hosts, port, isTls } = this.settings;
    const hostname = hosts[this.#current] as string;
    const where = hostname.includes(':') ? `[${hostname}]` : hostname;
    const shownPath = path.replace(/\?.*$/s, '');
    return { isTls, hostname, port, path, shown: `${isTls ? 'https' : 'http'}://${where}:${port}${shownPath}` };
  }
}

/** A query of a URL as Ruby's CGI.escape writes it. */
export function queryText(pairs: Readonly<Record<string, string | undefined>>): string {
  const escaped = (text: string): string =>
    encodeURIComponent(text.toWellFormed())
      .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+');
  return Object.entries(pairs)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${escaped(name)}=${escaped(value)}`]))
    .join('&');
}
