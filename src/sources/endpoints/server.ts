/** The HTTP server of sources that tell of the program: GET at a few paths, answered whole. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { SectionModel } from '../../config/model.ts';
import { https } from '../../core/node-tls.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import { closeServer, http } from '../../core/node-http.ts';
import type { PluginContext, Source } from '../../core/plugin.ts';
import { transportTls } from '../requests/transport.ts';
import { TlsFiles } from '../requests/tls.ts';

export interface EndpointAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface EndpointServerOptions {
  readonly host: string;
  readonly port: number;
  readonly transport?: SectionModel | undefined;
  readonly isGzipped?: boolean;
  /** What a path (with its query) is answered. */
  readonly answer: (url: URL) => Promise<EndpointAnswer>;
}

const gzipped = promisify(gzip);

/** Listens while the source runs. */
export class EndpointServer implements Source {
  readonly #options: EndpointServerOptions;
  readonly #context: Pick<PluginContext, 'clock' | 'log'>;
  readonly #tls: TlsFiles | undefined;
  #server: Server | undefined;

  constructor(options: EndpointServerOptions, context: Pick<PluginContext, 'clock' | 'log'>) {
    this.#options = options;
    this.#context = context;
    const tls = transportTls(options.transport);
    this.#tls = tls && new TlsFiles(tls, context.clock, context.log);
  }
  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    const secure = this.#tls && https().createServer(await this.#tls.load(), serve);
    const server = secure ?? http.createServer(serve);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
    } catch (error) {
      throw new OperatingError(
        'LISTEN_FAILED',
        `listening on ${host}:${port}: ${systemCode(error) ?? errorText(error)}; write another bind or port`,
        { cause: error },
      );
    }
    server.on('error', (error) => this.#context.log.error(`accepting connections: ${errorText(error)}`));
    server.unref();
    if (secure) this.#tls?.watch(secure);
    this.#server = server;
  }
  /** Port it listens on. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }
  async stop(): Promise<void> {
    this.#tls?.stop();
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await closeServer(server);
  }
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const answer = await this.#answer(request);
    const body = this.#options.isGzipped === true ? await gzipped(answer.body) : Buffer.from(answer.body);
    response.writeHead(answer.status, {
      'Content-Type': answer.type,
      'Content-Length': body.length,
      'X-Content-Type-Options': 'nosniff',
      ...(this.#options.isGzipped === true && { 'Content-Encoding': 'gzip' }),
      ...(answer.status === 405 && { Allow: 'GET, HEAD' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
  async #answer({ method, url = '/' }: IncomingMessage): Promise<EndpointAnswer> {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: 'text/plain', body: '' };
    try {
      return URL.canParse(url, 'http://localhost')
        ? await this.#options.answer(new URL(url, 'http://localhost'))
        : { status: 400, type: 'text/plain', body: '' };
    } catch (error) {
      this.#context.log.error(`answering ${url}: ${errorText(error)}`);
      return { status: 500, type: 'text/plain', body: 'the metrics cannot be read just now; the log says why\n' };
    }
  }
}

/** `create` of plugins that are endpoints. */
export function noSource(): never {
  throw new TypeError('it receives nothing: it is run as an endpoint');
}
