/** What tests do to a cluster through its API, as kubectl, controllers and kubelets would. */
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An object as its manifest says it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A container as a kubelet reports it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  /** 64 hexadecimal digits. */
  readonly id: string;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers: readonly Container[];
  readonly runtime?: 'docker' | 'containerd';
}

/** Where objects of a kind lie; more kinds as tests need them. */
const collections: Readonly<Record<string, { readonly group: string; readonly plural: string }>> = {
  Namespace: { group: '/api/v1', plural: 'namespaces' },
  Pod: { group: '/api/v1', plural: 'pods' },
  ServiceAccount: { group: '/api/v1', plural: 'serviceaccounts' },
  ClusterRole: { group: '/apis/rbac.authorization.k8s.io/v1', plural: 'clusterroles' },
  ClusterRoleBinding: { group: '/apis/rbac.authorization.k8s.io/v1', plural: 'clusterrolebindings' },
};

/** What a collector of logs needs, and nothing else. */
export const collectorRules = [{ apiGroups: [''], resources: ['namespaces', 'pods'], verbs: ['get', 'list', 'watch'] }];

export class Cluster {
  readonly url: string;
  readonly caPath: string;
  readonly #token: string;

  constructor(url: string, caPath: string, token: string) {
    this.url = url;
    this.caPath = caPath;
    this.#token = token;
  }

  /** One request with the administrator's rights, or another's. */
  request(
    method: string,
    path: string,
    content?: { type: string; body: unknown },
    token = this.#token,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, ...(content && { 'content-type': content.type }) };
      // A connection of its own: the server is killed and started again below its tests.
      const options = { method, headers, ca: readFileSync(this.caPath), agent: false };
      const sent = request(new URL(path, this.url), options, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(pieces).toString();
          const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
        });
      });
      sent.on('error', reject);
      sent.end(content && JSON.stringify(content.body));
    });
  }

  /** Makes an object as its manifest says, or changes it. */
  async apply(manifest: Manifest): Promise<Record<string, unknown>> {
    const { kind, metadata } = manifest;
    return this.#patch(
      `${pathOf(kind, metadata)}?fieldManager=tests&force=true`,
      'application/apply-patch+yaml',
      manifest,
    );
  }

  async createNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }

  /** A pod on its node, running: what the API server has of it when scheduler and kubelet have done their part. Its uid. */
  async runPod(pod: Pod): Promise<string> {
    const { namespace, name, node, labels = {}, annotations = {}, containers } = pod;
    const made = await this.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels, annotations },
      spec: { nodeName: node, containers: containers.map(({ name, image }) => ({ name, image })) },
    });
    await this.patchStatus(namespace, name, runningStatus(pod));
    return (made['metadata'] as { uid: string }).uid;
  }

  /** As the kubelet does. */
  async patchStatus(namespace: string, name: string, status: unknown): Promise<void> {
    const path = `${pathOf('Pod', { namespace, name })}/status`;
    await this.#patch(path, 'application/merge-patch+json', { status });
  }

  /** Changes what is named of a pod's metadata; null takes a field away. */
  async patchMetadata(namespace: string, name: string, metadata: unknown): Promise<void> {
    await this.#patch(pathOf('Pod', { namespace, name }), 'application/merge-patch+json', { metadata });
  }

  /** At once: there is no kubelet to end its containers first. */
  async deletePod(namespace: string, name: string): Promise<void> {
    const path = `${pathOf('Pod', { namespace, name })}?gracePeriodSeconds=0`;
    expectDone(await this.request('DELETE', path), `DELETE ${path}`);
  }

  /**
   * A service account, a role of these rules bound to it, and what a kubelet mounts for it: `token`, `ca.crt` and `namespace` in
   * `directory`. Without rules it may do nothing.
   */
  async createServiceAccount(
    namespace: string,
    name: string,
    directory: string,
    rules: readonly unknown[] = collectorRules,
  ): Promise<string> {
    await this.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } });
    await this.bindRole(namespace, name, rules);
    const path = `${pathOf('ServiceAccount', { namespace, name })}/token`;
    const content = {
      type: 'application/json',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
    };
    const answer = await this.request('POST', path, content);
    const { token } = (expectDone(answer, `POST ${path}`)['status'] ?? {}) as { token: string };
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'token'), token);
    writeFileSync(join(directory, 'ca.crt'), readFileSync(this.caPath));
    writeFileSync(join(directory, 'namespace'), namespace);
    return token;
  }

  /** From now on the service account may do exactly this in all namespaces. */
  async bindRole(namespace: string, account: string, rules: readonly unknown[]): Promise<void> {
    const metadata = { name: `${namespace}-${account}` };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await this.apply({ apiVersion, kind: 'ClusterRole', metadata, rules });
    await this.apply({
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', namespace, name: account }],
    });
  }

  async #patch(path: string, type: string, body: unknown): Promise<Record<string, unknown>> {
    return expectDone(await this.request('PATCH', path, { type, body }), `PATCH ${path}`);
  }
}

function pathOf(kind: string, { namespace, name }: Metadata): string {
  const collection = collections[kind];
  if (collection === undefined) throw new Error(`where a ${kind} lies is not known here`);
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${collection.group}${within}/${collection.plural}/${name}`;
}

function expectDone({ status, body }: Answer, what: string): Record<string, unknown> {
  if (status < 300) return body as Record<string, unknown>;
  throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
}

/** Addresses are of networks for documents; the image's digest is made of the container's id. */
function runningStatus({ containers, runtime = 'containerd' }: Pod): unknown {
  const startedAt = new Date().toISOString().replace(/\.\d+/, '');
  return {
    phase: 'Running',
    hostIP: '192.0.2.1',
    podIP: '198.51.100.7',
    podIPs: [{ ip: '198.51.100.7' }],
    startTime: startedAt,
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: containers.map(({ name, image, id }) => ({
      name,
      image,
      imageID: `${image.split(':')[0]}@sha256:${id}`,
      containerID: `${runtime}://${id}`,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt } },
    })),
  };
}
