/**
 * The files of one file output, so that each record is in them once, whatever is killed when.
 *
 * Committed with the cursor (version 1, JSON), the files written last, oldest first:
 *   {"version":1,"sequence":…,"files":[{"name":…,"path":…,"length":…,"inode":…}]}
 * `name` is the path before a number was chosen, `length` how far the file holds records the cursor has passed.
 *
 * Invariants and order:
 * - Before the first byte goes to a file that the last durable commit does not know, begun.json names it (begun.ts).
 * - commit() syncs every written file and directory before it returns the state. begun.json drops a file only when
 *   commit() is told that a state with it is on disk.
 * - recover() cuts each file back to its committed length, or to what begun.json says, before anything is written.
 * - Rotation renames without a note of its own: recovery finds the committed file by its inode, deletes the files that
 *   came after it and moves it back, and closes gaps in the numbering that a killed rotation left. So a file with
 *   committed records is not deleted by rotation before the next commit.
 */
import { dirname, resolve } from 'node:path';
import type { Disk, DiskFile } from '../../core/disk.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { backupInodes, dropSurplus, inodeOf, removeNew, shiftBackups, takeBack } from './backups.ts';
import { BegunFile, filesOf } from './begun.ts';
import type { Begun } from './begun.ts';
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
  /** As in the last state that is on disk. */
  committed: { readonly length: number; readonly inode: number | undefined } | undefined;
}

export interface OutputFilesOptions {
  readonly disk: Disk;
  readonly log: Log;
  readonly directory: string;
  readonly committed: unknown;
  /** Undefined: files are not rotated. */
  readonly rotate: { readonly bytes: number; readonly backups: number } | undefined;
}

/** One output's files. Calls are run one after the other, in the order they were made. */
/** What is appended: bytes, and the positions at which they may be cut (the last is their length). */
export interface Pieces {
  readonly payload: Buffer;
  readonly cuts: readonly number[];
  /** What stands before them in a file that is empty. */
  readonly head: Buffer;
}

export class OutputFiles {
  readonly #options: OutputFilesOptions;
  readonly #disk: Disk;
  readonly #begun: BegunFile;
  /** By name, the one written last at the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #dirtyDirectories = new Set<string>();
  #sequence = 0;
  /** What the last commit() returned. */
  #returned: readonly { readonly entry: Entry; readonly state: FileState }[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #failedSync: string | undefined;
  #linked: { readonly link: string; readonly path: string } | undefined;

  constructor(options: OutputFilesOptions) {
    this.#options = options;
    this.#disk = options.disk;
    this.#begun = new BegunFile(options.disk, options.directory);
  }

