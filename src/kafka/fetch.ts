/**
 * Reading partitions, committed records only (KIP-98). The client library asks; batches are decoded here, and which records
 * belong to aborted transactions is told in the order of the log, as Kafka's own consumer does it.
 */
import type { Connection } from '@platformatic/kafka';
import { errorText } from '../core/errors.ts';
import type { Cluster, TopicState } from './cluster.ts';
import { readFetchAnswer } from './fetch-answer.ts';
import type { FetchAnswer } from './fetch-answer.ts';
import { createFetchRequest } from './library.ts';
import { readHeads, readRecords } from './read-batches.ts';
import type { BatchHead, ReadRecord } from './read-batches.ts';

/** From where to read a partition. */
export interface FetchPlace {
  readonly topic: TopicState;
  readonly partition: number;
  readonly offset: number;
}
export interface FetchLimits {
  readonly waitMs: number;
  readonly bytesMin: number;
  readonly bytesMax: number;
  /** Of one partition; a batch that is larger comes alone. */
  readonly partitionBytesMax: number;
}

/** A batch whose records cannot be read, and never will be. */
export interface DamagedBatch {
  readonly first: number;
  readonly last: number;
  /** Records that it says it has. */
  readonly count: number;
  readonly problem: string;
  readonly raw: Buffer;
}

/** What a broker gave of one partition. */
export interface FetchedPartition {
  readonly place: FetchPlace;
  /** Kafka's name; undefined: none. */
  readonly error: string | undefined;
  readonly records: readonly ReadRecord[];
  readonly damaged: readonly DamagedBatch[];
  /** Where to read on. */
  readonly next: number;
  /** Behind the last record that is not part of an open transaction. */
  readonly stableEnd: number;
}

const readCommitted = 1;
const controlBit = 0x20;
const transactionalBit = 0x10;
const abortMarker = 0;
/** From version 13 on topics go by id (KIP-516). */
const firstWithIds = 13;
/** From version 12 on heads have tagged fields (KIP-482). */
const firstWithTags = 12;

/** Asks one broker, which must lead all of the places. Rejects where the connection broke. */
export async function fetchPlaces(
  cluster: Cluster,
  connection: Connection,
  places: readonly FetchPlace[],
  limits: FetchLimits,
): Promise<FetchedPartition[]> {
  const api = await cluster.version('fetch');
  const nameOf = ({ topic }: FetchPlace): string => (api.version >= firstWithIds ? topic.id : topic.name);
  const topics = new Map<string, FetchPlace[]>();
  for (const place of places) topics.set(nameOf(place), [...(topics.get(nameOf(place)) ?? []), place]);
  const asked = [...topics].map(([topicId, list]) => ({
    topicId,
    partitions: list.map(({ partition, offset }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: limits.partitionBytesMax,
    })),
  }));
  const answer = await new Promise<FetchAnswer>((resolve, reject) => {
    const { waitMs, bytesMin, bytesMax } = limits;
    connection.send<FetchAnswer>(
      api.key,
      api.version,
      () =>
        createFetchRequest(cluster.library, api.version)(
          waitMs,
          bytesMin,
          bytesMax,
          readCommitted,
          0,
          -1,
          asked,
          [],
          '',
        ),
      (_id, _key, version, reader) => readFetchAnswer(reader, version),
      api.version >= firstWithTags,
      api.version >= firstWithTags,
      (error, found) => (found ? resolve(found) : reject(error ?? new Error('no answer came'))),
    );
  });
  const problem = cluster.errorName(answer.errorCode);
  if (problem !== undefined) throw Object.assign(new Error('the broker says no'), { apiId: problem });
  return answer.partitions.flatMap((found) => {
    const place = topics.get(found.topic)?.find(({ partition }) => partition === found.partition);
    if (!place) return [];
    const heads = readHeads(cluster.library, found.batches);
    return [
      {
        place,
        error: cluster.errorName(found.errorCode),
        ...committedRecords(place.offset, heads, found.aborted, (head) => readRecords(cluster.library, head)),
        stableEnd: Number(found.lastStableOffset),
      },
    ];
  });
}

interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** The records of batches from an offset on that no transaction took back, and where the batches end. Seen outside by tests. */
export function committedRecords(
  from: number,
  batches: readonly BatchHead[],
  aborted: readonly AbortedTransaction[],
  read: (head: BatchHead) => readonly ReadRecord[],
): { readonly records: ReadRecord[]; readonly damaged: DamagedBatch[]; readonly next: number } {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const open = new Set<bigint>();
  const records: ReadRecord[] = [];
  const damaged: DamagedBatch[] = [];
  let next = from;
  for (const batch of batches) {
    const { first, last, attributes, producerId } = batch;
    for (let head = waiting[0]; head && Number(head.firstOffset) <= last; head = waiting[0]) {
      open.add(head.producerId);
      waiting.shift();
    }
    // One that ends before was read already.
    if (last < from) continue;
    next = Math.max(next, last + 1);
    const isControl = (attributes & controlBit) !== 0;
    if (!isControl && (attributes & transactionalBit) !== 0 && open.has(producerId)) continue;
    try {
      const found = read(batch);
      if (isControl) {
        if (found[0]?.key?.readInt16BE(2) === abortMarker) open.delete(producerId);
        // A compressed batch comes as a whole, with what was read before.
      } else for (const one of found) if (one.offset >= from) records.push(one);
    } catch (error) {
      if (isControl) open.delete(producerId);
      damaged.push({
        first: Math.max(first, from),
        last,
        count: batch.count,
        problem: errorText(error),
        raw: batch.bytes,
      });
    }
  }
  return { records, damaged, next };
}

/** Offsets to begin at: the oldest kept (`earliest`) or behind the newest (`latest`); committed or not. */
export async function boundaryOffset(
  cluster: Cluster,
  topic: TopicState,
  partition: number,
  which: 'earliest' | 'latest',
): Promise<number> {
  const api = await cluster.version('listOffsets');
  const connection = await cluster.node(topic.leaders[partition] ?? -1);
  const answer = await api.async(connection, -1, 0, [
    {
      name: topic.name,
      partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: which === 'earliest' ? -2n : -1n }],
    },
  ]);
  const found = answer.topics[0]?.partitions[0];
  if (!found || found.offset < 0n) throw new Error(`the answer has no offset of ${topic.name}/${partition}`);
  return Number(found.offset);
}
