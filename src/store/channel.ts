/**
 * Calls between the program and the process of its store, over a byte stream that goes both ways.
 *
 *     0  u32  length of the body, at most frameBytesMax
 *     4  u8   kind
 *     5  u32  number of the call, given by the side that calls
 *     9       body: a value as node:v8 serializes it (both sides are the same Node); of cancel and end: nothing
 *
 *     1 call    {method, argument, isStream}      caller → callee
 *     2 answer  value                             callee → caller, once
 *     3 error   {name, text, …}                   callee → caller, instead of an answer, or at the end of a stream
 *     4 cancel                                    caller → callee: nobody waits any more; nothing is answered
 *     5 part    value                             callee → caller, part of a stream
 *     6 end                                       callee → caller: the stream has no more parts
 *     7 credit  count                             caller → callee: so many more parts may be sent
 *
 * Numbers are little-endian. A call's number is not used again on its channel. A frame that is not of this form ends the
 * channel: all calls of both sides end, the process goes on.
 */
import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';
import { OperatingError, errorTable, errorText } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import { QueryError } from './query/query-error.ts';
import type { Span } from './query/tree.ts';

/** Several times the largest insert (8 MB of records and what describes them), or thousands of ordinary records in an answer. */
const frameBytesMax = 128 * 1024 * 1024;
/** Parts of a stream under way: while one is read the next one is made. */
const creditStart = 2;
const headBytes = 9;

const kinds = { call: 1, answer: 2, error: 3, cancel: 4, part: 5, end: 6, credit: 7 } as const;
type Kind = (typeof kinds)[keyof typeof kinds];

/** What the other side may call. Both end early, by whatever error, when the signal aborts. */
export interface ChannelHandlers {
  /** Once it has settled, what the argument holds is not used any more: its bytes are taken for what comes next. */
  call(method: string, argument: unknown, signal: AbortSignal): Promise<unknown>;
  /** Parts are asked for as the other side takes them. */
  stream(method: string, argument: unknown, signal: AbortSignal): AsyncIterable<unknown>;
}

interface Pending {
  answer(kind: Kind, value: unknown): void;
  fail(error: unknown): void;
}

/** A call of the other side. */
interface Running {
  readonly abort: AbortController;
  credit: number;
  onCredit: () => void;
  /** Resolves when nothing is done for it any more. */
  readonly over: Promise<void>;
}

/** One end. */
export class Channel {
  readonly #socket: Duplex;
  readonly #handlers: ChannelHandlers | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #running = new Map<number, Running>();
  readonly #bytesMax: number;
  readonly #bodies = new BodyPool();
  /** Resolves, once, with what ended it; undefined where it was closed or the other side went. */
  readonly closed: Promise<Error | undefined>;
  #noteClosed: (error: Error | undefined) => void = () => undefined;
  #isClosed = false;
  #number = 0;

