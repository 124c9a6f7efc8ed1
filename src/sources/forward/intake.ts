/** Records on their way into the journal: gathered into appends, and kept until the journal takes them. */
import { codecs } from '../../core/batch.ts';
import type { Codec } from '../../core/batch.ts';
import { sleep } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { AppendRequest, SourceContext } from '../../core/plugin.ts';

/** An append of this size is a frame or a few; a larger message becomes several. */
const appendBytesMax = 4 * 1024 * 1024;
/** What each record takes besides its payload, for the bound above. */
const recordOverheadBytes = 16;
/** How long to wait before an append that was not taken is tried again. */
const retryMs = 200;

/** Records of one append. */
class OpenAppend {
  readonly tag: string;
  readonly codec: Codec;
  readonly payloads: (string | Uint8Array)[] = [];
  readonly exact: boolean[] = [];
  readonly seconds: number[] = [];
  readonly nanos: number[] = [];
  bytes = 0;
  constructor(tag: string, codec: Codec) {
    this.tag = tag;
    this.codec = codec;
  }
}

/** Gathers what arrives together: consecutive records of one tag share an append. */
export class Gatherer {
  readonly #appends: OpenAppend[] = [];
  #open: OpenAppend | undefined;
  bytes = 0;

  add(tag: string, codec: Codec, payload: string | Uint8Array, exact: boolean, seconds: number, nanos: number): void {
    let open = this.#open;
    if (open?.tag !== tag || open.codec !== codec || open.bytes >= appendBytesMax) {
      open = this.#open = new OpenAppend(tag, codec);
      this.#appends.push(open);
    }
    open.payloads.push(payload);
    open.exact.push(exact);
    open.seconds.push(seconds);
    open.nanos.push(nanos);
    const bytes = payload.length + recordOverheadBytes;
    open.bytes += bytes;
    this.bytes += bytes;
  }
  addPacked(tag: string, payload: Buffer, seconds: number, nanos: number): void {
    this.add(tag, codecs.msgpack, payload, true, seconds, nanos);
  }
  /** What was gathered, in order; empty then. */
  take(): AppendRequest[] {
    this.#open = undefined;
    this.bytes = 0;
    return this.#appends.splice(0).map(({ tag, codec, payloads, exact, seconds, nanos }) => ({
      tag,
      records: { codec, payloads, exact, seconds, nanos },
    }));
  }
}

/** Appends for all connections of a source. Waits while the journal is full: the senders wait with us. */
export class Appender {
  readonly #context: Pick<SourceContext, 'append' | 'clock' | 'log' | 'id'>;
  #isStopping = false;
  #isFull = false;

  constructor(context: Pick<SourceContext, 'append' | 'clock' | 'log' | 'id'>) {
    this.#context = context;
  }
  /** The program stops: what the journal does not take now it will not take. */
  stop(): void {
    this.#isStopping = true;
  }
  /** Resolves once all are durable. Rejects with what the journal said when it never will. */
  async append(requests: readonly AppendRequest[]): Promise<void> {
    await Promise.all(requests.map((request) => this.#append(request)));
  }
  async #append(request: AppendRequest): Promise<void> {
    const context = this.#context;
    for (;;)
      try {
        await context.append(request);
        this.#isFull = false;
        return;
      } catch (error) {
        const isLater = error instanceof OperatingError && error.retryable && error.code !== 'JOURNAL_CLOSED';
        if (!isLater || this.#isStopping) throw error;
        if (!this.#isFull)
          context.log.warn(
            `forward source ${context.id} waits with ${request.records.payloads.length} records: ${errorText(error)}`,
          );
        this.#isFull = true;
        await sleep(context.clock, retryMs);
      }
  }
}
