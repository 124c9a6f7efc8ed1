/** One cluster as filters see it: what is known of its pods, asked for where it is not, watched where the node is known. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import { OperatingError, errorText, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { NotReady } from '../core/not-ready.ts';
import { KubernetesApi } from './api.ts';
import type { Answer, AskLimits, Cluster, ClusterSettings, Namespace, Pod, PodAsk } from './contract.ts';
import { PodFile } from './keep.ts';
import { Outage } from './outage.ts';
import { Pods } from './pods.ts';
import { isName, readNamespace, readPod, readPodList } from './read.ts';
import { PodWatch } from './watch.ts';

/** How long a pod that is gone stays known: what an output that was down over a night still has to send. */
const goneKeepMs = 24 * 60 * 60_000;
/** News are written to the file at most this often. */
const writeEveryMs = 5000;
/** A watch that nobody asked anything of for this time ends: a configuration without the filter runs. */
const idleMs = 30 * 60_000;
/** What is on its way when the program stops is given up; a token command may not end at once. */
const endMsMax = 1000;
/** Namespaces known at a time. */
const namespacesMax = 4096;
/** A namespace that there is none of is asked for again after this time. */
const absentNamespaceMs = 30_000;

export interface ClusterParts {
  readonly settings: ClusterSettings;
  /** Undefined: nothing is kept. */
  readonly directory: string | undefined;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

interface HeldNamespace {
  readonly namespace: Namespace | undefined;
  readonly askedMs: number;
}

export class LiveCluster implements Cluster {
  readonly url: string;
  readonly #settings: ClusterSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #api: KubernetesApi;
  readonly #kubelet: KubernetesApi | undefined;
  readonly #outage: Outage;
  readonly #pods = new Pods();
  readonly #namespaces = new Map<string, HeldNamespace>();
  readonly #file: PodFile | undefined;
  /** Requests on their way, and since when. */
  readonly #asking = new Map<string, { readonly done: Promise<void>; readonly sinceMs: number }>();
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #watch: PodWatch | undefined;
  /** Resolves when the pods of the node were listed, or could not be. */
  #listing: { readonly done: Promise<void>; readonly settle: () => void } | undefined;
  #isWatching = false;
  #listingSinceMs = 0;
  #usedMs = 0;
  #isWriteDue = false;
  #writing: Promise<void> = Promise.resolve();

  constructor({ settings, directory, disk, clock, log }: ClusterParts) {
    this.url = settings.url;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#api = new KubernetesApi(settings.url, settings, clock, log);
    const { kubelet } = settings;
    // Files in place of answers are for trying things out; the kubelet that is asked besides speaks no TLS then.
    const scheme = settings.preloadDirectory === undefined ? 'https' : 'http';
    if (kubelet)
      this.#kubelet = new KubernetesApi(`${scheme}://${hostText(kubelet.host)}:${kubelet.port}`, settings, clock, log);
    this.#outage = new Outage(clock, log);
    if (directory !== undefined) this.#file = new PodFile(disk, directory, log);
  }

