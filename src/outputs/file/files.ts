/**
 * The files of one file output, so that each record is in them once, whatever is killed when.
 *
 * Committed with the cursor (format version 1, JSON), the files written last, oldest first:
 *   {"version":1,"files":[{"name":…,"path":…,"length":…,"inode":…}]}
 * `name` is the path before a number was chosen, `length` how far the file holds records the cursor has passed.
 *
 * `<directory>/begun.json` (version 1), the files first written since the last commit, with what they held before:
 *   {"version":1,"files":[{"path":…,"length":…,"inode":…,"backups":[…]}]}
 * length null: there was no file. backups: inodes of the rotated files that were there.
 *
 * Invariants and order:
 * - Before the first byte goes to a file that the last commit does not know, begun.json names it, durably.
 * - commit() syncs every written file and directory before it returns the state. The next call of any method means that
 *   the state is on disk; then begun.json is emptied.
 * - recover() cuts each file back to its committed length, or to what begun.json says, before anything is written.
 * - Rotation renames without a note of its own: recovery finds the committed file by its inode, deletes the files that
 *   came after it and moves it back, and closes gaps in the numbering that a killed rotation left. So a file with
 *   committed records is not deleted by rotation before the next commit.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Disk, DiskFile } from '../../core/disk.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { indexMark } from './path.ts';

/** Open files at once: far below the usual limit of 1024 descriptors a process. */
const openFilesMax = 64;
/** Files kept in the committed state: more series side by side are rare, and the state is written at every commit. */
const knownFilesMax = 256;
/** Fluentd's modes, less the umask. */
const directoryPermissions = 0o755;
const filePermissions = 0o644;

interface FileState {
  readonly name: string;
  readonly path: string;
  length: number;
  inode: number | undefined;
}
interface Entry extends FileState {
  file: DiskFile | undefined;
  isDirty: boolean;
  /** A failed write may have left bytes behind `length`. */
  isTorn: boolean;
  committed: { readonly length: number; readonly inode: number | undefined } | undefined;
}
interface Begun {
  readonly path: string;
  readonly length: number | null;
  readonly inode?: number | undefined;
  /** Inodes of the rotated files that were there before. */
  readonly backups: readonly number[];
}

export interface OutputFilesOptions {
  readonly disk: Disk;
  readonly log: Log;
  readonly directory: string;
  readonly committed: unknown;
  readonly rotateBackups: number;
  readonly canRotate: boolean;
}

/** One output's files. Calls are run one after the other, in the order they were made. */
export class OutputFiles {
  readonly #options: OutputFilesOptions;
  readonly #disk: Disk;
  /** By name, the one written last at the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #dirtyDirectories = new Set<string>();
  #begun: Begun[] = [];
  /** What the last commit() returned; on disk when the next call comes. */
  #returned: readonly Entry[] | undefined;
  #returnedStates: readonly FileState[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #failedSync: string | undefined;
  readonly #linked = new Map<string, string>();

  constructor(options: OutputFilesOptions) {
    this.#options = options;
    this.#disk = options.disk;
  }

