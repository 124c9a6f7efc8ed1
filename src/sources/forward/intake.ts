/** Records on their way into the journal: gathered into appends, and kept until the journal takes them. */
import { codecs } from '../../core/batch.ts';
import { sleep } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { OriginBuilder } from '../../core/origin.ts';
import type { RowOrigin } from '../../core/origin.ts';
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
  readonly payloads: Uint8Array[] = [];
  readonly exact: boolean[] = [];
  readonly seconds: number[] = [];
  readonly nanos: number[] = [];
  origins: OriginBuilder | undefined;
  bytes = 0;
  constructor(tag: string) {
    this.tag = tag;
  }
  /** Of the payload that was pushed last. */
  addOrigin(origin: RowOrigin | undefined): void {
    if (!this.origins) {
      this.origins = new OriginBuilder();
      for (let i = 1; i < this.payloads.length; i++) this.origins.add(undefined);
    }
    this.origins.add(origin);
  }
}

/** Gathers what arrives together: consecutive records of one tag share an append. */
export class Gatherer {
  readonly #appends: OpenAppend[] = [];
  #open: OpenAppend | undefined;
  bytes = 0;

  /** A record as MessagePack. */
  add(tag: string, payload: Buffer, seconds: number, nanos: number, origin: RowOrigin | undefined): void {
    let open = this.#open;
    if (open?.tag !== tag || open.bytes >= appendBytesMax) {
      open = this.#open = new OpenAppend(tag);
      this.#appends.push(open);
    }
    open.payloads.push(payload);
    open.exact.push(true);
    if (origin || open.origins) open.addOrigin(origin);
    open.seconds.push(seconds);
    open.nanos.push(nanos);
    const bytes = payload.length + recordOverheadBytes;
    open.bytes += bytes;
    this.bytes += bytes;
  }
  /** What was gathered, in order; empty then. */
  take(): AppendRequest[] {
    this.#open = undefined;
    this.bytes = 0;
    return this.#appends.splice(0).map(({ tag, payloads, exact, seconds, nanos, origins }) => ({
      tag,
      records: { codec: codecs.msgpack, payloads, exact, seconds, nanos, origins: origins?.runs },
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
