/** The maps `docker` and `kubernetes`. Source: fluent-plugin-kubernetes_metadata_filter 3.7, filter_kubernetes_metadata.rb, kubernetes_metadata_common.rb. */
import { fieldEntries, fieldsFromEntries } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { Namespace, Pod } from '../../kubernetes/contract.ts';
import { withoutScheme } from '../../kubernetes/read.ts';

export interface FieldOptions {
  readonly hasPodLabels: boolean;
  readonly hasNamespaceLabels: boolean;
  readonly annotationMatch: readonly RegExp[];
  readonly hasContainerMetadata: boolean;
  readonly hasOwners: boolean;
  /** Undefined: records do not carry it. */
  readonly masterUrl: string | undefined;
}

/** Of which container a record is. */
export interface ContainerNames {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly containerId: string | undefined;
}

type Entry = readonly [string, Value | undefined];

/** What names alone say, with `more` of the namespace or the lack of it. */
export function nameEntries(names: ContainerNames, more: readonly Entry[]): [string, Value][] {
  return recordEntries(names.containerId, [...ownNames(names), ...more]);
}

export function podEntries(
  names: ContainerNames,
  pod: Pod,
  namespace: readonly Entry[],
  options: FieldOptions,
): [string, Value][] {
  const container = pod.containers.find(({ name, isInit }) => name === names.container && !isInit);
  const isShown = container !== undefined && options.hasContainerMetadata;
  const known = isShown ? withoutScheme(container.containerId ?? '') : '';
  const labels = options.hasPodLabels ? pod.labels : undefined;
  return recordEntries(names.containerId ?? (known === '' ? undefined : known), [
    ...ownNames(names),
    ['container_image', isShown ? container.image : undefined],
    ['container_image_id', isShown ? container.imageId : undefined],
    ['namespace_name', pod.namespace],
    ['pod_id', pod.uid === '' ? undefined : pod.uid],
    ['pod_name', pod.name],
    ['pod_ip', pod.podIp],
    ['host', pod.nodeName],
    ['ownerrefs', options.hasOwners ? ownersOf(pod) : undefined],
    ['labels', filled(labels)],
    ['annotations', filled(matching(pod.annotations, options.annotationMatch))],
    ['master_url', options.masterUrl],
    ...namespace,
  ]);
}

export function namespaceEntries(namespace: Namespace, options: FieldOptions): Entry[] {
  return [
    ['namespace_id', namespace.uid === '' ? undefined : namespace.uid],
    ['namespace_labels', options.hasNamespaceLabels ? filled(namespace.labels) : undefined],
    ['namespace_annotations', filled(matching(namespace.annotations, options.annotationMatch))],
  ];
}

function ownNames({ container, namespace, pod }: ContainerNames): Entry[] {
  return [
    ['container_name', container],
    ['namespace_name', namespace],
    ['pod_name', pod],
  ];
}

function recordEntries(containerId: string | undefined, kubernetes: readonly Entry[]): [string, Value][] {
  const docker: [string, Value][] = containerId === undefined ? [] : [['docker', { container_id: containerId }]];
  const given = kubernetes.filter((entry): entry is readonly [string, Value] => entry[1] !== undefined);
  // A name that stands twice keeps its first place and its last value, as in a Ruby hash.
  return [...docker, ['kubernetes', fieldsFromEntries(new Map(given))]];
}

function ownersOf(pod: Pod): Value[] {
  return (pod.ownerReferences ?? []).map((owner) => {
    const fields = fieldEntries((owner ?? {}) as Fields);
    return fieldsFromEntries(fields.filter(([key]) => key === 'kind' || key === 'name'));
  });
}

function matching(annotations: Fields | undefined, expressions: readonly RegExp[]): Fields | undefined {
  if (!annotations || expressions.length === 0) return undefined;
  const entries = fieldEntries(annotations);
  return fieldsFromEntries(
    new Map(expressions.flatMap((expression) => entries.filter(([key]) => expression.test(key)))),
  );
}

function filled(fields: Fields | undefined): Fields | undefined {
  return fields && fieldEntries(fields).length > 0 ? fields : undefined;
}
