/** A pod on its node: what a kubelet does with it from its start to its end. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerLog, newContainerId } from './container-log.ts';
import { ContainerRun, type Image } from './container.ts';
import type { Container, PodSpec, Probe, Rendered } from './manifests.ts';
import type { NodeNetwork } from './network.ts';
import { questionOf, type Prober } from './probes.ts';
import { layOut, variables, type Identity, type PodFiles } from './volumes.ts';

/** A node as its pods see it. */
export interface PodNode {
  readonly network: NodeNetwork;
  readonly prober: Prober;
  /** What is `/` to the node. */
  readonly root: string;
  /** Where claims lie: they outlive pods, and nodes. */
  readonly claims: string;
}

export interface PodPlan {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly node: PodNode;
  readonly address: string;
  /** The network namespace of `address`. */
  readonly network: string;
  /** As the API server knows it, and its containers' ids by name. */
  readonly uid: string;
  readonly ids: ReadonlyMap<string, string>;
  readonly objects: Pick<Rendered, 'configMaps' | 'secrets'>;
  readonly account: ReadonlyMap<string, Buffer>;
  readonly imageOf: (container: Container) => Image;
  /** Lines of /etc/hosts for everybody else. */
  readonly hosts: () => string;
  /** What every container gets: where the API server is. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onReadiness: () => void;
}

/** Below what a kubelet waits, which starts at 10 s and doubles: the run has many kills. */
const restartPauseMs = 500;

export class Pod {
  readonly plan: PodPlan;
  readonly #directory: string;
  #runs: Kept[] = [];
  #volumes: ReadonlyMap<string, string> = new Map();
  #isOn = false;
  /** Ends that nobody asked for, with what was said last. */
  readonly ownEnds: string[] = [];
  /** Restarts because a liveness probe failed. */
  livenessKills = 0;

