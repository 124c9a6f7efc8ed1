/**
 * Files that are followed and not held open, where the system does not allow as many descriptors: those that were read to
 * their end longest ago. They are opened again, at their position, when they change.
 */
import { readFileSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { FollowedFile } from './file.ts';
import type { WantedPath } from './paths.ts';
import { idOf, keyOf } from './position.ts';

/** Of the descriptors that the process may have: the rest is for the journal, connections and outputs. */
const ownShare = 0.75;

interface Parked {
  readonly wanted: WantedPath;
  readonly key: string;
  readonly size: number;
}

/** Files that one source may hold open where its configuration says nothing. */
export function openFilesMaxByDefault(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.floor(Number(soft) * ownShare);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

export function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

export class Parking {
  readonly #max: number;
  readonly #parked = new Map<string, Parked>();
  /** Those that are to be opened again as soon as there is room. */
  readonly waiting = new Set<string>();
  /** Files were found that are not opened yet, since there was no room. */
  isShort = false;

  constructor(max: number) {
    this.#max = max;
  }
  /** May one more file be held open beside so many? */
  hasRoom(open: number): boolean {
    return open < this.#max;
  }
  /** Those to be closed so that there is room again: a tenth, so that it is not done for each file. */
  choose(files: readonly FollowedFile[]): FollowedFile[] {
    const count = Math.max(1, Math.floor(this.#max / 10));
    return files.filter((file) => file.isIdle).slice(0, count);
  }
  add(wanted: WantedPath, file: FollowedFile): void {
    this.#parked.set(wanted.path, { wanted, key: file.key, size: file.position });
  }
  has(path: string): boolean {
    return this.#parked.has(path);
  }
  /** To be opened again. */
  take(path: string): WantedPath | undefined {
    const wanted = this.#parked.get(path)?.wanted;
    this.#parked.delete(path);
    return wanted;
  }
  /** Is it another file now, or another size? */
  isChanged(path: string, found: BigIntStats | undefined): boolean {
    const parked = this.#parked.get(path);
    return parked !== undefined && (!found || keyOf(idOf(found)) !== parked.key || Number(found.size) !== parked.size);
  }
  paths(): string[] {
    return [...this.#parked.keys()];
  }
  keys(): string[] {
    return [...this.#parked.values()].map(({ key }) => key);
  }
}
