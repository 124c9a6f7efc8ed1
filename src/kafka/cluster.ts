/** A cluster as its clients see it: brokers, topics with the leaders of their partitions, coordinators, and calls to them. */
import type { Connection, ConnectionPool } from '@platformatic/kafka';
import type { Clock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import type { ClusterSettings } from './connect.ts';
import { connectionOptions } from './connect.ts';
import { kafkaErrors, unreachable } from './failures.ts';
import { loadKafka, pickCall } from './library.ts';
import type { KafkaCallName, KafkaCalls, KafkaLibrary } from './library.ts';

/** How long what is known of a topic counts: new partitions are found within it (librdkafka: 5 min, Java 5 min). */
const topicAgeMs = 60_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A topic that is there. */
export interface TopicState {
  readonly name: string;
  /** Differs from that of a topic of the same name that was deleted before; the name itself where brokers are too old to say. */
  readonly id: string;
  /** Leader of each partition by node id; -1: it has none now. */
  readonly leaders: readonly number[];
  readonly seenMs: number;
}

/** Kafka's name of why a topic cannot be used, such as UNKNOWN_TOPIC_OR_PARTITION. */
export interface TopicProblem {
  readonly problem: string;
}

type ApiRanges = ReadonlyMap<number, { readonly minVersion: number; readonly maxVersion: number }>;
/** The numbers of calls in Kafka's protocol. */
const apiKeys: Readonly<Record<KafkaCallName, number>> = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  createTopics: 19,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  endTxn: 26,
};

export class Cluster {
  readonly library: KafkaLibrary;
  readonly #settings: ClusterSettings;
  readonly #clock: Clock;
  readonly #pool: ConnectionPool;
  #apis: ApiRanges | undefined;
  #brokers = new Map<number, Address>();
  #controller = -1;
  readonly #topics = new Map<string, TopicState>();
  readonly #coordinators = new Map<string, number>();

  private constructor(library: KafkaLibrary, settings: ClusterSettings, clock: Clock, pool: ConnectionPool) {
    this.library = library;
    this.#settings = settings;
    this.#clock = clock;
    this.#pool = pool;
  }
  /** Connects to nothing yet. @throws OperatingError OUTPUT_UNREACHABLE where certificate files cannot be read */
  static async create(settings: ClusterSettings, clock: Clock): Promise<Cluster> {
    const library = await loadKafka();
    const pool = new library.ConnectionPool(settings.clientId, await connectionOptions(settings));
    // An error that nobody listens for would end the process; those who wait for an answer get it in any case.
    pool.on('connecting', ({ connection }: { connection: Connection }) => connection.on('error', () => undefined));
    return new Cluster(library, settings, clock, pool);
  }
  /** `host:port` of the brokers that were configured. */
  get shown(): string {
    return this.#settings.brokers.join(',');
  }

