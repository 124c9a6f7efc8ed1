/** All requests of one listener: which of them are looked at, what is answered, what is under way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorText } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import type { AppendQueue } from '../requests/append-queue.ts';
import { Exchange, stopping } from '../requests/exchange.ts';
import type { ExchangeHost, Target } from '../requests/exchange.ts';
import { keepRequest } from '../requests/kept-request.ts';
import type { MemoryBudget } from '../requests/limits.ts';
import type { RequestHandler } from '../requests/listener.ts';
import { OpenExchanges } from '../requests/open-exchanges.ts';
import { Refusal } from '../requests/refusal.ts';
import { pathAndQuery } from '../requests/url.ts';
import { answer, answerRefusal, problemHeader, rawAnswer, successOf } from './answers.ts';
import type { Success } from './answers.ts';
import type { Cors } from './cors.ts';
import type { HttpOptions } from './options.ts';
import type { RequestReader } from './reader.ts';
import { tagOfPath } from './tag.ts';

export interface ReceiverParts {
  readonly options: HttpOptions;
  readonly context: SourceContext;
  readonly reader: RequestReader;
  readonly queue: AppendQueue;
  readonly memory: MemoryBudget;
  readonly cors: Cors;
}

interface HttpTarget extends Target {
  /** CORS headers of its answer. */
  readonly headers: readonly string[];
}
type HttpExchange = Exchange<HttpTarget>;

/** The tag under which refusals are counted where the path gives none. */
const noTag = '';
/** Least time between two log lines about refused requests: a broken sender must not fill the log. */
const refusalLogMs = 10_000;
/** Of a text from outside, so much goes into a log line. */
const loggedCharsMax = 200;
const recordParameters = /(?:^|&)(?:json|ndjson|msgpack)=/;

export class HttpReceiver implements RequestHandler, ExchangeHost<HttpTarget> {
  readonly memory: MemoryBudget;
  readonly bodyLimits: { readonly received: number; readonly unpacked: number };
  readonly keepsRefused = false;
  readonly #parts: ReceiverParts;
  readonly #context: SourceContext;
  readonly #success: Success;
  readonly #open = new OpenExchanges<HttpTarget>();
  #loggedMs = Number.NEGATIVE_INFINITY;
  #refusedUnlogged = 0;

  constructor(parts: ReceiverParts) {
    const { options, memory, context } = parts;
    this.#parts = parts;
    this.#context = context;
    this.memory = memory;
    this.bodyLimits = { received: options.bodySizeLimit, unpacked: options.decompressionSizeLimit };
    this.#success = successOf(options);
  }

  handle(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    const { path, query } = splitTarget(req.url ?? '/');
    if (req.method === 'GET') return this.#answerGet(res, query);
    if (req.method === 'OPTIONS') return this.#answerPreflight(req, res);
    const headers = this.#parts.cors.headers(req.headers.origin);
    let tag: string;
    try {
      if (this.#open.isStopping) throw stopping();
      tag = tagOfPath(path);
      if (!headers) throw new Refusal('forbidden', 'cors_allow_origins does not let this origin in');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#count(error, noTag);
      // Behind an unasked `100 Continue` nobody knows whether a body follows: the connection cannot be read on.
      answerRefusal(res, error, headers ?? [], this.#open.isStopping || expectsContinue);
      return;
    }
    const exchange = new Exchange<HttpTarget>(this, req, res, { tag, headers }, query);
    this.#open.start(exchange, expectsContinue);
  }
  handleExpectation(_req: IncomingMessage, res: ServerResponse): void {
    const refusal = new Refusal('expectation_failed', 'only "Expect: 100-continue" is supported');
    this.#count(refusal, noTag);
    answerRefusal(res, refusal, [], true);
  }
  handleClientError(error: Error, socket: Duplex): void {
    this.#open.clientError(error, socket, {
      count: (refusal, target) => this.#count(refusal, target?.tag ?? noTag),
      rawAnswer,
    });
  }

