/**
 * Nodes, what the chart's manifests put on them, and the services between: scheduler, kubelets and kube-proxy of a cluster whose API
 * server is a real one.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Patience } from '../patience.ts';
import type { Cluster, Pod as KnownPod } from '../services/kubernetes-cluster.ts';
import { newContainerId } from './container-log.ts';
import type { Image } from './container.ts';
import type { Container, PodSpec, RawObject, Rendered, Service, Workload } from './manifests.ts';
import { outsideAddress, type Forwarding, type Network, type NodeNetwork } from './network.ts';
import { Pod, type PodNode } from './pod.ts';
import { portOf, Prober } from './probes.ts';

type Text = Readonly<Record<string, string>>;

export interface ClusterNode extends PodNode {
  readonly name: string;
  readonly labels: Text;
}

export interface ClusterOptions {
  readonly directory: string;
  readonly namespace: string;
  readonly api: Cluster;
  /** HOST:PORT of the API server as nodes reach it. */
  readonly apiAddress: string;
  readonly imageOf: (container: Container) => Image;
  /** Names of servers outside of the cluster, which lie at `outsideAddress`. */
  readonly outsideNames: readonly string[];
  /** What every container gets besides. */
  readonly environment: Text;
}

interface Address {
  readonly address: string;
  readonly network: string;
}

export class LocalCluster {
  readonly nodes: ClusterNode[] = [];
  readonly pods: Pod[] = [];
  readonly #options: ClusterOptions;
  readonly #network: Network;
  readonly #addresses = new Map<string, string>();
  #services: readonly Service[] = [];
  #hosts = '';
  #isForwardingDue = false;

