/** All requests of one listener: routing, health, refusals, what is under way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Counter } from 'prom-client';
import { errorText } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import type { AppendQueue, Submission } from '../requests/append-queue.ts';
import { Exchange, stopping } from '../requests/exchange.ts';
import type { ExchangeHost } from '../requests/exchange.ts';
import { keepRequest } from '../requests/kept-request.ts';
import type { MemoryBudget } from '../requests/limits.ts';
import type { RequestHandler } from '../requests/listener.ts';
import { OpenExchanges } from '../requests/open-exchanges.ts';
import { Refusal } from '../requests/refusal.ts';
import { pathAndQuery } from '../requests/url.ts';
import { answerHealth, answerOk, answerRefusal, rawAnswer } from './answers.ts';
import type { BodyReader } from './body.ts';
import type { RequestFields } from './fields.ts';
import type { Guard } from './guards.ts';
import { storedKey } from './idempotency.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { PostbackOptions } from './options.ts';
import type { Route, Routes } from './routes.ts';
import { defaultTag } from './routes.ts';

export interface ReceiverParts {
  readonly options: PostbackOptions;
  readonly context: SourceContext;
  readonly routes: Routes<Guard>;
  readonly reader: BodyReader;
  readonly queue: AppendQueue;
  /** Undefined: no deduplication. */
  readonly keys: IdempotencyKeys | undefined;
  readonly memory: MemoryBudget;
}

/** Requests that came on a connection, where their number is limited. */
const requestCounts = new WeakMap<object, number>();

const healthMethods = 'GET, HEAD';

type PostbackExchange = Exchange<Route<Guard>>;

