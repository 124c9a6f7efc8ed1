/** The Kafka client library, loaded when a configuration needs it: 25 MB and 60 ms that others do not pay. */
import type * as Library from '@platformatic/kafka';

export type KafkaLibrary = typeof Library;

let loading: Promise<KafkaLibrary> | undefined;

export function loadKafka(): Promise<KafkaLibrary> {
  loading ??= import('@platformatic/kafka');
  return loading;
}

/** The calls that are used, with the types of the newest version of each: the library takes the same arguments in all. */
export interface KafkaCalls {
  readonly addPartitionsToTxn: (typeof Library)['addPartitionsToTxnV5']['api'];
  readonly createTopics: (typeof Library)['createTopicsV7']['api'];
  readonly endTxn: (typeof Library)['endTxnV4']['api'];
  readonly fetch: (typeof Library)['fetchV17']['api'];
  readonly findCoordinator: (typeof Library)['findCoordinatorV6']['api'];
  readonly heartbeat: (typeof Library)['heartbeatV4']['api'];
  readonly initProducerId: (typeof Library)['initProducerIdV5']['api'];
  readonly joinGroup: (typeof Library)['joinGroupV9']['api'];
  readonly leaveGroup: (typeof Library)['leaveGroupV5']['api'];
  readonly listOffsets: (typeof Library)['listOffsetsV9']['api'];
  readonly metadata: (typeof Library)['metadataV12']['api'];
  readonly offsetCommit: (typeof Library)['offsetCommitV9']['api'];
  readonly offsetFetch: (typeof Library)['offsetFetchV9']['api'];
  readonly produce: (typeof Library)['produceV11']['api'];
  readonly syncGroup: (typeof Library)['syncGroupV5']['api'];
}
export type KafkaCallName = keyof KafkaCalls;

/** Versions that are not the newest both ends know, each for its reason. */
const newestUsed: Partial<Record<KafkaCallName, number>> = {
  // From 4 on it is the broker's own, and needs a right that clients do not have.
  addPartitionsToTxn: 3,
  // 10 names topics by id, which the group's coordinator does not need.
  offsetCommit: 9,
  offsetFetch: 9,
};

/** The newest version of a call that both the library and the broker know; undefined: none. */
export function pickCall<K extends KafkaCallName>(
  library: KafkaLibrary,
  name: K,
  versions: { readonly minVersion: number; readonly maxVersion: number },
): KafkaCalls[K] | undefined {
  const modules = library as unknown as Readonly<Record<string, { readonly api: KafkaCalls[K] } | undefined>>;
  const newest = Math.min(versions.maxVersion, newestUsed[name] ?? versions.maxVersion);
  for (let version = newest; version >= versions.minVersion; version--) {
    const found = modules[`${name}V${version}`];
    if (found) return found.api;
  }
  return undefined;
}

type FetchRequest = (typeof Library)['fetchV17']['createRequest'];
/** What writes the request of a version of Fetch that pickCall found. */
export function createFetchRequest(library: KafkaLibrary, version: number): FetchRequest {
  const modules = library as unknown as Readonly<Record<string, { readonly createRequest: FetchRequest } | undefined>>;
  const found = modules[`fetchV${version}`];
  if (!found) throw new TypeError(`there is no version ${version} of fetch`);
  return found.createRequest;
}
