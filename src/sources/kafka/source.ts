/** The Kafka source at work: joins its group or takes its partitions, reads, appends, notes how far. */
import { randomBytes } from 'node:crypto';
import { sleep } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Source, SourceContext } from '../../core/plugin.ts';
import { Cluster } from '../../kafka/cluster.ts';
import type { TopicState } from '../../kafka/cluster.ts';
import { unreachable } from '../../kafka/failures.ts';
import { boundaryOffset, fetchPlaces } from '../../kafka/fetch.ts';
import { GroupMember, groupRequestTimeoutMs, placeOf } from '../../kafka/group.ts';
import type { GroupPartition } from '../../kafka/group.ts';
import { noRecords } from '../tail/appending.ts';
import { PartitionReader } from './partition-reader.ts';
import { positionIn, positionKey, startOf } from './positions.ts';
import type { Position } from './positions.ts';
import { RecordConverter } from './records.ts';
import type { FixedReading, GroupReading, KafkaSourceSettings } from './settings.ts';

/** Waits after a failure: at once at first, no more than half a minute. */
const retryMsMin = 500;
const retryMsMax = 30_000;
/** How often it looks for new partitions, and for new topics that a pattern fits. */
const refreshMs = 60_000;
/** The group learns so often how far it is read: what another member would read again if this machine never came back. */
const commitMs = 1000;
/** Bytes of one answer, of all partitions together. */
const answerBytesMax = 8 * 1024 * 1024;
/** Least time between two log lines about failures. */
const warnGapMs = 30_000;
/** Key of the name by which the group knows this source over restarts. */
const memberKey = '@member';