  /** Brings the files to what was committed. @throws OperatingError OUTPUT_WRITE, to be called again */
  recover(): Promise<void> {
    return this.#inTurn('recovering the files', async () => {
      this.#entries.clear();
      this.#begun = await this.#readBegun();
      const gone: string[] = [];
      for (const state of parseState(this.#options.committed)) {
        // What lies there now may not be what was written: the next write finds out as if the path were new.
        if (!(await this.#restore(state, gone))) continue;
        const inode = (await this.#disk.stat(state.path))?.inode;
        const entry = newEntry({ ...state, inode });
        entry.committed = { length: state.length, inode };
        this.#entries.set(state.name, entry);
      }
      const known = new Set([...this.#entries.values()].map(({ path }) => path));
      for (const begun of this.#begun) if (!known.has(begun.path)) await this.#restoreBegun(begun, gone);
      if (gone.length > 0)
        this.#options.log.error(
          `${gone.length} files no longer hold what was written to them: ${gone.slice(0, 5).join('; ')}. Writing goes on at their end.`,
        );
      await this.#writeBegun([]);
    });
  }

  /**
   * Appends `payload`, cut at the positions of `cuts` (the last is its length) wherever a file would grow beyond
   * rotateBytes. Returns how many pieces were written: less than all when a later one failed. Calls `opened` when the
   * path came to be the file written.
   * @throws OperatingError OUTPUT_WRITE: nothing was written
   */
  append(
    name: string,
    payload: Buffer,
    cuts: readonly number[],
    rotateBytes: number | undefined,
    opened: (path: string) => Promise<void>,
  ): Promise<number> {
    return this.#inTurn(`writing to ${name}`, async () => {
      await this.#confirm();
      const entry = await this.#entry(name);
      await opened(entry.path);
      let done = 0;
      let from = 0;
      while (done < cuts.length) {
        let next = cuts.length;
        if (rotateBytes !== undefined) next = fitting(cuts, done, from, rotateBytes - entry.length);
        try {
          if (next === done && entry.length > 0) await this.#rotate(entry);
          else {
            // A record larger than rotateBytes gets a file for itself.
            if (next === done) next = done + 1;
            const until = cuts[next - 1] as number;
            await this.#write(entry, payload.subarray(from, until));
            [done, from] = [next, until];
          }
        } catch (error) {
          if (done === 0) throw error;
          this.#options.log.warn(`writing to ${entry.path}: ${errorText(error)}; the rest is tried again`);
          return done;
        }
      }
      return done;
    });
  }

  /** Makes all that was written durable; the state to commit with the cursor. @throws OperatingError OUTPUT_WRITE */
  commit(): Promise<unknown> {
    return this.#inTurn('syncing files', async () => {
      await this.#confirm();
      try {
        for (const entry of this.#entries.values()) await this.#sync(entry);
        for (const directory of this.#dirtyDirectories) await this.#disk.syncDirectory(directory);
        this.#dirtyDirectories.clear();
      } catch (error) {
        // After a failed sync nobody knows what is on disk: only a new start from the committed state is safe.
        this.#failedSync = errorText(error);
        throw error;
      }
      this.#returned = [...this.#entries.values()];
      this.#returnedStates = this.#returned.map(({ name, path, length, inode }) => ({ name, path, length, inode }));
      return { version: 1, files: this.#returnedStates };
    });
  }

  /** Points a symbolic link at a file. To be called from `opened`. */
  async link(path: string, link: string): Promise<void> {
    if (this.#linked.get(link) === path || !this.#disk.symlink) return;
    this.#linked.clear();
    await this.#disk.makeDirectory(dirname(link), directoryPermissions);
    await this.#disk.symlink(resolve(path), link);
    this.#linked.set(link, path);
  }

  close(): Promise<void> {
    return this.#inTurn('closing files', async () => {
      await this.#confirm();
      for (const entry of this.#entries.values()) await closeFile(entry);
      this.#entries.clear();
    });
  }

  #inTurn<T>(doing: string, run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      if (this.#failedSync !== undefined && !doing.startsWith('clos'))
        throw new OperatingError('OUTPUT_WRITE', `${doing}: a sync failed before (${this.#failedSync})`);
      try {
        return await run();
      } catch (error) {
        if (error instanceof OperatingError) throw error;
        throw new OperatingError('OUTPUT_WRITE', `${doing}: ${errorText(error)}; check the disk and the permissions`, {
          cause: error,
        });
      }
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** What the last commit() returned is on disk now. */
  async #confirm(): Promise<void> {
    if (!this.#returned) return;
    this.#returned.forEach((entry, i) => {
      const { length, inode } = this.#returnedStates[i] as FileState;
      entry.committed = { length, inode };
    });
    this.#returned = undefined;
    if (this.#begun.length > 0) await this.#writeBegun(this.#begun.filter(({ path }) => !this.#isCommitted(path)));
    if (this.#options.canRotate) for (const entry of this.#entries.values()) await this.#dropSurplus(entry);
  }

  #isCommitted(path: string): boolean {
    return this.#returnedStates.some((state) => state.path === path);
  }

  // ------------------------------------------------------------------------------------------------ opening

  async #entry(name: string): Promise<Entry> {
    const known = this.#entries.get(name);
    if (known) {
      this.#entries.delete(name);
      this.#entries.set(name, known);
      await this.#look(known);
      return known;
    }
    const path = await this.#choosePath(name);
    const found = await this.#disk.stat(path);
    await this.#begin(path, found);
    const entry = newEntry({ name, path, length: found?.size ?? 0, inode: found?.inode });
    await this.#open(entry);
    this.#entries.set(name, entry);
    await this.#forget();
    return entry;
  }

  /** Notes, durably, what a file holds before it is written. */
  async #begin(path: string, found: { size: number; inode?: number } | undefined): Promise<void> {
    const backups: number[] = [];
    for (const n of this.#options.canRotate ? await this.#backups(path) : []) {
      const inode = (await this.#disk.stat(backup(path, n)))?.inode;
      if (inode !== undefined) backups.push(inode);
    }
    const begun: Begun = { path, length: found?.size ?? null, inode: found?.inode, backups };
    await this.#writeBegun([...this.#begun.filter((one) => one.path !== path), begun]);
    await this.#disk.makeDirectory(dirname(path), directoryPermissions);
  }

  /** Without append the first number whose file does not exist. */
  async #choosePath(name: string): Promise<string> {
    if (!name.includes(indexMark)) return name;
    for (let index = 0; ; index++) {
      const path = name.replaceAll(indexMark, `_${index}`);
      if (!(await this.#disk.stat(path))) return path;
    }
  }

  /** Somebody may have moved, cut or replaced a file since it was written last. */
  async #look(entry: Entry): Promise<void> {
    const stat = await this.#disk.stat(entry.path);
    if (!stat || stat.inode !== entry.inode) {
      this.#options.log.warn(`${entry.path} was moved or deleted by somebody else; a new one is begun.`);
      await this.#sync(entry);
      await closeFile(entry);
      await this.#begin(entry.path, stat);
      entry.length = stat?.size ?? 0;
      entry.committed = undefined;
      await this.#open(entry);
    } else if (stat.size < entry.length) {
      this.#options.log.error(
        `${entry.path} was cut from ${entry.length} to ${stat.size} bytes by somebody else; records may be lost there.`,
      );
      entry.length = stat.size;
    } else if (stat.size > entry.length && !entry.isTorn) {
      this.#options.log.warn(`${entry.path} was written to by somebody else; records go behind that.`);
      entry.length = stat.size;
    }
    if (!entry.file) await this.#open(entry);
  }

