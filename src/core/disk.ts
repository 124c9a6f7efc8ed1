/**
 * The disk, as the journal, cursors and file outputs see it: few operations, all of them asynchronous, so that a fake can
 * lose unsynced writes, tear the last one and reorder renames. Errors are Node's system errors (`code: 'ENOSPC'`).
 */
import { constants, promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectories } from './directories.ts';

/** An open file. Positions are explicit; there is no file pointer. */
export interface DiskFile {
  /** Writes all bytes of all buffers at `position`; throws when it could not write all. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Reads up to buffer.length bytes at `position`; returns how many, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** fdatasync: content and length are durable when it resolves. After it failed the file must not be synced again. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /**
   * `read`: must exist. `create`: must not exist. `write`: made when missing; kept content. `create-durable`: as create,
   * and every write is synced when it resolves, so that one call does for write and sync. New files get `permissions`,
   * 0600 unless given.
   */
  open(path: string, mode: 'read' | 'create' | 'write' | 'create-durable', permissions?: number): Promise<DiskFile>;
  /** Whole file, or undefined when it does not exist. */
  readFile(path: string): Promise<Buffer | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** No error when it is gone already. */
  remove(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  /** With its parents; syncs each parent it made an entry in. Mode 0700 unless `permissions` says otherwise. */
  makeDirectory(path: string, permissions?: number): Promise<void>;
  /** Names in the directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Makes created, renamed and removed entries durable. */
  syncDirectory(path: string): Promise<void>;
  /** undefined when it does not exist. `inode` tells files apart across renames. */
  stat(path: string): Promise<{ size: number; modifiedMs: number; isDirectory: boolean; inode?: number } | undefined>;
  /** Makes `path` a symbolic link to `target`, in place of what was there. */
  symlink?(target: string, path: string): Promise<void>;
  /** The file system of `path`: bytes free for us, and all it has. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}

class RealFile implements DiskFile {
  readonly #handle: fs.FileHandle;
  readonly #syncsWrites: boolean;
  constructor(handle: fs.FileHandle, syncsWrites: boolean) {
    this.#handle = handle;
    this.#syncsWrites = syncsWrites;
  }
  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await this.#write(buffers, position);
    if (this.#syncsWrites) await this.#handle.datasync();
  }
  async #write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let wanted = 0;
    for (const buffer of buffers) wanted += buffer.length;
    const { bytesWritten } =
      buffers.length === 1 && buffers[0]
        ? await this.#handle.write(buffers[0], 0, wanted, position)
        : await this.#handle.writev([...buffers], position);
    if (bytesWritten === wanted) return;
    // A short write is what a full disk does before it says ENOSPC: go on until done or told why not.
    const rest = Buffer.concat(buffers).subarray(bytesWritten);
    await this.#write([rest], position + bytesWritten);
  }
  async read(buffer: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(buffer, 0, buffer.length, position)).bytesRead;
  }
  sync(): Promise<void> {
    return this.#handle.datasync();
  }
  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }
  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }
  close(): Promise<void> {
    return this.#handle.close();
  }
}

// Elsewhere O_DSYNC is missing, or (macOS) does not reach the platter as fdatasync does there: write and sync in two calls.
const hasDurableWrites = process.platform === 'linux';

const openFlags = {
  read: constants.O_RDONLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'create-durable':
    constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (hasDurableWrites ? constants.O_DSYNC : 0),
  write: constants.O_RDWR | constants.O_CREAT,
} as const;

function missingAs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}

/** The operating system's disk. */
export const realDisk: Disk = {
  async open(path, mode, permissions = 0o600) {
    const handle = await fs.open(path, openFlags[mode], permissions);
    return new RealFile(handle, mode === 'create-durable' && !hasDurableWrites);
  },
  readFile: (path) => fs.readFile(path).catch(missingAs<Buffer | undefined>(undefined)),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.unlink(path).catch(missingAs<void>(undefined)),
  removeDirectory: (path) => fs.rm(path, { recursive: true, force: true }),
  async makeDirectory(path, permissions = 0o700) {
    const first = await makeDirectories(path, permissions);
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made))
      await realDisk.syncDirectory(dirname(made));
  },
  list: async (path) => (await fs.readdir(path).catch(missingAs<string[]>([]))).sort(),
  async syncDirectory(path) {
    const handle = await fs.open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async stat(path) {
    const found = await fs.stat(path).catch(missingAs(undefined));
    return found && { size: found.size, modifiedMs: found.mtimeMs, isDirectory: found.isDirectory(), inode: found.ino };
  },
  async symlink(target, path) {
    // A link cannot be overwritten in one step, but a rename can put a new one over it.
    const made = `${path}.${process.pid}.new`;
    await fs.unlink(made).catch(missingAs<void>(undefined));
    await fs.symlink(target, made);
    await fs.rename(made, path);
  },
  async space(path) {
    const { bavail, blocks, bsize } = await fs.statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
};
