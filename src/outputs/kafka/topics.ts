/** Topics on the way of a chunk: looked up, created by brokers that do so, replaced or refused where there are none. */
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Cluster, TopicProblem, TopicState } from '../../kafka/cluster.ts';
import { failureText, isOfTopic, isRefusing } from '../../kafka/failures.ts';
import type { NoTopic } from './assemble.ts';
import type { TopicSettings } from './settings.ts';

/** How often a topic that brokers may just be creating is asked for, and how long between. */
const creationTries = 5;
const creationMs = 200;
/** A topic that a record named and that is not there is not asked for again in this time: names come from outside. */
const absentMs = 10_000;
/** Of those so many are remembered; the oldest are asked for again. */
const absentMax = 1000;

export class TopicFinder {
  readonly #cluster: Cluster;
  readonly #settings: TopicSettings;
  readonly #clock: Clock;
  readonly #absent = new Map<string, { readonly problem: string; readonly untilMs: number }>();

  constructor(cluster: Cluster, settings: TopicSettings, clock: Clock) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#clock = clock;
  }
  /**
   * What each name comes to. `names`: true for one that a record or its tag named, not the configuration: its records are
   * refused where there is no such topic, and the others of the chunk go on.
   */
  async find(names: ReadonlyMap<string, boolean>): Promise<(name: string) => TopicState | NoTopic> {
    const { fallback, replacesUnknown } = this.#settings;
    const asked = [...names.keys()].filter((name) => !this.#isAbsent(name));
    const found = await this.#ask(asked);
    const isReplaced = (name: string): boolean =>
      replacesUnknown && fallback !== undefined && name !== fallback && !isState(found.get(name));
    if (fallback !== undefined && [...names.keys()].some(isReplaced) && !found.has(fallback))
      for (const [name, state] of await this.#ask([fallback])) found.set(name, state);
    return (name) => {
      const used = isReplaced(name) ? (fallback as string) : name;
      const state = found.get(used) ?? this.#absent.get(used) ?? { problem: 'UNKNOWN_TOPIC_OR_PARTITION' };
      if (isState(state)) return state;
      const isOutside = used === name && names.get(name) === true;
      return noTopic(used, state.problem, isOutside);
    };
  }
  async #ask(names: readonly string[]): Promise<Map<string, TopicState | TopicProblem>> {
    const found = new Map<string, TopicState | TopicProblem>();
    let missing = names;
    for (let tries = 0; missing.length > 0; tries++) {
      for (const [name, state] of await this.#cluster.topics(missing, { creates: true })) found.set(name, state);
      missing = missing.filter((name) => {
        const state = found.get(name);
        return !isState(state) && !isRefusing(state?.problem ?? '') && state?.problem !== 'TOPIC_AUTHORIZATION_FAILED';
      });
      if (missing.length === 0 || tries >= creationTries) break;
      await sleep(this.#clock, creationMs);
    }
    const untilMs = this.#clock.monotonicMs() + absentMs;
    for (const [name, state] of found)
      if (isState(state)) this.#absent.delete(name);
      else this.#absent.set(name, { problem: state.problem, untilMs });
    for (const name of this.#absent.keys()) {
      if (this.#absent.size <= absentMax) break;
      this.#absent.delete(name);
    }
    return found;
  }
  #isAbsent(name: string): boolean {
    const known = this.#absent.get(name);
    if (!known) return false;
    if (this.#clock.monotonicMs() < known.untilMs) return true;
    this.#absent.delete(name);
    return false;
  }
}

export function isState(state: TopicState | TopicProblem | NoTopic | undefined): state is TopicState {
  return state !== undefined && 'leaders' in state;
}

/** `isOutside`: a record named the topic. */
export function noTopic(name: string, problem: string, isOutside: boolean): NoTopic {
  const why = failureText(Object.assign(new Error(`topic ${name}`), { apiId: problem }));
  const isRefused = isRefusing(problem) || (isOutside && isOfTopic(problem));
  return isRefused ? { reason: `OUTPUT_REFUSED: ${why}`, isLater: false } : { reason: why, isLater: true };
}
