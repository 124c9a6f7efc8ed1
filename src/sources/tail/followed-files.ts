/** The files that are followed: by their key, by where their path leads, and by the path under which their records go. */
import type { FollowedFile } from './file.ts';

export class FollowedFiles {
  readonly #byKey = new Map<string, FollowedFile>();
  readonly #byPath = new Map<string, FollowedFile>();
  readonly #byName = new Map<string, Set<FollowedFile>>();

  get(key: string): FollowedFile | undefined {
    return this.#byKey.get(key);
  }
  /** The one to which a path that is looked for leads. */
  at(path: string): FollowedFile | undefined {
    return this.#byPath.get(path);
  }
  /** Those whose records go under a path: what lies there now, and what did before. */
  of(name: string): FollowedFile[] {
    return [...(this.#byName.get(name) ?? [])];
  }
  get placedCount(): number {
    return this.#byPath.size;
  }
  all(): FollowedFile[] {
    return [...this.#byKey.values()];
  }
  /** Those to which paths that are looked for lead. */
  placed(): (readonly [string, FollowedFile])[] {
    return [...this.#byPath];
  }
  add(file: FollowedFile): void {
    this.#byKey.set(file.key, file);
    const same = this.#byName.get(file.name);
    if (same) same.add(file);
    else this.#byName.set(file.name, new Set([file]));
  }
  place(path: string, file: FollowedFile): void {
    this.#byPath.set(path, file);
  }
  /** Its path leads elsewhere. */
  displace(file: FollowedFile): void {
    if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path);
  }
  delete(file: FollowedFile): void {
    this.displace(file);
    if (this.#byKey.get(file.key) === file) this.#byKey.delete(file.key);
    const same = this.#byName.get(file.name);
    same?.delete(file);
    if (same?.size === 0) this.#byName.delete(file.name);
  }
}
