/** All requests of one listener: routing, health, refusals, what is under way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Counter } from 'prom-client';
import { errorText, systemCode } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import { answerHealth, answerOk, answerRefusal, rawAnswer } from './answers.ts';
import type { AppendQueue, Submission, Waiter } from './append-queue.ts';
import type { BodyReader } from './body.ts';
import { Exchange, stopping } from './exchange.ts';
import type { Guard } from './guards.ts';
import { storedKey } from './idempotency.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { MemoryBudget } from './limits.ts';
import type { PostbackOptions } from './options.ts';
import { Refusal } from './refusal.ts';
import { Slots } from './slots.ts';
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

/** Connections whose broken request is counted already. */
const counted = new WeakSet();
/** Requests that came on a connection, where their number is limited. */
const requestCounts = new WeakMap<object, number>();

const healthMethods = 'GET, HEAD';

export class Receiver {
  readonly options: PostbackOptions;
  readonly context: SourceContext;
  readonly reader: BodyReader;
  readonly memory: MemoryBudget;
  readonly #parts: ReceiverParts;
  readonly #methods: ReadonlySet<string>;
  readonly #allow: string;
  readonly #keyHeader: string | undefined;
  readonly #requests: Counter;
  readonly #open = new Slots<Exchange>();
  #okUncounted = 0;
  #isStopping = false;
  #whenIdle: (() => void) | undefined;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.options = parts.options;
    this.context = parts.context;
    this.reader = parts.reader;
    this.memory = parts.memory;
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
    if (this.options.requestsPerConnection > 0) requestCounts.set(req.socket, (requestCounts.get(req.socket) ?? 0) + 1);
    const url = targetOf(req.url ?? '/');
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
      refusal = this.#isStopping ? stopping() : route.guard?.admit(req);
      if (!refusal) {
        const exchange = new Exchange(this, req, res, route, cut < 0 ? '' : url.slice(cut + 1));
        this.#open.add(exchange);
        exchange.start(expectsContinue);
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
  handleExpectation(res: ServerResponse): void {
    const refusal = new Refusal('expectation_failed', 'only "Expect: 100-continue" is supported');
    this.#count(refusal, defaultTag);
    answerRefusal(res, refusal, true);
  }

  /** Node's `clientError`: bytes that are not HTTP, a head that is too large, a request that takes too long or breaks off. */
  handleClientError(error: Error, socket: Duplex & { readonly bytesRead?: number }): void {
    const code = systemCode(error);
    const isReset = code === 'ECONNRESET' || code === 'EPIPE';
    const open = this.#open.all().filter((exchange) => exchange.req.socket === socket);
    const refusal = clientRefusal(code, error);
    // A connection that never sent a byte, or broke off between requests, is not a request.
    if (!isReset && socket.bytesRead !== 0 && !counted.has(socket)) {
      counted.add(socket);
      this.#count(refusal, open.at(-1)?.route.tag ?? defaultTag);
    }
    // Written now, this answer would be taken for that of an earlier request which still waits for its fsync.
    const isAwaited = open.some(({ req }) => req.complete);
    if (!socket.writable || isReset || isAwaited || socket.bytesRead === 0) socket.destroy();
    else socket.end(rawAnswer(refusal), () => socket.destroy());
  }

  /** Hands a request's records on; `fieldKey`: the idempotency key that its body names. */
  submit(submission: Submission, req: IncomingMessage, fieldKey: string | undefined, waiter: Waiter): void {
    const { keys, queue } = this.#parts;
    const header = keys && this.#keyHeader !== undefined ? req.headers[this.#keyHeader] : undefined;
    const key = typeof header === 'string' && header !== '' ? header : fieldKey;
    if (!keys || key === undefined) queue.submit(submission, waiter);
    else keys.submit({ ...submission, key: storedKey(this.context.id, submission.tag, key) }, waiter);
  }

  answerOk(exchange: Exchange): void {
    // Counted once a turn: a labelled counter costs as much as the rest of the answer.
    if (this.#okUncounted++ === 0) setImmediate(this.#countOk);
    answerOk(exchange.res, this.#isLast(exchange.req));
    this.#done(exchange);
  }
  /** `raw`: the body as received, or its beginning when `isCut`. */
  answerRefusal(exchange: Exchange, refusal: Refusal, raw: Buffer, isCut: boolean): void {
    const { req, res, route } = exchange;
    this.#count(refusal, route.tag);
    if (refusal.reason === 'internal')
      this.context.log.error(`a postback to ${route.tag} failed: ${errorText(refusal.cause)}; please report this`);
    const isUnread = !req.complete;
    const answer = (): void => {
      answerRefusal(res, refusal, this.#isLast(req) || (isUnread && req.headers.expect !== undefined));
      this.#done(exchange);
    };
    const isKept = this.options.keepRefused && [400, 413, 415].includes(refusal.status);
    if (!isKept) answer();
    else
      this.#keep(exchange, refusal, raw, isCut).then(answer, (error: unknown) => {
        this.context.log.error(`keeping a refused postback to ${route.tag}: ${errorText(error)}; its bytes are lost`);
        answer();
      });
  }
  /** The sender went away before its request was whole. */
  countAborted(exchange: Exchange): void {
    this.#done(exchange);
    if (counted.has(exchange.req.socket)) return;
    this.#count(new Refusal('aborted', 'aborted'), exchange.route.tag);
  }
  /** From now on requests are answered 503, and every answer closes its connection. */
  beginStop(): void {
    this.#isStopping = true;
  }
  /** Resolves when no request is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }
  /** Ends the requests that are still arriving. */
  cutArriving(): void {
    for (const exchange of this.#open.all()) exchange.cut();
  }

  /** True when the answer to `req` ends its connection. Node's own maxRequestsPerSocket only says so and leaves it open. */
  #isLast(req: IncomingMessage): boolean {
    if (this.#isStopping) return true;
    const limit = this.options.requestsPerConnection;
    return limit > 0 && (requestCounts.get(req.socket) ?? 0) >= limit;
  }
  #done(exchange: Exchange): void {
    this.#open.delete(exchange);
    if (this.#open.size === 0) this.#whenIdle?.();
  }
  readonly #countOk = (): void => {
    this.#requests.inc({ source: this.context.id, status: '200' }, this.#okUncounted);
    this.#okUncounted = 0;
  };
  #count(refusal: Refusal, tag: string): void {
    this.#requests.inc({ source: this.context.id, status: String(refusal.status) });
    this.context.refused(refusal.reason, tag);
  }
  #keep({ req, route }: Exchange, refusal: Refusal, raw: Buffer, isCut: boolean): Promise<void> {
    const detail: Record<string, string> = { detail: refusal.message, method: req.method ?? '', url: req.url ?? '' };
    for (const name of ['content-type', 'content-encoding'] as const) {
      const value = req.headers[name];
      if (value !== undefined) detail[name] = value;
    }
    if (isCut) detail['truncated'] = 'true';
    return this.context.keepRefused({ reason: refusal.reason, tag: route.tag, raw, detail });
  }
}

/** The request target as path and query: the absolute form that proxies use loses its scheme and host (RFC 9112, 3.2.2). */
function targetOf(url: string): string {
  if (url.charCodeAt(0) === 47) return url;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1];
  if (absolute === undefined) return url;
  return absolute.startsWith('/') ? absolute : `/${absolute}`;
}

function clientRefusal(code: string | undefined, error: Error): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal('request_timeout', 'the request did not arrive in time');
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal('head_too_large', 'the request head is too large');
  if (code === 'HPE_INVALID_EOF_STATE') return new Refusal('aborted', 'the request broke off');
  return new Refusal('bad_request', 'this is not a valid HTTP request', { cause: error });
}
