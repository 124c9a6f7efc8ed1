/**
 * Membership in a consumer group, by the protocol that all brokers since 0.9 speak (KIP-62, static members: KIP-345). Unlike
 * the client library's consumer it lets go of partitions only when asked to: who reads has then noted what it read.
 */
import type { Connection } from '@platformatic/kafka';
import type { Clock, Timer } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import type { Cluster, TopicState } from './cluster.ts';
import { kafkaErrors, unreachable } from './failures.ts';

/** The name under which ruby-kafka and librdkafka offer the same way of sharing. */
const strategy = 'roundrobin';
const protocolType = 'consumer';
/** Members that do not come back within it after a call to gather are out; ours come back once their appends are durable. */
const rebalanceTimeoutMs = 60_000;
/** The answer to a member that joins comes when all have gathered: calls of a group wait for it, and a little longer. */
export const groupRequestTimeoutMs: number = rebalanceTimeoutMs + 15_000;
/** A session ends after a few of these without an answer. */
const heartbeatsPerSession = 5;
/** From version 5 on a member can be known by a name that it keeps over restarts. */
const firstWithNames = 5;

export interface GroupSettings {
  readonly groupId: string;
  /** Kept over restarts: the broker gives a member that comes back its partitions at once. */
  readonly memberName: string;
  readonly sessionTimeoutMs: number;
}

export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Errors after which a member begins anew, with nothing of its own. */
const lost: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_MEMBER_EPOCH']);

export class GroupMember {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #settings: GroupSettings;
  #memberId = '';
  #generation = -1;
  #heartbeat: Timer | undefined;
  #onGather: (() => void) | undefined;

