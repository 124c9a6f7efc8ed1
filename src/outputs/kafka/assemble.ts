/** A chunk as batches of records, one partition each. */
import type { Batch } from '../../core/batch.ts';
import { errorText } from '../../core/errors.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import type { RefusedRow } from '../../codecs/rows.ts';
import type { TopicState } from '../../kafka/cluster.ts';
import { partitioners } from '../../kafka/partitioners.ts';
import type { Partitioner } from '../../kafka/partitioners.ts';
import { RecordBatchWriter } from '../../kafka/record-batch.ts';
import { AddressReader, topicNameProblem } from './addressing.ts';
import type { RecordAddress } from './addressing.ts';
import { OriginHeaders } from './origin-headers.ts';
import { RowWriter } from './rows.ts';
import type { ChunkTopic, KafkaSettings } from './settings.ts';

/** What surrounds a record's value and key: lengths, deltas, attributes. An estimate for where a batch is full. */
const recordOverheadBytes = 24;

/** Records of one partition, in order. */
export interface OutgoingBatch {
  readonly topic: TopicState;
  readonly partition: number;
  readonly writer: RecordBatchWriter;
  /** Rows of the chunk. */
  readonly rows: number[];
}

/** A part of a chunk, read so far that its topics are known. */
export interface ReadPart {
  readonly part: ChunkBatch;
  /** Number of its first row in the chunk. */
  readonly first: number;
  /** With injected fields. */
  readonly batch: Batch;
  /** Undefined: the same for all rows. */
  readonly addresses: readonly (RecordAddress | undefined)[] | undefined;
  readonly topics: readonly string[] | string;
}
export interface ReadChunk {
  readonly parts: readonly ReadPart[];
  readonly refused: RefusedRow[];
  /** All topics; true: a record or its tag named it, not the configuration. */
  readonly topics: ReadonlyMap<string, boolean>;
}

/** Why rows of a topic are not sent; `isLater`: not now. */
export interface NoTopic {
  readonly reason: string;
  readonly isLater: boolean;
}
/** A row that is in no batch. */
export type LeftOut = RefusedRow & { readonly isLater: boolean };

export class Assembler {
  readonly #settings: KafkaSettings;
  readonly #addresses: AddressReader;
  readonly #rows: RowWriter;
  readonly #chunkTopic: ChunkTopic;
  readonly #partitioner: Partitioner;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  readonly #turns = new Map<string, number>();
  readonly #outputId: string;

