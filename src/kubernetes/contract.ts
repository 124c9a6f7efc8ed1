/**
 * What filters know of a cluster: its pods and namespaces, as far as log records are concerned. One *cluster* is shared by
 * all filters that reach the same API in the same way; it watches the node's pods once, and asks for others one by one.
 */
import type { Fields, Value } from '../core/record.ts';

/** What the API says of one container of a pod. Ids and image ids with their scheme, as there: `docker://3f1c…`. */
export interface ContainerStatus {
  readonly name: string;
  readonly image: string | undefined;
  readonly imageId: string | undefined;
  readonly containerId: string | undefined;
  readonly isInit: boolean;
}

/** One incarnation of a pod: a StatefulSet's next pod of the same name is another one. Never changed; news make another object. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** Empty where the API gave none. */
  readonly uid: string;
  readonly nodeName: string | undefined;
  readonly podIp: string | undefined;
  readonly labels: Fields | undefined;
  readonly annotations: Fields | undefined;
  readonly ownerReferences: readonly Value[] | undefined;
  readonly containers: readonly ContainerStatus[];
  /** Ids, without their scheme, of all containers that it has or had a moment ago. */
  readonly containerIds: readonly string[];
}

export interface Namespace {
  readonly name: string;
  readonly uid: string;
  /** Seconds since 1970. */
  readonly createdSeconds: number | undefined;
  readonly labels: Fields | undefined;
  readonly annotations: Fields | undefined;
}

/** Which pod a record is of. The ids decide between incarnations, where they are known. */
export interface PodAsk {
  readonly namespace: string;
  readonly name: string;
  readonly containerId?: string | undefined;
  readonly uid?: string | undefined;
}

/** `absent`: the cluster has none. `unavailable`: it cannot be asked just now, and the wait for it is over. */
export type Answer<T> = T | 'absent' | 'unavailable';

/** How a filter asks. */
export interface AskLimits {
  /** How long its records wait for a cluster that does not answer, counted from when it stopped answering; ms. */
  readonly waitMs: number;
  /** After this time without news a pod is asked for again; ms, 0: never. What is watched needs none. */
  readonly podTtlMs: number;
  readonly namespaceTtlMs: number;
}

export interface Cluster {
  /** The address, for records that carry it. */
  readonly url: string;
  /** Cheap where it is known. The same object comes back as long as nothing changed. @throws NotReady while it is being asked for */
  pod(ask: PodAsk, limits: AskLimits): Answer<Pod>;
  /** @throws NotReady */
  namespace(name: string, limits: AskLimits): Answer<Namespace>;
}

/** How a cluster is reached. What is equal in this shares one cluster. */
export interface ClusterSettings {
  /** `http://host:port` or `https://…`. */
  readonly url: string;
  readonly tokenFile: string | undefined;
  /** A shell command that prints the token, in place of the file. */
  readonly tokenCommand: string | undefined;
  readonly tokenTtlMs: number;
  /** PEM file, or a directory of such files, with the certificates that the API's must come from. */
  readonly caFile: string | undefined;
  readonly caPath: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
  readonly verifies: boolean;
  readonly verifiesHost: boolean;
  /** Trusts an intermediate certificate of the file without the root above it. */
  readonly allowsPartialChain: boolean;
  readonly serverName: string | undefined;
  readonly openTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** The node whose pods are watched; undefined: nothing is watched, each pod is asked for. */
  readonly nodeName: string | undefined;
  /** Pods come from this kubelet instead. */
  readonly kubelet: { readonly host: string; readonly port: number } | undefined;
  /** Directory with files `NAMESPACE_POD.meta` and `NAMESPACE.namespace_meta` that go before the API. */
  readonly preloadDirectory: string | undefined;
}