  constructor(cluster: Cluster, clock: Clock, settings: GroupSettings) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#settings = settings;
  }
  /**
   * Joins, or joins again, and gives the partitions that are this member's until `onGather` is called: then it is to
   * finish what it reads, commit, and join again. @throws OperatingError
   */
  async join(topics: readonly TopicState[], onGather: () => void): Promise<GroupPartition[]> {
    this.#heartbeat?.cancel();
    this.#onGather = onGather;
    try {
      const assigned = await this.#joinOnce(topics);
      this.#beat();
      return assigned;
    } catch (error) {
      throw this.#failed('joining', error);
    }
  }
  async #joinOnce(topics: readonly TopicState[]): Promise<GroupPartition[]> {
    const { library } = this.#cluster;
    const { groupId, sessionTimeoutMs } = this.#settings;
    const names = topics.map(({ name }) => name);
    const metadata = library.encodeConsumerProtocolSubscription({ version: 0, topics: names });
    const api = await this.#cluster.version('joinGroup');
    const instance = api.version >= firstWithNames ? this.#settings.memberName : null;
    const join = (connection: Connection) =>
      api.async(connection, groupId, sessionTimeoutMs, rebalanceTimeoutMs, this.#memberId, instance, protocolType, [
        { name: strategy, metadata },
      ]);
    const connection = await this.#cluster.coordinator('group', groupId);
    const joined = await join(connection).catch((error: unknown) => {
      const given = memberIdOf(error);
      if (given === undefined) throw error;
      this.#memberId = given;
      return join(connection);
    });
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    const assignments =
      joined.leader === joined.memberId
        ? await this.#share(joined.members.map((member) => ({ ...member, topics: this.#topicsOf(member.metadata) })))
        : [];
    const sync = await this.#cluster.version('syncGroup');
    const { assignment } = await sync.async(
      connection,
      groupId,
      this.#generation,
      this.#memberId,
      instance,
      protocolType,
      strategy,
      assignments,
    );
    if (assignment.length === 0) return [];
    return library
      .decodeConsumerProtocolAssignment(assignment)
      .assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  }
  #topicsOf(metadata: Buffer): readonly string[] {
    return this.#cluster.library.decodeConsumerProtocolSubscription(metadata).topics;
  }
  /** The leader shares out: partition after partition of each topic to the members that want it, in turn. */
  async #share(members: readonly { readonly memberId: string; readonly topics: readonly string[] }[]) {
    const { library } = this.#cluster;
    const wanted = [...new Set(members.flatMap(({ topics }) => topics))].sort();
    const states = await this.#cluster.topics(wanted, { isFresh: true });
    const shares = new Map(members.map(({ memberId }) => [memberId, new Map<string, number[]>()]));
    let turn = 0;
    for (const topic of wanted) {
      const state = states.get(topic);
      const takers = members.filter(({ topics }) => topics.includes(topic));
      if (!state || !('leaders' in state)) continue;
      for (const partition of state.leaders.keys()) {
        const share = shares.get(takers[turn++ % takers.length]?.memberId ?? '');
        share?.set(topic, [...(share.get(topic) ?? []), partition]);
      }
    }
    return [...shares].map(([memberId, share]) => ({
      memberId,
      assignment: library.encodeConsumerProtocolAssignment({
        version: 0,
        assignedPartitions: [...share].map(([topic, partitions]) => ({ topic, partitions })),
      }),
    }));
  }
  #beat(): void {
    const { sessionTimeoutMs } = this.#settings;
    this.#heartbeat = this.#clock.after(sessionTimeoutMs / heartbeatsPerSession, () => void this.#sendBeat());
  }
  async #sendBeat(): Promise<void> {
    const generation = this.#generation;
    try {
      const api = await this.#cluster.version('heartbeat');
      const connection = await this.#cluster.coordinator('group', this.#settings.groupId);
      await api.async(connection, this.#settings.groupId, generation, this.#memberId, this.#settings.memberName);
    } catch (error) {
      this.#failed('staying in', error);
      // What is wrong shows when it joins again.
      if (generation === this.#generation) this.#gather();
      return;
    }
    if (generation === this.#generation && this.#onGather) this.#beat();
  }
  #gather(): void {
    const told = this.#onGather;
    this.#onGather = undefined;
    told?.();
  }
  #failed(doing: string, error: unknown): OperatingError {
    const names = kafkaErrors(error);
    const { groupId, memberName } = this.#settings;
    if (!names.includes('REBALANCE_IN_PROGRESS')) this.#cluster.forgetCoordinator('group', groupId);
    if (names.some((name) => lost.has(name))) this.#memberId = '';
    if (!names.includes('FENCED_INSTANCE_ID')) return unreachable(`${doing} consumer group ${groupId}`, error);
    this.#memberId = '';
    return new OperatingError(
      'OUTPUT_FENCED',
      `${doing} consumer group ${groupId}: another program is ${memberName} now; two programs run on copies of one data directory, so end one of them`,
    );
  }
  /** Offsets that the group has committed, by topic and partition; none: not in the map. */
  async committed(partitions: readonly GroupPartition[]): Promise<ReadonlyMap<string, number>> {
    const { groupId } = this.#settings;
    const found = new Map<string, number>();
    if (partitions.length === 0) return found;
    try {
      const api = await this.#cluster.version('offsetFetch');
      const connection = await this.#cluster.coordinator('group', groupId);
      const topics = byTopic(partitions).map(([name, list]) => ({
        name,
        partitionIndexes: list.map(({ partition }) => partition),
      }));
      // Stable: not while a transaction is about to change them.
      const { groups } = await api.async(connection, [{ groupId, memberId: null, memberEpoch: -1, topics }], true);
      for (const { name, partitions: list } of groups[0]?.topics ?? [])
        for (const { partitionIndex, committedOffset } of list)
          if (committedOffset >= 0n) found.set(placeOf(name, partitionIndex), Number(committedOffset));
      return found;
    } catch (error) {
      throw this.#failed('reading the offsets of', error);
    }
  }
  /** Notes how far partitions are read. @throws OperatingError where the group has moved on */
  async commit(offsets: ReadonlyMap<GroupPartition, number>): Promise<void> {
    if (offsets.size === 0) return;
    const { groupId, memberName } = this.#settings;
    try {
      const api = await this.#cluster.version('offsetCommit');
      const connection = await this.#cluster.coordinator('group', groupId);
      const topics = byTopic([...offsets.keys()]).map(([name, list]) => ({
        name,
        partitions: list.map((one) => ({
          partitionIndex: one.partition,
          committedOffset: BigInt(offsets.get(one) ?? 0),
          committedLeaderEpoch: -1,
          committedMetadata: null,
        })),
      }));
      await api.async(connection, groupId, this.#generation, this.#memberId, memberName, topics);
    } catch (error) {
      throw this.#failed('committing offsets of', error);
    }
  }
  /** Gives its partitions to the others at once. */
  async leave(): Promise<void> {
    this.#heartbeat?.cancel();
    this.#onGather = undefined;
    if (this.#memberId === '') return;
    const { groupId, memberName } = this.#settings;
    try {
      const api = await this.#cluster.version('leaveGroup');
      const connection = await this.#cluster.coordinator('group', groupId);
      await api.async(connection, groupId, [{ memberId: this.#memberId, groupInstanceId: memberName, reason: null }]);
    } catch {
      // The session ends by itself.
    }
    this.#memberId = '';
  }
}

export const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

function byTopic(partitions: readonly GroupPartition[]): [string, GroupPartition[]][] {
  const topics = new Map<string, GroupPartition[]>();
  for (const one of partitions) topics.set(one.topic, [...(topics.get(one.topic) ?? []), one]);
  return [...topics];
}

/** The id that a broker gives to a new member, in an error (KIP-394). */
function memberIdOf(error: unknown): string | undefined {
  if (!kafkaErrors(error).includes('MEMBER_ID_REQUIRED')) return undefined;
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const { memberId } = (first ?? {}) as { memberId?: unknown };
  return typeof memberId === 'string' ? memberId : undefined;
}
