/** The monitored resource of a record, as Fluent Bit finds it. Source: Fluent Bit 5.1 out_stackdriver: stackdriver.c, stackdriver_resource_types.c. */
import { compileAccessor } from '../../core/accessor.ts';
import { fieldEntries, getField, isFields } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';
import { EntryRefused } from '../google_cloud/entry-refused.ts';
import type { Labels, MonitoredResource } from '../google_cloud/resource.ts';

export interface ResourceOptions {
  readonly resource: string;
  readonly k8sClusterName: string | undefined;
  readonly k8sClusterLocation: string | undefined;
  readonly location: string | undefined;
  readonly namespace: string | undefined;
  readonly nodeId: string | undefined;
  readonly job: string | undefined;
  readonly taskId: string | undefined;
  readonly tagPrefix: string | undefined;
  readonly resourceLabels: readonly string[] | undefined;
}

/** What the machine says of itself. */
export interface Machine {
  readonly projectId: string;
  readonly zone: string | undefined;
  readonly instanceId: string | undefined;
}

/** Finds names in a tag or local resource id. */
export interface NameExpression {
  readonly expression: RegExp;
  readonly names: readonly string[];
}

const monitoredResourceKey = 'logging.googleapis.com/monitored_resource';
const localResourceKey = 'logging.googleapis.com/local_resource_id';

/** What a tag or local resource id holds behind its prefix, in order, by type of resource. */
const namesOf: Readonly<Record<string, readonly string[]>> = {
  k8s_container: ['namespace_name', 'pod_name', 'container_name'],
  k8s_pod: ['namespace_name', 'pod_name'],
  k8s_node: ['node_name'],
};

/** Whether records of a type of resource come from Kubernetes. */
export function isKubernetes(type: string): boolean {
  return type === 'k8s_cluster' || Object.hasOwn(namesOf, type);
}

/** Labels that a type of resource must have. */
function requiredLabels(type: string): readonly string[] {
  if (isKubernetes(type)) return ['cluster_name', 'location'];
  if (type === 'generic_node') return ['location', 'namespace', 'node_id'];
  return type === 'generic_task' ? ['location', 'namespace', 'job', 'task_id'] : [];
}

/** `label=value` pairs as a map. @throws Error naming a pair that is none */
export function pairsOf(option: string, pairs: readonly string[] | undefined): Map<string, string> {
  return new Map(
    (pairs ?? []).map((pair) => {
      const [, name = '', value = ''] = /^\s*([^=]*?)\s*=\s*(.*?)\s*$/s.exec(pair) ?? [];
      if (name === '' || value === '') throw new Error(`${option}: ${JSON.stringify(pair)} is no name=value`);
      return [name, value];
    }),
  );
}

/** What is wrong with the options; undefined: nothing. */
export function resourceProblem(options: ResourceOptions): string | undefined {
  const labels = pairsOf('resource_labels', options.resourceLabels);
  for (const value of labels.values()) accessorOf(value);
  const missing = requiredLabels(options.resource).filter((name) => !labels.has(name));
  if (labels.size > 0 && missing.length === 0) return undefined;
  const values: Labels = definedOnly({
    cluster_name: options.k8sClusterName,
    location: isKubernetes(options.resource) ? options.k8sClusterLocation : options.location,
    namespace: options.namespace,
    node_id: options.nodeId,
    job: options.job,
    task_id: options.taskId,
  });
  const absent = requiredLabels(options.resource).filter((name) => values[name] === undefined);
  if (absent.length === 0) return undefined;
  const names: Record<string, string> = { cluster_name: 'k8s_cluster_name' };
  if (isKubernetes(options.resource)) names['location'] = 'k8s_cluster_location';
  return `resource ${options.resource} needs ${absent.map((name) => names[name] ?? name).join(' and ')}`;
}

/** Finds the resource of records. */
export class ResourceFinder {
  readonly #options: ResourceOptions;
  readonly #machine: Machine;
  readonly #expression: NameExpression;
  readonly #labels: readonly (readonly [string, (fields: Fields) => string | undefined])[];
  readonly #prefix: string;

  constructor(options: ResourceOptions, machine: Machine, expression: NameExpression) {
    this.#options = options;
    this.#machine = machine;
    this.#expression = expression;
    const pairs = pairsOf('resource_labels', options.resourceLabels);
    const isComplete = requiredLabels(options.resource).every((name) => pairs.has(name));
    this.#labels = isComplete ? [...pairs].map(([name, value]) => [name, accessorOf(value)]) : [];
    this.#prefix = options.tagPrefix ?? (isKubernetes(options.resource) ? `${options.resource}.` : '');
  }

