/** Where to begin with a file: by its position in the journal, in pos_file at the first start, else its head or its end. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Capture } from '../../codecs/onigmo.ts';
import type { Log } from '../../core/log.ts';
import type { FileStart, Place } from './file.ts';
import { pathAsTag } from './paths.ts';
import type { WantedPath } from './paths.ts';
import type { PositionEntry } from './position-file.ts';
import { emptyHead, inodeOf, keyOf, positionFrom } from './position.ts';
import type { FileId, Head, Position } from './position.ts';

/** Source state beside the files' positions: the patterns that were looked for when it last ran. */
export const patternsKey = 'patterns';

/** Positions kept of files that are not followed any more: far more than are rotated in a day, and 3 MB of journal. */
const leftMax = 10_000;

export interface PlaceRules {
  readonly tag: string;
  /** Takes parts of the tag out of a path. */
  readonly tagParts?: Capture | undefined;
  readonly readsFromHead: boolean;
  readonly log: Log;
}

/** A file that is not where it was when it was read, but beside it. */
export interface Renamed {
  readonly path: string;
  readonly position: Position;
  /** Its key in the journal; undefined for one that only pos_file knows. */
  readonly key: string | undefined;
}

export class Places {
  readonly #rules: PlaceRules;
  /** Positions of files that are not followed just now. */
  readonly #left = new Map<string, Position>();
  readonly #patterns: ReadonlySet<string>;
  readonly #imported: ReadonlyMap<string, PositionEntry>;
  /** Keys of positions that went over to another key. */
  readonly replaced: string[] = [];
  /** False from the end of the first look on: what is found then is new. */
  isFirstLook = true;

  /** `entries`: what pos_file holds; counts only while the journal knows nothing. */
  constructor(rules: PlaceRules, state: ReadonlyMap<string, unknown>, entries: readonly PositionEntry[]) {
    this.#rules = rules;
    for (const [key, value] of state) {
      const position = positionFrom(value);
      if (position) this.#left.set(key, position);
    }
    const patterns = state.get(patternsKey);
    this.#patterns = new Set(Array.isArray(patterns) ? patterns.filter((one) => typeof one === 'string') : []);
    this.#imported = new Map(state.size === 0 ? entries.map((entry) => [entry.path, entry]) : []);
  }
  /** Keeps the position of a file that is not followed just now. Gives the key of one that is too many. */
  leave(key: string, position: Position): string | undefined {
    this.#left.set(key, position);
    const oldest = this.#left.size > leftMax ? this.#left.keys().next().value : undefined;
    if (oldest !== undefined) this.#left.delete(oldest);
    return oldest;
  }
  /** The position of the file is its own from now on. */
  forget(key: string): void {
    this.#left.delete(key);
  }
  /** Where to begin with a file that was found. */
  async begin(wanted: WantedPath, id: FileId, size: number, head: Parameters<Place>[2]): Promise<FileStart> {
    const { path, pattern } = wanted;
    const known = await this.#known(id, path, head);
    if (!known) {
      const position = this.#first(path, pattern, id, size);
      return this.#start(id, path, path, position, position > 0 ? await head(position) : emptyHead);
    }
    const name = known.name ?? known.path;
    if (size >= known.position) return this.#start(id, path, name, known.position, known.head, known);
    this.#rules.log.warn(
      `${path} was cut to ${size} bytes after ${known.position} bytes of it were read; it is read from its head.`,
    );
    return this.#start(id, path, name, 0, emptyHead);
  }
  /** Where to go on with a file that was renamed while nobody looked; undefined when it is another one. */
  async resume(renamed: Renamed, id: FileId, size: number, head: Parameters<Place>[2]): Promise<FileStart | undefined> {
    const { path, position: known, key } = renamed;
    const isSame =
      key === undefined || (isSameBirth(known, id) && (await head(known.head.bytes)).hash === known.head.hash);
    if (!isSame || size <= known.position) return undefined;
    return this.#start(id, path, known.name ?? known.path, known.position, known.head, known);
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
      const at = await inodes.find(position.path, inodeOf(key));
      // It is where it was, and not looked for any more; one that was renamed before has its rest to be read still.
      if (at === position.path && position.name === undefined) continue;
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

  #start(
    id: FileId,
    path: string,
    name: string,
    position: number,
    head: Head,
    { part, joined }: Pick<Partial<Position>, 'part' | 'joined'> = {},
  ): FileStart {
    return { ...id, path, name, tag: this.#tag(name), position, head, part, joined };
  }
  async #known(id: FileId, path: string, head: Parameters<Place>[2]): Promise<Position | undefined> {
    const key = keyOf(id);
    const own = this.#left.get(key);
    if (own && isSameBirth(own, id) && (await head(own.head.bytes)).hash === own.head.hash) return own;
    // Device numbers may change when a machine or a container starts again.
    for (const [other, position] of this.#left) {
      if (other === key || position.path !== path || inodeOf(other) !== String(id.inode)) continue;
      if (!isSameBirth(position, id)) continue;
      if (position.head.bytes === 0 || (await head(position.head.bytes)).hash !== position.head.hash) continue;
      this.#left.delete(other);
      this.replaced.push(other);
      return position;
    }
    return undefined;
  }
  /** For a file without a position in the journal. */
  #first(path: string, pattern: string, id: FileId, size: number): number {
    if (!this.isFirstLook) return 0;
    const renamed = [...this.#imported.values()].find(({ inode, position }) => inode === id.inode && position <= size);
    if (renamed) return renamed.position;
    // A path that was read before leads to a new file now, and a pattern that was looked for finds only new ones.
    const isNew = this.#imported.has(path) || this.#patterns.has(pattern);
    return isNew || this.#rules.readsFromHead ? 0 : size;
  }
  #tag(path: string): string {
    const { tag: written, tagParts } = this.#rules;
    const tag = tagParts ? withParts(written, tagParts, path) : written;
    const [prefix = '', suffix] = tag.split('*');
    return tag.includes('*') ? `${prefix}${pathAsTag(path)}${suffix ?? ''}` : tag;
  }
}

/** `<name>` becomes what the group of that name matched in the path; nothing where it matched nothing. */
function withParts(tag: string, { expression, names }: Capture, path: string): string {
  const match = expression.exec(path);
  return tag.replaceAll(/<([^<>]+)>/g, (whole, name: string) => {
    const index = names.indexOf(name);
    return index < 0 ? whole : (match?.[index + 1] ?? '');
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