  async #open(entry: Entry): Promise<void> {
    const isNew = (await this.#disk.stat(entry.path)) === undefined;
    entry.file = await this.#disk.open(entry.path, 'write', filePermissions);
    entry.inode = (await this.#disk.stat(entry.path))?.inode;
    if (isNew) this.#dirtyDirectories.add(dirname(entry.path));
    const open = [...this.#entries.values()].filter((one) => one.file && one !== entry);
    for (const idle of open.slice(0, Math.max(0, open.length + 1 - openFilesMax))) {
      await this.#sync(idle);
      await closeFile(idle);
    }
  }

  /** Forgets the file that was not written for longest and holds nothing uncommitted. */
  async #forget(): Promise<void> {
    if (this.#entries.size <= knownFilesMax) return;
    for (const entry of this.#entries.values()) {
      if (entry.committed?.length !== entry.length || entry.committed.inode !== entry.inode) continue;
      await closeFile(entry);
      this.#entries.delete(entry.name);
      return;
    }
  }

  // ------------------------------------------------------------------------------------------------ writing

  async #write(entry: Entry, bytes: Uint8Array): Promise<void> {
    const file = entry.file as DiskFile;
    if (entry.isTorn) await file.truncate(entry.length);
    entry.isTorn = false;
    if (bytes.length === 0) return;
    try {
      await file.write([bytes], entry.length);
    } catch (error) {
      entry.isTorn = true;
      // On a full disk the half-written record must go, or readers would see it; the next write tries again.
      await file.truncate(entry.length).then(
        () => (entry.isTorn = false),
        () => undefined,
      );
      throw error;
    }
    entry.length += bytes.length;
    entry.isDirty = true;
  }

  async #sync(entry: Entry): Promise<void> {
    if (!entry.isDirty || !entry.file) return;
    await entry.file.sync();
    entry.isDirty = false;
  }