  take(exchange: HttpExchange, body: Buffer): void {
    const { reader, queue } = this.#parts;
    const { codec, records } = reader.read(exchange.req, exchange.query, body);
    // An empty array or stream: there is nothing to keep.
    if (records.length === 0) return exchange.settled(undefined);
    const time = this.#context.clock.now();
    queue.submit({ tag: exchange.target.tag, codec, records, time, key: undefined }, exchange);
  }
  answerOk(exchange: HttpExchange): void {
    answer(exchange.res, this.#success, exchange.target.headers, this.#open.isStopping);
    this.#open.done(exchange);
  }
  answerRefusal(exchange: HttpExchange, refusal: Refusal, raw: Buffer, isCut: boolean): void {
    const isYes = refusal.isPeerYes && !this.#parts.options.rejectInvalid;
    this.#count(refusal, exchange.target.tag, isYes ? 'it is kept with the dead letters' : undefined);
    if (!isYes) return this.#answerNo(exchange, refusal);
    const answerYes = (): void => {
      const { target, res } = exchange;
      answer(res, this.#success, [...target.headers, ...problemHeader(refusal)], this.#open.isStopping);
      this.#open.done(exchange);
    };
    if (raw.length === 0) return answerYes();
    keepRequest(this.#context, exchange, refusal, raw, isCut).then(answerYes, (error: unknown) => {
      this.#context.log.warn(
        `keeping a body that http source ${this.#context.id} could not read: ${errorText(error)}; its sender was told`,
      );
      this.#answerNo(exchange, refusal);
    });
  }
  #answerNo(exchange: HttpExchange, refusal: Refusal): void {
    const { req, res, target } = exchange;
    if (refusal.reason === 'internal')
      this.#context.log.error(
        `a request to ${this.#context.id} failed: ${errorText(refusal.cause)}; please report this`,
      );
    const isUnread = !req.complete;
    answerRefusal(
      res,
      refusal,
      target.headers,
      this.#open.isStopping || (isUnread && req.headers.expect !== undefined),
    );
    this.#open.done(exchange);
  }
  countAborted(exchange: HttpExchange): void {
    this.#open.done(exchange);
    if (!this.#open.isCounted(exchange))
      this.#count(new Refusal('aborted', 'the request broke off'), exchange.target.tag);
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

  /** A question whether anybody is there, which Azure and others ask; a GET takes no records. */
  #answerGet(res: ServerResponse, query: string): void {
    if (recordParameters.test(query)) {
      const refusal = new Refusal(
        'get_not_taken',
        'a GET only asks whether the server is there: send records with POST',
      );
      this.#count(refusal, noTag);
    }
    answer(res, { status: 200, type: 'text/plain', body: '' }, [], true);
  }
  #answerPreflight(req: IncomingMessage, res: ServerResponse): void {
    const { headers } = req;
    const method = headers['access-control-request-method'];
    const allowed = this.#parts.cors.preflight(headers.origin, method, headers['access-control-request-headers']);
    answer(res, { status: allowed ? 200 : 403, type: 'text/plain', body: '' }, allowed ?? [], true);
  }
  #count(refusal: Refusal, tag: string, outcome = 'its sender was told'): void {
    const { log, id, clock } = this.#context;
    this.#context.refused(refusal.reason, tag);
    if (!this.#parts.options.dumpErrorLog || refusal.reason === 'stopping') return;
    this.#refusedUnlogged++;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#loggedMs < refusalLogMs) return;
    this.#loggedMs = nowMs;
    const more = this.#refusedUnlogged > 1 ? ` (and ${this.#refusedUnlogged - 1} more since the last such line)` : '';
    this.#refusedUnlogged = 0;
    log.warn(`http source ${id} refused a request: ${refusal.message.slice(0, loggedCharsMax)}${more}; ${outcome}`);
  }
}

/** `//host/path?query#x` as Ruby's URI takes it: a host in front of the path, and what stands behind a `#`, are left out. */
function splitTarget(url: string): { readonly path: string; readonly query: string } {
  const whole = pathAndQuery(url).split('#', 1)[0] ?? '';
  const target = whole.startsWith('//') ? whole.replace(/^\/\/[^/?]*/, '') : whole;
  const cut = target.indexOf('?');
  return cut < 0 ? { path: target, query: '' } : { path: target.slice(0, cut), query: target.slice(cut + 1) };
}
