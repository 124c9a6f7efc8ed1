/** What a container runtime and a kubelet leave on a node of the lines that containers write. */
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Cluster, Pod } from '../../../test/services/kubernetes-cluster.ts';

/** `docker` writes JSON, `cri` (containerd, CRI-O) a head and the text. */
export type LogForm = 'docker' | 'cri';

/** A pod that runs on the node, and what each of its containers writes with. */
export interface RunningPod extends Pod {
  readonly uid: string;
}

/** A pod as the chapter's manifests make it: `app` names it and is its label; containers by name, with their images. */
export interface App {
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly containers: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export class KubernetesNode {
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #form: LogForm;
  /** Each line has a time of its own, a millisecond after the last. */
  #timeMs = Date.now();

  constructor(cluster: Cluster, name: string, form: LogForm) {
    this.#cluster = cluster;
    this.#name = name;
    this.#form = form;
  }

  /** The pod runs here: the API server knows it, and its containers' files are there, still empty. */
  async run({ namespace, name, app, containers, annotations = {} }: App): Promise<RunningPod> {
    const pod: Pod = {
      namespace,
      name,
      node: this.#name,
      labels: { app },
      annotations,
      containers: Object.entries(containers).map(([container, image]) => ({
        name: container,
        image,
        id: createHash('sha256').update(`${namespace}/${name}/${container}/${Math.random()}`).digest('hex'),
      })),
      runtime: this.#form === 'docker' ? 'docker' : 'containerd',
    };
    const running = { ...pod, uid: await this.#cluster.runPod(pod) };
    for (const { name: container } of pod.containers) this.#makeFile(running, container);
    return running;
  }

  /** A container writes lines. */
  write(pod: RunningPod, container: string, lines: readonly string[], stream: 'stdout' | 'stderr' = 'stdout'): void {
    appendFileSync(this.#path(pod, container), lines.map((line) => this.#formed(line, stream)).join(''));
  }

  #formed(line: string, stream: string): string {
    const time = new Date(this.#timeMs++).toISOString().replace('Z', '000000Z');
    if (this.#form === 'cri') return `${time} ${stream} F ${line}\n`;
    return `${JSON.stringify({ log: `${line}\n`, stream, time })}\n`;
  }

  /** Docker keeps a container's file with the container, and the kubelet leads there; other runtimes write where the kubelet says. */
  #path({ namespace, name, uid, containers }: RunningPod, container: string): string {
    if (this.#form === 'cri') return `/var/log/pods/${namespace}_${name}_${uid}/${container}/0.log`;
    const id = containers.find(({ name }) => name === container)?.id ?? '';
    return `/var/lib/docker/containers/${id}/${id}-json.log`;
  }

  #makeFile(pod: RunningPod, container: string): void {
    const { namespace, name, uid, containers } = pod;
    const path = this.#path(pod, container);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    const inPod = `/var/log/pods/${namespace}_${name}_${uid}/${container}/0.log`;
    mkdirSync(dirname(inPod), { recursive: true });
    if (inPod !== path) symlinkSync(path, inPod);
    mkdirSync('/var/log/containers', { recursive: true });
    const id = containers.find(({ name }) => name === container)?.id ?? '';
    symlinkSync(inPod, `/var/log/containers/${name}_${namespace}_${container}-${id}.log`);
  }
}
