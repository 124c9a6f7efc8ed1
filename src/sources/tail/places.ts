/**
 * Where to begin with a file: by its position in the journal, in pos_file at the first start, else its head or its end.
 * Positions of files that are not followed just now are kept here: by device and inode, and by what they held where that
 * says nothing any more (the name is gone, or the file was cut). So what a rotation renames, copies or compresses is known
 * again by its bytes, and read on.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Capture } from '../../codecs/onigmo.ts';
import { holdsSame, readHead } from './contents.ts';
import type { Contents, Seen } from './contents.ts';
import type { FileStart } from './file.ts';
import { pathAsTag } from './paths.ts';
import type { WantedPath } from './paths.ts';
import type { PositionEntry } from './position-file.ts';
import { contentKey, emptyHead, inodeOf, isContentKey, keyOf, positionFrom } from './position.ts';
import type { FileId, Position } from './position.ts';

/** Source state beside the files' positions: the patterns that were looked for when it last ran, and when it started. */
export const patternsKey = 'patterns';
export const startedKey = 'startedMs';

/** Positions kept of files that are not followed any more: far more than are rotated in a day, and 3 MB of journal. */
const leftMax = 10_000;

export interface PlaceRules {
  readonly tag: string;
  /** Takes parts of the tag out of a path. */
  readonly tagParts?: Capture | undefined;
  readonly readsFromHead: boolean;
}

/** A file that is not where it was when it was read, but beside it. */
export interface Renamed {
  readonly path: string;
  readonly position: Position;
  /** Its key in the journal; undefined for one that only pos_file knows. */
  readonly key: string | undefined;
}

/** What is known of the bytes of a file that rotation may have made. */
export type Known = { readonly key: string; readonly position: Position } | undefined;

export class Places {
  readonly #rules: PlaceRules;
  /** Positions of files that are not followed just now. */
  readonly #left = new Map<string, Position>();
  /** Their keys, by the path under which their records go. */
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #patterns: ReadonlySet<string>;
  readonly #startedMs: number | undefined;
  readonly #imported: ReadonlyMap<string, PositionEntry>;
  /** Of those the ones that are where they were, and not looked for any more. */
  readonly #staying = new Set<string>();
  /** What is to be made durable. */
  #changes: Record<string, Position | null> = {};
  /** False from the end of the first look on: what is found then is new. */
  isFirstLook = true;
  /** When the first look was. */
  lookedMs: number | undefined;

