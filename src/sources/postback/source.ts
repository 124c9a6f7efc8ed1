/** The postback source as a whole: start, stop, and what hangs together. */
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { AppendQueue } from '../requests/append-queue.ts';
import { MemoryBudget, listenBacklog } from '../requests/limits.ts';
import { createListener, listen, stopListening, urlOf } from '../requests/listener.ts';
import type { Listener, ListenerLimits, Place } from '../requests/listener.ts';
import { TlsFiles } from '../requests/tls.ts';
import { BodyReader } from './body.ts';
import { ClientFinder } from './client-address.ts';
import { RecordMaker, podHash } from './fields.ts';
import { Guard, inheritGuard } from './guards.ts';
import { IdempotencyKeys } from './idempotency.ts';
import type { GuardOptions, PostbackConfig, PostbackOptions } from './options.ts';
import { Receiver } from './receiver.ts';
import { RotatingFiles } from './rotating-files.ts';
import { Routes, defaultTag } from './routes.ts';

/** One listening postback source. */
export class PostbackSource implements Source {
  readonly #context: SourceContext;
  readonly #options: PostbackOptions;
  readonly #receiver: Receiver;
  readonly #keys: IdempotencyKeys | undefined;
  readonly #files: RotatingFiles | undefined;
  readonly #tls: TlsFiles | undefined;
  #server: Listener | undefined;
  #address: AddressInfo | undefined;
  #dropped = 0;

  constructor(config: PostbackConfig, context: SourceContext) {
    const { options } = config;
    this.#context = context;
    this.#options = options;
    this.#files = options.forwarder === 'builtin' ? undefined : rotatingFiles(options, context);
    const queue = new AppendQueue(context, this.#files);
    const hasKeys = options.idempotencyWindow > 0 && (options.idempotencyHeader || options.idempotencyField);
    this.#keys = hasKeys
      ? new IdempotencyKeys(context, {
          window: options.idempotencyWindow,
          keysMax: options.idempotencyKeysMax,
          append: (submission, waiter) => queue.submit(submission, waiter),
        })
      : undefined;
    this.#receiver = new Receiver({
      options,
      context,
      routes: makeRoutes(config, context),
      reader: new BodyReader(new RecordMaker(options), options),
      queue,
      keys: this.#keys,
      memory: new MemoryBudget(options.memoryLimit),
    });
    const { tlsCert, tlsKey } = options;
    if (tlsCert && tlsKey)
      this.#tls = new TlsFiles(
        { certPath: tlsCert, keyPath: tlsKey, interval: options.tlsReloadInterval, advice: 'tls_cert and tls_key' },
        context.clock,
        context.log,
      );
  }

  /** Where it listens, once started. */
  get address(): AddressInfo | undefined {
    return this.#address;
  }

  /** Reads the keys of the window, opens the log files, listens. @throws OperatingError LISTEN_FAILED, OUTPUT_WRITE */
  async start(): Promise<void> {
    const context = this.#context;
    const { podName, workloadName } = this.#options;
    if (podName && workloadName && podHash(podName, workloadName) === undefined)
      context.log.warn(
        `pod name ${podName} does not begin with workload name ${workloadName}-: records get no _workerPodHash; check P2L_POD_NAME and P2L_WORKLOAD_NAME`,
      );
    const pair = await this.#tls?.load();
    await this.#keys?.load();
    await this.#files?.open();
    const server = createListener(listenerLimits(this.#options), this.#receiver, pair);
    try {
      this.#address = await listen(server, listenerPlace(this.#options, context.worker.count));
    } catch (error) {
      await this.#files?.close();
      throw error;
    }
    this.#server = server;
    server.on('error', (error) => context.log.error(`accepting postback connections: ${error.message}`));
    server.on('drop', () => this.#noteDrop());
    if (pair) this.#tls?.watch(server as TlsServer);
    context.log.debug(`postback source ${context.id} listens on ${urlOf(this.#address, pair !== undefined)}`);
  }

  /** Stops listening, answers what was received, cuts what is still arriving after 5 s. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#tls?.stop();
    this.#receiver.beginStop();
    if (!server) return;
    this.#server = undefined;
    await stopListening(server, this.#receiver, this.#context.clock);
    await this.#files?.close();
  }

  #noteDrop(): void {
    this.#context.refused('too_many_connections', defaultTag);
    if (this.#dropped++ > 0) return;
    this.#context.log.warn(
      `postback source ${this.#context.id} holds ${this.#options.connectionsMax} connections and closes new ones at once; raise connections_max, or look for clients that open too many`,
    );
  }
}

function listenerLimits(options: PostbackOptions): ListenerLimits {
  return {
    headBytesMax: options.headerLimit,
    headersTimeoutMs: options.headersTimeout,
    requestTimeoutMs: options.requestTimeout,
    keepAliveTimeoutMs: options.keepAliveTimeout,
    connectionsMax: options.connectionsMax,
  };
}

function listenerPlace({ host, port }: PostbackOptions, workerCount: number): Place {
  return {
    host,
    port,
    backlog: listenBacklog,
    isShared: workerCount > 1,
    what: 'postbacks',
    hostSetting: 'P2L_HOST',
    portSetting: `P2L_PORT=${port === 8080 ? 8081 : 8080}`,
  };
}

function rotatingFiles(options: PostbackOptions, context: SourceContext): RotatingFiles {
  const { logDir, podName, rotateBytes, rotateBackups } = options;
  const lost = (count: number): void => context.refused('log_file', defaultTag, count);
  return new RotatingFiles(
    { dir: logDir, podName, rotateBytes, backups: rotateBackups, lost },
    context.clock,
    context.log,
  );
}

function makeRoutes({ options, sections }: PostbackConfig, context: SourceContext): Routes<Guard> {
  const clients = new ClientFinder(options.trustedProxies ?? [], options.forwardedHeader);
  const make = (settings: GuardOptions): Guard => new Guard(settings, clients, context.clock);
  const guards = new Map<string, Guard>();
  for (const section of sections['guard'] ?? [])
    guards.set(String(section.options['path']), make(inheritGuard(options, section.options as GuardOptions)));
  const base = make(options);
  return new Routes(options.endpoints, base.isOpen ? undefined : base, guards);
}