  /** path → path.1 → path.2 …, and a new file at path. */
  async #rotate(entry: Entry): Promise<void> {
    await this.#sync(entry);
    await closeFile(entry);
    await this.#closeGaps(entry.path);
    const last = await this.#lastBackup(entry.path);
    for (let n = last; n >= 0; n--) await this.#disk.rename(backup(entry.path, n), backup(entry.path, n + 1));
    entry.length = 0;
    this.#dirtyDirectories.add(dirname(entry.path));
    await this.#open(entry);
    await this.#dropSurplus(entry);
  }

  /** Deletes backups beyond the limit, but not the file that the next recovery would look for. */
  async #dropSurplus(entry: Entry): Promise<void> {
    if (!entry.committed) return;
    const last = await this.#lastBackup(entry.path);
    for (let n = last; n > this.#options.rotateBackups; n--) {
      const path = backup(entry.path, n);
      const inode = (await this.#disk.stat(path))?.inode;
      if (inode !== undefined && inode === entry.committed.inode) return;
      await this.#disk.remove(path);
      this.#dirtyDirectories.add(dirname(path));
    }
  }

  async #backups(path: string): Promise<number[]> {
    const start = `${basename(path)}.`;
    const names = await this.#disk.list(dirname(path));
    return names
      .filter((name) => name.startsWith(start) && /^[1-9]\d{0,8}$/.test(name.slice(start.length)))
      .map((name) => Number(name.slice(start.length)))
      .sort((a, b) => a - b);
  }

  async #lastBackup(path: string): Promise<number> {
    return (await this.#backups(path)).at(-1) ?? 0;
  }

  /** Renumbers backups to 1, 2, 3 …, in their order. */
  async #closeGaps(path: string): Promise<void> {
    const numbers = await this.#backups(path);
    for (const [i, n] of numbers.entries())
      if (n !== i + 1) await this.#disk.rename(backup(path, n), backup(path, i + 1));
  }

  // ------------------------------------------------------------------------------------------------ recovery

  /** Brings a committed file back to its length; false where it is not what was written. */
  async #restore(state: FileState, gone: string[]): Promise<boolean> {
    if (this.#options.canRotate) await this.#unrotate(state.path, state.inode);
    const stat = await this.#disk.stat(state.path);
    if (!stat || (state.inode !== undefined && stat.inode !== undefined && stat.inode !== state.inode)) {
      gone.push(`${state.path} was moved, replaced or deleted`);
      return false;
    }
    if (stat.size < state.length) {
      gone.push(`${state.path} has ${stat.size} of ${state.length} bytes`);
      return false;
    }
    if (stat.size > state.length) await this.#cut(state.path, state.length);
    return true;
  }

  async #restoreBegun(begun: Begun, gone: string[]): Promise<void> {
    if (this.#options.canRotate) {
      if (begun.length === null) await this.#removeNew(begun);
      else await this.#unrotate(begun.path, begun.inode);
    }
    const stat = await this.#disk.stat(begun.path);
    if (!stat) return;
    // Every record in a new file comes again.
    if (begun.length === null) await this.#disk.remove(begun.path);
    else if (stat.size >= begun.length) await this.#cut(begun.path, begun.length);
    else gone.push(`${begun.path} has ${stat.size} of ${begun.length} bytes`);
  }

  async #removeNew(begun: Begun): Promise<void> {
    for (const n of await this.#backups(begun.path)) {
      const inode = (await this.#disk.stat(backup(begun.path, n)))?.inode;
      if (inode !== undefined && !begun.backups.includes(inode)) await this.#disk.remove(backup(begun.path, n));
    }
    await this.#closeGaps(begun.path);
  }

  /** Takes back rotations since the commit: what came after the committed file holds only records that come again. */
  async #unrotate(path: string, inode: number | undefined): Promise<void> {
    const numbers = [0, ...(await this.#backups(path))];
    const inodes: (number | undefined)[] = [];
    for (const n of numbers) inodes.push((await this.#disk.stat(backup(path, n)))?.inode);
    const found = inode === undefined ? -1 : inodes.indexOf(inode);
    if (found > 0) {
      for (const n of numbers.slice(0, found)) await this.#disk.remove(backup(path, n));
      await this.#disk.rename(backup(path, numbers[found] as number), path);
    }
    await this.#closeGaps(path);
    if (found > 0) await this.#disk.syncDirectory(dirname(path));
  }

  async #cut(path: string, length: number): Promise<void> {
    const file = await this.#disk.open(path, 'write', filePermissions);
    try {
      await file.truncate(length);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #readBegun(): Promise<Begun[]> {
    const bytes = await this.#disk.readFile(this.#begunPath());
    if (!bytes) return [];
    try {
      return parseBegun(JSON.parse(bytes.toString('utf8')));
    } catch (error) {
      this.#options.log.error(`reading ${this.#begunPath()}: ${errorText(error)}; records may be in new files twice.`);
      return [];
    }
  }

  #begunPath(): string {
    return `${this.#options.directory}/begun.json`;
  }

  async #writeBegun(begun: readonly Begun[]): Promise<void> {
    if (begun.length === 0 && this.#begun.length === 0) return;
    const { directory } = this.#options;
    await this.#disk.makeDirectory(directory);
    const made = `${this.#begunPath()}.new`;
    await this.#disk.remove(made);
    const file = await this.#disk.open(made, 'create');
    try {
      await file.write([Buffer.from(JSON.stringify({ version: 1, files: begun }))], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(made, this.#begunPath());
    await this.#disk.syncDirectory(directory);
    this.#begun = [...begun];
  }
}

function newEntry(state: FileState): Entry {
  return { ...state, file: undefined, isDirty: false, isTorn: false, committed: undefined };
}

async function closeFile(entry: Entry): Promise<void> {
  const file = entry.file;
  entry.file = undefined;
  await file?.close();
}

function backup(path: string, n: number): string {
  return n === 0 ? path : `${path}.${n}`;
}

/** How many pieces from `done` on fit into `room` bytes: an index into cuts, `done` when none does. */
function fitting(cuts: readonly number[], done: number, from: number, room: number): number {
  let next = done;
  while (next < cuts.length && (cuts[next] as number) - from <= room) next++;
  return next;
}

function parseState(committed: unknown): FileState[] {
  return entriesOf(committed).flatMap(({ name, path, length, inode }) =>
    typeof name === 'string' && typeof path === 'string' && typeof length === 'number'
      ? [{ name, path, length, inode: typeof inode === 'number' ? inode : undefined }]
      : [],
  );
}

function parseBegun(state: unknown): Begun[] {
  return entriesOf(state).flatMap(({ path, length, inode, backups }) =>
    typeof path === 'string' && (typeof length === 'number' || length === null)
      ? [
          {
            path,
            length,
            inode: typeof inode === 'number' ? inode : undefined,
            backups: Array.isArray(backups) ? backups.filter((one) => typeof one === 'number') : [],
          },
        ]
      : [],
  );
}

function entriesOf(state: unknown): Record<string, unknown>[] {
  if (typeof state !== 'object' || state === null || !('files' in state) || !Array.isArray(state.files)) return [];
  return state.files as Record<string, unknown>[];
}
