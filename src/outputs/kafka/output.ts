/** The Kafka output at work: what happens with a chunk. */
import type { Clock } from '../../core/clock.ts';
import { realDisk } from '../../core/disk.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import { compileChunkText } from '../../codecs/chunk-placeholders.ts';
import { Cluster, parseAddress } from '../../kafka/cluster.ts';
import { isOfTopic } from '../../kafka/failures.ts';
import { checkBrokers } from '../../kafka/wrong-server.ts';
import { Assembler } from './assemble.ts';
import type { ReadChunk } from './assemble.ts';
import { nameOf, notePart } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import { anybody, newProducer } from './producer-state.ts';
import type { ProducerState } from './producer-state.ts';
import { RowWriter } from './rows.ts';
import { Sender } from './sender.ts';
import type { Outcome } from './sender.ts';
import type { ChunkTopic, KafkaSettings } from './settings.ts';
import { TopicFinder, isState, noTopic } from './topics.ts';
import { transactionalId } from './transactional-id.ts';
import { Transactions } from './transactions.ts';

/** Least time between two log lines about records that wait. */
const warnGapMs = 10_000;

/** What is open while the output is. */
interface Opened {
  readonly cluster: Cluster;
  readonly topics: TopicFinder;
  readonly sender: Sender;
  /** With exactly_once. */
  readonly transactions: Transactions | undefined;
}