  /** `entries`: what pos_file holds; counts only while the journal knows nothing. */
  constructor(rules: PlaceRules, state: ReadonlyMap<string, unknown>, entries: readonly PositionEntry[]) {
    this.#rules = rules;
    for (const [key, value] of state) {
      const position = positionFrom(value);
      if (position) this.#set(key, position);
    }
    const patterns = state.get(patternsKey);
    this.#patterns = new Set(Array.isArray(patterns) ? patterns.filter((one) => typeof one === 'string') : []);
    const startedMs = state.get(startedKey);
    this.#startedMs = typeof startedMs === 'number' ? startedMs : undefined;
    this.#imported = new Map(state.size === 0 ? entries.map((entry) => [entry.path, entry]) : []);
  }
  /** Keeps the position of a file that is not followed just now. */
  leave(key: string, position: Position): void {
    this.#keepContent(key, position);
    this.#set(key, position);
    this.#changes[key] = position;
    const oldest = this.#left.size > leftMax ? this.#left.keys().next().value : undefined;
    if (oldest !== undefined) this.drop(oldest);
  }
  /** Keeps what a file held, whose key says nothing of it any more. */
  leaveContent(position: Position): void {
    if (position.position > 0) this.leave(contentKey(position), position);
  }
  dropContent(position: Position): void {
    this.drop(contentKey(position));
  }
  /** The position of the file is its own from now on: it stands at `position`. */
  hand(key: string, position: Position): void {
    this.#keepContent(key, position);
    this.forget(key);
  }
  /** An inode is another file's now: what the one before it held stays known. */
  #keepContent(key: string, { head, foot, position }: Position): void {
    const other = this.#left.get(key);
    if (!other || isContentKey(key)) return;
    // What stood before a position that lines wait behind was not kept.
    const isFootSame = !other.foot || !foot || other.foot.hash === foot.hash;
    const isSame = other.position === position && other.head.hash === head.hash && isFootSame;
    if (!isSame) this.leaveContent(other);
  }
  forget(key: string): void {
    const position = this.#left.get(key);
    this.#left.delete(key);
    if (!position) return;
    const name = nameOf(position);
    const keys = this.#keysOf.get(name);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(name);
  }
  /** Nothing is to be known of it any more. */
  drop(key: string): void {
    this.forget(key);
    this.#changes[key] = null;
  }
  /** What changed since, for the journal; keys that `isFollowed` have positions of their own. */
  takeChanges(isFollowed: (key: string) => boolean): Record<string, Position | null> {
    const changes = Object.entries(this.#changes).filter(([key]) => !isFollowed(key));
    this.#changes = {};
    return Object.fromEntries(changes);
  }
  /** What is kept of files whose records go under a path. */
  of(name: string): (readonly [string, Position])[] {
    return [...(this.#keysOf.get(name) ?? [])].map((key) => [key, this.#left.get(key) as Position] as const);
  }
  get(key: string): Position | undefined {
    return this.#left.get(key);
  }
  /** Files of that path that are not to be seen, though their end was not; `followed` have been found since. */
  unsettled(name: string, followed: (key: string) => boolean): (readonly [string, Position])[] {
    return this.of(name).filter(
      ([key, { goneMs }]) => goneMs === undefined && !followed(key) && !this.#staying.has(key),
    );
  }
  /** Where to begin with a file that was found at a path that is looked for. */
  async begin(wanted: WantedPath, seen: Seen, contents: Contents): Promise<FileStart> {
    const { path, pattern } = wanted;
    const known = await this.#known(seen, path, contents);
    if (known) return this.#start(seen.id, path, nameOf(known), known, known.sinceMs ?? seen.modifiedMs);
    const { position, isNew } = this.#first(path, pattern, seen);
    const since = isNew ? this.#newsSinceMs(seen) : seen.modifiedMs;
    const sinceMs = this.of(path).find(([, other]) => other.sinceMs !== undefined)?.[1].sinceMs ?? since;
    const head = position > 0 ? await readHead(contents, position) : emptyHead;
    return this.#start(seen.id, path, path, { position, head }, sinceMs);
  }
  /** Where to go on with a file that was renamed while nobody looked; undefined when it is another one. */
  async resume(
    { path, position, key }: Renamed,
    seen: Seen,
    contents: Contents,
    goneMs: number,
  ): Promise<FileStart | undefined> {
    if (key !== undefined && !(isSameBirth(position, seen.id) && (await holdsSame(contents, position)))) {
      this.drop(key);
      this.leaveContent(position);
      return undefined;
    }
    if (seen.size > position.position) return this.startAt(path, position, seen);
    if (key !== undefined && position.goneMs === undefined)
      this.leave(key, { ...position, path, name: nameOf(position), goneMs });
    return undefined;
  }
  /** A file that rotation made, from a position on. */
  startAt(path: string, known: Position, seen: Seen): FileStart {
    return this.#start(seen.id, path, nameOf(known), known, known.sinceMs ?? seen.modifiedMs);
  }
  /** Has a file the bytes of one whose position is kept? Of several the one that was read furthest. */
  async knows(name: string, { id, size }: Pick<Seen, 'id' | 'size'>, contents: Contents): Promise<Known> {
    let best: Known;
    for (const [key, position] of this.of(name)) {
      const isOwn = key === keyOf(id);
      // Of an inode that is used again the bytes tell as well.
      if (position.position === 0 && !(isOwn && isSameBirth(position, id))) continue;
      if (size < position.position || (best && best.position.position >= position.position)) continue;
      if (await holdsSame(contents, position)) best = { key, position };
    }
    return best;
  }
  /**
   * Files that were read when the program last ran and are not at their path any more: where their inode is now, if it is
   * in the same directory. `gone` are those that are nowhere to be seen.
   */
  async renamed(): Promise<{ readonly found: Renamed[]; readonly gone: [string, Position][] }> {
    const found: Renamed[] = [];
    const gone: [string, Position][] = [];
    const inodes = new InodeIndex();
    for (const [key, position] of this.#left) {
      const at = isContentKey(key) ? undefined : await inodes.find(position.path, inodeOf(key));
      // It is where it was, and not looked for any more; one that was renamed before has its rest to be read still.
      if (at === position.path && position.name === undefined) {
        this.#staying.add(key);
        continue;
      }
      if (at === undefined) gone.push([key, position]);
      else found.push({ path: at, position, key });
    }
    for (const { path, position, inode } of this.#imported.values()) {
      const at = await inodes.find(path, String(inode));
      if (at !== undefined && at !== path)
        found.push({ path: at, position: { path, position, head: emptyHead }, key: undefined });
    }
    return { found, gone };
  }

  /** When somebody last looked for a file that is new. */
  #newsSinceMs({ modifiedMs }: Seen): number {
    return Math.min(modifiedMs, (this.isFirstLook ? this.#startedMs : this.lookedMs) ?? modifiedMs);
  }
  #set(key: string, position: Position): void {
    this.forget(key);
    this.#left.set(key, position);
    const name = nameOf(position);
    const keys = this.#keysOf.get(name);
    if (keys) keys.add(key);
    else this.#keysOf.set(name, new Set([key]));
  }
  #start(
    id: FileId,
    path: string,
    name: string,
    { position, head, part, joined }: Pick<Position, 'position' | 'head' | 'part' | 'joined'>,
    sinceMs: number,
  ): FileStart {
    return { ...id, path, name, tag: this.#tag(name), position, head, part, joined, sinceMs };
  }
  async #known({ id, size }: Seen, path: string, contents: Contents): Promise<Position | undefined> {
    const key = keyOf(id);
    const own = this.#left.get(key);
    if (own) {
      if (isSameBirth(own, id) && size >= own.position && (await holdsSame(contents, own))) return own;
      // It was cut, or its inode is another file's now.
      this.forget(key);
      this.leaveContent(own);
    }
    // Device numbers may change when a machine or a container starts again.
    for (const [other, position] of this.of(path)) {
      if (other === key || position.path !== path || inodeOf(other) !== String(id.inode)) continue;
      if (!isSameBirth(position, id) || size < position.position) continue;
      if (position.head.bytes === 0 || !(await holdsSame(contents, position))) continue;
      this.drop(other);
      return position;
    }
    return undefined;
  }
  /** For a file without a position in the journal. `isNew`: it was not there when the program last ran. */
  #first(path: string, pattern: string, { id, size }: Seen): { readonly position: number; readonly isNew: boolean } {
    if (!this.isFirstLook) return { position: 0, isNew: true };
    const renamed = [...this.#imported.values()].find(({ inode, position }) => inode === id.inode && position <= size);
    if (renamed) return { position: renamed.position, isNew: false };
    // A path that was read before leads to a new file now, and a pattern that was looked for finds only new ones.
    const isNew = this.#imported.has(path) || this.#patterns.has(pattern) || this.of(path).length > 0;
    return { position: isNew || this.#rules.readsFromHead ? 0 : size, isNew };
  }
  #tag(path: string): string {
    const { tag: written, tagParts } = this.#rules;
    const tag = tagParts ? withParts(written, tagParts, path) : written;
    const [prefix = '', suffix] = tag.split('*');
    return tag.includes('*') ? `${prefix}${pathAsTag(path)}${suffix ?? ''}` : tag;
  }
}

/** The path under which its records go. */
export function nameOf({ name, path }: Position): string {
  return name ?? path;
}

/** `<name>` becomes what the group of that name matched in the path, nothing where it took no part, `_` where there is no such group. */
function withParts(tag: string, { expression, names }: Capture, path: string): string {
  const match = expression.exec(path);
  return tag.replaceAll(/<([^<>]+)>/g, (_whole, name: string) => {
    const index = names.indexOf(name);
    return index < 0 || !match ? '_' : (match[index + 1] ?? '');
  });
}

/** Birth times tell files apart where both are known. */
function isSameBirth({ born }: Position, id: FileId): boolean {
  return born === undefined || id.born === undefined || born === id.born;
}

/** Finds files by their inode, beside where they were. Looks at each directory once. */
class InodeIndex {
  readonly #directories = new Map<string, Promise<ReadonlyMap<string, string>>>();

  /** Where the inode is now; the path itself when it still is there. */
  async find(path: string, inode: string): Promise<string | undefined> {
    const here = await stat(path, { bigint: true }).catch(() => undefined);
    if (here && String(here.ino) === inode) return path;
    const directory = dirname(path);
    let index = this.#directories.get(directory);
    if (!index) this.#directories.set(directory, (index = this.#read(directory)));
    const name = (await index).get(inode);
    return name === undefined ? undefined : join(directory, name);
  }
  async #read(directory: string): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const name of await readdir(directory).catch(() => [])) {
      const seen = await stat(join(directory, name), { bigint: true }).catch(() => undefined);
      if (seen?.isFile() === true) found.set(String(seen.ino), name);
    }
    return found;
  }
}
