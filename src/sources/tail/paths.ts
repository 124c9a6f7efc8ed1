/** Which files a configuration means just now: patterns with dates and globs, less those that are excluded. */
import { stat } from 'node:fs/promises';
import { compileStrftime, zoneOf } from '../../codecs/strftime.ts';
import type { TimeFormat } from '../../codecs/strftime.ts';
import type { Clock } from '../../core/clock.ts';
import { glob, globRoot } from './glob.ts';
import type { TailOptions } from './options.ts';

type PathOptions = Pick<
  TailOptions,
  'path' | 'pathDelimiter' | 'excludePath' | 'pathTimezone' | 'globPolicy' | 'limitRecentlyModified'
>;

/** A path that is meant, and the pattern it comes from. */
export interface WantedPath {
  readonly path: string;
  readonly pattern: string;
}

/** The paths of the option, without blanks and repetitions. */
export function splitPaths({ path, pathDelimiter }: Pick<PathOptions, 'path' | 'pathDelimiter'>): string[] {
  const parts = path.split(pathDelimiter).map((part) => part.trim());
  return [...new Set(parts)].filter((part) => part !== '');
}

interface Dated {
  readonly pattern: string;
  readonly at: TimeFormat | undefined;
}

export class PathList {
  readonly #clock: Clock;
  readonly #options: PathOptions;
  readonly #onUnreadable: (path: string, code: string) => void;
  readonly #wanted: readonly Dated[];
  readonly #excluded: readonly Dated[];

  constructor(options: PathOptions, clock: Clock, onUnreadable: (path: string, code: string) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#onUnreadable = onUnreadable;
    const zone = zoneOf({ timezone: options.pathTimezone });
    const dated = (pattern: string): Dated => ({
      pattern,
      at: pattern.includes('%') ? compileStrftime(pattern, zone) : undefined,
    });
    this.#wanted = splitPaths(options).map(dated);
    this.#excluded = options.excludePath.map(dated);
  }
  /** The patterns as written. */
  get patterns(): string[] {
    return this.#wanted.map(({ pattern }) => pattern);
  }
  /** Directories in which a new file may appear: those that the patterns begin with, at this hour. */
  roots(): string[] {
    return [...new Set(this.#wanted.map((one) => globRoot(this.#dated(one))))];
  }
  /** Those that exist by a glob, and those that are named without one, in written order. */
  async expand(): Promise<WantedPath[]> {
    const excluded = new Set<string>();
    for (const one of this.#excluded) for (const path of await this.#paths(one)) excluded.add(path);
    const found = new Map<string, WantedPath>();
    for (const one of this.#wanted)
      for (const path of await this.#paths(one, true))
        if (!excluded.has(path) && !found.has(path)) found.set(path, { path, pattern: one.pattern });
    return [...found.values()];
  }
  async #paths(one: Dated, isLimited = false): Promise<string[]> {
    const path = this.#dated(one);
    if (!isGlob(path, this.#options.globPolicy)) return [path];
    const found = await glob(path, this.#onUnreadable);
    const { limitRecentlyModified: limitMs } = this.#options;
    if (!isLimited || limitMs === undefined) return found;
    const sinceMs = this.#clock.nowMs() - limitMs;
    const recent: string[] = [];
    for (const candidate of found) {
      const seen = await stat(candidate).catch(() => undefined);
      if (seen && seen.mtimeMs >= sinceMs) recent.push(candidate);
    }
    return recent;
  }
  #dated({ pattern, at }: Dated): string {
    if (!at) return pattern;
    const { seconds, nanos } = this.#clock.now();
    return at(seconds, nanos);
  }
}

/** Is the path a glob? Fluentd takes only those with a star for one, unless glob_policy says more. */
function isGlob(path: string, policy: PathOptions['globPolicy']): boolean {
  if (policy === 'backward_compatible') return path.includes('*');
  if (/[*?]|\[.*\]/.test(path)) return true;
  return policy === 'always' && /\{.*,.*\}/.test(path);
}

/** The path as a part of a tag: dots for slashes, one at a time, none at the start. */
export function pathAsTag(path: string): string {
  return path
    .replaceAll('/', '.')
    .replaceAll(/\.{2,}/g, '.')
    .replace(/^\./, '');
}
