/**
 * Transactions of one output (KIP-98). In each go the records of a chunk and what is done with them then (ledger.ts): both
 * are in Kafka or neither is. A transaction whose end is in doubt is settled before the next one: brokers end what is open
 * when the producer names itself anew, and what is in the cursor topic then is true.
 */
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { crashPoint } from '../../core/crash-point.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Cluster, TopicState } from '../../kafka/cluster.ts';
import { isFencing, kafkaErrors, unreachable } from '../../kafka/failures.ts';
import { produce } from '../../kafka/produce.ts';
import { RecordBatchWriter, noHeaders } from '../../kafka/record-batch.ts';
import type { Producer } from '../../kafka/record-batch.ts';
import type { OutgoingBatch } from './assemble.ts';
import { cursorPartition, openCursorTopic, readEntries } from './cursor-topic.ts';
import { Ledger } from './ledger.ts';
import { NumberedProducer } from './producer-state.ts';
import type { Outcome, Sender } from './sender.ts';

/** After so long without a sign of us brokers end a transaction; more than a write with all its tries takes. */
const transactionTimeoutMs = 60_000;
/** Waits for a coordinator that is just ending the transaction before, or moving: together half a minute. */
const settleTries = 150;
const settleMs = 200;
/** First waits are short: the markers of the transaction before are there within milliseconds. */
const settleMsMin = 5;
/** A fenced output looks again once a minute, for its log line. */
const fencedRetryMs = 60_000;
/** From version 3 on a producer that names itself anew is told when another took its place (KIP-360). */
const firstWithProducer = 3;

/** Errors of a coordinator that pass. */
const passing: ReadonlySet<string> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
]);

export class Transactions {
  readonly ledger = new Ledger();
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #cursorTopic: string;
  #topic: TopicState | undefined;
  #producer: Producer | undefined;
  #numbered: NumberedProducer | undefined;
  /** What Kafka has may be more than the ledger says. */
  #isInDoubt = true;
  #fenced: OperatingError | undefined;