export class Receiver implements RequestHandler, ExchangeHost<Route<Guard>> {
  readonly memory: MemoryBudget;
  readonly bodyLimits: { readonly received: number; readonly unpacked: number };
  readonly keepsRefused: boolean;
  readonly #options: PostbackOptions;
  readonly #context: SourceContext;
  readonly #parts: ReceiverParts;
  readonly #methods: ReadonlySet<string>;
  readonly #allow: string;
  readonly #keyHeader: string | undefined;
  readonly #requests: Counter;
  readonly #open = new OpenExchanges<Route<Guard>>();
  #okUncounted = 0;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    const { bodyLimit, keepRefused } = parts.options;
    this.#options = parts.options;
    this.#context = parts.context;
    this.memory = parts.memory;
    this.bodyLimits = { received: bodyLimit, unpacked: bodyLimit };
    this.keepsRefused = keepRefused;
    this.#methods = new Set(parts.options.methods.map((method) => method.toUpperCase()));
    this.#allow = [...this.#methods].join(', ');
    this.#keyHeader = parts.options.idempotencyHeader.toLowerCase() || undefined;
    this.#requests = parts.context.metrics.counter(
      'postback_requests_total',
      'Requests answered by postback sources, by HTTP status',
      ['source', 'status'],
    );
  }

  /** Node's `request` and `checkContinue`. */
  handle(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    if (this.#options.requestsPerConnection > 0)
      requestCounts.set(req.socket, (requestCounts.get(req.socket) ?? 0) + 1);
    const url = pathAndQuery(req.url ?? '/');
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    let refusal: Refusal | undefined;
    let allow: string | undefined;
    let route: Route<Guard> | undefined;
    try {
      route = this.#parts.routes.find(path);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
    }
    const method = req.method ?? '';
    if (route && this.#methods.has(method)) {
      refusal = this.#open.isStopping ? stopping() : route.guard?.admit(req);
      if (!refusal) {
        const exchange = new Exchange(this, req, res, route, cut < 0 ? '' : url.slice(cut + 1));
        this.#open.start(exchange, expectsContinue);
        return;
      }
    } else if (!refusal) {
      const isHealth = path === '/' || path === '/healthz';
      if (isHealth && (method === 'GET' || method === 'HEAD')) {
        answerHealth(res, this.#isLast(req));
        return;
      }
      allow = [...(route ? [this.#allow] : []), ...(isHealth ? [healthMethods] : [])].join(', ');
      refusal =
        route || isHealth
          ? new Refusal('method_not_allowed', 'Method Not Allowed')
          : new Refusal('not_found', 'Not Found');
    }
    this.#count(refusal, route?.tag ?? defaultTag);
    // Behind an unasked `100 Continue` nobody knows whether a body follows: the connection cannot be read on.
    answerRefusal(res, refusal, this.#isLast(req) || expectsContinue, allow || undefined);
  }

  /** Node's `checkExpectation`: anything but 100-continue. */
  handleExpectation(_req: IncomingMessage, res: ServerResponse): void {
    const refusal = new Refusal('expectation_failed', 'only "Expect: 100-continue" is supported');
    this.#count(refusal, defaultTag);
    answerRefusal(res, refusal, true);
  }

  handleClientError(error: Error, socket: Duplex): void {
    this.#open.clientError(error, socket, {
      count: (refusal, route) => this.#count(refusal, route?.tag ?? defaultTag),
      rawAnswer,
    });
  }

  verify({ target, req }: PostbackExchange, raw: Buffer): Refusal | undefined {
    return target.guard?.verify(req, raw);
  }
  take(exchange: PostbackExchange, body: Buffer): void {
    const { reader } = this.#parts;
    const { req, target, query } = exchange;
    const time = this.#context.clock.now();
    const request: RequestFields = {
      query: this.#options.logQueryParameters && query !== '' ? reader.query(query) : undefined,
      path: target.path,
      pathJson: target.pathJson,
      nowMs: time.seconds * 1000 + Math.floor(time.nanos / 1e6),
    };
    const { codec, records, key } = reader.read(body, req.headers['content-type'], request);
    this.#submit({ tag: target.tag, codec, records, time, key: undefined }, exchange, key);
  }
  /** Hands a request's records on; `fieldKey`: the idempotency key that its body names. */
  #submit(submission: Submission, exchange: PostbackExchange, fieldKey: string | undefined): void {
    const { keys, queue } = this.#parts;
    const header = keys && this.#keyHeader !== undefined ? exchange.req.headers[this.#keyHeader] : undefined;
    const key = typeof header === 'string' && header !== '' ? header : fieldKey;
    if (!keys || key === undefined) queue.submit(submission, exchange);
    else keys.submit({ ...submission, key: storedKey(this.#context.id, submission.tag, key) }, exchange);
  }

  answerOk(exchange: PostbackExchange): void {
    // Counted once a turn: a labelled counter costs as much as the rest of the answer.
    if (this.#okUncounted++ === 0) setImmediate(this.#countOk);
    answerOk(exchange.res, this.#isLast(exchange.req));
    this.#open.done(exchange);
  }
  answerRefusal(exchange: PostbackExchange, refusal: Refusal, raw: Buffer, isCut: boolean): void {
    const { req, res, target } = exchange;
    this.#count(refusal, target.tag);
    if (refusal.reason === 'internal')
      this.#context.log.error(`a postback to ${target.tag} failed: ${errorText(refusal.cause)}; please report this`);
    const isUnread = !req.complete;
    const answer = (): void => {
      answerRefusal(res, refusal, this.#isLast(req) || (isUnread && req.headers.expect !== undefined));
      this.#open.done(exchange);
    };
    const isKept = this.#options.keepRefused && [400, 413, 415].includes(refusal.status);
    if (!isKept) answer();
    else
      keepRequest(this.#context, exchange, refusal, raw, isCut).then(answer, (error: unknown) => {
        this.#context.log.error(`keeping a refused postback to ${target.tag}: ${errorText(error)}; its bytes are lost`);
        answer();
      });
  }
  countAborted(exchange: PostbackExchange): void {
    this.#open.done(exchange);
    if (this.#open.isCounted(exchange)) return;
    this.#count(new Refusal('aborted', 'aborted'), exchange.target.tag);
  }
  /** From now on requests are answered 503, and every answer closes its connection. */
  beginStop(): void {
    this.#open.beginStop();
  }
  idle(): Promise<void> {
    return this.#open.idle();
  }
  cutArriving(): void {
    this.#open.cutArriving();
  }

  /** True when the answer to `req` ends its connection. Node's own maxRequestsPerSocket only says so and leaves it open. */
  #isLast(req: IncomingMessage): boolean {
    if (this.#open.isStopping) return true;
    const limit = this.#options.requestsPerConnection;
    return limit > 0 && (requestCounts.get(req.socket) ?? 0) >= limit;
  }
  readonly #countOk = (): void => {
    this.#requests.inc({ source: this.#context.id, status: '200' }, this.#okUncounted);
    this.#okUncounted = 0;
  };
  #count(refusal: Refusal, tag: string): void {
    this.#requests.inc({ source: this.#context.id, status: String(refusal.status) });
    this.#context.refused(refusal.reason, tag);
  }
}
