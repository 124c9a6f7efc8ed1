/**
 * Files first written since the last commit, noted before their first byte.
 *
 * `<directory>/begun.json`, version 1, replaced as a whole (new file, fsync, rename, fsync of the directory):
 *   {"version":1,"files":[{"path":…,"length":…,"inode":…,"backups":[…],"sequence":…}]}
 * length: what the file held, null where there was none. backups: inodes of the rotated files that were there. sequence:
 * that of the last commit before the note; a later one that is on disk overrides it.
 */
import type { Disk } from '../../core/disk.ts';
import { errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { replaceTextDurably } from '../../core/whole-file.ts';

export interface Begun {
  readonly path: string;
  readonly length: number | null;
  readonly inode: number | undefined;
  readonly backups: readonly number[];
  readonly sequence: number;
}

export class BegunFile {
  #files: readonly Begun[] = [];
  readonly #disk: Disk;
  readonly #directory: string;
  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }
  get files(): readonly Begun[] {
    return this.#files;
  }
  /** Reads what an earlier run left. An unreadable note is said and treated as none. */
  async read(log: Log): Promise<void> {
    const bytes = await this.#disk.readFile(this.#path());
    if (!bytes) return;
    try {
      this.#files = parseBegun(JSON.parse(bytes.toString('utf8')));
    } catch (error) {
      log.error(`reading ${this.#path()}: ${errorText(error)}; records may be in files twice that were new then.`);
    }
  }
  async add(begun: Begun): Promise<void> {
    await this.#write([...this.#files.filter(({ path }) => path !== begun.path), begun]);
  }
  /** Drops the files for which `isOver` holds. */
  async drop(isOver: (begun: Begun) => boolean): Promise<void> {
    const left = this.#files.filter((begun) => !isOver(begun));
    if (left.length < this.#files.length) await this.#write(left);
  }
  #path(): string {
    return `${this.#directory}/begun.json`;
  }
  async #write(files: readonly Begun[]): Promise<void> {
    await this.#disk.makeDirectory(this.#directory);
    await replaceTextDurably(this.#disk, this.#path(), JSON.stringify({ version: 1, files }));
    this.#files = files;
  }
}

function parseBegun(state: unknown): Begun[] {
  return filesOf(state).flatMap(({ path, length, inode, backups, sequence }) =>
    typeof path === 'string' && (typeof length === 'number' || length === null)
      ? [
          {
            path,
            length,
            inode: typeof inode === 'number' ? inode : undefined,
            backups: Array.isArray(backups) ? backups.filter((one) => typeof one === 'number') : [],
            sequence: typeof sequence === 'number' ? sequence : 0,
          },
        ]
      : [],
  );
}

/** The list of objects in a state of version 1; empty for anything else. */
export function filesOf(state: unknown): Record<string, unknown>[] {
  if (typeof state !== 'object' || state === null || !('files' in state) || !Array.isArray(state.files)) return [];
  return state.files.filter((one) => typeof one === 'object' && one !== null) as Record<string, unknown>[];
}
