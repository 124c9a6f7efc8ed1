/** The running filter: what a tag says, what the cluster knows of that, and what becomes of records. */
import type { Batch } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import type { OptionValues } from '../../core/options.ts';
import type { Filter, Parser, PluginConfig, PluginContext } from '../../core/plugin.ts';
import { getField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { Captures } from '../../kubernetes/captures.ts';
import type { Captured } from '../../kubernetes/captures.ts';
import type { Answer, AskLimits, Cluster, ClusterSettings, Namespace, Pod } from '../../kubernetes/contract.ts';
import { membersOf, withMembers, withSameMembers } from '../../kubernetes/members.ts';
import type { Members } from '../../kubernetes/members.ts';
import { clusterUrl, nodeNameOf, sharedCluster } from '../../kubernetes/shared.ts';
import { wishesOf } from './annotations.ts';
import type { Wishes } from './annotations.ts';
import { DirectMerge } from './direct-merge.ts';
import { mergeRows } from './merge.ts';
import { journalPattern, tagPattern } from './options.ts';
import type { options } from './options.ts';
import { namespaceFields, podFields, tagFields } from './pod-fields.ts';
import { countWithoutPod } from '../../kubernetes/without-pod.ts';
import type { CountWithoutPod } from '../../kubernetes/without-pod.ts';

type Values = OptionValues<typeof options>;

/** What is known of the records of one container. */
interface About {
  readonly members: Members | undefined;
  /** Undefined: its pod says nothing. */
  readonly wishes: Wishes | undefined;
}
/** And what it was made of. */
interface KnownAbout {
  readonly pod: Answer<Pod> | undefined;
  readonly namespace: Answer<Namespace> | undefined;
  readonly about: About;
}

/** Containers remembered; beyond this the memory is started anew. */
const knownMax = 4096;
const nothing: About = { members: undefined, wishes: undefined };

export class KubernetesFilter implements Filter {
  readonly #values: Values;
  readonly #context: PluginContext;
  readonly #captures: Captures;
  readonly #cluster: Cluster | undefined;
  readonly #limits: AskLimits;
  readonly #mergeParser: Parser | undefined;
  /** Undefined where nothing is merged, or not by the bytes of records. */
  readonly #directMerge: DirectMerge | undefined;
  readonly #parsers = new Map<string, Parser>();
  readonly #known = new Map<NonNullable<Captured>, KnownAbout>();
  readonly #warned = new Set<string>();
  readonly #without: CountWithoutPod;

  constructor(config: PluginConfig<typeof options>, context: PluginContext) {
    const { options: values } = config;
    this.#values = values;
    this.#context = context;
    this.#captures = new Captures(values.regex ?? (values.useJournal ? journalPattern : tagPattern));
    if (!values.dummyMeta && !values.useTagForMeta) this.#cluster = sharedCluster(context, settingsOf(values));
    this.#limits = {
      waitMs: values.kubeWait,
      podTtlMs: values.kubeMetaCacheTtl,
      namespaceTtlMs: values.kubeMetaNamespaceCacheTtl,
    };
    this.#mergeParser = config.parser && context.parser(config.parser);
    this.#directMerge = values.mergeLog && !this.#mergeParser ? DirectMerge.for(values) : undefined;
    for (const [name, model] of Object.entries(config.namedParsers ?? {}))
      this.#parsers.set(name, context.parser(model));
    this.#without = countWithoutPod(context);
  }

  apply(batch: Batch): Batch {
    const abouts = this.#aboutRows(batch);
    if (!abouts) return batch;
    const { mergeLog, useJournal } = this.#values;
    const [all] = useJournal || (mergeLog && !this.#directMerge) ? [] : [abouts(0)];
    if (all && !all.wishes) {
      const merged = this.#directMerge?.apply(batch, (rest) => this.#changed(rest, () => nothing, [])) ?? batch;
      return withSameMembers(merged, all.members);
    }
    const kept: number[] = [];
    const parsers: (Parser | undefined)[] = [];
    for (let row = 0; row < batch.count; row++) {
      const wishes = abouts(row)?.wishes;
      const stream = wishes && streamOf(batch.fields(row));
      if (wishes && isExcluded(wishes, stream)) continue;
      parsers[kept.length] = wishes ? this.#parserOf(wishes, stream) : undefined;
      kept.push(row);
    }
    const rest = kept.length === batch.count ? batch : batch.select(kept);
    if (rest.count === 0) return rest;
    return this.#changed(rest, (row) => abouts(kept[row] as number), parsers);
  }
  #changed(batch: Batch, about: (row: number) => About | undefined, parsers: readonly (Parser | undefined)[]): Batch {
    const rows: number[] = [];
    for (let row = 0; row < batch.count; row++) if (about(row)) rows.push(row);
    const merged = this.#values.mergeLog
      ? mergeRows(batch, rows, (row) => parsers[row] ?? this.#mergeParser, this.#values)
      : [];
    const times: (Instant | undefined)[] = [];
    const changes = Array.from({ length: batch.count }, (_, row) => {
      const own = about(row);
      if (!own) return undefined;
      times[row] = merged[row]?.time;
      return { fields: merged[row]?.fields, members: own.members };
    });
    return withMembers(batch, changes).withTimes(times);
  }
  #parserOf({ parser }: Wishes, stream: string | undefined): Parser | undefined {
    // Records without a stream keep to the filter's own parser, even where both streams have the same.
    const name = stream === 'stdout' || stream === 'stderr' ? parser[stream] : undefined;
    return name === undefined ? undefined : this.#parsers.get(name);
  }

  // ------------------------------------------------------------------------------------------------ which pod

  /** What is known of each row; undefined where the filter does not touch it. @throws NotReady */
  #aboutRows(batch: Batch): ((row: number) => About | undefined) | undefined {
    const { useJournal, dummyMeta } = this.#values;
    if (dummyMeta) {
      const about = { ...nothing, members: membersOf([['kubernetes', dummyFields(batch.block.parts.appendMs)]]) };
      return () => about;
    }
    if (!useJournal) {
      const captured = this.#ofTag(batch.tag);
      const about = captured && this.#about(captured, batch.count);
      return about && (() => about);
    }
    const abouts: (About | undefined)[] = [];
    for (let row = 0; row < batch.count; row++) {
      const name = getField(batch.fields(row), 'CONTAINER_NAME');
      const captured = typeof name === 'string' ? this.#captures.of(name) : undefined;
      abouts[row] = captured && this.#about(captured, 1);
    }
    return (row) => abouts[row];
  }
  #ofTag(tag: string): Captured {
    const { kubeTagPrefix } = this.#values;
    // Its length is what counts there, not what it says.
    const captured =
      kubeTagPrefix.length + 1 < tag.length ? this.#captures.of(tag.slice(kubeTagPrefix.length)) : undefined;
    if (!captured)
      this.#warnOnce(
        `tag ${tag} does not say which pod it is of: behind Kube_Tag_Prefix (${kubeTagPrefix}) the expression does not match; its records go on as they are`,
      );
    return captured;
  }
  /** @throws NotReady */
  #about(captured: NonNullable<Captured>, count: number): About {
    const { namespaceMetadataOnly, namespaceLabels, namespaceAnnotations } = this.#values;
    const cluster = this.#cluster;
    const namespaceName = captured.get('namespace_name');
    const pod = cluster && !namespaceMetadataOnly ? this.#pod(cluster, captured) : undefined;
    const wantsNamespace = (namespaceLabels || namespaceAnnotations) && namespaceName !== undefined;
    const namespace = cluster && wantsNamespace ? cluster.namespace(namespaceName, this.#limits) : undefined;
    if (pod === 'absent' || pod === 'unavailable') this.#without(pod, count);
    const known = this.#known.get(captured);
    if (known && known.pod === pod && known.namespace === namespace) return known.about;
    const about = this.#aboutOf(captured, pod, namespace);
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(captured, { pod, namespace, about });
    return about;
  }
  #pod(cluster: Cluster, captured: NonNullable<Captured>): Answer<Pod> {
    const namespace = captured.get('namespace_name');
    const name = captured.get('pod_name');
    if (namespace === undefined || name === undefined) return 'absent';
    return cluster.pod({ namespace, name, containerId: captured.get('docker_id') }, this.#limits);
  }
  #aboutOf(
    captured: NonNullable<Captured>,
    pod: Answer<Pod> | undefined,
    namespace: Answer<Namespace> | undefined,
  ): About {
    const { useTagForMeta, namespaceLabels, namespaceAnnotations, k8sLoggingParser, k8sLoggingExclude } = this.#values;
    const entries: [string, Value][] = [];
    if (useTagForMeta) entries.push(['kubernetes', tagFields(captured)]);
    if (isFound(pod)) entries.push(['kubernetes', podFields(captured, pod, this.#values)]);
    if (isFound(namespace))
      entries.push([
        'kubernetes_namespace',
        namespaceFields(namespace, { labels: namespaceLabels, annotations: namespaceAnnotations }),
      ]);
    const wishes = isFound(pod)
      ? wishesOf(pod.annotations, captured.get('container_name'), {
          takesParser: k8sLoggingParser,
          takesExclude: k8sLoggingExclude,
          hasParser: (name) => this.#parsers.has(name),
          warn: (text) => this.#warnOnce(`pod ${pod.namespace}/${pod.name}: ${text}`),
        })
      : undefined;
    const wants = wishes && (Object.keys(wishes.parser).length > 0 || Object.values(wishes.exclude).includes(true));
    return { members: membersOf(entries), wishes: wants ? wishes : undefined };
  }
  #warnOnce(text: string): void {
    if (this.#warned.has(text)) return;
    // As many different ones as there may be tags: then it starts anew.
    if (this.#warned.size >= knownMax) this.#warned.clear();
    this.#warned.add(text);
    this.#context.log.warn(text);
  }
}

function isFound<T extends object>(answer: Answer<T> | undefined): answer is T {
  return typeof answer === 'object';
}

function streamOf(fields: Fields): string | undefined {
  const stream = getField(fields, 'stream');
  return typeof stream === 'string' ? stream : undefined;
}

/** A record of neither stream is left out where both are. */
function isExcluded({ exclude }: Wishes, stream: string | undefined): boolean {
  if (stream === 'stdout' || stream === 'stderr') return exclude[stream] === true;
  return exclude.stdout === true && exclude.stderr === true;
}

/** C's asctime. The time of receipt, so that a record that is filtered again is the same. */
function dummyFields(ms: number): Fields {
  const date = new Date(ms);
  const [weekday, month] = date.toString().split(' ');
  const day = String(date.getDate()).padStart(2);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return { dummy: `${weekday} ${month} ${day} ${clock} ${date.getFullYear()}` };
}

function settingsOf(values: Values): ClusterSettings {
  return {
    url: values.kubeUrl ?? clusterUrl(process.env) ?? 'https://kubernetes.default.svc',
    tokenFile: values.kubeTokenFile,
    tokenCommand: values.kubeTokenCommand,
    tokenTtlMs: values.kubeTokenTtl,
    caFile: values.kubeCaFile,
    caPath: values.kubeCaPath,
    clientCert: undefined,
    clientKey: undefined,
    verifies: values.tlsVerify,
    verifiesHost: values.tlsVerifyHostname,
    allowsPartialChain: false,
    serverName: values.tlsVhost,
    openTimeoutMs: timeoutMs,
    readTimeoutMs: timeoutMs,
    nodeName: values.kubeWatch ? (values.kubeNodeName ?? nodeNameOf(process.env)) : undefined,
    kubelet: values.useKubelet ? { host: values.kubeletHost, port: values.kubeletPort } : undefined,
    preloadDirectory: values.kubeMetaPreloadCacheDir,
  };
}
/** Fluent Bit's net.connect_timeout; and for an answer, where it waits for ever. */
const timeoutMs = 10_000;