  /** A connection to any broker. @throws OperatingError OUTPUT_UNREACHABLE */
  async any(): Promise<Connection> {
    const known = [...this.#brokers.values()];
    const configured = this.#settings.brokers.map(parseAddress);
    try {
      return await this.#pool.getFirstAvailable([...configured, ...known]);
    } catch (error) {
      // Whoever answers next may speak another version.
      this.#apis = undefined;
      throw unreachable(`connecting to Kafka at ${this.shown}`, error);
    }
  }
  /** A connection to a broker by its node id. @throws OperatingError OUTPUT_UNREACHABLE */
  async node(id: number): Promise<Connection> {
    if (!this.#brokers.has(id)) await this.topics([], { isFresh: true });
    const address = this.#brokers.get(id);
    if (!address) throw new OperatingError('OUTPUT_UNREACHABLE', `connecting to Kafka: broker ${id} is not there`);
    try {
      return await this.#pool.get(address);
    } catch (error) {
      throw unreachable(`connecting to Kafka at ${address.host}:${address.port}`, error);
    }
  }
  /** A connection to the broker that makes topics. @throws OperatingError OUTPUT_UNREACHABLE */
  async controller(): Promise<Connection> {
    if (this.#controller < 0) await this.topics([], { isFresh: true });
    return this.#controller < 0 ? this.any() : this.node(this.#controller);
  }
  /** The version of a call that these brokers know. */
  async version<K extends KafkaCallName>(name: K): Promise<KafkaCalls[K]> {
    const ranges = (this.#apis ??= await this.#askVersions());
    const range = ranges.get(apiKeys[name]);
    const call = range && pickCall(this.library, name, range);
    if (call) return call;
    throw new OperatingError(
      'OUTPUT_UNREACHABLE',
      `Kafka at ${this.shown} does not know ${name} in a version that is spoken here: it must be 0.11 or newer`,
    );
  }
  async #askVersions(): Promise<ApiRanges> {
    const connection = await this.any();
    try {
      const answer = await this.library.apiVersionsV3.api.async(connection, 'post2log', '1').catch((error: unknown) => {
        if (!kafkaErrors(error).includes('UNSUPPORTED_VERSION')) throw error;
        return this.library.apiVersionsV0.api.async(connection, 'post2log', '1');
      });
      return new Map(answer.apiKeys.map((one) => [one.apiKey, one]));
    } catch (error) {
      throw unreachable(`asking Kafka at ${this.shown} what it speaks`, error);
    }
  }

  // ------------------------------------------------------------------------------------------------ topics

  /** What is known of a topic, without asking. */
  known(name: string): TopicState | undefined {
    const state = this.#topics.get(name);
    return state && this.#clock.monotonicMs() - state.seenMs < topicAgeMs ? state : undefined;
  }
  forget(name: string): void {
    this.#topics.delete(name);
  }
  /** All topics there are. @throws OperatingError OUTPUT_UNREACHABLE */
  async names(): Promise<string[]> {
    const answer = await this.#metadata(null, false);
    return answer.topics.flatMap(({ name, isInternal }) => (typeof name !== 'string' || isInternal ? [] : [name]));
  }
  /** Topics by name, asking for those that are not known. @throws OperatingError OUTPUT_UNREACHABLE */
  async topics(
    names: readonly string[],
    options: { readonly isFresh?: boolean; readonly creates?: boolean } = {},
  ): Promise<ReadonlyMap<string, TopicState | TopicProblem>> {
    const found = new Map<string, TopicState | TopicProblem>();
    const asked: string[] = [];
    for (const name of names) {
      const state = options.isFresh === true ? undefined : this.known(name);
      if (state) found.set(name, state);
      else asked.push(name);
    }
    if (asked.length === 0 && options.isFresh !== true) return found;
    const answer = await this.#metadata(asked, options.creates === true);
    const seenMs = this.#clock.monotonicMs();
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (typeof name !== 'string') continue;
      const problem = this.errorName(errorCode);
      if (problem !== undefined) {
        found.set(name, { problem });
        continue;
      }
      const leaders: number[] = [];
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      const state = { name, id: topicId ?? name, leaders, seenMs };
      this.#topics.set(name, state);
      found.set(name, state);
    }
    return found;
  }
  async #metadata(names: readonly string[] | null, creates: boolean) {
    const api = await this.version('metadata');
    const connection = await this.any();
    type Answer = Awaited<ReturnType<typeof api.async>>;
    let answer: Answer;
    try {
      answer = await api.async(connection, names === null ? null : [...names], creates, false);
    } catch (error) {
      // Errors of single topics are thrown with the whole answer in hand.
      const response = responseOf(error) as Answer | undefined;
      if (!response) throw unreachable(`asking Kafka at ${this.shown} for its topics`, error);
      answer = response;
    }
    this.#controller = answer.controllerId;
    this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    return answer;
  }
  /** Kafka's name of an error code; undefined: 0, none. */
  errorName(code: number): string | undefined {
    return code === 0 ? undefined : (this.library.protocolErrorsCodesById[code] ?? `error ${code}`);
  }

  // ------------------------------------------------------------------------------------------------ coordinators

  /** A connection to the broker that keeps a group or a transactional id. @throws OperatingError OUTPUT_UNREACHABLE */
  async coordinator(kind: 'group' | 'transaction', key: string): Promise<Connection> {
    const place = `${kind} ${key}`;
    const known = this.#coordinators.get(place);
    if (known !== undefined) return this.node(known);
    const api = await this.version('findCoordinator');
    const connection = await this.any();
    try {
      const { coordinators } = await api.async(connection, kind === 'group' ? 0 : 1, [key]);
      const [found] = coordinators;
      if (!found) throw new Error('the answer names none');
      this.#brokers.set(found.nodeId, { host: found.host, port: found.port });
      this.#coordinators.set(place, found.nodeId);
      return await this.node(found.nodeId);
    } catch (error) {
      throw unreachable(`looking for the coordinator of ${place} at Kafka ${this.shown}`, error);
    }
  }
  forgetCoordinator(kind: 'group' | 'transaction', key: string): void {
    this.#coordinators.delete(`${kind} ${key}`);
  }
  async close(): Promise<void> {
    await this.#pool.close().catch(() => undefined);
  }
}

/** The whole answer of a call in which a part had an error. */
export function responseOf(error: unknown): unknown {
  return error instanceof Error && 'response' in error ? error.response : undefined;
}

/** `host:port`, `[v6]:port`; without a port 9092. */
export function parseAddress(text: string): Address {
  const [, host = text, port] = /^\[?(.+?)\]?(?::(\d+))?$/.exec(text.trim().replace(/^[A-Z_]+:\/\//i, '')) ?? [];
  return { host, port: port === undefined ? 9092 : Number(port) };
}