  /** Brings the files to what was committed. @throws OperatingError OUTPUT_WRITE, to be called again */
  recover(): Promise<void> {
    return this.#inTurn('recovering files', async () => {
      const { committed, log } = this.#options;
      this.#entries.clear();
      await this.#begun.read(log);
      const gone: string[] = [];
      this.#sequence = sequenceOf(committed);
      for (const state of parseState(committed)) {
        // What lies there now may not be what was written: the next write finds out as if the path were new.
        if (!(await this.#restore(state, gone))) continue;
        const entry = newEntry({ ...state, inode: await inodeOf(this.#disk, state.path) });
        entry.committed = { length: entry.length, inode: entry.inode };
        this.#entries.set(state.name, entry);
      }
      const known = new Set([...this.#entries.values()].map(({ path }) => path));
      for (const begun of this.#begun.files)
        if (begun.sequence >= this.#sequence && !known.has(begun.path)) await this.#restoreBegun(begun, gone);
      if (gone.length > 0)
        log.error(
          `${gone.length} files no longer hold what was written to them: ${gone.slice(0, 5).join('; ')}. Writing goes on at their end.`,
        );
      await this.#begun.drop(() => true);
    });
  }

  /**
   * Appends the payload, cut wherever a file would grow too large.
   * Returns how many pieces were written: less than all when a later one failed. Calls `opened` with the file's path
   * before the first.
   * @throws OperatingError OUTPUT_WRITE: nothing was written
   */
  append(name: string, pieces: Pieces, opened: (path: string) => Promise<void>): Promise<number> {
    const { cuts } = pieces;
    return this.#inTurn(`writing to ${name}`, async () => {
      const entry = await this.#entry(name);
      await opened(entry.path);
      let done = 0;
      while (done < cuts.length) {
        try {
          done = await this.#appendSome(entry, pieces, done);
        } catch (error) {
          if (done === 0) throw error;
          this.#options.log.warn(`writing to ${entry.path}: ${errorText(error)}; the rest is tried again.`);
          return done;
        }
      }
      return done;
    });
  }

  /**
   * Makes all that was written durable; the state to commit with the cursor. `durable`: the state that is on disk now.
   * @throws OperatingError OUTPUT_WRITE
   */
  commit(durable: unknown): Promise<unknown> {
    return this.#inTurn('syncing files', async () => {
      if (durable !== undefined && sequenceOf(durable) === this.#sequence) await this.#confirm();
      try {
        for (const entry of this.#entries.values()) await this.#sync(entry);
        for (const directory of this.#dirtyDirectories) await this.#disk.syncDirectory(directory);
        this.#dirtyDirectories.clear();
      } catch (error) {
        // After a failed sync nobody knows what is on disk: only a new start from the committed state is safe.
        this.#failedSync = errorText(error);
        this.#options.log.error(
          `syncing files: ${errorText(error)}; nothing more is written. Restart once the disk is well: delivery goes on from the last commit.`,
        );
        throw error;
      }
      this.#returned = [...this.#entries.values()].map((entry) => {
        const { name, path, length, inode } = entry;
        return { entry, state: { name, path, length, inode } };
      });
      return { version: 1, sequence: ++this.#sequence, files: this.#returned.map(({ state }) => state) };
    });
  }

  /** Points a symbolic link at a file. To be called from `opened`. */
  async link(path: string, link: string): Promise<void> {
    if ((this.#linked?.link === link && this.#linked.path === path) || !this.#disk.symlink) return;
    await this.#disk.makeDirectory(dirname(link), directoryPermissions);
    await this.#disk.symlink(resolve(path), link);
    this.#linked = { link, path };
  }

  close(): Promise<void> {
    const closed = this.#queue.then(async () => {
      for (const entry of this.#entries.values()) await closeFile(entry);
    });
    this.#queue = closed.catch(() => undefined);
    return closed;
  }

  #inTurn<T>(doing: string, run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      try {
        if (this.#failedSync !== undefined) throw new Error(`a sync failed before (${this.#failedSync})`);
        return await run();
      } catch (error) {
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
    for (const { entry, state } of this.#returned) entry.committed = { length: state.length, inode: state.inode };
    const paths = new Set(this.#returned.map(({ state }) => state.path));
    this.#returned = [];
    await this.#begun.drop(({ path }) => paths.has(path));
    for (const entry of this.#entries.values()) if (paths.has(entry.path)) await this.#dropSurplus(entry);
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
    const found = await this.#begin(path);
    const entry = newEntry({ name, path, length: found?.size ?? 0, inode: found?.inode });
    try {
      await this.#open(entry);
    } catch (error) {
      // Nothing was written there: the note must not stay for each path that cannot be opened.
      await this.#begun.drop((begun) => begun.path === path).catch(() => undefined);
      throw error;
    }
    this.#entries.set(name, entry);
    await this.#forget();
    return entry;
  }

  /** Without append the first number whose file does not exist. */
  async #choosePath(name: string): Promise<string> {
    if (!name.includes(indexMark)) return name;
    for (let index = 0; ; index++) {
      const path = name.replaceAll(indexMark, String(index));
      if (!(await this.#disk.stat(path))) return path;
    }
  }

  /** Notes, durably, what a file holds before it is written. */
  async #begin(path: string): Promise<{ size: number; inode?: number } | undefined> {
    const found = await this.#disk.stat(path);
    const backups = this.#options.rotate ? await backupInodes(this.#disk, path) : [];
    const sequence = this.#sequence;
    await this.#begun.add({ path, length: found?.size ?? null, inode: found?.inode, backups, sequence });
    await this.#disk.makeDirectory(dirname(path), directoryPermissions);
    return found;
  }

  /** Somebody may have moved, cut or replaced a file since it was written last. */
  async #look(entry: Entry): Promise<void> {
    const { log } = this.#options;
    const stat = await this.#disk.stat(entry.path);
    if (!stat || stat.inode !== entry.inode) {
      log.warn(`${entry.path} was moved or deleted by somebody else; a new one is begun.`);
      await this.#sync(entry);
      await closeFile(entry);
      const found = await this.#begin(entry.path);
      entry.length = found?.size ?? 0;
      entry.committed = undefined;
    } else if (stat.size < entry.length) {
      log.error(
        `${entry.path} was cut from ${entry.length} to ${stat.size} bytes by somebody else; writing goes on there.`,
      );
      entry.length = stat.size;
    } else if (stat.size > entry.length && !entry.isTorn) {
      log.warn(`${entry.path} was written to by somebody else; writing goes on behind that.`);
      entry.length = stat.size;
    }
    if (!entry.file) await this.#open(entry);
  }

  async #open(entry: Entry): Promise<void> {
    const isNew = (await this.#disk.stat(entry.path)) === undefined;
    entry.file = await this.#disk.open(entry.path, 'write', filePermissions);
    entry.inode = await inodeOf(this.#disk, entry.path);
    if (isNew) this.#dirtyDirectories.add(dirname(entry.path));
    const others = [...this.#entries.values()].filter((one) => one.file && one !== entry);
    for (const idle of others.slice(0, Math.max(0, others.length + 1 - openFilesMax))) {
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

  /** Writes pieces from `done` on, as many as fit, or rotates; returns how many are written then. */
  async #appendSome(entry: Entry, { payload, cuts, head }: Pieces, done: number): Promise<number> {
    const from = done === 0 ? 0 : (cuts[done - 1] as number);
    let next = cuts.length;
    const { rotate } = this.#options;
    if (rotate) {
      next = done;
      const room = rotate.bytes - (entry.length || head.length);
      while (next < cuts.length && (cuts[next] as number) - from <= room) next++;
      if (next === done && entry.length > 0) {
        await this.#rotate(entry);
        return done;
      }
      // A record larger than a file may be gets one for itself.
      if (next === done) next = done + 1;
    }
    const bytes = payload.subarray(from, cuts[next - 1]);
    const isFirst = entry.length === 0 && bytes.length > 0 && head.length > 0;
    await this.#write(entry, isFirst ? Buffer.concat([head, bytes]) : bytes);
    return next;
  }

  async #write(entry: Entry, bytes: Uint8Array): Promise<void> {
    const file = entry.file as DiskFile;
    if (entry.isTorn) await file.truncate(entry.length);
    entry.isTorn = false;
    if (bytes.length === 0) return;
    try {
      await file.write([bytes], entry.length);
    } catch (error) {
      // On a full disk the half-written record must go, or readers would see it.
      entry.isTorn = true;
      await file.truncate(entry.length).then(
        () => {
          entry.isTorn = false;
        },
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

  async #rotate(entry: Entry): Promise<void> {
    await this.#sync(entry);
    await closeFile(entry);
    await shiftBackups(this.#disk, entry.path);
    entry.length = 0;
    this.#dirtyDirectories.add(dirname(entry.path));
    await this.#open(entry);
    await this.#dropSurplus(entry);
  }

  /** Before the first commit of a file its rotated ones stay: recovery knows those that were there before by inode. */
  async #dropSurplus(entry: Entry): Promise<void> {
    const { rotate } = this.#options;
    if (rotate && entry.committed) await dropSurplus(this.#disk, entry.path, rotate.backups, entry.committed.inode);
  }

  // ------------------------------------------------------------------------------------------------ recovery

  /** Brings a committed file back to its length; false where it is not what was written. */
  async #restore(state: FileState, gone: string[]): Promise<boolean> {
    if (this.#options.rotate) await takeBack(this.#disk, state.path, state.inode);
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

  async #restoreBegun({ path, length, inode, backups }: Begun, gone: string[]): Promise<void> {
    // Every record in a new file comes again.
    if (length === null) {
      if (this.#options.rotate) await removeNew(this.#disk, path, backups);
      else await this.#disk.remove(path);
      return;
    }
    if (this.#options.rotate) await takeBack(this.#disk, path, inode);
    const stat = await this.#disk.stat(path);
    if (!stat) return;
    if (stat.size >= length) await this.#cut(path, length);
    else gone.push(`${path} has ${stat.size} of ${length} bytes`);
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
}

function newEntry(state: FileState): Entry {
  return { ...state, file: undefined, isDirty: false, isTorn: false, committed: undefined };
}

async function closeFile(entry: Entry): Promise<void> {
  const file = entry.file;
  entry.file = undefined;
  await file?.close();
}

function sequenceOf(state: unknown): number {
  return typeof state === 'object' && state !== null && 'sequence' in state && typeof state.sequence === 'number'
    ? state.sequence
    : 0;
}

function parseState(committed: unknown): FileState[] {
  return filesOf(committed).flatMap(({ name, path, length, inode }) =>
    typeof name === 'string' && typeof path === 'string' && typeof length === 'number'
      ? [{ name, path, length, inode: typeof inode === 'number' ? inode : undefined }]
      : [],
  );
}