  constructor(plan: PodPlan) {
    this.plan = plan;
    this.#directory = join(plan.node.root, 'var/lib/kubelet/pods', plan.uid);
  }
  get name(): string {
    return this.plan.name;
  }
  /** Every container is, and every one that has a readiness probe passed it. */
  get isReady(): boolean {
    return this.#isOn && this.#runs.length > 0 && this.#runs.every(({ isReady }) => isReady);
  }
  async start(): Promise<void> {
    const { spec, node } = this.plan;
    this.#isOn = true;
    mkdirSync(join(this.#directory, 'account'), { recursive: true });
    for (const [name, bytes] of this.plan.account) writeFileSync(join(this.#directory, 'account', name), bytes);
    this.#volumes = layOut(spec.volumes ?? [], this.#files());
    this.#runs = [];
    for (const container of spec.initContainers ?? []) {
      if (container.restartPolicy === 'Always') {
        this.#runs.push(this.#keep(container));
        continue;
      }
      const run = this.#run(container, new ContainerLog(node.root, this.#logged(container)));
      const { code } = await run.exited;
      if (code !== 0)
        throw new Error(`init container ${container.name} of ${this.name} ended with ${code}:\n${run.tail}`);
    }
    for (const container of spec.containers) this.#runs.push(this.#keep(container));
  }
  /** SIGKILL to one of its containers, as where memory is short; the kubelet starts it again. */
  async kill(): Promise<void> {
    await Promise.all(this.#runs.map((one) => one.kill()));
  }
  /** All of it at once and for good, as where the node's power goes; `start()` brings it back with its volumes. */
  async crash(): Promise<void> {
    this.#isOn = false;
    await Promise.all(this.#runs.map((one) => one.end(0)));
    this.#runs = [];
    this.plan.onReadiness();
  }
  /** SIGTERM and the pod's grace time. True when all ended by themselves. */
  async stop(): Promise<boolean> {
    this.#isOn = false;
    this.plan.onReadiness();
    const { terminationGracePeriodSeconds = 30, containers } = this.plan.spec;
    const graceMs = terminationGracePeriodSeconds * 1000;
    const pausesMs = containers.map(({ lifecycle }) => (lifecycle?.preStop?.sleep?.seconds ?? 0) * 1000);
    await delay(Math.max(...pausesMs));
    const ends = await Promise.all(this.#runs.map((one) => one.end(graceMs)));
    return ends.every(Boolean);
  }
  /** What its containers said last. */
  get tail(): string {
    return this.#runs.map(({ tail }) => tail).join('\n');
  }

  #keep(container: Container): Kept {
    const log = new ContainerLog(this.plan.node.root, this.#logged(container));
    const kept: Kept = new Kept({
      container,
      address: this.plan.address,
      prober: this.plan.node.prober,
      start: () => this.#run(container, log),
      onReadiness: this.plan.onReadiness,
      onEnd: (why) => this.ownEnds.push(`${this.name}/${container.name} ${why}`),
      onLiveness: () => this.livenessKills++,
    });
    kept.begin();
    return kept;
  }
  #logged({ name: container }: Container) {
    const { namespace, uid, ids } = this.plan;
    return { namespace, pod: this.name, uid, container, id: ids.get(container) ?? newContainerId() };
  }
  #files(): PodFiles {
    const { node, objects, spec, account } = this.plan;
    return {
      identity: this.#identity,
      objects,
      directory: this.#directory,
      nodeRoot: node.root,
      claims: node.claims,
      fsGroup: spec.securityContext?.fsGroup,
      account,
    };
  }
  get #identity(): Identity {
    const { name, namespace, uid, address, labels, annotations, spec, node } = this.plan;
    return {
      name,
      namespace,
      uid,
      node: node.network.name,
      address,
      hostAddress: node.network.address,
      serviceAccount: spec.serviceAccountName ?? 'default',
      labels,
      annotations,
    };
  }
  #run(container: Container, log: ContainerLog): ContainerRun {
    const { spec, environment, imageOf, hosts, network, address } = this.plan;
    const isMounted = spec.automountServiceAccountToken !== false && this.plan.account.size > 0;
    return new ContainerRun({
      container,
      pod: spec,
      image: imageOf(container),
      hostname: this.name,
      network,
      hosts: `127.0.0.1 localhost\n${address} ${this.name}\n${aliases(spec)}${hosts()}`,
      environment: variables(container, this.#files(), environment),
      volumes: this.#volumes,
      account: isMounted ? join(this.#directory, 'account') : undefined,
      directory: join(this.#directory, 'containers', container.name),
      log,
    });
  }
}

const aliases = ({ hostAliases = [] }: PodSpec): string =>
  hostAliases.map(({ ip, hostnames }) => `${ip} ${hostnames.join(' ')}\n`).join('');

interface KeptPlan {
  readonly container: Container;
  readonly address: string;
  readonly prober: Prober;
  readonly start: () => ContainerRun;
  readonly onReadiness: () => void;
  readonly onEnd: (why: string) => void;
  readonly onLiveness: () => void;
}

/** A container that is started again whenever it ends, and asked how it is. */
class Kept {
  readonly #plan: KeptPlan;
  #run: ContainerRun | undefined;
  #isWanted = true;
  #isKilled = false;
  isReady = false;

  constructor(plan: KeptPlan) {
    this.#plan = plan;
  }
  get tail(): string {
    return this.#run?.tail ?? '';
  }
  begin(): void {
    const run = this.#plan.start();
    this.#run = run;
    void this.#watch(run);
    void run.exited.then(async ({ code, signal }) => {
      this.#setReady(false);
      if (!this.#isWanted) return;
      if (!this.#isKilled) this.#plan.onEnd(`ended with ${signal ?? code}:\n${run.tail}`);
      this.#isKilled = false;
      await delay(restartPauseMs);
      if (this.#isWanted) this.begin();
    });
  }
  async kill(): Promise<void> {
    this.#isKilled = true;
    await this.#run?.kill();
  }
  /** 0: SIGKILL. */
  async end(graceMs: number): Promise<boolean> {
    this.#isWanted = false;
    if (graceMs > 0) return (await this.#run?.stop(graceMs)) ?? true;
    await this.#run?.kill();
    return false;
  }
  #setReady(isReady: boolean): void {
    if (this.isReady === isReady) return;
    this.isReady = isReady;
    this.#plan.onReadiness();
  }
  /** Startup first; then readiness, and liveness beside it. */
  async #watch(run: ContainerRun): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.#plan.container;
    const restart = (): void => {
      this.#plan.onLiveness();
      this.#isKilled = true;
      void run.stop(10_000);
    };
    if (startupProbe) {
      let isUp = false;
      await this.#probe(
        startupProbe,
        run,
        (isWell) => (isUp = isWell),
        restart,
        () => isUp,
      );
      if (!isUp) return;
    }
    if (readinessProbe) void this.#probe(readinessProbe, run, (isWell) => this.#setReady(isWell), undefined);
    else this.#setReady(true);
    if (livenessProbe) await this.#probe(livenessProbe, run, () => undefined, restart);
  }
  /** Until the run ends, `done` says so, or too many failures in a row. */
  async #probe(
    probe: Probe,
    run: ContainerRun,
    tell: (isWell: boolean) => void,
    fail: (() => void) | undefined,
    done: () => boolean = () => false,
  ): Promise<void> {
    const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 } = probe;
    await delay(initialDelaySeconds * 1000);
    for (
      let failures = 0;
      run.isRunning && run === this.#run && !done();
      await delay(done() ? 0 : periodSeconds * 1000)
    ) {
      const question = questionOf(probe, this.#plan.container, this.#plan.address);
      const isWell = question
        ? await this.#plan.prober.ask(question)
        : (await run.exec(probe.exec?.command ?? [], (probe.timeoutSeconds ?? 1) * 1000)) === 0;
      if (!run.isRunning || run !== this.#run) return;
      failures = isWell ? 0 : failures + 1;
      if (isWell || failures >= failureThreshold) tell(isWell);
      if (fail && failures >= failureThreshold) return fail();
    }
  }
}
