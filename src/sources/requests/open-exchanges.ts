/** The requests of one listener that are under way: what stops with it, and what broken connections count as. */
import type { Duplex } from 'node:stream';
import { systemCode } from '../../core/errors.ts';
import type { Exchange, Target } from './exchange.ts';
import { Refusal } from './refusal.ts';
import { Slots } from './slots.ts';

/** What is said of connections that break. */
export interface ClientErrors<T> {
  /** Counts a request that broke off or was no HTTP; `target`: where it went, as far as that is known. */
  count(refusal: Refusal, target: T | undefined): void;
  /** The whole answer, for a socket that is closed behind it. */
  rawAnswer(refusal: Refusal): string;
}

/** Connections whose broken request is counted already. */
const counted = new WeakSet();

export class OpenExchanges<T extends Target> {
  readonly #open = new Slots<Exchange<T>>();
  #isStopping = false;
  #whenIdle: (() => void) | undefined;

  /** Begins an exchange; `expectsContinue` as Exchange.start. */
  start(exchange: Exchange<T>, expectsContinue: boolean): void {
    this.#open.add(exchange);
    exchange.start(expectsContinue);
  }
  /** Called once an exchange is answered, or will never be. */
  done(exchange: Exchange<T>): void {
    this.#open.delete(exchange);
    if (this.#open.size > 0) return;
    this.#whenIdle?.();
    this.#whenIdle = undefined;
  }
  /** True from beginStop() on: requests are answered 503, and every answer closes its connection. */
  get isStopping(): boolean {
    return this.#isStopping;
  }
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
  /** True where the broken request of an exchange's connection is counted already. */
  isCounted({ req }: Exchange<T>): boolean {
    return counted.has(req.socket);
  }
  /** Node's `clientError`: bytes that are not HTTP, a head that is too large, a request that takes too long or breaks off. */
  clientError(error: Error, socket: Duplex & { readonly bytesRead?: number }, say: ClientErrors<T>): void {
    const code = systemCode(error);
    const isReset = code === 'ECONNRESET' || code === 'EPIPE';
    const open = this.#open.all().filter((exchange) => exchange.req.socket === socket);
    const refusal = clientRefusal(code, error);
    // A connection that never sent a byte, or broke off between requests, is not a request.
    if (!isReset && socket.bytesRead !== 0 && !counted.has(socket)) {
      counted.add(socket);
      say.count(refusal, open.at(-1)?.target);
    }
    // Written now, this answer would be taken for that of an earlier request which still waits for its fsync.
    const isAwaited = open.some(({ req }) => req.complete);
    if (!socket.writable || isReset || isAwaited || socket.bytesRead === 0) socket.destroy();
    else socket.end(say.rawAnswer(refusal), () => socket.destroy());
  }
}

function clientRefusal(code: string | undefined, error: Error): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal('request_timeout', 'the request did not arrive in time');
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal('head_too_large', 'the request head is too large');
  if (code === 'HPE_INVALID_EOF_STATE') return new Refusal('aborted', 'the request broke off');
  return new Refusal('bad_request', 'this is not a valid HTTP request', { cause: error });
}
