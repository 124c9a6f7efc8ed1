/**
 * The pods that are known: several incarnations under one name, told apart by uid and container ids. One that is gone stays
 * known for a while, because its last lines are read after it. Pure; times are given by the caller.
 */
import type { Pod, PodAsk } from './contract.ts';

/** Names known at a time: a node has a few hundred pods, and an aggregator asks for those of a whole cluster. Some 2 kB each. */
const namesMax = 4096;
/** Incarnations of one name: a StatefulSet's pod that crashes is the same pod, so more are a chain of rollouts within the hour. */
const incarnationsMax = 4;
/** Container ids of one name that no incarnation is known to have. */
const strangersMax = 64;

/** What is known of one incarnation. */
export interface Held {
  pod: Pod;
  /** When the API last said so; -Infinity: it was read back from the file. */
  seenMs: number;
  /** When it was found to be gone; wall clock, so that it means something after a restart. */
  goneAtMs: number | undefined;
  /** A filter asked for it: it is worth keeping. */
  isUsed: boolean;
}

/** A container id that the API knew nothing of when it was asked. */
interface Stranger {
  readonly held: Held | undefined;
  askedMs: number;
  tries: number;
}

interface Named {
  /** The newest last. */
  incarnations: Held[];
  readonly strangers: Map<string, Stranger>;
}

/** A pod, and whether the API should be asked about it again without anybody waiting. */
export interface Found {
  readonly held: Held | undefined;
  readonly isDue: boolean;
}

/** First wait before an id that the API did not know is asked for again, doubled each time up to the longest. */
const strangerMs = 2000;
const strangerMsMax = 10 * 60_000;

export class Pods {
  readonly #named = new Map<string, Named>();

  get count(): number {
    return this.#named.size;
  }
  *all(): Iterable<Held> {
    for (const { incarnations } of this.#named.values()) yield* incarnations;
  }
  /** Undefined: the API has to be asked first. `ttlMs` 0: what is known stays known. */
  find(ask: PodAsk, nowMs: number, ttlMs: number): Found | undefined {
    const named = this.#named.get(keyOf(ask));
    if (!named) return undefined;
    const { incarnations, strangers } = named;
    const isDue = (held: Held) => held.goneAtMs === undefined && ttlMs > 0 && nowMs - held.seenMs >= ttlMs;
    const mine = incarnations.findLast(({ pod }) => isOf(pod, ask));
    if (mine) return { held: mine, isDue: isDue(mine) || mine.seenMs === -Infinity };
    const stranger = strangers.get(strangerKey(ask));
    if (!stranger) return undefined;
    const waitMs = Math.min(strangerMsMax, strangerMs * 2 ** Math.min(stranger.tries, 20));
    const known = stranger.held && incarnations.find((held) => held === stranger.held);
    const isLate = nowMs - stranger.askedMs >= waitMs;
    return { held: known, isDue: isLate || (known !== undefined && isDue(known)) };
  }
  /** What is known under the name where the API cannot be asked: the incarnation with the ids, else the newest. */
  guess(ask: PodAsk): Held | undefined {
    const incarnations = this.#named.get(keyOf(ask))?.incarnations ?? [];
    return incarnations.findLast(({ pod }) => isOf(pod, ask)) ?? incarnations.at(-1);
  }
  /** News of a pod. An incarnation before it is gone now. */
  put(pod: Pod, nowMs: number, wallMs: number): void {
    const named = this.#touch(pod);
    const known = named.incarnations.find((held) => held.pod.uid === pod.uid);
    if (known) {
      // The same object where nothing changed: whoever made something of it need not make it again.
      const merged = withIdsOf(pod, known.pod);
      if (!isSame(known.pod, merged)) known.pod = merged;
      known.seenMs = nowMs;
      known.goneAtMs = undefined;
    }
    for (const other of named.incarnations) if (other !== known) other.goneAtMs ??= wallMs;
    if (known) named.incarnations = [...named.incarnations.filter((held) => held !== known), known];
    else {
      named.incarnations = [...named.incarnations, { pod, seenMs: nowMs, goneAtMs: undefined, isUsed: false }].slice(
        -incarnationsMax,
      );
    }
  }
  /** The API answered an ask; call it after put(), or where there is no such pod. */
  answered(ask: PodAsk, isThere: boolean, nowMs: number, wallMs: number): void {
    const named = this.#touch(ask);
    const newest = named.incarnations.at(-1);
    if (!isThere && newest) newest.goneAtMs ??= wallMs;
    if (named.incarnations.some(({ pod }) => isOf(pod, ask))) {
      named.strangers.delete(strangerKey(ask));
      return;
    }
    const key = strangerKey(ask);
    const before = named.strangers.get(key);
    named.strangers.set(key, { held: newest, askedMs: nowMs, tries: (before?.tries ?? -1) + 1 });
    if (named.strangers.size > strangersMax) named.strangers.delete(named.strangers.keys().next().value as string);
  }
  /** Somebody saw it go. */
  gone(pod: Pod, wallMs: number): void {
    for (const held of this.#named.get(keyOf(pod))?.incarnations ?? [])
      if (held.pod.uid === pod.uid) held.goneAtMs ??= wallMs;
  }
  /** As it was before a restart. */
  restore(pod: Pod, goneAtMs: number | undefined): void {
    const named = this.#touch(pod);
    if (named.incarnations.some((held) => held.pod.uid === pod.uid)) return;
    named.incarnations = [{ pod, seenMs: -Infinity, goneAtMs, isUsed: true }, ...named.incarnations];
  }
  /** Forgets what has been gone since before `wallMs`. */
  forgetGone(wallMs: number): void {
    for (const [key, named] of this.#named) {
      named.incarnations = named.incarnations.filter(({ goneAtMs }) => goneAtMs === undefined || goneAtMs > wallMs);
      if (named.incarnations.length === 0 && named.strangers.size === 0) this.#named.delete(key);
    }
  }
  #touch(ask: PodAsk): Named {
    const key = keyOf(ask);
    const named = this.#named.get(key) ?? { incarnations: [], strangers: new Map<string, Stranger>() };
    // The one that had news last is the last to be forgotten.
    this.#named.delete(key);
    this.#named.set(key, named);
    if (this.#named.size > namesMax) this.#named.delete(this.#named.keys().next().value as string);
    return named;
  }
}

function keyOf({ namespace, name }: PodAsk): string {
  return `${namespace}/${name}`;
}
function strangerKey({ uid, containerId }: PodAsk): string {
  return containerId ?? uid ?? '';
}

/** Where no id is given, what has not been seen since the start is not taken on trust. */
function isOf(pod: Pod, { uid, containerId }: PodAsk): boolean {
  if (uid !== undefined && uid !== '' && pod.uid === uid) return true;
  return containerId !== undefined && pod.containerIds.includes(containerId);
}

function isSame(a: Pod, b: Pod): boolean {
  return JSON.stringify(a, mapsToo) === JSON.stringify(b, mapsToo);
}
function mapsToo(_: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

/** Container ids that an incarnation ever had: the third restart's log is read while the fifth runs. */
const idsMax = 32;
function withIdsOf(pod: Pod, before: Pod): Pod {
  return { ...pod, containerIds: [...new Set([...before.containerIds, ...pod.containerIds])].slice(-idsMax) };
}