export class KafkaSource implements Source {
  readonly #settings: KafkaSourceSettings;
  readonly #context: SourceContext;
  readonly #converter: RecordConverter;
  /** What is durable now, by key. */
  readonly #positions = new Map<string, Position>();
  #cluster: Cluster | undefined;
  /** Membership goes over connections of its own: brokers answer one call of a connection after the other, and fetches wait. */
  #control: Cluster | undefined;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(settings: KafkaSourceSettings, context: SourceContext) {
    this.#settings = settings;
    this.#context = context;
    const { format } = settings.records;
    const wanted = format === 'json' ? 'json' : typeof format === 'string' ? undefined : format.parser;
    const parser = wanted === undefined ? undefined : context.parser(wanted);
    this.#converter = new RecordConverter(settings.records, parser, context.clock);
  }
  /** Reads from then on; brokers that are not there are waited for. */
  async start(): Promise<void> {
    const { clock, state } = this.#context;
    for (const key of state.keys()) {
      const position = positionIn(state, key);
      if (position) this.#positions.set(key, position);
    }
    const cluster = (this.#cluster = await Cluster.create(this.#settings.cluster, clock));
    const requestTimeoutMs = Math.max(this.#settings.cluster.requestTimeoutMs, groupRequestTimeoutMs);
    this.#control = await Cluster.create({ ...this.#settings.cluster, requestTimeoutMs }, clock);
    this.#running = this.#run(cluster, this.#control);
  }
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#cluster?.close();
    await this.#control?.close();
  }

  async #run(cluster: Cluster, control: Cluster): Promise<void> {
    const { signal } = this.#stopping;
    const { reads } = this.#settings;
    const member = reads.kind === 'group' ? await this.#member(control, reads) : undefined;
    let waitMs = retryMsMin;
    while (!signal.aborted)
      try {
        if (reads.kind === 'group' && member) await this.#readAsMember(cluster, member, reads);
        else if (reads.kind === 'fixed') await this.#readFixed(cluster, reads);
        waitMs = retryMsMin;
      } catch (error) {
        if (signal.aborted) break;
        this.#warn(error);
        await this.#pause(waitMs);
        waitMs = Math.min(retryMsMax, waitMs * 2);
      }
    await member?.leave();
  }
  /** The name is in the journal before the group hears it. */
  async #member(control: Cluster, { groupId, sessionTimeoutMs }: GroupReading): Promise<GroupMember> {
    const { state, clock } = this.#context;
    const known = state.get(memberKey);
    const memberName = typeof known === 'string' ? known : `post2log-${randomBytes(10).toString('hex')}`;
    while (known !== memberName && !this.#stopping.signal.aborted)
      try {
        await this.#context.append({ tag: '', records: noRecords, state: { [memberKey]: memberName } });
        break;
      } catch (error) {
        this.#warn(error);
        await this.#pause(retryMsMin);
      }
    return new GroupMember(control, clock, { groupId, memberName, sessionTimeoutMs });
  }

  // ------------------------------------------------------------------------------------------------ reading

  /** From one gathering of the group to the next. */
  async #readAsMember(cluster: Cluster, member: GroupMember, reads: GroupReading): Promise<void> {
    const topics = await this.#wanted(cluster, reads.topics);
    const ends = new AbortController();
    const end = (): void => ends.abort();
    this.#stopping.signal.addEventListener('abort', end);
    try {
      const assigned = await member.join([...topics.values()], end);
      const committed = await member.committed(assigned);
      const commits = new CommitQueue(member, this.#context.clock.monotonicMs());
      const readers = await this.#readers(cluster, topics, assigned, committed, commits);
      const watch = this.#watch(cluster, reads.topics, topics, ends);
      try {
        await this.#readAll(cluster, readers, ends, () => commits.flushDue(this.#context.clock.monotonicMs()));
      } finally {
        end();
        await watch;
        // Whoever reads on begins where this one ended; where the group has moved on without it that is in vain.
        await commits.flush().catch((error: unknown) => this.#context.log.debug(errorText(error)));
      }
    } finally {
      this.#stopping.signal.removeEventListener('abort', end);
    }
  }
  async #readFixed(cluster: Cluster, { entries }: FixedReading): Promise<void> {
    const topics = await this.#wanted(cluster, [...new Set(entries.map(({ topic }) => topic))]);
    const ends = new AbortController();
    const end = (): void => ends.abort();
    this.#stopping.signal.addEventListener('abort', end);
    try {
      const readers = await this.#readers(cluster, topics, entries, new Map(), undefined);
      await this.#readAll(cluster, readers, ends, () => Promise.resolve());
    } finally {
      end();
      this.#stopping.signal.removeEventListener('abort', end);
    }
  }
  /** Topics by name and pattern. @throws OperatingError where one that is named is not there */
  async #wanted(cluster: Cluster, names: readonly string[]): Promise<ReadonlyMap<string, TopicState>> {
    const patterns = names.filter(isPattern).map((name) => new RegExp(name.slice(1, -1)));
    const plain = names.filter((name) => !isPattern(name));
    const matching = patterns.length === 0 ? [] : await cluster.names();
    const all = [...plain, ...matching.filter((name) => patterns.some((pattern) => pattern.test(name)))];
    const found = new Map<string, TopicState>();
    for (const [name, state] of await cluster.topics(all, { isFresh: true }))
      if ('leaders' in state) found.set(name, state);
      else
        throw new OperatingError(
          'OUTPUT_UNREACHABLE',
          `reading topic ${name} of Kafka at ${cluster.shown}: ${state.problem}; create the topic, or check topics`,
        );
    return found;
  }
  async #readers(
    cluster: Cluster,
    topics: ReadonlyMap<string, TopicState>,
    partitions: readonly (GroupPartition & { readonly offset?: number })[],
    committed: ReadonlyMap<string, number>,
    commits: CommitQueue | undefined,
  ): Promise<PartitionReader[]> {
    return Promise.all(
      partitions.map(async (one) => {
        const topic = topics.get(one.topic) ?? (await this.#wanted(cluster, [one.topic])).get(one.topic);
        if (!topic) throw new OperatingError('OUTPUT_UNREACHABLE', `topic ${one.topic} of the group is not there`);
        const key = positionKey(topic, one.partition);
        const own = this.#positions.get(key);
        const group = committed.get(placeOf(one.topic, one.partition));
        const start = startOf(own, group) ?? { next: await this.#firstOffset(cluster, topic, one), skip: 0 };
        return new PartitionReader({
          cluster,
          context: this.#context,
          converter: this.#converter,
          begins: this.#settings.begins,
          topic,
          partition: one.partition,
          start,
          committed: () => commits?.committed(one) ?? group ?? own?.committed ?? -1,
          onPosition: (position) => {
            this.#positions.set(key, position);
            commits?.note(one, position.next);
          },
          isStopping: () => this.#stopping.signal.aborted,
        });
      }),
    );
  }
  async #firstOffset(
    cluster: Cluster,
    topic: TopicState,
    { partition, offset = -1 }: GroupPartition & { readonly offset?: number },
  ): Promise<number> {
    if (offset >= 0) return offset;
    const which = offset === -2 || this.#settings.begins === 'earliest' ? 'earliest' : 'latest';
    return boundaryOffset(cluster, topic, partition, which);
  }
  /** Reads all until `ends` is aborted, or one fails: from each broker by itself. */
  async #readAll(
    cluster: Cluster,
    readers: readonly PartitionReader[],
    ends: AbortController,
    onRound: () => Promise<void>,
  ): Promise<void> {
    const problems: unknown[] = [];
    const byLeader = new Map<number, PartitionReader[]>();
    for (const reader of readers) {
      const leader = await reader.leader();
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), reader]);
    }
    const loops = [...byLeader].map(async ([leader, list]) => {
      try {
        for (let round = 0; !ends.signal.aborted; round++) {
          await this.#readRound(cluster, leader, list, round, ends.signal);
          await onRound();
        }
      } catch (error) {
        problems.push(error);
        ends.abort();
      }
    });
    if (loops.length === 0 && !ends.signal.aborted)
      await new Promise<void>((resolve) => ends.signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.all(loops);
    if (problems.length > 0 && !this.#stopping.signal.aborted) throw problems[0];
  }
  /** One fetch, which waits for records where there are none. */
  async #readRound(
    cluster: Cluster,
    leader: number,
    readers: readonly PartitionReader[],
    round: number,
    signal: AbortSignal,
  ): Promise<void> {
    // The answer is filled in this order: each has its turn to be first.
    const from = round % readers.length;
    const places = new Map([...readers.slice(from), ...readers.slice(0, from)].map((one) => [one.place, one]));
    let fetched;
    try {
      const limits = { ...this.#settings.fetch, bytesMax: answerBytesMax };
      fetched = await fetchPlaces(cluster, await cluster.node(leader), [...places.keys()], limits);
    } catch (error) {
      for (const { topic } of places.keys()) cluster.forget(topic.name);
      throw unreachable(`reading from Kafka at ${cluster.shown}`, error);
    }
    if (!signal.aborted) await Promise.all(fetched.map(async (one) => places.get(one.place)?.take(one)));
  }
  /** Has the group gather again when there are partitions or topics that it does not know. */
  async #watch(
    cluster: Cluster,
    names: readonly string[],
    before: ReadonlyMap<string, TopicState>,
    ends: AbortController,
  ): Promise<void> {
    const shape = (topics: ReadonlyMap<string, TopicState>): string =>
      [...topics.values()]
        .map(({ id, leaders }) => `${id}:${leaders.length}`)
        .sort()
        .join();
    while (!ends.signal.aborted) {
      await this.#pause(refreshMs, ends.signal);
      if (ends.signal.aborted) return;
      const now = await this.#wanted(cluster, names).catch(() => before);
      if (shape(now) !== shape(before)) ends.abort();
    }
  }

  /** Less where the source stops, or `also` aborts. */
  #pause(waitMs: number, also: AbortSignal = this.#stopping.signal): Promise<void> {
    return Promise.race([
      sleep(this.#context.clock, waitMs),
      new Promise<void>((resolve) => {
        if (also.aborted) resolve();
        else also.addEventListener('abort', () => resolve(), { once: true });
      }),
    ]);
  }
  #warn(error: unknown): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs - this.#warnedMs < warnGapMs) return;
    this.#warnedMs = nowMs;
    this.#context.log.warn(
      `kafka source ${this.#context.id}: ${errorText(error)}; nothing is lost, it goes on as soon as it can`,
    );
  }
}

/** Offsets that the group should hear of. */
class CommitQueue {
  readonly #member: GroupMember;
  #waiting = new Map<GroupPartition, number>();
  readonly #committed = new Map<GroupPartition, number>();
  #lastMs: number;

  constructor(member: GroupMember, nowMs: number) {
    this.#member = member;
    this.#lastMs = nowMs;
  }
  note(partition: GroupPartition, next: number): void {
    this.#waiting.set(partition, next);
  }
  async flushDue(nowMs: number): Promise<void> {
    if (nowMs - this.#lastMs < commitMs) return;
    this.#lastMs = nowMs;
    await this.flush();
  }
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    await this.#member.commit(waiting);
    for (const [partition, next] of waiting) this.#committed.set(partition, next);
  }
  committed(partition: GroupPartition): number | undefined {
    return this.#committed.get(partition);
  }
}

const isPattern = (name: string): boolean => name.length > 2 && name.startsWith('/') && name.endsWith('/');
