/** `index_retention`: deletes indices of days that are longer ago, looking once an hour. */
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { OutputContext } from '../../core/plugin.ts';
import type { Cluster } from './cluster.ts';
import { datedNames } from './dated-names.ts';

/** Indices go by whole days, so an hour more is not much. */
const intervalMs = 3_600_000;
/** Dates that are not in UTC end at another time, this much later at most. */
const zoneSeconds = 14 * 3600;
/** Prefixes that come from tags and fields; beyond so many the oldest are no longer looked after. */
const prefixesMax = 1000;

export interface RetentionSettings {
  readonly retentionMs: number;
  readonly dateformat: string;
  readonly isUtc: boolean;
}

export class Retention {
  readonly #settings: RetentionSettings;
  readonly #cluster: Cluster;
  readonly #context: OutputContext;
  readonly #prefixes = new Set<string>();
  readonly #signal: AbortSignal;
  #timer: Timer | undefined;

  constructor(settings: RetentionSettings, cluster: Cluster, context: OutputContext, signal: AbortSignal) {
    this.#settings = settings;
    this.#cluster = cluster;
    this.#context = context;
    this.#signal = signal;
  }
  /** Looks after the indices of a prefix from now on. */
  async add(prefix: string): Promise<void> {
    if (this.#prefixes.has(prefix)) return;
    const [oldest] = this.#prefixes;
    if (this.#prefixes.size >= prefixesMax && oldest !== undefined) this.#prefixes.delete(oldest);
    this.#prefixes.add(prefix);
    this.#timer ??= this.#context.clock.after(intervalMs, () => void this.#again());
    await this.#sweep(prefix);
  }
  stop(): void {
    this.#timer?.cancel();
  }

  async #again(): Promise<void> {
    for (const prefix of this.#prefixes) await this.#sweep(prefix);
    if (!this.#signal.aborted) this.#timer = this.#context.clock.after(intervalMs, () => void this.#again());
  }
  /** Failures are told and tried again an hour later: records go on. */
  async #sweep(prefix: string): Promise<void> {
    const { id, log } = this.#context;
    try {
      for (const name of await this.#over(prefix)) {
        const answer = await this.#cluster.send(
          { method: 'DELETE', path: `/${encodeURIComponent(name)}` },
          this.#signal,
        );
        if (answer.status === 404) continue;
        if (answer.status !== 200) throw new Error(`${answer.request} was answered ${answer.status} ${answer.text}`);
        log.info({ output: id }, `output ${id}: index ${name} was deleted, as index_retention says`);
      }
    } catch (error) {
      if (this.#signal.aborted) return;
      log.warn(
        { output: id },
        `output ${id}: deleting old indices of ${prefix}: ${errorText(error)}; trying again in an hour`,
      );
    }
  }
  /** Names of indices whose time is over. */
  async #over(prefix: string): Promise<string[]> {
    const { dateformat, isUtc, retentionMs } = this.#settings;
    const names = datedNames(prefix, dateformat);
    const path = `/_cat/indices/${encodeURIComponent(prefix)}*?format=json&h=index&expand_wildcards=open,closed`;
    const found = await this.#cluster.json('GET', path, this.#signal);
    const nowSeconds = this.#context.clock.nowMs() / 1000 - (isUtc ? 0 : zoneSeconds);
    const written = (Array.isArray(found) ? (found as unknown[]) : []).map(nameOf);
    return written.filter((name): name is string => {
      const end = name === undefined ? undefined : names.endOf(name);
      return end !== undefined && end + retentionMs / 1000 <= nowSeconds;
    });
  }
}

function nameOf(entry: unknown): string | undefined {
  const name = typeof entry === 'object' && entry !== null && 'index' in entry ? entry.index : undefined;
  return typeof name === 'string' ? name : undefined;
}
