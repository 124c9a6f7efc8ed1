/** The maps `kubernetes` and `kubernetes_namespace`. Source: Fluent Bit 5.1 filter_kubernetes/kube_meta.c (merge_pod_meta, merge_namespace_meta). */
import type { Namespace, Pod } from '../../kubernetes/contract.ts';
import type { Captured } from '../../kubernetes/captures.ts';
import { fieldsFromEntries } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';

export interface PodFieldOptions {
  readonly labels: boolean;
  readonly annotations: boolean;
  readonly ownerReferences: boolean;
}

type Entry = readonly [string, Value | undefined];

export function podFields(captured: NonNullable<Captured>, pod: Pod, options: PodFieldOptions): Fields {
  const containerName = captured.get('container_name');
  const container = pod.containers.find(({ name }) => name === containerName);
  return fieldsOf([
    ['pod_name', captured.get('pod_name')],
    ['namespace_name', captured.get('namespace_name')],
    ['pod_id', pod.uid === '' ? undefined : pod.uid],
    ['labels', options.labels ? pod.labels : undefined],
    ['annotations', options.annotations ? pod.annotations : undefined],
    ['ownerReferences', options.ownerReferences ? pod.ownerReferences?.slice() : undefined],
    ['host', pod.nodeName],
    ['pod_ip', pod.podIp],
    ['container_name', containerName],
    ['docker_id', captured.get('docker_id') ?? hashOf(container?.containerId)],
    ['container_hash', captured.get('container_hash') ?? hashOf(container?.imageId)],
    ['container_image', container?.image],
  ]);
}

/** What the tag alone says (Use_Tag_For_Meta). */
export function tagFields(captured: NonNullable<Captured>): Fields {
  const names = ['pod_name', 'namespace_name', 'container_name', 'docker_id'];
  return fieldsOf(names.map((name) => [name, captured.get(name)]));
}

export function namespaceFields(
  namespace: Namespace,
  options: { readonly labels: boolean; readonly annotations: boolean },
): Fields {
  return fieldsOf([
    ['name', namespace.name],
    ['labels', options.labels ? namespace.labels : undefined],
    ['annotations', options.annotations ? namespace.annotations : undefined],
  ]);
}

function fieldsOf(entries: readonly Entry[]): Fields {
  return fieldsFromEntries(entries.filter((entry): entry is readonly [string, Value] => entry[1] !== undefined));
}

/** What stands behind `docker://` or `docker-pullable://`; the whole where there is no such beginning. */
function hashOf(id: string | undefined): string | undefined {
  if (id === undefined || !id.includes(':')) return undefined;
  return id.replace(/^[^:]*:\/+/, '') || undefined;
}