  constructor(cluster: Cluster, clock: Clock, id: string, cursorTopic: string) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#id = id;
    this.#cursorTopic = cursorTopic;
  }
  /** Makes ready for a transaction; afterwards the ledger is true. @throws OperatingError */
  async prepare(signal: AbortSignal): Promise<void> {
    if (this.#fenced) throw this.#fenced;
    if (this.#numbered && !this.#isInDoubt) return;
    this.#topic = await openCursorTopic(this.#cluster, this.#cursorTopic, this.#clock);
    this.#producer = await this.#nameItself();
    this.#numbered = new NumberedProducer(this.#producer, this.#id);
    if (!this.#isInDoubt) return;
    this.ledger.forget();
    const partition = cursorPartition(this.#topic, this.#id);
    const restore = (stream: string, text: string): void => this.ledger.restore(stream, text);
    await readEntries(this.#cluster, this.#topic, partition, `${this.#id}/`, restore, signal);
    this.#isInDoubt = false;
  }
  /**
   * Sends batches in a transaction, and commits it where all are taken: then `note` says which streams changed in the
   * ledger. Otherwise nothing is in Kafka, and the outcomes say why. @throws OperatingError where that is in doubt
   */
  async send(
    batches: readonly OutgoingBatch[],
    sender: Sender,
    note: () => ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const [producer, numbered, topic] = [this.#producer, this.#numbered, this.#topic];
    if (!producer || !numbered || !topic) throw new Error('prepare() comes first');
    // Only a transaction that ends as it should leaves it usable.
    this.#numbered = undefined;
    try {
      const partition = cursorPartition(topic, this.#id);
      await this.#join(producer, batches, topic.name, partition);
      const outcomes = await sender.send(batches, numbered, signal);
      if (outcomes.some(({ kind }) => kind !== 'delivered')) {
        const fencing = outcomes.find(({ error }) => error === 'INVALID_PRODUCER_EPOCH' || error === 'PRODUCER_FENCED');
        if (fencing) throw new OperatingError('OUTPUT_UNREACHABLE', fencing.reason);
        return outcomes;
      }
      this.#isInDoubt = true;
      await this.#sendEntries(numbered, topic, partition, note());
      crashPoint('kafka.before-commit');
      await this.#commit(producer);
      crashPoint('kafka.after-commit');
      this.#isInDoubt = false;
      this.#numbered = numbered;
      return outcomes;
    } catch (error) {
      throw unreachable(`writing a transaction to Kafka at ${this.#cluster.shown}`, error);
    }
  }
  /** Takes or renews the producer's id and epoch: what is open under its name is ended, and who else uses it is fenced. */
  async #nameItself(): Promise<Producer> {
    const api = await this.#cluster.version('initProducerId');
    const before = api.version >= firstWithProducer ? this.#producer : undefined;
    const doing = `beginning as ${this.#id} at Kafka ${this.#cluster.shown}`;
    try {
      const { producerId, producerEpoch } = await this.#patiently((connection) =>
        api.async(connection, this.#id, transactionTimeoutMs, before?.id ?? -1n, before?.epoch ?? -1),
      );
      return { id: producerId, epoch: producerEpoch };
    } catch (error) {
      // Forgotten by the brokers after a week without a transaction: then it begins anew.
      if (kafkaErrors(error).includes('INVALID_PRODUCER_ID_MAPPING')) this.#producer = undefined;
      if (this.#producer && isFencing(error)) this.#fenced = fencedError(this.#id);
      throw this.#fenced ?? unreachable(doing, error);
    }
  }
  async #join(
    producer: Producer,
    batches: readonly OutgoingBatch[],
    cursorTopic: string,
    partition: number,
  ): Promise<void> {
    const api = await this.#cluster.version('addPartitionsToTxn');
    const places = new Map<string, Set<number>>([[cursorTopic, new Set([partition])]]);
    for (const batch of batches)
      places.set(batch.topic.name, (places.get(batch.topic.name) ?? new Set()).add(batch.partition));
    const topics = [...places].map(([name, partitions]) => ({ name, partitions: [...partitions] }));
    await this.#patiently((connection) =>
      api.async(connection, [
        {
          transactionalId: this.#id,
          producerId: producer.id,
          producerEpoch: producer.epoch,
          verifyOnly: false,
          topics,
        },
      ]),
    );
  }
  async #sendEntries(
    numbered: NumberedProducer,
    topic: TopicState,
    partition: number,
    streams: ReadonlySet<string>,
  ): Promise<void> {
    const writer = new RecordBatchWriter();
    const nowMs = this.#clock.nowMs();
    for (const stream of streams) {
      const value = Buffer.from(this.ledger.encode(stream));
      writer.add(nowMs, Buffer.from(`${this.#id}/${stream}`), value, 0, value.length, noHeaders);
    }
    const bytes = await writer.seal(this.#cluster.library, 'gzip', numbered.next(topic.name, partition, writer.count));
    const connection = await this.#cluster.node(topic.leaders[partition] ?? -1);
    const settings = { acks: -1, timeoutMs: 10_000, transactionalId: this.#id } as const;
    const [answer] = await produce(this.#cluster, connection, [{ topic: topic.name, partition, bytes }], settings);
    if (answer?.error === undefined) return;
    this.#cluster.forget(topic.name);
    throw Object.assign(new Error(answer.text ?? `topic ${topic.name}`), { apiId: answer.error });
  }
  async #commit(producer: Producer): Promise<void> {
    const api = await this.#cluster.version('endTxn');
    await this.#patiently((connection) => api.async(connection, this.#id, producer.id, producer.epoch, true));
  }
  /** Calls the coordinator, again while it says later, and at a new one where it moved. */
  async #patiently<T>(call: (connection: Awaited<ReturnType<Cluster['coordinator']>>) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++)
      try {
        return await call(await this.#cluster.coordinator('transaction', this.#id));
      } catch (error) {
        const names = kafkaErrors(error);
        if (!names.includes('CONCURRENT_TRANSACTIONS')) this.#cluster.forgetCoordinator('transaction', this.#id);
        if (tries >= settleTries || !names.some((name) => passing.has(name))) throw error;
        await sleep(this.#clock, Math.min(settleMs, settleMsMin * 2 ** tries));
      }
  }
}

function fencedError(id: string): OperatingError {
  return new OperatingError(
    'OUTPUT_FENCED',
    `another program writes to Kafka as ${id}: this output has stopped, and its records wait; two programs run on copies of one data directory, so end one of them and start the other again`,
    { retryAfterMs: fencedRetryMs },
  );
}
