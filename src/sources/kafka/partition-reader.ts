/** One partition that is read: what is fetched of it goes into the journal with where to read on. */
import { OperatingError } from '../../core/errors.ts';
import type { SourceContext } from '../../core/plugin.ts';
import type { Cluster, TopicState } from '../../kafka/cluster.ts';
import { unreachable } from '../../kafka/failures.ts';
import { boundaryOffset } from '../../kafka/fetch.ts';
import type { DamagedBatch, FetchPlace, FetchedPartition } from '../../kafka/fetch.ts';
import type { ReadRecord } from '../../kafka/read-batches.ts';
import { appendPatiently, noRecords } from '../tail/appending.ts';
import { positionKey } from './positions.ts';
import type { Position } from './positions.ts';
import type { RecordConverter } from './records.ts';
import type { KafkaSourceSettings } from './settings.ts';

/** Of what is refused so much is kept: as base64 it must still be one record of the journal, which takes 16 MiB. */
const rawBytesMax = 8 * 1024 * 1024;
const undecodable = 'undecodable_batch';

export interface PartitionReading {
  readonly cluster: Cluster;
  readonly context: SourceContext;
  readonly converter: RecordConverter;
  readonly begins: KafkaSourceSettings['begins'];
  readonly topic: TopicState;
  readonly partition: number;
  readonly start: { readonly next: number; readonly skip: number };
  /** The last offset that the group is known to have committed; -1: none. */
  committed(): number;
  /** Called once a position is durable, with the records before it. */
  onPosition(position: Position): void;
  isStopping(): boolean;
}

export class PartitionReader {
  readonly #reading: PartitionReading;
  #next: number;
  #skip: number;

  constructor(reading: PartitionReading) {
    this.#reading = reading;
    this.#next = reading.start.next;
    this.#skip = reading.start.skip;
  }
  /** Where to read on. */
  get place(): FetchPlace {
    const { topic, partition } = this.#reading;
    return { topic, partition, offset: this.#next };
  }
  /** The broker that leads it; it changes when brokers go. @throws OperatingError */
  async leader(): Promise<number> {
    const { cluster, topic, partition } = this.#reading;
    const state = cluster.known(topic.name) ?? (await cluster.topics([topic.name])).get(topic.name);
    // A topic made anew under the name is another one, and begins at its begin.
    if (!state || !('leaders' in state) || state.id !== topic.id)
      throw new OperatingError('OUTPUT_UNREACHABLE', `topic ${topic.name} is gone`);
    return state.leaders[partition] ?? -1;
  }
  /** Takes what was fetched from its place. @throws OperatingError */
  async take(fetched: FetchedPartition): Promise<void> {
    const { cluster, topic, partition } = this.#reading;
    if (fetched.error === 'OFFSET_OUT_OF_RANGE') return this.#reset();
    if (fetched.error !== undefined) {
      cluster.forget(topic.name);
      const error = Object.assign(new Error(topic.name), { apiId: fetched.error });
      throw unreachable(`reading ${topic.name}/${partition} of Kafka at ${cluster.shown}`, error);
    }
    if (fetched.next <= this.#next) return;
    for (const batch of fetched.damaged) await this.#setAside(batch);
    await this.#convert(fetched.records, fetched.next, fetched.damaged.length > 0);
  }
  /** A batch that cannot be read now will not be later either: what stands behind it must not wait for it. */
  async #setAside({ first, last, count, problem, raw }: DamagedBatch): Promise<void> {
    const { context, topic, partition } = this.#reading;
    const lost = Math.max(1, Math.min(count, last - first + 1));
    const offsets = first === last ? `${first}` : `${first} to ${last}`;
    context.log.error(
      `kafka source ${context.id}: the batch with offsets ${offsets} of ${topic.name}/${partition} cannot be read: ${problem}; its ${lost} records are counted as refused, its bytes are in the dead letters, reading goes on behind it`,
    );
    context.refused(undecodable, topic.name, lost);
    await this.#keep(undecodable, raw, { offset: String(first), last: String(last), problem });
  }
  #keep(reason: string, raw: Uint8Array, detail: Readonly<Record<string, string>>): Promise<void> {
    const { context, topic, partition } = this.#reading;
    const isCut = raw.length > rawBytesMax;
    return context.keepRefused({
      reason,
      tag: topic.name,
      raw: isCut ? raw.subarray(0, rawBytesMax) : raw,
      detail: {
        topic: topic.name,
        partition: String(partition),
        ...detail,
        ...(isCut && { bytes: String(raw.length) }),
      },
    });
  }
  /** Kafka has deleted what was to be read next, or never had it. */
  async #reset(): Promise<void> {
    const { cluster, context, topic, partition, begins } = this.#reading;
    const next = await boundaryOffset(cluster, topic, partition, begins);
    context.log.error(
      `kafka source ${context.id}: ${topic.name}/${partition} has no offset ${this.#next} any more; reading goes on at ${next}. Records between were deleted by Kafka's retention before they were read.`,
    );
    if (next > this.#next) context.refused('deleted_by_kafka', topic.name, next - this.#next);
    this.#next = next;
    this.#skip = 0;
    await this.#append('', noRecords, { next, skip: 0 });
  }
  /** `isDamaged`: batches between were set aside, which must not happen again after a crash. */
  async #convert(records: readonly ReadRecord[], next: number, isDamaged: boolean): Promise<void> {
    const { context, converter, topic, partition } = this.#reading;
    const { runs, refused } = converter.convert(topic.name, partition, records, this.#skip);
    for (const { reason, problem, offset, raw } of refused) {
      context.refused(reason, topic.name);
      await this.#keep(reason, raw, { offset: String(offset), problem });
    }
    for (const [i, { tag, records: run, ...end }] of runs.entries()) {
      const isLast = i === runs.length - 1;
      const isTaken = await this.#append(tag, run, isLast ? { next, skip: 0 } : end);
      if (!isTaken) return;
    }
    // What gave no record must not be refused again after a crash.
    const isRefused = refused.length > 0 || isDamaged;
    if (runs.length === 0 && isRefused && !(await this.#append('', noRecords, { next, skip: 0 }))) return;
    // Behind what were no records: markers of transactions, and what they took back.
    this.#next = next;
    this.#skip = 0;
  }
  /** False: the program stops, and nothing was taken. */
  async #append(
    tag: string,
    records: Parameters<SourceContext['append']>[0]['records'],
    end: { readonly next: number; readonly skip: number },
  ): Promise<boolean> {
    const { context, topic, partition } = this.#reading;
    const position: Position = { topic: topic.name, ...end, committed: this.#reading.committed() };
    const request = { tag, records, state: { [positionKey(topic, partition)]: position } };
    const what = `reading ${topic.name}/${partition}`;
    if ((await appendPatiently(context, request, () => this.#reading.isStopping(), what)) !== 'taken') return false;
    this.#next = end.next;
    this.#skip = end.skip;
    this.#reading.onPosition(position);
    return true;
  }
}
