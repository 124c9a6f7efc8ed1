/**
 * A disk in memory that behaves as badly as a real one may: a crash loses what was not synced, tears writes at any byte,
 * and keeps created, renamed and removed entries in any combination until their directory is synced. Faults and a full
 * disk are set by the test. After a crash the operations that were under way never come back, as in a killed process.
 */
import { basename, dirname, normalize } from 'node:path';
import type { Clock } from './clock.ts';
import type { Disk, DiskFile } from './disk.ts';

export type DiskOperation = 'open' | 'write' | 'sync' | 'truncate' | 'rename' | 'makeDirectory' | 'syncDirectory';

/** Where the fake's chances come from: a number in [0, 1); the higher, the more is kept. */
export type Random = () => number;

interface Write {
  readonly position: number;
  readonly bytes: Buffer;
}
type Change = Write | { readonly length: number };

/** A file's bytes as a process sees them, and as they lie on the platter. */
class FileNode {
  current = Buffer.alloc(0);
  durable = Buffer.alloc(0);
  pending: Change[] = [];
  modifiedMs = 0;
  hasFailedSync = false;

  change(change: Change): void {
    this.current = applyChange(this.current, change);
    this.pending.push(change);
  }
  sync(): void {
    for (const change of this.pending) this.durable = applyChange(this.durable, change);
    this.pending = [];
  }
  crash(random: Random): void {
    for (const change of this.pending) {
      if (random() < 0.4) continue;
      const isTorn = 'bytes' in change && random() < 0.5;
      const kept = isTorn ? { ...change, bytes: change.bytes.subarray(0, random() * change.bytes.length) } : change;
      this.durable = applyChange(this.durable, kept);
    }
    this.pending = [];
    this.current = Buffer.from(this.durable);
    this.hasFailedSync = false;
  }
}

class DirectoryNode {
  current = new Map<string, Node>();
  durable = new Map<string, Node>();
  pending: ((entries: Map<string, Node>) => void)[] = [];

  change(change: (entries: Map<string, Node>) => void): void {
    change(this.current);
    this.pending.push(change);
  }
  sync(): void {
    for (const change of this.pending) change(this.durable);
    this.pending = [];
  }
  crash(random: Random): void {
    for (const change of this.pending) if (random() >= 0.5) change(this.durable);
    this.pending = [];
    this.current = new Map(this.durable);
    for (const node of this.current.values()) node.crash(random);
  }
}
type Node = FileNode | DirectoryNode;

export class FakeDisk implements Disk {
  /** Bytes that all files together may have. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** What the code under test must never do: syncing a file again after a failed sync. */
  readonly violations: string[];
  readonly #root: DirectoryNode;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #faults: { operation: DiskOperation; code: string; left: number; path: string }[] = [];
  #isDead = false;

