/**
 * The dead-letter queue of one process: a journal of its own under `<dataDir>/dead`, opened at the first refused record.
 * Any process may write; reading and replaying are done by the delivering one.
 */
import { codecs } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import { scanJson } from '../core/json.ts';
import type { AppendRequest, SourceContext } from '../core/plugin.ts';
import type { JournalWriter } from '../journal/contract.ts';

/** Source id in the frames of dead letters. */
const deadSource = 'dead';
/** Tag of refused requests, where letters of outputs carry the output's id. */
const requestTag = '@request';

/** What a queue may hold, in one process. */
export interface DeadSpace {
  readonly leftBytes: number;
  readonly limitBytes: number;
  /** Looks at the disk anew: somebody may have made room. */
  measure(): Promise<void>;
}

/** Refused requests may fill this part of the queue. Whoever can send them must not stop the outputs, which need the rest. */
const requestShare = 1 / 2;
/** Least time between two looks at the disk while the queue is full. */
const measureGapMs = 1000;

export class DeadLetterQueue {
  readonly #open: () => Promise<JournalWriter>;
  readonly #space: DeadSpace;
  readonly #clock: Clock;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #writer: Promise<JournalWriter> | undefined;
  #opened: JournalWriter | undefined;
  #onDurable: (shard: string, durableOffset: number) => void = () => undefined;

  constructor(open: () => Promise<JournalWriter>, space: DeadSpace, clock: Clock) {
    this.#open = open;
    this.#space = space;
    this.#clock = clock;
  }
  /** Told of the shard written now and its durable end; replaces the listener before. */
  onDurable(listener: (shard: string, durableOffset: number) => void): void {
    this.#onDurable = listener;
  }
  /** The shards it has not ended. */
  async living(): Promise<readonly string[]> {
    return (await this.#writer?.catch(() => undefined))?.living ?? [];
  }
  /** Tells the listener again, for one that came late. */
  repeat(): void {
    if (this.#opened) this.#onDurable(this.#opened.shard, this.#opened.durableOffset);
  }
  /** Resolves once durable. @throws OperatingError JOURNAL_FULL */
  async append(request: AppendRequest): Promise<number> {
    const writer = await this.#openedWriter();
    const append = { ...request, source: deadSource, generation: 0 };
    try {
      return await writer.append(append);
    } catch (error) {
      if (!(error instanceof OperatingError && error.code === 'JOURNAL_FULL')) throw error;
      const nowMs = this.#clock.monotonicMs();
      if (nowMs - this.#measuredMs < measureGapMs) throw error;
      this.#measuredMs = nowMs;
      await this.#space.measure();
      return writer.append(append);
    }
  }
  #openedWriter(): Promise<JournalWriter> {
    this.#writer ??= this.#begin().catch((error: unknown) => {
      this.#writer = undefined;
      throw error;
    });
    return this.#writer;
  }
  /** A request that a source refused, as it came: text where it is UTF-8, else base64. */
  async keepRequest(source: string, entry: Parameters<SourceContext['keepRefused']>[0]): Promise<void> {
    // What is left is known once the writer is open.
    await this.#openedWriter();
    if (this.#space.leftBytes < this.#space.limitBytes * (1 - requestShare))
      throw new OperatingError(
        'JOURNAL_FULL',
        'refused requests have used up their half of the dead letters; raise P2L_DATA_LIMIT, or remove dead letters',
      );
    const { seconds, nanos } = this.#clock.now();
    const body = bodyOf(Buffer.from(entry.raw));
    const payload = JSON.stringify({
      output: requestTag,
      reason: entry.reason,
      id: '',
      tag: entry.tag,
      seconds,
      nanos,
      refusedMs: this.#clock.nowMs(),
      attempts: 0,
      record: { source, ...entry.detail, ...body },
    });
    const exact = scanJson(Buffer.from(payload)).exact;
    await this.append({
      tag: requestTag,
      records: { codec: codecs.json, payloads: [payload], exact: [exact], seconds: [seconds], nanos: [nanos] },
    });
  }
  async #begin(): Promise<JournalWriter> {
    const writer = await this.#open();
    writer.onDurable((shard, durableOffset) => this.#onDurable(shard, durableOffset));
    this.#opened = writer;
    return writer;
  }
  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
  }
}

/** Text as text; bytes, and text that escapes would make longer than base64 does (a body of control characters), as base64. */
function bodyOf(raw: Buffer): { body: string } | { bodyBase64: string } {
  const text = raw.toString('utf8');
  const isText = Buffer.from(text).equals(raw) && JSON.stringify(text).length <= (raw.length / 3) * 4 + 16;
  return isText ? { body: text } : { bodyBase64: raw.toString('base64') };
}
