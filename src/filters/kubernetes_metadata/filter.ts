/** The running filter: which container a record is of, and what the cluster knows of that. */
import { compileOnigmo } from '../../codecs/onigmo.ts';
import type { Batch } from '../../core/batch.ts';
import type { OptionValues } from '../../core/options.ts';
import type { Filter, PluginContext } from '../../core/plugin.ts';
import { getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { Captures } from '../../kubernetes/captures.ts';
import type { Captured } from '../../kubernetes/captures.ts';
import type { Answer, AskLimits, Cluster, ClusterSettings, Namespace, Pod } from '../../kubernetes/contract.ts';
import { membersOf, withMembers } from '../../kubernetes/members.ts';
import type { Members } from '../../kubernetes/members.ts';
import { clusterUrl, nodeNameOf, sharedCluster } from '../../kubernetes/shared.ts';
import type { options } from './options.ts';
import { nameEntries, namespaceEntries, podEntries } from './pod-fields.ts';
import type { ContainerNames, FieldOptions } from './pod-fields.ts';
import { countWithoutPod } from '../../kubernetes/without-pod.ts';
import type { CountWithoutPod } from '../../kubernetes/without-pod.ts';

type Values = OptionValues<typeof options>;

/** A container to look for: its names, and what the pod is known by. */
interface Sought {
  readonly names: ContainerNames;
  readonly uid: string | undefined;
  /** What stands for the pod's id where there is no such pod any more. */
  readonly cacheKey: string | undefined;
}

/** What a container's records get. */
interface About {
  readonly pod: Answer<Pod> | undefined;
  readonly namespace: Answer<Namespace> | undefined;
  readonly members: Members | undefined;
  /** For records from before the namespace there is now: they are of an earlier one. */
  readonly earlier: Members | undefined;
  readonly sinceSeconds: number;
}

/** Containers remembered; beyond this the memory is started anew. */
const knownMax = 4096;

export class KubernetesMetadataFilter implements Filter {
  readonly #values: Values;
  readonly #tags: Captures;
  readonly #journal: Captures;
  readonly #cluster: Cluster | undefined;
  readonly #limits: AskLimits;
  readonly #fields: FieldOptions;
  readonly #sought = new Map<NonNullable<Captured>, Sought>();
  readonly #known = new Map<string, About>();
  readonly #without: CountWithoutPod;

  constructor(values: Values, context: PluginContext) {
    this.#values = values;
    this.#tags = new Captures(values.tagToKubernetesNameRegexp);
    this.#journal = new Captures(values.containerNameToKubernetesRegexp);
    const inPod = clusterUrl(process.env);
    const url = values.kubernetesUrl ?? (inPod === undefined ? undefined : `${inPod}/api`);
    if (url !== undefined) this.#cluster = sharedCluster(context, settingsOf(url, values));
    const ttlMs = values.cacheTtl < 0 ? 0 : values.cacheTtl * 1000;
    this.#limits = { waitMs: values.wait, podTtlMs: ttlMs, namespaceTtlMs: ttlMs };
    this.#fields = {
      hasPodLabels: !values.skipLabels && !values.skipPodLabels,
      hasNamespaceLabels: !values.skipLabels && !values.skipNamespaceLabels,
      annotationMatch: values.annotationMatch.map((source) => compileOnigmo(source)),
      hasContainerMetadata: !values.skipContainerMetadata,
      hasOwners: values.includeOwnerrefsMetadata,
      masterUrl: values.skipMasterUrl ? undefined : url,
    };
    this.#without = countWithoutPod(context);
  }

  apply(batch: Batch): Batch {
    const ofTag = this.#values.useJournal ? undefined : this.#soughtIn(this.#tags.of(batch.tag));
    const looks = this.#values.useJournal || this.#values.lookupFromK8sField;
    const changes = Array.from({ length: batch.count }, (_, row) => {
      const sought = (looks ? this.#soughtInRecord(batch, row) : undefined) ?? ofTag;
      if (!sought) return undefined;
      const about = this.#about(sought);
      const isEarlier = batch.seconds(row) < about.sinceSeconds;
      return { fields: undefined, members: isEarlier ? about.earlier : about.members };
    });
    return changes.every((change) => change === undefined) ? batch : withMembers(batch, changes);
  }

  // ------------------------------------------------------------------------------------------------ which container

  #soughtIn(captured: Captured): Sought | undefined {
    if (!captured) return undefined;
    const known = this.#sought.get(captured);
    if (known) return known;
    const containerId = captured.get('docker_id');
    const uid = captured.get('pod_uuid');
    const sought = {
      names: {
        namespace: captured.get('namespace') ?? '',
        pod: captured.get('pod_name') ?? '',
        container: captured.get('container_name') ?? '',
        containerId,
      },
      uid,
      cacheKey: uid ?? containerId,
    };
    if (this.#sought.size >= knownMax) this.#sought.clear();
    this.#sought.set(captured, sought);
    return sought;
  }
  #soughtInRecord(batch: Batch, row: number): Sought | undefined {
    if (this.#values.useJournal) return this.#soughtInJournal(batch.fields(row));
    // Most records come without: a look at their bytes tells.
    const text = batch.rawJson(row);
    if (text && !(text.includes('"kubernetes"') && text.includes('"docker"'))) return undefined;
    const fields = batch.fields(row);
    const kubernetes = getField(fields, 'kubernetes');
    const docker = getField(fields, 'docker');
    if (!isFields(kubernetes) || !isFields(docker)) return undefined;
    const namespace = textOf(kubernetes, 'namespace_name');
    const pod = textOf(kubernetes, 'pod_name');
    const container = textOf(kubernetes, 'container_name');
    const containerId = textOf(docker, 'container_id');
    if (namespace === undefined || pod === undefined || container === undefined || containerId === undefined)
      return undefined;
    return { names: { namespace, pod, container, containerId }, uid: undefined, cacheKey: containerId };
  }
  #soughtInJournal(fields: Fields): Sought | undefined {
    const sought = this.#soughtIn(this.#journal.of(textOf(fields, 'CONTAINER_NAME') ?? ''));
    const containerId = textOf(fields, 'CONTAINER_ID_FULL');
    if (!sought || containerId === undefined) return undefined;
    return { ...sought, names: { ...sought.names, containerId }, cacheKey: containerId };
  }

  // ------------------------------------------------------------------------------------------------ what is known of it

  /** @throws NotReady */
  #about(sought: Sought): About {
    const { names, uid, cacheKey } = sought;
    const cluster = this.#cluster;
    const ask = { namespace: names.namespace, name: names.pod, containerId: names.containerId, uid };
    const pod = cluster?.pod(ask, this.#limits);
    const namespace =
      cluster && !this.#values.skipNamespaceMetadata ? cluster.namespace(names.namespace, this.#limits) : undefined;
    if (pod === 'absent' || pod === 'unavailable') this.#without(pod, 1);
    const key = [names.namespace, names.pod, names.container, cacheKey ?? ''].join('/');
    const known = this.#known.get(key);
    if (known && known.pod === pod && known.namespace === namespace) return known;
    const about = this.#aboutOf(sought, pod, namespace);
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(key, about);
    return about;
  }
  #aboutOf({ names, cacheKey }: Sought, pod: Answer<Pod> | undefined, namespace: Answer<Namespace> | undefined): About {
    const isThere = typeof namespace === 'object';
    const ofNamespace = isThere ? namespaceEntries(namespace, this.#fields) : [];
    const made = { pod, namespace, sinceSeconds: -Infinity, earlier: undefined };
    if (typeof pod === 'object')
      return { ...made, members: membersOf(podEntries(names, pod, ofNamespace, this.#fields)) };
    const basic = (more: typeof ofNamespace) => membersOf(nameEntries(names, more));
    // Who cannot be asked now does not make an orphan.
    if (pod !== 'absent' || namespace === undefined || namespace === 'unavailable')
      return { ...made, members: basic(ofNamespace) };
    if (isThere)
      return {
        ...made,
        members: basic([['pod_id', cacheKey], ...ofNamespace]),
        earlier: basic(ofNamespace),
        sinceSeconds: namespace.createdSeconds ?? -Infinity,
      };
    const { allowOrphans, orphanedNamespaceName, orphanedNamespaceId } = this.#values;
    if (!allowOrphans) return { ...made, members: basic([]) };
    return {
      ...made,
      members: basic([
        ['orphaned_namespace', names.namespace],
        ['namespace_name', orphanedNamespaceName],
        ['namespace_id', orphanedNamespaceId],
      ]),
    };
  }
}

function textOf(fields: Fields, key: string): string | undefined {
  const value: Value | undefined = getField(fields, key);
  return typeof value === 'string' ? value : undefined;
}

function settingsOf(url: string, values: Values): ClusterSettings {
  return {
    url,
    tokenFile: values.bearerTokenFile ?? `${values.secretDir}/token`,
    tokenCommand: undefined,
    tokenTtlMs,
    caFile: values.caFile ?? `${values.secretDir}/ca.crt`,
    caPath: undefined,
    clientCert: values.clientCert,
    clientKey: values.clientKey,
    verifies: values.verifySsl,
    verifiesHost: true,
    allowsPartialChain: values.sslPartialChain,
    serverName: undefined,
    openTimeoutMs: values.openTimeout * 1000,
    readTimeoutMs: values.readTimeout * 1000,
    nodeName: values.watch ? (values.nodeName ?? nodeNameOf(process.env)) : undefined,
    kubelet: undefined,
    preloadDirectory: undefined,
  };
}
/** Kubernetes renews the token of a pod when a fifth of its time is left, which is an hour at the least. */
const tokenTtlMs = 60_000;
