/** The fluentbit_http source as a whole: it listens, reads requests, and answers them once their records are durable. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { http } from '../../core/node-http.ts';
import type { SectionModel } from '../../config/model.ts';
import { codecs } from '../../core/batch.ts';
import { errorText } from '../../core/errors.ts';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { AppendQueue } from '../requests/append-queue.ts';
import { Exchange, stopping } from '../requests/exchange.ts';
import type { ExchangeHost, Target } from '../requests/exchange.ts';
import { MemoryBudget, listenBacklog } from '../requests/limits.ts';
import { createListener, listen, stopListening } from '../requests/listener.ts';
import type { Listener, RequestHandler } from '../requests/listener.ts';
import { OpenExchanges } from '../requests/open-exchanges.ts';
import { Refusal } from '../requests/refusal.ts';
import { TlsFiles } from '../requests/tls.ts';
import { transportTls } from '../requests/transport.ts';
import { pathAndQuery } from '../requests/url.ts';
import { recordsOf, tagOfTarget } from './body.ts';
import type { FluentbitHttpOptions } from './index.ts';

/** As the http source has them: see the limits there. */
const limits = {
  headBytesMax: 80 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 10_000,
  connectionsMax: 20_000,
};
const memoryBytes = 256 * 1024 * 1024;

export class FluentbitHttpSource implements Source, RequestHandler, ExchangeHost<Target> {
  readonly memory: MemoryBudget;
  readonly bodyLimits: { readonly received: number; readonly unpacked: number };
  readonly keepsRefused = false;
  readonly #context: SourceContext;
  readonly #options: FluentbitHttpOptions;
  readonly #successHeaders: readonly string[];
  readonly #queue: AppendQueue;
  readonly #open = new OpenExchanges<Target>();
  readonly #tls: TlsFiles | undefined;
  #server: Listener | undefined;
  #address: AddressInfo | undefined;