  pod(ask: PodAsk, limits: AskLimits): Answer<Pod> {
    // A tag may say anything: only what can be a name is asked for.
    if (!isName(ask.name) || !isName(ask.namespace)) return 'absent';
    this.#mustBeOpen();
    const nowMs = this.#clock.monotonicMs();
    this.#usedMs = nowMs;
    this.#keepWatching(limits);
    const found = this.#pods.find(ask, nowMs, this.#isWatching ? 0 : limits.podTtlMs);
    if (found) {
      if (found.isDue) void this.#askPod(ask);
      if (!found.held) return 'absent';
      this.#use(found.held);
      return found.held.pod;
    }
    this.#waitFor(
      this.#podsOf(ask),
      this.#askPod(ask),
      limits,
      `pod ${ask.namespace}/${ask.name} ${ask.containerId ?? ask.uid ?? ''}`,
    );
    const guess = this.#pods.guess(ask);
    if (!guess) return 'unavailable';
    this.#use(guess);
    return guess.pod;
  }
  namespace(name: string, limits: AskLimits): Answer<Namespace> {
    if (!isName(name)) return 'absent';
    this.#mustBeOpen();
    const nowMs = this.#clock.monotonicMs();
    const known = this.#namespaces.get(name);
    if (known) {
      const ttlMs = known.namespace ? limits.namespaceTtlMs : absentNamespaceMs;
      if (ttlMs > 0 && nowMs - known.askedMs >= ttlMs) void this.#askNamespace(name);
      return known.namespace ?? 'absent';
    }
    this.#waitFor('namespaces', this.#askNamespace(name), limits, `namespace ${name}`);
    return 'unavailable';
  }
  /** The program stops: what is news is written. */
  async end(): Promise<void> {
    await this.#close();
    if (this.#isWriteDue) this.#write();
    await this.#writing;
  }
  async #close(): Promise<void> {
    this.#watch?.stop();
    this.#api.close();
    this.#kubelet?.close();
    const asked = Promise.all([...this.#asking.values()].map(({ done }) => done));
    await Promise.race([asked, sleep(this.#clock, endMsMax)]);
  }

  // ------------------------------------------------------------------------------------------------ waiting

  /** Returns when there is no point in waiting any more. @throws NotReady */
  #waitFor(kind: string, asked: Promise<void> | undefined, { waitMs }: AskLimits, key: string): void {
    if (this.#outage.isRefused(kind) && !asked) return;
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = Math.min(this.#outage.sinceMs ?? nowMs, this.#asking.get(key)?.sinceMs ?? nowMs);
    const leftMs = sinceMs + waitMs - nowMs;
    if (leftMs <= 0) return;
    // In an outage nothing may be on its way; what waits looks again when it can be.
    const nextMs = asked ? leftMs : Math.min(leftMs, Math.max(1, this.#outage.nextTryMs - nowMs));
    throw new NotReady(this.#within(nextMs, asked));
  }
  /** Resolves when that is done, or after the time. */
  #within(waitMs: number, done: Promise<void> | undefined): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = this.#clock.after(waitMs, resolve);
      void done?.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
  /** @throws NotReady until the pods that were kept are read */
  #mustBeOpen(): void {
    if (this.#isOpen) return;
    this.#opening ??= this.#open();
    throw new NotReady(this.#opening);
  }
  async #open(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const { pod, goneAtMs } of (await this.#file?.read()) ?? [])
      if (goneAtMs === undefined || goneAtMs > nowMs - goneKeepMs) this.#pods.restore(pod, goneAtMs);
    this.#isOpen = true;
  }
  #use(held: { isUsed: boolean }): void {
    if (held.isUsed) return;
    held.isUsed = true;
    this.#writeSoon();
  }

  // ------------------------------------------------------------------------------------------------ asking

  /** Undefined: it may not be asked now. */
  #ask(kind: string, key: string, run: () => Promise<void>): Promise<void> | undefined {
    const known = this.#asking.get(key);
    if (known) return known.done;
    if (!this.#outage.mayAsk(kind)) return undefined;
    const done = run()
      .then(() => this.#outage.worked(kind))
      .catch((error: unknown) => this.#outage.failed(kind, error))
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, { done, sinceMs: this.#clock.monotonicMs() });
    return done;
  }
  /** What a right is needed for: a role may be for one namespace alone. A kubelet gives all pods or none. */
  #podsOf({ namespace }: PodAsk): string {
    return this.#kubelet ? 'pods' : `pods ${namespace}`;
  }
  #askPod(ask: PodAsk): Promise<void> | undefined {
    const { namespace, name } = ask;
    if (this.#kubelet && this.#settings.preloadDirectory === undefined)
      return this.#ask(this.#podsOf(ask), 'kubelet', () => this.#readKubelet(this.#kubelet as KubernetesApi, ask));
    const key = `pod ${namespace}/${name} ${ask.containerId ?? ask.uid ?? ''}`;
    return this.#ask(this.#podsOf(ask), key, async () => {
      const preloaded = await this.#preloaded(`${namespace}_${name}.meta`);
      if (preloaded === undefined && this.#kubelet) return this.#readKubelet(this.#kubelet, ask);
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
      const body = preloaded ?? (await this.#api.get(path, `pod ${namespace}/${name}`, 'get pods'));
      const pod = body === undefined ? undefined : readPod(withNames(body, namespace, name));
      if (body !== undefined && !pod) throw noObject(`pod ${namespace}/${name}`, this.url);
      this.#answered(ask, pod);
    });
  }
  #answered(ask: PodAsk, pod: Pod | undefined): void {
    const [nowMs, wallMs] = [this.#clock.monotonicMs(), this.#clock.nowMs()];
    if (pod) this.#pods.put(pod, nowMs, wallMs);
    this.#pods.answered(ask, pod !== undefined, nowMs, wallMs);
    this.#writeSoon();
  }
  async #readKubelet(kubelet: KubernetesApi, ask: PodAsk): Promise<void> {
    const list = readPodList(await kubelet.get('/pods', 'the pods of the kubelet', 'get nodes/proxy'));
    if (!list) throw noObject('list of pods', 'the kubelet');
    this.#listed(list.pods);
    const isThere = list.pods.some(({ namespace, name }) => namespace === ask.namespace && name === ask.name);
    this.#pods.answered(ask, isThere, this.#clock.monotonicMs(), this.#clock.nowMs());
  }
  #askNamespace(name: string): Promise<void> | undefined {
    return this.#ask('namespaces', `namespace ${name}`, async () => {
      const preloaded = await this.#preloaded(`${name}.namespace_meta`);
      const body =
        preloaded ?? (await this.#api.get(`/api/v1/namespaces/${name}`, `namespace ${name}`, 'get namespaces'));
      const namespace = body === undefined ? undefined : readNamespace(withNames(body, undefined, name));
      if (body !== undefined && !namespace) throw noObject(`namespace ${name}`, this.url);
      this.#namespaces.delete(name);
      this.#namespaces.set(name, { namespace, askedMs: this.#clock.monotonicMs() });
      if (this.#namespaces.size > namespacesMax)
        this.#namespaces.delete(this.#namespaces.keys().next().value as string);
    });
  }
  /** What a file holds that goes before the API; undefined: there is none. */
  async #preloaded(name: string): Promise<unknown> {
    const { preloadDirectory } = this.#settings;
    if (preloadDirectory === undefined) return undefined;
    const path = join(preloadDirectory, name);
    try {
      return JSON.parse(await readFile(path, 'utf8')) as unknown;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') this.#log.warn(`reading ${path}: ${errorText(error)}; the API is asked`);
      return undefined;
    }
  }

  // ------------------------------------------------------------------------------------------------ watching

  /** @throws NotReady until the first list is there, or cannot be had */
  #keepWatching(limits: AskLimits): void {
    const { nodeName } = this.#settings;
    if (nodeName === undefined || this.#kubelet) return;
    if (!this.#watch) this.#startWatch(nodeName);
    const leftMs = this.#listingSinceMs + limits.waitMs - this.#clock.monotonicMs();
    if (this.#listing && leftMs > 0) throw new NotReady(this.#within(leftMs, this.#listing.done));
  }
  #startWatch(nodeName: string): void {
    this.#listingSinceMs = this.#clock.monotonicMs();
    let settle = (): void => undefined;
    const done = new Promise<void>((resolve) => (settle = resolve));
    this.#listing = { done, settle };
    const watch = new PodWatch(this.#api, nodeName, this.#clock, {
      listed: (pods) => {
        this.#outage.worked('the watch');
        this.#listed(pods);
        this.#settleListing();
      },
      began: () => {
        this.#isWatching = true;
        this.#outage.worked('the watch');
      },
      changed: (pod) => this.#changed(pod),
      deleted: (pod) => {
        this.#pods.put(pod, this.#clock.monotonicMs(), this.#clock.nowMs());
        this.#pods.gone(pod, this.#clock.nowMs());
        this.#writeSoon();
      },
      failed: (error) => {
        this.#isWatching = false;
        this.#outage.failed('the watch', error);
        this.#settleListing();
      },
    });
    this.#watch = watch;
    void watch.run();
    this.#lookIfIdle(watch);
  }
  #settleListing(): void {
    this.#listing?.settle();
    this.#listing = undefined;
  }
  #lookIfIdle(watch: PodWatch): void {
    this.#clock.after(idleMs, () => {
      if (this.#clock.monotonicMs() - this.#usedMs < idleMs) return this.#lookIfIdle(watch);
      watch.stop();
      this.#watch = undefined;
      this.#isWatching = false;
    });
  }
  #listed(pods: readonly Pod[]): void {
    const [nowMs, wallMs] = [this.#clock.monotonicMs(), this.#clock.nowMs()];
    for (const pod of pods) this.#pods.put(pod, nowMs, wallMs);
    const there = new Set(pods.map(({ uid }) => uid));
    const { nodeName } = this.#settings;
    for (const { pod } of this.#pods.all())
      if (!there.has(pod.uid) && (this.#kubelet || pod.nodeName === nodeName)) this.#pods.gone(pod, wallMs);
    this.#writeSoon();
  }
  #changed(pod: Pod): void {
    this.#pods.put(pod, this.#clock.monotonicMs(), this.#clock.nowMs());
    this.#writeSoon();
  }
  #writeSoon(): void {
    if (!this.#file || this.#isWriteDue) return;
    this.#isWriteDue = true;
    this.#clock.after(writeEveryMs, () => {
      if (this.#isWriteDue) this.#write();
    });
  }
  #write(): void {
    this.#isWriteDue = false;
    this.#pods.forgetGone(this.#clock.nowMs() - goneKeepMs);
    const pods = [...this.#pods.all()].filter(({ isUsed }) => isUsed);
    this.#writing = this.#writing.then(() => this.#file?.write(pods));
  }
}

/** Objects that were asked for by name are of that name; files put in place of answers may leave it out. */
function withNames(body: unknown, namespace: string | undefined, name: string): unknown {
  if (typeof body !== 'object' || body === null || !('metadata' in body)) return body;
  const { metadata } = body;
  if (typeof metadata !== 'object' || metadata === null) return body;
  return { ...body, metadata: { ...metadata, name, ...(namespace !== undefined && { namespace }) } };
}

function noObject(what: string, from: string): OperatingError {
  return new OperatingError(
    'KUBERNETES_ANSWER',
    `reading ${what} from ${from}: the answer is no such object; is this the API?`,
  );
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
