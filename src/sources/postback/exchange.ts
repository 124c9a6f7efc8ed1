/** One request to an endpoint, from its admitted head to its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperatingError } from '../../core/errors.ts';
import type { Submission, Waiter } from './append-queue.ts';
import { contentCodings, decodeContent } from './coding.ts';
import type { RequestFields } from './fields.ts';
import type { Guard } from './guards.ts';
import { retryAfterMsDefault } from './limits.ts';
import type { Receiver } from './receiver.ts';
import { Refusal } from './refusal.ts';
import type { RefusalReason } from './refusal.ts';
import type { Route } from './routes.ts';

const noBody = Buffer.alloc(0);

/** Collects the body, turns it into records, waits until they are durable, answers. */
export class Exchange implements Waiter {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route<Guard>;
  /** For the table of open requests. */
  slot = -1;
  readonly #receiver: Receiver;
  readonly #query: string;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #heldBytes = 0;
  /** Bytes of the body as received; more than are held when it was too large. */
  #receivedBytes = 0;
  #phase: 'receiving' | 'working' | 'answered' = 'receiving';

  constructor(receiver: Receiver, req: IncomingMessage, res: ServerResponse, route: Route<Guard>, query: string) {
    this.#receiver = receiver;
    this.req = req;
    this.res = res;
    this.route = route;
    this.#query = query;
  }

  /** Begins to read the body; `expectsContinue`: the sender waits for our leave. */
  start(expectsContinue: boolean): void {
    const { headers } = this.req;
    const length = headers['content-length'];
    if (length === undefined ? headers['transfer-encoding'] === undefined : length === '0') {
      this.#received();
      return;
    }
    const { bodyLimit, keepRefused } = this.#receiver.options;
    // With keepRefused the beginning of a body that is too large is read, to be kept.
    if (length !== undefined && Number(length) > bodyLimit && (!keepRefused || expectsContinue)) {
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
    this.#receiver.answerOk(this);
  }

  /** Ends a request that is still arriving, because the program stops. */
  cut(): void {
    if (this.#phase === 'receiving') this.#refuse(stopping());
  }

  #take(chunk: Buffer): void {
    if (this.#phase !== 'receiving') return;
    const { memory, options } = this.#receiver;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > options.bodyLimit) {
      const room = options.bodyLimit - (this.#receivedBytes - chunk.length);
      if (options.keepRefused) this.#hold(chunk.subarray(0, room));
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
    return new Refusal('body_too_large', `the body is larger than ${this.#receiver.options.bodyLimit} bytes`);
  }
  #aborted(): void {
    if (this.#phase !== 'receiving') return;
    this.#receiver.countAborted(this);
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
      const problem = this.route.guard?.verify(this.req, raw);
      if (problem) this.#refuse(problem);
      else if (coding === undefined || raw.length === 0) this.#submit(raw);
      else void this.#decode(raw, coding);
    } catch (error) {
      this.#refuse(refusalOf(error));
    }
  }
  async #decode(raw: Buffer, coding: string): Promise<void> {
    const { memory, options } = this.#receiver;
    try {
      const body = await decodeContent(raw, contentCodings(coding), options.bodyLimit);
      if (!memory.take(body.length))
        throw new Refusal('overloaded', 'too many bodies are being unpacked', { retryAfterMs: retryAfterMsDefault });
      this.#heldBytes += body.length;
      this.#submit(body);
    } catch (error) {
      this.#refuse(refusalOf(error));
    }
  }
  #submit(body: Buffer): void {
    const { reader, options, context } = this.#receiver;
    const time = context.clock.now();
    const request: RequestFields = {
      query: options.logQueryParameters && this.#query !== '' ? reader.query(this.#query) : undefined,
      path: this.route.path,
      pathJson: this.route.pathJson,
      nowMs: time.seconds * 1000 + Math.floor(time.nanos / 1e6),
    };
    const { codec, records, key } = reader.read(body, this.req.headers['content-type'], request);
    const submission: Submission = { tag: this.route.tag, codec, records, time, key: undefined };
    this.#receiver.submit(submission, this.req, key, this);
  }

  #refuse(refusal: Refusal): void {
    const raw = this.#phase === 'answered' ? undefined : this.#raw();
    if (!this.#finish() || raw === undefined) return;
    this.#receiver.answerRefusal(this, refusal, raw, this.#receivedBytes > raw.length);
  }
  /** Gives back what the request held; false when it was answered already. */
  #finish(): boolean {
    if (this.#phase === 'answered') return false;
    this.#phase = 'answered';
    this.#receiver.memory.give(this.#heldBytes);
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