  /** `handlers`: undefined where only this side calls. `bytesMax` is for tests. */
  constructor(socket: Duplex, handlers?: ChannelHandlers, bytesMax = frameBytesMax) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#bytesMax = bytesMax;
    this.closed = new Promise((resolve) => (this.#noteClosed = resolve));
    const frames = new FrameReader(bytesMax, this.#bodies, (kind, number, body) => this.#take(kind, number, body));
    socket.on('data', (bytes: Buffer) => {
      try {
        frames.push(bytes);
      } catch (error) {
        this.#end(new Error(`reading from the other process: ${errorText(error)}`));
      }
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('end', () => this.#end(undefined));
    socket.on('close', () => this.#end(undefined));
  }
  /** Ends all calls of both sides. Resolves once those of the other side have ended in here. */
  async close(): Promise<void> {
    this.#end(undefined);
    await Promise.all([...this.#running.values()].map(({ over }) => over));
  }
  /** @throws what the other side threw; OperatingError STORE_UNAVAILABLE where the channel ends; the signal's reason. */
  call(method: string, argument: unknown, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const number = this.#begin({
        answer: (_kind, value) => {
          leave();
          resolve(value);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      });
      const onAbort = (): void => {
        this.#pending.delete(number);
        this.#send(kinds.cancel, number);
        leave();
        reject(signal?.reason);
      };
      const leave = (): void => signal?.removeEventListener('abort', onAbort);
      this.#open(number, { method, argument, isStream: false }, signal, onAbort);
    });
  }
  /** As call(), for what streams; the call is made when the first part is asked for. */
  async *stream(method: string, argument: unknown, signal?: AbortSignal): AsyncGenerator {
    const parts: unknown[] = [];
    let ended: { readonly error?: unknown } | undefined;
    let wake: () => void = () => undefined;
    const end = (how: { readonly error?: unknown }): void => {
      ended ??= how;
      wake();
    };
    const number = this.#begin({
      answer: (kind, value) => {
        if (kind === kinds.end) return end({});
        parts.push(value);
        wake();
      },
      fail: (error) => end({ error }),
    });
    const onAbort = (): void => {
      parts.length = 0;
      end({ error: signal?.reason });
    };
    try {
      this.#open(number, { method, argument, isStream: true }, signal, onAbort);
      for (;;) {
        while (parts.length > 0) {
          yield parts.shift();
          this.#send(kinds.credit, number, 1);
        }
        if (ended) break;
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if ('error' in ended) throw ended.error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      // Still there: the reader stopped, or the signal did.
      if (this.#pending.delete(number)) this.#send(kinds.cancel, number);
    }
  }

  // ------------------------------------------------------------------------------------------------ this side calls

  #begin(pending: Pending): number {
    const number = (this.#number = (this.#number + 1) >>> 0);
    this.#pending.set(number, pending);
    return number;
  }
  #open(number: number, request: object, signal: AbortSignal | undefined, onAbort: () => void): void {
    const pending = this.#pending.get(number);
    if (signal?.aborted) {
      this.#pending.delete(number);
      pending?.fail(signal.reason);
    } else if (this.#isClosed) {
      this.#pending.delete(number);
      pending?.fail(gone());
    } else {
      signal?.addEventListener('abort', onAbort);
      try {
        this.#send(kinds.call, number, request);
      } catch (error) {
        this.#pending.delete(number);
        pending?.fail(error);
      }
    }
  }
  #answered(kind: Kind, number: number, value: unknown): void {
    const pending = this.#pending.get(number);
    // Cancelled meanwhile.
    if (!pending) return;
    if (kind !== kinds.part) this.#pending.delete(number);
    if (kind === kinds.error) pending.fail(unpacked(value));
    else pending.answer(kind, value);
  }

  // ------------------------------------------------------------------------------------------------ the other side calls

  /** True: it was a call, and its argument is not needed any more. */
  async #serve(number: number, { method, argument, isStream }: Request): Promise<boolean> {
    let noteOver: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (noteOver = resolve));
    const running: Running = { abort: new AbortController(), credit: creditStart, onCredit: () => undefined, over };
    this.#running.set(number, running);
    const { signal } = running.abort;
    try {
      if (!this.#handlers) throw new Error(`${method}: this side answers no calls`);
      if (isStream) await this.#pump(number, this.#handlers.stream(method, argument, signal), running);
      else this.#reply(running, kinds.answer, number, await this.#handlers.call(method, argument, signal));
    } catch (error) {
      this.#reply(running, kinds.error, number, packed(error));
    } finally {
      this.#running.delete(number);
      noteOver();
    }
    return !isStream;
  }
  async #pump(number: number, parts: AsyncIterable<unknown>, running: Running): Promise<void> {
    const iterator = parts[Symbol.asyncIterator]();
    try {
      for (;;) {
        while (running.credit === 0 && !running.abort.signal.aborted)
          await new Promise<void>((resolve) => (running.onCredit = resolve));
        if (running.abort.signal.aborted) return;
        const { done, value } = await iterator.next();
        if (done === true) break;
        running.credit--;
        this.#reply(running, kinds.part, number, value);
      }
    } finally {
      await iterator.return?.();
    }
    this.#reply(running, kinds.end, number);
  }
  #reply(running: Running, kind: Kind, number: number, value?: unknown): void {
    if (!running.abort.signal.aborted) this.#send(kind, number, value);
  }
  #cancel(number: number): void {
    const running = this.#running.get(number);
    running?.abort.abort();
    running?.onCredit();
  }

  // ------------------------------------------------------------------------------------------------ frames

  #take(kind: number, number: number, body: Buffer): void {
    const value: unknown = body.length === 0 ? undefined : deserialize(body);
    switch (kind) {
      case kinds.call:
        void this.#serve(number, requestOf(value)).then((isCall) => {
          if (isCall) this.#bodies.give(body);
        });
        return;
      case kinds.cancel:
        this.#cancel(number);
        return;
      case kinds.credit: {
        const running = this.#running.get(number);
        if (!running) return;
        running.credit += Number(value);
        running.onCredit();
        return;
      }
      case kinds.answer:
      case kinds.error:
      case kinds.part:
      case kinds.end:
        this.#answered(kind, number, value);
        return;
      default:
        throw new Error(`a frame of kind ${kind}`);
    }
  }
  /** @throws OperatingError STORE_QUERY_LIMIT for a value that is too large for a frame. */
  #send(kind: Kind, number: number, value?: unknown): void {
    if (this.#isClosed) return;
    const body = value === undefined ? undefined : serialize(value);
    const length = body?.length ?? 0;
    if (length > this.#bytesMax)
      throw new OperatingError(
        'STORE_QUERY_LIMIT',
        `sending ${length} bytes between the program and its store: at most ${this.#bytesMax} go at once; ask for fewer records`,
      );
    const head = Buffer.allocUnsafe(headBytes);
    head.writeUInt32LE(length, 0);
    head.writeUInt8(kind, 4);
    head.writeUInt32LE(number, 5);
    this.#socket.cork();
    this.#socket.write(head);
    if (body) this.#socket.write(body);
    this.#socket.uncork();
  }
  #end(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    for (const number of this.#running.keys()) this.#cancel(number);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const one of pending) one.fail(gone(error));
    this.#noteClosed(error);
  }
}