  constructor(settings: KafkaSettings, rows: RowWriter, chunkTopic: ChunkTopic, outputId: string, nowMs: () => number) {
    this.#settings = settings;
    this.#addresses = new AddressReader(settings);
    this.#rows = rows;
    this.#chunkTopic = chunkTopic;
    this.#partitioner = partitioners[settings.partitioner];
    this.#outputId = outputId;
    this.#nowMs = nowMs;
    this.#random = Math.random;
  }
  /** Reads where the records of a chunk go. Records that name no topic there can be, or no partition, are refused. */
  read(chunk: Chunk): ReadChunk {
    const refused: RefusedRow[] = [];
    const topics = new Map<string, boolean>();
    const chunkTopic = this.#chunkTopic(chunk);
    let first = 0;
    const parts = chunk.batches.map((part) => {
      const batch = this.#settings.inject(part.batch);
      const read = this.#readPart(part, batch, first, chunkTopic, topics, refused);
      first += batch.count;
      return read;
    });
    return { parts, refused, topics };
  }
  #readPart(
    part: ChunkBatch,
    batch: Batch,
    first: number,
    chunkTopic: string | undefined,
    topics: Map<string, boolean>,
    refused: RefusedRow[],
  ): ReadPart {
    const { topic } = this.#settings;
    const common = chunkTopic ?? topic.fallback ?? batch.tag;
    const isOutside = chunkTopic === undefined ? topic.fallback === undefined : topic.template?.includes('${') === true;
    const refuse = (row: number, reason: string): void => void refused.push({ row: first + row, reason });
    const commonProblem = topicNameProblem(common);
    if (this.#addresses.isFixed(batch)) {
      if (commonProblem === undefined) note(topics, common, isOutside);
      else for (let row = 0; row < batch.count; row++) refuse(row, `OUTPUT_REFUSED: ${commonProblem}`);
      return { part, first, batch, addresses: undefined, topics: common };
    }
    const addresses: (RecordAddress | undefined)[] = [];
    const names: string[] = [];
    for (let row = 0; row < batch.count; row++) {
      const address = this.#address(batch, row);
      const named = 'reason' in address ? undefined : address.topic;
      const isTaken = named !== undefined && topic.allowed?.includes(named) !== false;
      const name = isTaken ? named : common;
      const badName = 'reason' in address ? undefined : topicNameProblem(name);
      const problem = 'reason' in address ? address.reason : badName && `OUTPUT_REFUSED: ${badName}`;
      if (problem !== undefined) refuse(row, problem);
      else note(topics, name, isOutside || name !== common);
      addresses.push('reason' in address || problem !== undefined ? undefined : address);
      names.push(name);
    }
    return { part, first, batch, addresses, topics: names };
  }
  #address(batch: Batch, row: number): RecordAddress | { readonly reason: string } {
    try {
      return this.#addresses.read(batch, row);
    } catch (error) {
      // What cannot be decoded, which only a damaged or foreign record is.
      return { reason: `OUTPUT_REFUSED: no record: ${errorText(error)}` };
    }
  }
  /**
   * Makes batches of at most `bytesMax` (a larger record stands alone) of the rows that `wants` says; `stateOf` gives the
   * topic that a name comes to, or why its records are refused.
   */
  assemble(
    read: ReadChunk,
    wants: (row: number) => boolean,
    stateOf: (name: string) => TopicState | NoTopic,
    bytesMax: (topic: string) => number,
  ): { readonly batches: readonly OutgoingBatch[]; readonly leftOut: readonly LeftOut[] } {
    const leftOut: LeftOut[] = [];
    const done: OutgoingBatch[] = [];
    const open = new Map<string, (OutgoingBatch | undefined)[]>();
    const skipped = new Set(read.refused.map(({ row }) => row));
    const origins = this.#settings.sendsOrigin ? new OriginHeaders(this.#outputId) : undefined;
    for (const one of read.parts) {
      const bare = this.#rows.withoutKeys(one.batch);
      const sent = this.#rows.withoutFields(bare);
      const headerOf = origins?.of(one.part, (row) => !skipped.has(one.first + row) && wants(one.first + row));
      for (let row = 0; row < sent.count; row++) {
        const number = one.first + row;
        if (skipped.has(number) || !wants(number)) continue;
        const problem = this.#add(one, bare, sent, row, stateOf, bytesMax, headerOf?.(row), open, done);
        if (problem !== undefined)
          leftOut.push({
            row: number,
            isLater: false,
            ...(typeof problem === 'string' ? { reason: problem } : problem),
          });
      }
    }
    for (const list of open.values()) for (const batch of list) if (batch) done.push(batch);
    return { batches: done, leftOut };
  }
  /** Adds a row; gives the reason where it is left out. */
  #add(
    { first, addresses, topics }: ReadPart,
    bare: Batch,
    sent: Batch,
    row: number,
    stateOf: (name: string) => TopicState | NoTopic,
    bytesMax: (topic: string) => number,
    origin: readonly [string, Buffer] | undefined,
    open: Map<string, (OutgoingBatch | undefined)[]>,
    done: OutgoingBatch[],
  ): string | NoTopic | undefined {
    const address = addresses ? (addresses[row] as RecordAddress) : this.#addresses.fixed;
    const topic = stateOf(typeof topics === 'string' ? topics : (topics[row] as string));
    if ('reason' in topic) return topic;
    const partition = this.#partition(topic, address);
    if (partition === undefined)
      return `OUTPUT_REFUSED: topic ${topic.name} has no partition ${address.partition}: it has ${topic.leaders.length}`;
    const { recordBytesMax, usesRecordTime } = this.#settings;
    try {
      const { source, from, until } = this.#rows.value(sent, row);
      const bytes = until - from;
      if (recordBytesMax !== undefined && bytes > recordBytesMax)
        return `OUTPUT_REFUSED: the record has ${bytes} bytes, and max_send_limit_bytes is ${recordBytesMax}`;
      const headers = this.#rows.headers(bare, row, origin);
      const timeMs = usesRecordTime ? sent.seconds(row) * 1000 + Math.floor(sent.nanos(row) / 1e6) : this.#nowMs();
      let list = open.get(topic.name);
      if (!list) open.set(topic.name, (list = []));
      let batch = list[partition];
      const more = bytes + (address.key?.length ?? 0) + headers.length + recordOverheadBytes;
      if (batch && batch.writer.length + more > bytesMax(topic.name)) {
        done.push(batch);
        batch = undefined;
      }
      list[partition] = batch ??= { topic, partition, writer: new RecordBatchWriter(), rows: [] };
      batch.writer.add(timeMs, address.key, source, from, until, headers);
      batch.rows.push(first + row);
      return undefined;
    } catch (error) {
      return `OUTPUT_REFUSED: the record cannot be written: ${errorText(error)}`;
    }
  }
  #partition(topic: TopicState, { partition, partitionKey, key }: RecordAddress): number | undefined {
    const count = topic.leaders.length;
    if (partition !== undefined) return partition < count ? partition : undefined;
    const chosen = this.#partitioner(partitionKey ?? key, count);
    if (chosen !== undefined) return chosen;
    // In turn, from a random one on: as even as chance would be in the long run, and in the short run too.
    const turn = this.#turns.get(topic.name) ?? Math.floor(this.#random() * count);
    this.#turns.set(topic.name, turn + 1);
    return turn % count;
  }
}

function note(topics: Map<string, boolean>, name: string, isOutside: boolean): void {
  topics.set(name, (topics.get(name) ?? true) && isOutside);
}
