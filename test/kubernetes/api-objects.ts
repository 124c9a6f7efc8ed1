/** Objects of any kind in a cluster, by the API's own word where each kind lies. */
import type { Answer, Cluster } from '../services/kubernetes-cluster.ts';
import { at, nameOf, type KubernetesObject } from '../helm/chart.ts';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class ApiObjects {
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #resources = new Map<string, Promise<readonly Resource[]>>();

  /** Objects that name no namespace are taken to be in this one. */
  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** As `kubectl apply --server-side --validate=strict` does, with `isDryRun` as with `--dry-run=server`. */
  async apply(object: KubernetesObject, isDryRun = false): Promise<Answer> {
    const query = `fieldManager=tests&force=true&fieldValidation=Strict${isDryRun ? '&dryRun=All' : ''}`;
    const path = `${await this.#path(object)}?${query}`;
    return this.#cluster.request('PATCH', path, { type: 'application/apply-patch+yaml', body: object });
  }

  /** What the cluster has of an object; undefined where it has none. */
  async find(object: KubernetesObject): Promise<KubernetesObject | undefined> {
    const { status, body } = await this.#cluster.request('GET', await this.#path(object));
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${nameOf(object)}: ${status} ${JSON.stringify(body)}`);
    return body as KubernetesObject;
  }

  async delete(object: KubernetesObject): Promise<void> {
    const { status, body } = await this.#cluster.request('DELETE', await this.#path(object));
    if (status >= 300) throw new Error(`DELETE ${nameOf(object)}: ${status} ${JSON.stringify(body)}`);
  }

  async #path(object: KubernetesObject): Promise<string> {
    const apiVersion = String(object['apiVersion']);
    const kind = String(object['kind']);
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = (await this.#resourcesOf(group)).find((each) => each.kind === kind && !each.name.includes('/'));
    if (resource === undefined) throw new Error(`the cluster has no ${kind} in ${apiVersion}`);
    const own = at(object, 'metadata.namespace');
    const within = resource.namespaced ? `/namespaces/${typeof own === 'string' ? own : this.#namespace}` : '';
    return `${group}${within}/${resource.name}/${nameOf(object)}`;
  }

  async #resourcesOf(group: string): Promise<readonly Resource[]> {
    const known = this.#resources.get(group);
    if (known !== undefined) return known;
    const asked = this.#cluster.request('GET', group).then(({ status, body }) => {
      if (status === 200) return (body as { resources: readonly Resource[] }).resources;
      throw new Error(`the cluster has no ${group}: ${status}`);
    });
    this.#resources.set(group, asked);
    return asked;
  }
}

/**
 * Where what was asked for is not what is there: paths and both values. Fields that only the cluster has are its defaults, and
 * no difference; lists have to be equally long.
 */
export function differences(asked: unknown, there: unknown, path = ''): string[] {
  if (Array.isArray(asked)) {
    if (!Array.isArray(there) || asked.length !== there.length) return [say(path, asked, there)];
    return asked.flatMap((element, index) => differences(element, there[index], `${path}[${index}]`));
  }
  if (typeof asked === 'object' && asked !== null) {
    if (typeof there !== 'object' || there === null)
      return Object.keys(asked).length === 0 ? [] : [say(path, asked, there)];
    const fields = there as Record<string, unknown>;
    return Object.entries(asked).flatMap(([name, value]) => differences(value, fields[name], `${path}.${name}`));
  }
  return isSame(asked, there) ? [] : [say(path, asked, there)];
}

/** Empty text is a field that is not there; the cluster writes quantities as text, in their shortest form. */
function isSame(asked: unknown, there: unknown): boolean {
  if (asked === there) return true;
  if (there === undefined) return asked === '' || asked === null || asked === false || asked === 0;
  if (typeof there !== 'string' || (typeof asked !== 'number' && typeof asked !== 'string')) return false;
  const amount = quantity(there);
  return amount !== undefined && amount === quantity(String(asked));
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 0.001,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `1536Mi` in bytes, `250m` in cores; undefined for other text. */
function quantity(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(m|[KMGT]i)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (factors[unit] ?? Number.NaN);
}

const say = (path: string, asked: unknown, there: unknown): string =>
  `${path}: asked for ${JSON.stringify(asked)}, there is ${JSON.stringify(there)}`;
