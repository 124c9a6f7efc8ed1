/**
 * Watches the pods of one node: lists them, then takes what changes from that version on, with bookmarks, until the API ends
 * the watch; then goes on from the last version seen. A version that is too old (410) means listing again. Source: Kubernetes
 * API concepts, "Efficient detection of changes".
 */
import type { Clock } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import type { KubernetesApi } from './api.ts';
import { ListExpired } from './api.ts';
import type { Pod } from './contract.ts';
import { objectIn, readPod, readPodList, textIn } from './read.ts';

/** Pods in one answer: an API under load gives pages of this size without effort, and a node has no more. */
const listPageSize = 500;
/** The API ends a watch after this time, give or take what keeps all nodes from coming back at once. */
const watchSeconds = 300;
/** Bookmarks come about once a minute: a connection that is silent for that much longer than the watch lasts is dead. */
const silenceMs = (2 * watchSeconds + 30) * 1000;
/** Waits between tries: the first, the longest; each has up to a half of it added. */
const firstWaitMs = 1000;
const longestWaitMs = 30_000;

export interface WatchTo {
  /** All pods of the node; those that are known and not among them are gone. */
  listed(pods: readonly Pod[]): void;
  /** What is known is up to date from now on, until it fails. */
  readonly began: () => void;
  changed(pod: Pod): void;
  deleted(pod: Pod): void;
  /** It does not work just now; said each time. */
  failed(error: unknown): void;
}

export class PodWatch {
  readonly #api: KubernetesApi;
  readonly #clock: Clock;
  readonly #selector: string;
  readonly #to: WatchTo;
  #version: string | undefined;
  #waitMs = firstWaitMs;
  #isStopped = false;

  constructor(api: KubernetesApi, nodeName: string, clock: Clock, to: WatchTo) {
    this.#api = api;
    this.#clock = clock;
    this.#selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${nodeName}`)}`;
    this.#to = to;
  }
  /** Goes on until stop(); never rejects. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        if (this.#version === undefined) await this.#list();
        if (this.#isStopped) return;
        await this.#follow();
      } catch (error) {
        if (error instanceof ListExpired) {
          const wasListed = this.#version !== undefined;
          this.#version = undefined;
          // At once, unless listing itself is what expires: pages of a list that is too old.
          if (wasListed) continue;
        }
        this.#to.failed(error);
        await this.#pause();
      }
    }
  }
  stop(): void {
    this.#isStopped = true;
  }

  async #pause(): Promise<void> {
    const waitMs = this.#waitMs * (1 + Math.random() / 2);
    this.#waitMs = Math.min(longestWaitMs, this.#waitMs * 2);
    await sleep(this.#clock, waitMs);
  }
  async #list(): Promise<void> {
    const pods: Pod[] = [];
    let next: string | undefined;
    let version: string | undefined;
    do {
      // Version 0 is what the API has in memory: a restart of all nodes at once does not reach etcd.
      const from = next === undefined ? 'resourceVersion=0' : `continue=${encodeURIComponent(next)}`;
      const path = `/api/v1/pods?${this.#selector}&limit=${listPageSize}&${from}`;
      const list = readPodList(await this.#api.get(path, 'the list of pods', 'list pods'));
      if (!list)
        throw new OperatingError(
          'KUBERNETES_ANSWER',
          'reading the list of pods: the answer is no list; is this the API?',
        );
      pods.push(...list.pods);
      ({ version, next } = list);
    } while (next !== undefined && !this.#isStopped);
    this.#version = version ?? '0';
    this.#waitMs = firstWaitMs;
    this.#to.listed(pods);
  }
  async #follow(): Promise<void> {
    const seconds = watchSeconds + Math.floor(Math.random() * watchSeconds);
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(this.#version ?? '0')}`;
    const startedMs = this.#clock.monotonicMs();
    let count = 0;
    await this.#api.watch(
      `/api/v1/pods?${this.#selector}&${query}`,
      silenceMs,
      'watch pods',
      this.#to.began,
      (event) => {
        count++;
        this.#take(event);
      },
    );
    if (count > 0) this.#waitMs = firstWaitMs;
    // An API, or something before it, that ends each watch at once must not be asked a thousand times a second.
    if (this.#clock.monotonicMs() - startedMs < firstWaitMs) await this.#pause();
  }
  #take(event: unknown): void {
    if (this.#isStopped) throw new OperatingError('KUBERNETES_UNAVAILABLE', 'watching pods: stopped');
    const type = textIn(event, 'type');
    const object = objectIn(event, 'object');
    if (type === 'ERROR') {
      const said = textIn(object, 'message') ?? 'no reason';
      if (object['code'] === 410) throw new ListExpired(said);
      throw new OperatingError('KUBERNETES_UNAVAILABLE', `watching pods: the API ended it: ${said}`);
    }
    const version = textIn(objectIn(object, 'metadata'), 'resourceVersion');
    const pod = type === 'BOOKMARK' ? undefined : readPod(object);
    if (type !== 'BOOKMARK' && !pod)
      throw new OperatingError('KUBERNETES_ANSWER', 'watching pods: an event holds no pod; is this the API?');
    if (pod && type === 'DELETED') this.#to.deleted(pod);
    else if (pod) this.#to.changed(pod);
    // Behind the pod: what could not be taken comes again.
    if (version !== undefined) this.#version = version;
  }
}
