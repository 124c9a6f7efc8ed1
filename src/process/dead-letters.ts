/**
 * The dead-letter queue of one process: a journal of its own under `<dataDir>/dead`, opened at the first refused record.
 * Any process may write; reading and replaying are done by the delivering one.
 */
import { codecs } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { scanJson } from '../core/json.ts';
import type { AppendRequest, SourceContext } from '../core/plugin.ts';
import type { JournalWriter } from '../journal/contract.ts';

/** Source id in the frames of dead letters. */
const deadSource = 'dead';
/** Tag of refused requests, where letters of outputs carry the output's id. */
const requestTag = '@request';

export class DeadLetterQueue {
  readonly #open: () => Promise<JournalWriter>;
  readonly #clock: Clock;
  #writer: Promise<JournalWriter> | undefined;
  #opened: JournalWriter | undefined;
  #onDurable: (shard: string, durableOffset: number) => void = () => undefined;

  constructor(open: () => Promise<JournalWriter>, clock: Clock) {
    this.#open = open;
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
    this.#writer ??= this.#begin();
    let writer: JournalWriter;
    try {
      writer = await this.#writer;
    } catch (error) {
      this.#writer = undefined;
      throw error;
    }
    return writer.append({ ...request, source: deadSource, generation: 0 });
  }
  /** A request that a source refused, as it came: text where it is UTF-8, else base64. */
  async keepRequest(source: string, entry: Parameters<SourceContext['keepRefused']>[0]): Promise<void> {
    const { seconds, nanos } = this.#clock.now();
    const raw = Buffer.from(entry.raw);
    const text = raw.toString('utf8');
    const body = Buffer.from(text).equals(raw) ? { body: text } : { bodyBase64: raw.toString('base64') };
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
