/** The compacted topic in which outputs with exactly_once note what is done: made where it is missing, and read at the start. */
import { crc32 } from 'node:zlib';
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Cluster, TopicState } from '../../kafka/cluster.ts';
import { kafkaErrors, unreachable } from '../../kafka/failures.ts';
import { boundaryOffset, fetchPlaces } from '../../kafka/fetch.ts';
import { isState, noTopic } from './topics.ts';

/** An open transaction of one output hides what others noted behind it, for up to a minute: so they are spread. */
const partitions = 16;
/** Read as a whole at each start, so it is kept small: rolled and compacted early. */
const topicConfigs = {
  'cleanup.policy': 'compact',
  'segment.bytes': '16777216',
  'segment.ms': '3600000',
  'min.cleanable.dirty.ratio': '0.1',
};
const createTimeoutMs = 10_000;
/** A made topic is known everywhere in far less than ten seconds. */
const appearTries = 50;
const appearMs = 200;
const readLimits = { waitMs: 500, bytesMin: 1, bytesMax: 4 * 1024 * 1024, partitionBytesMax: 4 * 1024 * 1024 };

/** The topic, made where there is none. @throws OperatingError OUTPUT_UNREACHABLE */
export async function openCursorTopic(cluster: Cluster, name: string, clock: Clock): Promise<TopicState> {
  for (let tries = 0; ; tries++) {
    const state = (await cluster.topics([name], { isFresh: true })).get(name);
    if (isState(state) && state.leaders.every((leader) => leader >= 0)) return state;
    const problem = isState(state) ? 'LEADER_NOT_AVAILABLE' : (state?.problem ?? 'UNKNOWN_TOPIC_OR_PARTITION');
    if ((problem !== 'UNKNOWN_TOPIC_OR_PARTITION' && problem !== 'LEADER_NOT_AVAILABLE') || tries >= appearTries)
      throw new OperatingError(
        'OUTPUT_UNREACHABLE',
        `Kafka at ${cluster.shown}: ${noTopic(name, problem, false).reason}`,
      );
    if (tries === 0 && !isState(state)) await createTopic(cluster, name);
    await sleep(clock, appearMs);
  }
}

async function createTopic(cluster: Cluster, name: string): Promise<void> {
  const api = await cluster.version('createTopics');
  const configs = Object.entries(topicConfigs).map(([key, value]) => ({ name: key, value }));
  const topic = { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs };
  try {
    await api.async(await cluster.controller(), [topic], createTimeoutMs, false);
  } catch (error) {
    if (kafkaErrors(error).includes('TOPIC_ALREADY_EXISTS')) return;
    throw unreachable(`making the topic ${name} for exactly_once at Kafka ${cluster.shown}`, error);
  }
}

/** Where an output's entries go: always the same partition. */
export function cursorPartition(topic: TopicState, transactionalId: string): number {
  return crc32(transactionalId) % topic.leaders.length;
}

/** Reads all entries whose key begins with `prefix`, oldest first. @throws OperatingError OUTPUT_UNREACHABLE */
export async function readEntries(
  cluster: Cluster,
  topic: TopicState,
  partition: number,
  prefix: string,
  take: (key: string, value: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const end = await boundaryOffset(cluster, topic, partition, 'latest');
    let offset = await boundaryOffset(cluster, topic, partition, 'earliest');
    // What others have open is waited for: our own transactions are closed by now, but may lie behind.
    while (offset < end) {
      if (signal.aborted) throw new OperatingError('OUTPUT_UNREACHABLE', 'reading what is done was stopped');
      const connection = await cluster.node(topic.leaders[partition] ?? -1);
      const [found] = await fetchPlaces(cluster, connection, [{ topic, partition, offset }], readLimits);
      if (!found) throw new Error('the answer is empty');
      if (found.error !== undefined) throw Object.assign(new Error(topic.name), { apiId: found.error });
      for (const { key, value } of found.records) {
        const text = key?.toString() ?? '';
        if (text.startsWith(prefix) && value) take(text.slice(prefix.length), value.toString());
      }
      offset = found.next;
    }
  } catch (error) {
    cluster.forget(topic.name);
    throw unreachable(`reading what is done from topic ${topic.name} at Kafka ${cluster.shown}`, error);
  }
}
