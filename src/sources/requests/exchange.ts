/** One request whose body is taken, from its head to its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperatingError } from '../../core/errors.ts';
import type { Waiter } from './append-queue.ts';
import { contentCodings, decodeContent } from './coding.ts';
import { retryAfterMsDefault } from './limits.ts';
import type { MemoryBudget } from './limits.ts';
import { Refusal } from './refusal.ts';
import type { RefusalReason } from './refusal.ts';

const noBody = Buffer.alloc(0);

/** What a request's path leads to. */
export interface Target {
  readonly tag: string;
}

/** What an exchange needs of its source. */
export interface ExchangeHost<T extends Target> {
  readonly memory: MemoryBudget;
  readonly bodyLimits: {
    /** Bytes as received. */
    readonly received: number;
    /** Bytes once content codings are undone. */
    readonly unpacked: number;
  };
  /** The beginning of a body that is too large is read, to be kept. */
  readonly keepsRefused: boolean;
  /** Looks at a whole body as it was received, before anything is made of it. */
  verify?(exchange: Exchange<T>, raw: Buffer): Refusal | undefined;
  /** Makes records of a body and sees to it that `exchange.settled` is called once. @throws Refusal */
  take(exchange: Exchange<T>, body: Buffer): void;
  answerOk(exchange: Exchange<T>): void;
  /** `raw`: the body as received, or its beginning when `isCut`. */
  answerRefusal(exchange: Exchange<T>, refusal: Refusal, raw: Buffer, isCut: boolean): void;
  /** The sender went away before its request was whole. */
  countAborted(exchange: Exchange<T>): void;
}

/** Collects the body, has it turned into records, waits until they are durable, has it answered. */
export class Exchange<T extends Target> implements Waiter {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: T;
  /** What stands behind the path's `?`. */
  readonly query: string;
  /** For the table of open requests. */
  slot = -1;
  readonly #host: ExchangeHost<T>;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #heldBytes = 0;
  /** Bytes of the body as received; more than are held when it was too large. */
  #receivedBytes = 0;
  #phase: 'receiving' | 'working' | 'answered' = 'receiving';

  constructor(host: ExchangeHost<T>, req: IncomingMessage, res: ServerResponse, target: T, query: string) {
    this.#host = host;
    this.req = req;
    this.res = res;
    this.target = target;
    this.query = query;
  }

  /** Begins to read the body; `expectsContinue`: the sender waits for our leave. */
  start(expectsContinue: boolean): void {
    const { headers } = this.req;
    const length = headers['content-length'];
    if (length === undefined ? headers['transfer-encoding'] === undefined : length === '0') {
      this.#received();
      return;
    }
    const { bodyLimits, keepsRefused } = this.#host;
    if (length !== undefined && Number(length) > bodyLimits.received && (!keepsRefused || expectsContinue)) {
      this.#refuse(this.#tooLarge());
      return;
    }
    if (expectsContinue) this.res.writeContinue();
    this.req.on('data', (chunk: Buffer) => this.#take(chunk));
    this.req.on('end', () => this.#received());
    this.req.on('error', () => this.#aborted());
  }

  /** The records are durable, or not accepted. */
  settled(error: unknown): void {
    if (error !== undefined) {
      this.#refuse(refusalOf(error));
      return;
    }
    if (!this.#finish()) return;
    this.#host.answerOk(this);
  }

  /** Ends a request that is still arriving, because the program stops. */
  cut(): void {
    if (this.#phase === 'receiving') this.#refuse(stopping());
  }

  #take(chunk: Buffer): void {
    if (this.#phase !== 'receiving') return;
    const { memory, bodyLimits, keepsRefused } = this.#host;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > bodyLimits.received) {
      const room = bodyLimits.received - (this.#receivedBytes - chunk.length);
      if (keepsRefused) this.#hold(chunk.subarray(0, room));
      this.#refuse(this.#tooLarge());
      return;
    }
    if (!memory.take(chunk.length)) {
      this.#refuse(
        new Refusal('overloaded', 'too many bodies are being received', { retryAfterMs: retryAfterMsDefault }),
      );
      return;
    }
    this.#heldBytes += chunk.length;
    this.#hold(chunk);
  }
  #hold(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else (this.#rest ??= [this.#first]).push(chunk);
  }
  #tooLarge(): Refusal {
    return new Refusal('body_too_large', `the body is larger than ${this.#host.bodyLimits.received} bytes`);
  }
  #aborted(): void {
    if (this.#phase !== 'receiving') return;
    this.#host.countAborted(this);
    this.#finish();
  }

  #raw(): Buffer {
    if (this.#rest) {
      this.#first = Buffer.concat(this.#rest);
      this.#rest = undefined;
    }
    return this.#first ?? noBody;
  }
  #received(): void {
    if (this.#phase !== 'receiving') return;
    this.#phase = 'working';
    const coding = this.req.headers['content-encoding'];
    try {
      const raw = this.#raw();
      const problem = this.#host.verify?.(this, raw);
      if (problem) this.#refuse(problem);
      else if (coding === undefined || raw.length === 0) this.#host.take(this, raw);
      else void this.#decode(raw, coding);
    } catch (error) {
      this.#refuse(refusalOf(error));
    }
  }
  async #decode(raw: Buffer, coding: string): Promise<void> {
    const { memory, bodyLimits } = this.#host;
    try {
      const body = await decodeContent(raw, contentCodings(coding), bodyLimits.unpacked);
      if (!memory.take(body.length))
        throw new Refusal('overloaded', 'too many bodies are being unpacked', { retryAfterMs: retryAfterMsDefault });
      this.#heldBytes += body.length;
      this.#host.take(this, body);
    } catch (error) {
      this.#refuse(refusalOf(error));
    }
  }

  #refuse(refusal: Refusal): void {
    const raw = this.#phase === 'answered' ? undefined : this.#raw();
    if (!this.#finish() || raw === undefined) return;
    this.#host.answerRefusal(this, refusal, raw, this.#receivedBytes > raw.length);
  }
  /** Gives back what the request held; false when it was answered already. */
  #finish(): boolean {
    if (this.#phase === 'answered') return false;
    this.#phase = 'answered';
    this.#host.memory.give(this.#heldBytes);
    this.#first = undefined;
    this.#rest = undefined;
    return true;
  }
}

/** The refusal of a request that comes while the program stops. */
export function stopping(): Refusal {
  return new Refusal('stopping', 'the server is stopping', { retryAfterMs: 1000 });
}

const refusalByCode: Readonly<Record<string, RefusalReason>> = {
  JOURNAL_FULL: 'journal_full',
  JOURNAL_WRITE: 'journal_write',
  JOURNAL_CLOSED: 'stopping',
  RECORD_TOO_LARGE: 'record_too_large',
};
const detailByReason: Readonly<Partial<Record<RefusalReason, string>>> = {
  journal_full: 'the journal is full',
  journal_write: 'the journal could not be written',
  stopping: 'the server is stopping',
  record_too_large: 'a record is larger than the journal takes',
};

/** What a sender is told of an error; the text of ours may name paths and does not leave the program. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const reason = error instanceof OperatingError ? refusalByCode[error.code] : undefined;
  if (reason === undefined) return new Refusal('internal', 'Internal Server Error', { cause: error });
  const detail = detailByReason[reason] ?? '';
  if (reason === 'record_too_large') return new Refusal(reason, detail, { cause: error });
  const retryAfterMs = (error as OperatingError).retryAfterMs ?? retryAfterMsDefault;
  return new Refusal(reason, detail, { cause: error, retryAfterMs });
}