  constructor(options: FluentbitHttpOptions, transport: SectionModel | undefined, context: SourceContext) {
    this.#context = context;
    this.#options = options;
    this.#queue = new AppendQueue(context, undefined);
    this.memory = new MemoryBudget(Math.max(memoryBytes, options.bodySizeLimit));
    this.bodyLimits = { received: options.bodySizeLimit, unpacked: options.bodySizeLimit };
    this.#successHeaders = options.successHeaders.flatMap((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()];
    });
    const settings = transportTls(transport);
    if (settings) this.#tls = new TlsFiles(settings, context.clock, context.log);
  }

  /** Where it listens, once started. */
  get address(): AddressInfo | undefined {
    return this.#address;
  }

  /** @throws OperatingError LISTEN_FAILED */
  async start(): Promise<void> {
    const { id, log, worker } = this.#context;
    const { bind, port } = this.#options;
    const tls = await this.#tls?.load();
    const server = createListener(limits, this, tls);
    this.#address = await listen(server, {
      host: bind,
      port,
      backlog: listenBacklog,
      isShared: worker.count > 1,
      what: `http source ${id}`,
      hostSetting: 'Listen',
      portSetting: `another port than ${port}`,
    });
    this.#server = server;
    server.on('error', (error) => log.error(`accepting connections of http source ${id}: ${error.message}`));
    server.on('drop', () => this.#context.refused('too_many_connections', ''));
    if (tls) this.#tls?.watch(server as TlsServer);
  }
  async stop(): Promise<void> {
    const server = this.#server;
    this.#tls?.stop();
    this.beginStop();
    this.#server = undefined;
    if (server) await stopListening(server, this, this.#context.clock);
  }

  handle(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    try {
      if (this.#open.isStopping) throw stopping();
      if (req.method !== 'POST')
        throw new Refusal('bad_request', `method ${req.method ?? ''}`, { peerText: 'error: invalid HTTP method' });
      const tag = tagOfTarget(pathAndQuery(req.url ?? '/'), this.#options.tag);
      this.#open.start(new Exchange<Target>(this, req, res, { tag }, ''), expectsContinue);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#context.refused(error.reason, '');
      answerRefusal(res, error, true);
    }
  }
  handleExpectation(_req: IncomingMessage, res: ServerResponse): void {
    const refusal = new Refusal('expectation_failed', 'only "Expect: 100-continue" is supported');
    this.#context.refused(refusal.reason, '');
    answerRefusal(res, refusal, true);
  }
  handleClientError(error: Error, socket: Duplex): void {
    this.#open.clientError(error, socket, {
      count: (refusal, target) => this.#context.refused(refusal.reason, target?.tag ?? ''),
      rawAnswer: (refusal) => {
        const body = bodyOf(refusal);
        return `HTTP/1.1 ${statusOf(refusal)} ${http.STATUS_CODES[statusOf(refusal)] ?? 'Error'}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
      },
    });
  }

  take(exchange: Exchange<Target>, body: Buffer): void {
    const byTag = recordsOf(exchange.req, body, exchange.target.tag, this.#options);
    if (byTag.size === 0) return exchange.settled(undefined);
    const time = this.#context.clock.now();
    // Answered once all are durable, or the first is not.
    let waiting = byTag.size;
    let failure: unknown;
    const waiter = {
      settled(error: unknown) {
        failure ??= error;
        if (--waiting === 0) exchange.settled(failure);
      },
    };
    for (const [tag, records] of byTag)
      this.#queue.submit({ tag, codec: codecs.json, records, time, key: undefined }, waiter);
  }
  answerOk(exchange: Exchange<Target>): void {
    const { res } = exchange;
    const status = this.#options.successfulResponseCode;
    const length = status === 204 ? [] : ['Content-Length', '0'];
    const close = this.#open.isStopping ? ['Connection', 'close'] : [];
    res.writeHead(status, [...this.#successHeaders, ...length, ...close]);
    res.end();
    this.#open.done(exchange);
  }
  answerRefusal(exchange: Exchange<Target>, refusal: Refusal): void {
    const { req, res, target } = exchange;
    this.#context.refused(refusal.reason, target.tag);
    if (refusal.reason === 'internal')
      this.#context.log.error(
        `a request to ${this.#context.id} failed: ${errorText(refusal.cause)}; please report this`,
      );
    answerRefusal(res, refusal, this.#open.isStopping || !req.complete);
    this.#open.done(exchange);
  }
  countAborted(exchange: Exchange<Target>): void {
    this.#open.done(exchange);
    if (!this.#open.isCounted(exchange)) this.#context.refused('aborted', exchange.target.tag);
  }
  beginStop(): void {
    this.#open.beginStop();
  }
  idle(): Promise<void> {
    return this.#open.idle();
  }
  cutArriving(): void {
    this.#open.cutArriving();
  }
}

/** What Fluent Bit has a text for is 400 there. */
function statusOf(refusal: Refusal): number {
  return refusal.peerText === undefined ? refusal.status : 400;
}

/** A body that is too large is answered by the status alone there. */
function bodyOf(refusal: Refusal): string {
  if (statusOf(refusal) === 413) return '';
  return `${refusal.peerText ?? `error: ${refusal.message}`}\n`;
}

function answerRefusal(res: ServerResponse, refusal: Refusal, isClosing: boolean): void {
  const body = bodyOf(refusal);
  const head = ['Content-Length', String(Buffer.byteLength(body)), 'X-Content-Type-Options', 'nosniff'];
  if (refusal.peerText !== undefined) head.push('Post2log-Problem', refusal.message.replaceAll(/[^\x20-\x7e]/g, '?'));
  if (refusal.retryAfterMs !== undefined) head.push('Retry-After', String(Math.ceil(refusal.retryAfterMs / 1000)));
  if (isClosing) head.push('Connection', 'close');
  res.writeHead(statusOf(refusal), head);
  res.end(body);
}