  constructor(clock: Pick<Clock, 'nowMs'>, before?: FakeDisk) {
    this.#clock = clock;
    this.#root = before ? before.#root : new DirectoryNode();
    this.violations = before ? before.violations : [];
    if (before) this.capacityBytes = before.capacityBytes;
  }
  /** Lets the next `times` operations of this kind, on paths that contain `path`, fail with a system error. */
  fail(operation: DiskOperation, code: string, times = 1, path = ''): void {
    this.#faults.push({ operation, code, left: times, path });
  }
  /** No operation fails any more. */
  heal(): void {
    this.#faults = [];
  }
  /** Power off and on: see the top of the file. Returns the disk for the next life; this one never answers again. */
  crash(random: Random): FakeDisk {
    this.#isDead = true;
    this.#root.crash(random);
    return new FakeDisk(this.#clock, this);
  }
  /** The process dies, the machine goes on: what was written stays. Returns the disk for the next process. */
  kill(): FakeDisk {
    this.#isDead = true;
    forgetFailedSyncs(this.#root);
    return new FakeDisk(this.#clock, this);
  }
  /** Changes one byte of a file, on the platter too, as damage does. */
  flip(path: string, position: number, mask = 0xff): void {
    const node = this.#file(path);
    for (const bytes of [node.current, node.durable])
      if (position < bytes.length) bytes[position] = (bytes[position] as number) ^ mask;
  }
  /** Bytes of all files. */
  usedBytes(node: Node = this.#root): number {
    if (node instanceof FileNode) return node.current.length;
    let sum = 0;
    for (const child of node.current.values()) sum += this.usedBytes(child);
    return sum;
  }

  async open(path: string, mode: 'read' | 'create' | 'write' | 'create-durable'): Promise<DiskFile> {
    await this.#turn();
    this.#check('open', path);
    const directory = this.#directory(dirname(path));
    const name = basename(path);
    let node = directory.current.get(name);
    if (node instanceof DirectoryNode) throw systemError('EISDIR', path);
    if (node && mode.startsWith('create')) throw systemError('EEXIST', path);
    if (!node) {
      if (mode === 'read') throw systemError('ENOENT', path);
      const made = new FileNode();
      made.modifiedMs = this.#clock.nowMs();
      directory.change((entries) => entries.set(name, made));
      node = made;
    }
    return this.#handle(node, path, mode === 'create-durable');
  }
  async readFile(path: string): Promise<Buffer | undefined> {
    await this.#turn();
    const node = this.#find(path);
    return node instanceof FileNode ? Buffer.from(node.current) : undefined;
  }
  async rename(from: string, to: string): Promise<void> {
    await this.#turn();
    this.#check('rename', from);
    if (dirname(from) !== dirname(to)) throw new Error('the fake disk renames within one directory only');
    const node = this.#find(from);
    if (!node) throw systemError('ENOENT', from);
    this.#directory(dirname(from)).change((entries) => {
      entries.delete(basename(from));
      entries.set(basename(to), node);
    });
  }
  async remove(path: string): Promise<void> {
    await this.#turn();
    if (this.#find(path)) this.#directory(dirname(path)).change((entries) => entries.delete(basename(path)));
  }
  removeDirectory(path: string): Promise<void> {
    return this.remove(path);
  }
  async makeDirectory(path: string): Promise<void> {
    await this.#turn();
    this.#check('makeDirectory', path);
    let directory = this.#root;
    for (const name of parts(path)) {
      const found = directory.current.get(name);
      if (found instanceof FileNode) throw systemError('ENOTDIR', path);
      const next = found ?? new DirectoryNode();
      if (!found) {
        directory.change((entries) => entries.set(name, next));
        directory.sync();
      }
      directory = next;
    }
  }
  async list(path: string): Promise<string[]> {
    await this.#turn();
    const node = this.#find(path);
    return node instanceof DirectoryNode ? [...node.current.keys()].sort() : [];
  }
  async syncDirectory(path: string): Promise<void> {
    await this.#turn();
    this.#check('syncDirectory', path);
    this.#directory(path).sync();
  }
  async stat(path: string): Promise<{ size: number; modifiedMs: number; isDirectory: boolean } | undefined> {
    await this.#turn();
    const node = this.#find(path);
    if (!node) return undefined;
    return node instanceof FileNode
      ? { size: node.current.length, modifiedMs: node.modifiedMs, isDirectory: false }
      : { size: 0, modifiedMs: 0, isDirectory: true };
  }
  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    await this.#turn();
    return { freeBytes: Math.max(0, this.capacityBytes - this.usedBytes()), totalBytes: this.capacityBytes };
  }

  #handle(node: FileNode, path: string, syncsWrites: boolean): DiskFile {
    const mustNotSyncAgain = (): void => {
      if (node.hasFailedSync) this.violations.push(`${path} was synced again after a failed sync`);
    };
    const sync = async (): Promise<void> => {
      mustNotSyncAgain();
      await this.#turn();
      try {
        this.#check('sync', path);
      } catch (error) {
        node.hasFailedSync = true;
        throw error;
      }
      node.sync();
    };
    return {
      write: async (buffers, position) => {
        if (syncsWrites) mustNotSyncAgain();
        await this.#turn();
        try {
          this.#check('write', path);
          this.#write(node, Buffer.concat(buffers), position, path);
        } catch (error) {
          node.hasFailedSync ||= syncsWrites;
          throw error;
        }
        if (syncsWrites) await sync();
      },
      read: async (buffer, position) => {
        await this.#turn();
        if (position >= node.current.length) return 0;
        return node.current.copy(buffer, 0, position, position + buffer.length);
      },
      sync,
      truncate: async (length) => {
        await this.#turn();
        this.#check('truncate', path);
        node.change({ length });
      },
      size: async () => {
        await this.#turn();
        return node.current.length;
      },
      close: () => this.#turn(),
    };
  }
  /** A disk that becomes full takes what still fits, then says so. */
  #write(node: FileNode, bytes: Buffer, position: number, path: string): void {
    const grows = Math.max(0, position + bytes.length - node.current.length);
    const excess = Math.max(0, this.usedBytes() + grows - this.capacityBytes);
    const fitting = Buffer.from(bytes.subarray(0, Math.max(0, bytes.length - excess)));
    if (fitting.length > 0) node.change({ position, bytes: fitting });
    node.modifiedMs = this.#clock.nowMs();
    if (excess > 0) throw systemError('ENOSPC', path);
  }
  #check(operation: DiskOperation, path: string): void {
    const fault = this.#faults.find((fault) => fault.operation === operation && path.includes(fault.path));
    if (!fault) return;
    fault.left--;
    this.#faults = this.#faults.filter((other) => other.left > 0);
    throw systemError(fault.code, path);
  }
  /** A turn in which others go on. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.#isDead) await new Promise(() => {});
  }
  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of parts(path)) node = node instanceof DirectoryNode ? node.current.get(name) : undefined;
    return node;
  }
  #directory(path: string): DirectoryNode {
    const node = this.#find(path);
    if (node instanceof DirectoryNode) return node;
    throw systemError(node ? 'ENOTDIR' : 'ENOENT', path);
  }
  #file(path: string): FileNode {
    const node = this.#find(path);
    if (node instanceof FileNode) return node;
    throw systemError('ENOENT', path);
  }
}

/** A new process cannot know what failed in the one before. */
function forgetFailedSyncs(node: Node): void {
  if (node instanceof FileNode) node.hasFailedSync = false;
  else for (const child of node.current.values()) forgetFailedSyncs(child);
}

function applyChange(bytes: Buffer<ArrayBuffer>, change: Change): Buffer<ArrayBuffer> {
  if ('length' in change) {
    const resized = Buffer.alloc(change.length);
    bytes.copy(resized);
    return resized;
  }
  const end = change.position + change.bytes.length;
  let changed = bytes;
  if (end > bytes.length) {
    changed = Buffer.alloc(end);
    bytes.copy(changed);
  }
  change.bytes.copy(changed, change.position);
  return changed;
}

function parts(path: string): string[] {
  return normalize(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
