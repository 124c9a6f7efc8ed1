/** The http source as a whole: start and stop. */
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { RecordTimeOptions } from '../../codecs/in_http.ts';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { AppendQueue } from '../requests/append-queue.ts';
import { MemoryBudget, listenBacklog } from '../requests/limits.ts';
import { createListener, listen, stopListening, urlOf } from '../requests/listener.ts';
import type { Listener } from '../requests/listener.ts';
import { TlsFiles } from '../requests/tls.ts';
import { transportTls } from '../requests/transport.ts';
import { Cors } from './cors.ts';
import type { HttpConfig, HttpOptions } from './options.ts';
import { RequestReader } from './reader.ts';
import { HttpReceiver } from './receiver.ts';

/** Node keeps idle connections for ever where it is told 0; Fluentd closes them within a second or two then. */
const keepAliveMsMin = 1000;

export class HttpSource implements Source {
  readonly #context: SourceContext;
  readonly #options: HttpOptions;
  readonly #receiver: HttpReceiver;
  readonly #tls: TlsFiles | undefined;
  #server: Listener | undefined;
  #address: AddressInfo | undefined;
  #dropped = 0;

  constructor({ options, sections, parser }: HttpConfig, context: SourceContext) {
    this.#context = context;
    this.#options = options;
    const isOwn = parser === undefined || parser.type === 'in_http';
    this.#receiver = new HttpReceiver({
      options,
      context,
      reader: new RequestReader(
        options,
        isOwn ? undefined : { name: parser.type, parser: context.parser(parser) },
        isOwn ? (parser?.options as RecordTimeOptions | undefined) : undefined,
        context.clock,
      ),
      queue: new AppendQueue(context, undefined),
      memory: new MemoryBudget(Math.max(options.memoryLimit, options.bodySizeLimit, options.decompressionSizeLimit)),
      cors: new Cors(options.corsAllowOrigins, options.corsAllowCredentials),
    });
    const settings = transportTls(sections['transport']?.[0]);
    if (settings) this.#tls = new TlsFiles(settings, context.clock, context.log);
  }

  /** Where it listens, once started. */
  get address(): AddressInfo | undefined {
    return this.#address;
  }

  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<void> {
    const { id, log, worker } = this.#context;
    const { bind, port, backlog } = this.#options;
    const tls = await this.#tls?.load();
    const server = createListener(
      {
        headBytesMax: this.#options.headerLimit,
        headersTimeoutMs: this.#options.headersTimeout,
        requestTimeoutMs: this.#options.requestTimeout,
        keepAliveTimeoutMs: Math.max(keepAliveMsMin, this.#options.keepaliveTimeout),
        connectionsMax: this.#options.connectionsMax,
      },
      this.#receiver,
      tls,
    );
    this.#address = await listen(server, {
      host: bind,
      port,
      backlog: backlog ?? listenBacklog,
      isShared: worker.count > 1,
      what: `http source ${id}`,
      hostSetting: 'bind',
      portSetting: `another port than ${port}`,
    });
    this.#server = server;
    server.on('error', (error) => log.error(`accepting connections of http source ${id}: ${error.message}`));
    server.on('drop', () => this.#noteDrop());
    if (tls) this.#tls?.watch(server as TlsServer);
    log.debug(`http source ${id} listens on ${urlOf(this.#address, tls !== undefined)}`);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#tls?.stop();
    this.#receiver.beginStop();
    this.#server = undefined;
    if (server) await stopListening(server, this.#receiver, this.#context.clock);
  }

  #noteDrop(): void {
    const { id, log } = this.#context;
    this.#context.refused('too_many_connections', '');
    if (this.#dropped++ > 0) return;
    log.warn(
      `http source ${id} holds ${this.#options.connectionsMax} connections and closes new ones at once; raise connections_max, or look for clients that open too many`,
    );
  }
}
