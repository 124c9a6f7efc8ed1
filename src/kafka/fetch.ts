/**
 * Reading partitions, committed records only (KIP-98). The client library fetches and decodes; which records belong to
 * aborted transactions is told here, in the order of the log, as Kafka's own consumer does it.
 */
import type { Connection, RecordsBatch } from '@platformatic/kafka';
import type { Cluster, TopicState } from './cluster.ts';
import { responseOf } from './cluster.ts';

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

/** A record as it was read. */
export interface ReadRecord {
  readonly offset: number;
  readonly timeMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

/** What a broker gave of one partition. */
export interface FetchedPartition {
  readonly place: FetchPlace;
  /** Kafka's name; undefined: none. */
  readonly error: string | undefined;
  readonly records: readonly ReadRecord[];
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
  type Answer = Awaited<ReturnType<typeof api.async>>;
  let answer: Answer;
  try {
    answer = await api.async(
      connection,
      limits.waitMs,
      limits.bytesMin,
      limits.bytesMax,
      readCommitted,
      0,
      -1,
      asked,
      [],
      '',
    );
  } catch (error) {
    const inside = responseOf(error) as Answer | undefined;
    // With one partition's error comes the whole answer, unless the error is about the call.
    if (!inside || inside.errorCode !== 0) throw error;
    answer = inside;
  }
  return answer.responses.flatMap(({ topicId, partitions }) =>
    partitions.flatMap((found) => {
      const place = topics.get(topicId)?.find(({ partition }) => partition === found.partitionIndex);
      if (!place) return [];
      return [
        {
          place,
          error: cluster.errorName(found.errorCode),
          ...committedRecords(place.offset, found.records ?? [], found.abortedTransactions ?? []),
          stableEnd: Number(found.lastStableOffset),
        },
      ];
    }),
  );
}

interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** The records of batches from an offset on that no transaction took back, and where the batches end. Seen outside by tests. */
export function committedRecords(
  from: number,
  batches: readonly RecordsBatch[],
  aborted: readonly AbortedTransaction[],
): { readonly records: ReadRecord[]; readonly next: number } {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const open = new Set<bigint>();
  const records: ReadRecord[] = [];
  let next = from;
  for (const batch of batches) {
    const first = Number(batch.firstOffset);
    const last = first + batch.lastOffsetDelta;
    for (let head = waiting[0]; head && Number(head.firstOffset) <= last; head = waiting[0]) {
      open.add(head.producerId);
      waiting.shift();
    }
    next = Math.max(next, last + 1);
    if ((batch.attributes & controlBit) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(2) === abortMarker) open.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & transactionalBit) !== 0 && open.has(batch.producerId)) continue;
    const baseMs = Number(batch.firstTimestamp);
    for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
      const offset = first + offsetDelta;
      // A compressed batch comes as a whole, with what was read before.
      if (offset >= from) records.push({ offset, timeMs: baseMs + Number(timestampDelta), key, value, headers });
    }
  }
  return { records, next };
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