  constructor(network: Network, options: ClusterOptions) {
    this.#network = network;
    this.#options = options;
  }
  addNode(name: string, labels: Text): ClusterNode {
    const root = join(this.#options.directory, 'nodes', name);
    const claims = join(this.#options.directory, 'claims');
    for (const path of [join(root, 'var/log/containers'), claims]) mkdirSync(path, { recursive: true });
    const network = this.#network.addNode(name);
    const own = { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': name };
    const node = { name, labels: { ...own, ...labels }, root, claims, network, prober: new Prober(name) };
    this.nodes.push(node);
    return node;
  }
  /** A pod that another application runs: the API server knows it, and its container's lines are written by the caller. */
  async registerPod(
    node: ClusterNode,
    pod: Omit<KnownPod, 'node' | 'containers'>,
    containers: readonly Pick<Container, 'name' | 'image'>[],
  ) {
    const ids = new Map(containers.map(({ name }) => [name, newContainerId()]));
    const known = containers.map(({ name, image }) => ({ name, image, id: ids.get(name) ?? '' }));
    const uid = await this.#options.api.runPod({ ...pod, node: node.name, containers: known });
    return { uid, ids };
  }
  /** Everything that the chart renders, begun; `ready()` waits for it. */
  async install(rendered: Rendered): Promise<void> {
    const { api, namespace } = this.#options;
    for (const object of rendered.access) await api.apply(inNamespace(object, namespace));
    const accounts = new Map<string, ReadonlyMap<string, Buffer>>();
    for (const { spec } of rendered.workloads) {
      const name = spec.template.spec.serviceAccountName ?? 'default';
      if (!accounts.has(name)) accounts.set(name, await this.#accountOf(name));
    }
    this.#services = rendered.services;
    let services = 0;
    for (const { metadata } of this.#services) this.#addresses.set(metadata.name, `10.96.1.${++services}`);
    for (const workload of rendered.workloads)
      for (const [name, node] of this.#scheduled(workload))
        this.pods.push(await this.#make(workload, name, node, rendered, accounts));
    this.#hosts = this.#hostsText();
    for (const pod of this.pods) await pod.start();
    this.#forward();
  }
  podsOf(component: string): Pod[] {
    return this.pods.filter(({ plan }) => plan.labels['app.kubernetes.io/component'] === component);
  }
  podsOn(node: ClusterNode): Pod[] {
    return this.pods.filter(({ plan }) => plan.node === node);
  }
  /** Until all pods are ready. @throws with what those that are not said last */
  async ready(timeoutMs: number): Promise<void> {
    for (const patience = new Patience(timeoutMs); !this.pods.every(({ isReady }) => isReady); await delay(100)) {
      if (!patience.isOver()) continue;
      const late = this.pods.filter(({ isReady }) => !isReady);
      throw new Error(
        `not ready after ${timeoutMs} ms: ${late.map(({ name, tail }) => `${name}:\n${tail}`).join('\n')}`,
      );
    }
  }
  async stop(): Promise<string[]> {
    const stopped = await Promise.all(this.pods.map(async (pod) => [pod.name, await pod.stop()] as const));
    return stopped.filter(([, isWell]) => !isWell).map(([name]) => name);
  }
  end(): void {
    for (const { prober } of this.nodes) prober.end();
  }

  // ----------------------------------------------------------------------------------------------- scheduling

  /** Pods by name, each with its node: spread evenly over those that its selector takes. */
  #scheduled({ kind, metadata, spec }: Workload): [string, ClusterNode][] {
    const { nodeSelector = {} } = spec.template.spec;
    const fitting = this.nodes.filter(({ labels }) =>
      Object.entries(nodeSelector).every(([key, value]) => labels[key] === value),
    );
    if (fitting.length === 0) throw new Error(`no node fits ${kind} ${metadata.name}: ${JSON.stringify(nodeSelector)}`);
    if (kind === 'DaemonSet') return fitting.map((node) => [`${metadata.name}-${node.name.slice(-1)}d8kq`, node]);
    const names = Array.from({ length: spec.replicas ?? 1 }, (_, n) =>
      kind === 'StatefulSet' ? `${metadata.name}-${n}` : `${metadata.name}-7bcd9d6cdf-${n}jmsd`,
    );
    return names.map((name, n) => [name, fitting[n % fitting.length] as ClusterNode]);
  }
  async #make(
    workload: Workload,
    name: string,
    node: ClusterNode,
    objects: Rendered,
    accounts: ReadonlyMap<string, ReadonlyMap<string, Buffer>>,
  ): Promise<Pod> {
    const { metadata, spec: template } = workload.spec.template;
    if (template.hostNetwork === true) throw new Error(`${name} wants its node's network, which is not done here`);
    const { namespace, apiAddress, imageOf, environment } = this.#options;
    const [labels, annotations] = [metadata.labels ?? {}, metadata.annotations ?? {}];
    const { uid, ids } = await this.registerPod(node, { namespace, name, labels, annotations }, template.containers);
    const { address, network } = this.#addressFor(name, node.network);
    const [host = '', port = ''] = apiAddress.split(':');
    return new Pod({
      name,
      namespace,
      labels,
      annotations,
      spec: withClaims(template, workload, name),
      node,
      address,
      network,
      uid,
      ids,
      objects,
      account: accounts.get(template.serviceAccountName ?? 'default') ?? new Map(),
      imageOf,
      hosts: () => this.#hosts,
      environment: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, ...environment },
      onReadiness: () => this.#forwardSoon(),
    });
  }
  #addressFor(name: string, network: NodeNetwork): Address {
    const namespace = `pod-${name}`;
    return { address: network.addPod(namespace), network: namespace };
  }
  /** What a kubelet mounts of a service account: its token is the API server's. */
  async #accountOf(name: string): Promise<ReadonlyMap<string, Buffer>> {
    const { api, namespace } = this.#options;
    await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const { body: answer } = await api.request('POST', path, { type: 'application/json', body });
    const { token } = (answer as { status: { token: string } }).status;
    return new Map([
      ['token', Buffer.from(token)],
      ['ca.crt', readFileSync(api.caPath)],
      ['namespace', Buffer.from(namespace)],
    ]);
  }

  // ----------------------------------------------------------------------------------------------- services

  #hostsText(): string {
    const { namespace, outsideNames } = this.#options;
    const names = (name: string): string =>
      [name, ...['', '.svc', '.svc.cluster.local'].map((end) => `${name}.${namespace}${end}`)].join(' ');
    const lines = this.#services.flatMap((service) => {
      const { name } = service.metadata;
      if (service.spec.clusterIP !== 'None') return [`${this.#addresses.get(name)} ${names(name)}`];
      return this.#selected(service).flatMap((pod) => [
        `${pod.plan.address} ${names(name)}`,
        `${pod.plan.address} ${names(`${pod.name}.${name}`)}`,
      ]);
    });
    const api = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
    return [
      ...lines,
      `10.96.0.1 ${api.join(' ')}`,
      ...outsideNames.map((name) => `${outsideAddress} ${name}`),
      '',
    ].join('\n');
  }
  #selected({ spec }: Service): Pod[] {
    const selector = Object.entries(spec.selector ?? {});
    return this.pods.filter(({ plan }) => selector.every(([key, value]) => plan.labels[key] === value));
  }
  #forwardSoon(): void {
    if (this.#isForwardingDue) return;
    this.#isForwardingDue = true;
    setImmediate(() => this.#forward());
  }
  /** The node is back, and learns what it has missed. */
  rejoin(node: ClusterNode): void {
    node.network.rejoin();
    this.#forward();
  }
  /** Each node that is not cut off learns who takes what: those that are ready. */
  #forward(): void {
    this.#isForwardingDue = false;
    const rules: Forwarding[] = [{ address: '10.96.0.1', port: 443, targets: [this.#options.apiAddress] }];
    for (const service of this.#services) {
      const selected = this.#selected(service);
      for (const { port, targetPort = port, nodePort } of service.spec.ports) {
        const targets = selected
          .filter(({ isReady }) => isReady || service.spec.publishNotReadyAddresses === true)
          .map(({ plan }) => `${plan.address}:${targetPortOf(targetPort, plan.spec)}`);
        if (service.spec.clusterIP !== 'None')
          rules.push({ address: this.#addresses.get(service.metadata.name), port, targets });
        if (nodePort !== undefined) rules.push({ address: undefined, port: nodePort, targets });
      }
    }
    for (const { network } of this.nodes) if (!network.isCut) network.forward(rules);
  }
}

function targetPortOf(port: number | string, { containers }: PodSpec): number {
  const owner =
    typeof port === 'number' ? containers[0] : containers.find(({ ports }) => ports?.some(({ name }) => name === port));
  if (!owner) throw new Error(`no container has a port ${port}`);
  return portOf(port, owner);
}

/** A claim of each template stands for the volume of the template's name. */
function withClaims(spec: PodSpec, workload: Workload, pod: string): PodSpec {
  const claims = (workload.spec.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-${pod}` },
  }));
  return { ...spec, volumes: [...(spec.volumes ?? []), ...claims] };
}

const inNamespace = (object: RawObject, namespace: string): RawObject =>
  object.kind.startsWith('Cluster') ? object : { ...object, metadata: { namespace, ...object.metadata } };