/** Smaller bodies are not worth keeping. */
const keptBytesMin = 256 * 1024;
/** Bodies that are kept: one is filled while another one is in use. */
const keptMax = 2;
/** A body with so many times as much room as is needed is not taken. */
const roomFactor = 4;
/** Nothing large came for so long: they are let go. */
const keptMs = 1000;

/**
 * Memory of large bodies, used again and again. Each inserted batch would be some megabytes of new memory outside of V8's heap,
 * for which V8 looks through all of that heap several times a second, an eighth of an insert's CPU time.
 */
class BodyPool {
  readonly #free: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** At the beginning of memory of its own: arrays that begin at a multiple of their elements are used in it without a copy. */
  take(length: number): Buffer {
    const at = this.#free.findIndex((body) => body.length >= length && body.length <= roomFactor * length);
    const body = at < 0 ? undefined : this.#free.splice(at, 1)[0];
    return body?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
  }
  /** Nobody uses it any more. */
  give(body: Buffer): void {
    if (body.buffer.byteLength < keptBytesMin) return;
    this.#free.push(Buffer.from(body.buffer));
    if (this.#free.length > keptMax) this.#free.shift();
    this.#timer ??= setTimeout(() => this.#free.splice(0), keptMs).unref();
    this.#timer.refresh();
  }
}

/** Puts frames together from what arrives. */
class FrameReader {
  readonly #bytesMax: number;
  readonly #bodies: BodyPool;
  readonly #take: (kind: number, number: number, body: Buffer) => void;
  readonly #head = Buffer.alloc(headBytes);
  #headLength = 0;
  #body: Buffer | undefined;
  #bodyLength = 0;

  constructor(bytesMax: number, bodies: BodyPool, take: (kind: number, number: number, body: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#bodies = bodies;
    this.#take = take;
  }
  /** @throws for what is no frame. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (!this.#body) {
        const taken = bytes.copy(this.#head, this.#headLength, at);
        at += taken;
        this.#headLength += taken;
        if (this.#headLength < headBytes) return;
        const length = this.#head.readUInt32LE(0);
        if (length > this.#bytesMax)
          throw new Error(`a frame of ${length} bytes, at most ${this.#bytesMax} were expected`);
        this.#body = this.#bodies.take(length);
        this.#bodyLength = 0;
      }
      const taken = bytes.copy(this.#body, this.#bodyLength, at);
      at += taken;
      this.#bodyLength += taken;
      if (this.#bodyLength < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#headLength = 0;
      this.#take(this.#head.readUInt8(4), this.#head.readUInt32LE(5), body);
    }
  }
}

interface Request {
  readonly method: string;
  readonly argument: unknown;
  readonly isStream: boolean;
}
function requestOf(value: unknown): Request {
  if (typeof value !== 'object' || value === null || !('method' in value) || typeof value.method !== 'string')
    throw new Error('a call without a method');
  return value as Request;
}

function gone(cause?: Error): OperatingError {
  return new OperatingError(
    'STORE_UNAVAILABLE',
    `asking the store: its process ended${cause === undefined ? '' : ` (${cause.message})`}; it is started again`,
    { cause },
  );
}

interface PackedError {
  readonly name: 'operating' | 'query' | 'other';
  readonly text: string;
  readonly code?: ErrorCode;
  readonly retryAfterMs?: number | undefined;
  readonly at?: Span;
}

function packed(error: unknown): PackedError {
  if (error instanceof OperatingError)
    return { name: 'operating', text: error.message, code: error.code, retryAfterMs: error.retryAfterMs };
  if (error instanceof QueryError) return { name: 'query', text: error.message, at: error.at };
  return { name: 'other', text: errorText(error) };
}

function unpacked(value: unknown): Error {
  const { name, text, code, retryAfterMs, at } = value as PackedError;
  if (name === 'query' && at) return new QueryError(text, at);
  if (name === 'operating' && code !== undefined && code in errorTable)
    return new OperatingError(code, text, retryAfterMs === undefined ? {} : { retryAfterMs });
  return new Error(text);
}