  /** @throws EntryRefused where neither options nor record nor tag say enough */
  find(tag: string, fields: Fields): MonitoredResource {
    const { resource: type } = this.#options;
    const { projectId } = this.#machine;
    if (this.#labels.length > 0) {
      const own = definedOnly(Object.fromEntries(this.#labels.map(([name, value]) => [name, value(fields)])));
      return { type, labels: { ...own, project_id: projectId } };
    }
    const written = this.#written(fields);
    if (written) return { type, labels: written };
    const labels = this.#known(type) ?? this.#ofKubernetes(type, tag, fields);
    if (labels) return { type, labels: definedOnly({ project_id: projectId, ...labels }) };
    throw new EntryRefused(
      `resource ${type} has labels that nothing says: write resource_labels, or put them into ${monitoredResourceKey}`,
    );
  }

  #written(fields: Fields): Labels | undefined {
    const resource = getField(fields, monitoredResourceKey);
    const labels = isFields(resource) ? getField(resource, 'labels') : undefined;
    if (!isFields(labels)) return undefined;
    const texts = fieldEntries(labels).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
    return texts.length > 0 ? Object.fromEntries(texts) : undefined;
  }
  #known(type: string): Readonly<Record<string, string | undefined>> | undefined {
    const { location, namespace, nodeId, job, taskId } = this.#options;
    const { zone, instanceId } = this.#machine;
    if (type === 'global') return {};
    if (type === 'gce_instance') return { zone, instance_id: instanceId };
    if (type === 'generic_node') return { location, namespace, node_id: nodeId };
    return type === 'generic_task' ? { location, namespace, job, task_id: taskId } : undefined;
  }
  #ofKubernetes(type: string, tag: string, fields: Fields): Readonly<Record<string, string | undefined>> | undefined {
    const { k8sClusterName, k8sClusterLocation } = this.#options;
    const cluster = { location: k8sClusterLocation, cluster_name: k8sClusterName };
    if (type === 'k8s_cluster') return cluster;
    if (!isKubernetes(type)) return undefined;
    const local = getField(fields, localResourceKey);
    const id = typeof local === 'string' ? local : tag;
    const names = this.#matched(tag) ?? this.#matched(id) ?? this.#parts(type, id);
    if (!names)
      throw new EntryRefused(
        `neither the tag nor ${localResourceKey} is ${this.#prefix}${(namesOf[type] ?? []).map((name) => `<${name}>`).join('.')}, and none fits custom_k8s_regex`,
      );
    return { ...cluster, ...names };
  }
  /** Names by the expression; the prefix counts as no part of the text. */
  #matched(text: string): Labels | undefined {
    if (!text.startsWith(this.#prefix) || text.length === this.#prefix.length) return undefined;
    const { expression, names } = this.#expression;
    const match = expression.exec(text.slice(this.#prefix.length));
    if (!match) return undefined;
    const wanted = new Set(['pod_name', 'namespace_name', 'container_name', 'node_name']);
    const found = names.flatMap((name, index) => {
      const value = match[index + 1] ?? '';
      return wanted.has(name) && value !== '' ? [[name, value] as const] : [];
    });
    return Object.fromEntries(found);
  }
  #parts(type: string, id: string): Labels | undefined {
    if (id.slice(0, this.#prefix.length).toLowerCase() !== this.#prefix.toLowerCase()) return undefined;
    const names = namesOf[type] ?? [];
    const parts = id.slice(this.#prefix.length).split('.');
    if (parts.length !== names.length || parts.includes('')) return undefined;
    return Object.fromEntries(names.map((name, index) => [name, parts[index] ?? '']));
  }
}

/** What a label's value stands for: `$key['a']['b']` for a text of the record, anything else for itself. @throws Error where it is broken */
function accessorOf(value: string): (fields: Fields) => string | undefined {
  const [, key, rest = ''] = /^\$([^[]+)(\[.*)?$/s.exec(value) ?? [];
  if (key === undefined) return () => value;
  const accessor = compileAccessor(`$['${key}']${rest}`);
  return (fields) => {
    const found = accessor.get(fields);
    return typeof found === 'string' ? found : undefined;
  };
}

function definedOnly(labels: Readonly<Record<string, string | undefined>>): Labels {
  return Object.fromEntries(Object.entries(labels).filter((pair): pair is [string, string] => pair[1] !== undefined));
}