export class KafkaOutput implements Output {
  readonly #settings: KafkaSettings;
  readonly #context: OutputContext;
  readonly #assembler: Assembler;
  /** Learned: batches of a topic above this are too large for its brokers. */
  readonly #bytesMax = new Map<string, number>();
  #opened: Opened | undefined;
  #producer: ProducerState | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: KafkaSettings, context: OutputContext) {
    this.#settings = settings;
    this.#context = context;
    const { formatter, topic } = settings;
    const rows = new RowWriter(settings, formatter === undefined ? undefined : context.formatter(formatter));
    const expand = topic.template === undefined ? undefined : compileChunkText(topic.template, context.buffer);
    const chunkTopic: ChunkTopic = (chunk) => expand?.(chunk).text;
    this.#assembler = new Assembler(settings, rows, chunkTopic, context.id, () => context.clock.nowMs());
  }
  get #clock(): Clock {
    return this.#context.clock;
  }

  /** @throws OperatingError OUTPUT_UNREACHABLE */
  async open(): Promise<void> {
    this.#opened ??= await this.#connect();
    await this.#opened.cluster.topics([], { isFresh: true });
    await this.#opened.transactions?.prepare(new AbortController().signal);
  }
  async #connect(): Promise<Opened> {
    const settings = this.#settings;
    const { directory, id } = this.#context;
    const name = settings.isExactlyOnce ? await transactionalId(realDisk, directory, id) : undefined;
    const cluster = await Cluster.create(settings.cluster, this.#clock);
    return {
      cluster,
      topics: new TopicFinder(cluster, settings.topic, this.#clock),
      sender: new Sender(cluster, settings, this.#clock),
      transactions: name === undefined ? undefined : new Transactions(cluster, this.#clock, name, settings.cursorTopic),
    };
  }
  async write(chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const opened = this.#opened;
    if (!opened) throw new OperatingError('OUTPUT_UNREACHABLE', `output ${this.#context.id} is not open`);
    if (!this.#settings.isIdempotent) return this.#write(opened, chunk, signal);
    // Batches are numbered: one write after the other.
    const { transactions } = opened;
    const turn = this.#turn.then(() =>
      transactions ? this.#transact(opened, transactions, chunk, signal) : this.#write(opened, chunk, signal),
    );
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
  async #write(opened: Opened, chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    const read = this.#assembler.read(chunk);
    const ends = new ChunkEnds(read);
    const stateOf = await opened.topics.find(read.topics);
    // Each round sends what is left of batches that were too large as a whole, in smaller ones.
    for (let wants = (_row: number): boolean => true; ;) {
      const { batches, leftOut } = this.#assembler.assemble(read, wants, stateOf, (topic) => this.#batchBytes(topic));
      for (const { row, reason, isLater } of leftOut) (isLater ? ends.later : ends.refused).set(row, reason);
      const outcomes = await this.#send(opened, batches, signal);
      const again = this.#settle(outcomes, read, ends);
      if (again.size === 0) break;
      wants = (row) => again.has(row);
    }
    return this.#result(chunk, ends);
  }
  async #send(opened: Opened, batches: Parameters<Sender['send']>[0], signal: AbortSignal): Promise<Outcome[]> {
    if (batches.length === 0) return [];
    if (!this.#settings.isIdempotent) return opened.sender.send(batches, anybody, signal);
    const producer = (this.#producer ??= await newProducer(opened.cluster));
    // Forgotten until it is known that all went well: a number that was given and not taken would stop its partition.
    this.#producer = undefined;
    const outcomes = await opened.sender.send(batches, producer, signal);
    if (outcomes.every(({ kind }) => kind === 'delivered')) this.#producer = producer;
    return outcomes;
  }
  /** A chunk in one transaction, but for what is in Kafka already. */
  async #transact(opened: Opened, transactions: Transactions, chunk: Chunk, signal: AbortSignal): Promise<WriteResult> {
    await transactions.prepare(signal);
    const read = this.#assembler.read(chunk);
    const ends = new ChunkEnds(read);
    const done = doneRows(transactions.ledger, read);
    const stateOf = await opened.topics.find(read.topics);
    const isOpen = (row: number): boolean => ends.refused.has(row) || ends.later.has(row);
    const wants = (row: number): boolean => !done.has(row) && !isOpen(row);
    const note = (): ReadonlySet<string> => {
      const changed = new Set<string>();
      for (const { part, first } of read.parts)
        for (const stream of notePart(transactions.ledger, part, (row) => isOpen(first + row))) changed.add(stream);
      return changed;
    };
    // What one transaction could not take, for which nothing of it is in Kafka, the next goes without.
    for (;;) {
      const { batches, leftOut } = this.#assembler.assemble(read, wants, stateOf, (topic) => this.#batchBytes(topic));
      for (const { row, reason, isLater } of leftOut) (isLater ? ends.later : ends.refused).set(row, reason);
      if (batches.length === 0) break;
      await transactions.prepare(signal);
      const outcomes = await transactions.send(batches, opened.sender, note, signal);
      if (outcomes.every(({ kind }) => kind === 'delivered')) break;
      this.#settle(outcomes, read, ends);
    }
    return this.#result(chunk, ends);
  }
  /** Notes what became of batches; gives the rows to send again at once. */
  #settle(outcomes: readonly Outcome[], read: ReadChunk, ends: ChunkEnds): ReadonlySet<number> {
    const again = new Set<number>();
    for (const { batch, kind, reason, rows, error } of outcomes) {
      const name = batch.topic.name;
      if (kind === 'split') {
        this.#bytesMax.set(name, Math.floor(Math.min(this.#batchBytes(name), batch.writer.length) / 2));
        for (const row of batch.rows) again.add(row);
      } else if (kind === 'refused') {
        const named = new Map(rows?.map((one) => [one.row, one.reason]));
        for (const row of batch.rows)
          if (rows && !named.has(row)) again.add(row);
          else ends.refused.set(row, named.get(row) ?? reason);
      } else if (kind === 'later') {
        const gone = error !== undefined && isOfTopic(error) && noTopic(name, error, read.topics.get(name) === true);
        const refuses = this.#settings.refusesUndelivered || (gone && !gone.isLater);
        for (const row of batch.rows)
          if (refuses) ends.refused.set(row, `OUTPUT_REFUSED: ${reason}`);
          else ends.later.set(row, reason);
      }
    }
    return again;
  }
  #batchBytes(topic: string): number {
    return this.#bytesMax.get(topic) ?? this.#settings.batchBytesMax;
  }
  /** @throws OperatingError where nothing of the chunk is over */
  #result(chunk: Chunk, { refused, later }: ChunkEnds): WriteResult {
    const [reason] = later.values();
    if (reason !== undefined) {
      const text = `sending to Kafka at ${this.#opened?.cluster.shown}: ${reason}`;
      if (later.size === chunk.count) throw new OperatingError('OUTPUT_UNREACHABLE', text);
      this.#warn(`${later.size} of ${chunk.count} records wait: ${text}`);
    }
    return {
      refused: [...refused].map(([row, text]) => ({ row, reason: text })),
      retry: [...later.keys()].sort((a, b) => a - b),
    };
  }
  #warn(text: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#warnedMs < warnGapMs) return;
    this.#warnedMs = nowMs;
    this.#context.log.warn({ output: this.#context.id }, text);
  }

  /** Connects, logs in and looks for the topic, where the configuration names one. */
  async probe(): Promise<void> {
    if (!this.#opened) {
      const { brokers, tls } = this.#settings.cluster;
      await checkBrokers(brokers.map(parseAddress), tls !== undefined);
      await this.open();
    }
    const cluster = this.#opened?.cluster;
    const { template, fallback } = this.#settings.topic;
    const fixed = template === undefined || template.includes('${') ? fallback : template;
    const names = template === undefined && fallback === undefined ? [] : [fixed].filter((one) => one !== undefined);
    const found = await cluster?.topics(names, { isFresh: true, creates: false });
    for (const name of names) {
      const state = found?.get(name);
      if (isState(state)) continue;
      const { reason } = noTopic(name, state?.problem ?? 'UNKNOWN_TOPIC_OR_PARTITION', false);
      throw new OperatingError('OUTPUT_UNREACHABLE', `Kafka at ${cluster?.shown}: ${reason}`);
    }
  }
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.cluster.close();
  }
}

/** Rows that are in Kafka already, or stand in the chunk a second time. */
function doneRows(ledger: Ledger, { parts }: ReadChunk): ReadonlySet<number> {
  const done = new Set<number>();
  const seen = new Set<string>();
  for (const { part, first } of parts)
    for (let row = 0; row < part.batch.count; row++) {
      const name = nameOf(part, row);
      const isOwn = name.stream === part.batch.block.parts.shard;
      const key = isOwn ? '' : `${name.stream} ${name.offset} ${name.ordinal}`;
      if (ledger.has(name) || seen.has(key)) done.add(first + row);
      if (!isOwn) seen.add(key);
    }
  return done;
}

/** Rows of a chunk that are not delivered, and why. */
class ChunkEnds {
  readonly refused = new Map<number, string>();
  readonly later = new Map<number, string>();
  constructor(read: ReadChunk) {
    for (const { row, reason } of read.refused) this.refused.set(row, reason);
  }
}
