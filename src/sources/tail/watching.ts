/**
 * Has the system tell of changes: one watch on each directory, which sees writes, new names and renames in it. Where a
 * path is a link, the directory that it leads to is watched too, since writes are told of there.
 */
import { statSync, statfsSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { errorText, systemCode } from '../../core/errors.ts';
import type { PluginContext } from '../../core/plugin.ts';

/** File systems whose files change without this machine being told (Linux's magic numbers): NFS, SMB, CIFS, FUSE, 9P, Ceph, AFS. */
const untoldTypes = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f]);

export interface WatchListener {
  /** The file was written, or its name came or went. */
  changed(path: string): void;
  /** A name came or went. */
  appeared(): void;
}

interface Watch {
  readonly watcher: FSWatcher;
  readonly inode: bigint;
  /** Changes may come from another machine. */
  readonly isUntold: boolean;
}

export class Watching {
  readonly #context: PluginContext;
  readonly #listener: WatchListener;
  readonly #watches = new Map<string, Watch>();
  /** Paths that are looked for, by where they lead. */
  readonly #links = new Map<string, string>();
  #hasSaid = false;

  constructor(context: PluginContext, listener: WatchListener) {
    this.#context = context;
    this.#listener = listener;
  }
  /** Watches the directory of a path; `link`: the path that leads there. Resolves with it, to ask `tellsOf`. */
  addFor(path: string, link?: string): string[] {
    const prefix = path.slice(0, path.lastIndexOf('/') + 1);
    this.add(prefix);
    if (link !== undefined) this.#links.set(path, link);
    return [prefix];
  }
  /** No path that is looked for leads there any more. */
  forget(path: string): void {
    this.#links.delete(path);
  }
  /** Watches a directory, if it exists; written as paths in it begin, with the slash. */
  add(prefix: string): void {
    if (this.#watches.has(prefix)) return;
    const directory = directoryOf(prefix);
    try {
      const { ino: inode } = statSync(directory, { bigint: true });
      const isUntold = untoldTypes.has(statfsSync(directory).type);
      const watcher = watch(directory, { persistent: false });
      watcher.on('change', (kind, name) => this.#tell(prefix, kind, name));
      watcher.on('error', () => this.#remove(prefix));
      this.#watches.set(prefix, { watcher, inode, isUntold });
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || this.#hasSaid) return;
      this.#hasSaid = true;
      const what = code === 'ENOSPC' ? '; raise fs.inotify.max_user_watches to avoid that' : '';
      this.#context.log.warn(
        `watching ${directory}: ${errorText(error)}; files there are looked at every second instead${what}.`,
      );
    }
  }
  /** Does the system tell of changes in all these directories? `trusts`: also where another machine may make them. */
  tellsOf(prefixes: readonly string[], trusts: boolean): boolean {
    return prefixes.every((prefix) => {
      const isUntold = this.#watches.get(prefix)?.isUntold;
      return isUntold === false || (isUntold === true && trusts);
    });
  }
  /** Watches directories anew that were removed and made again, and those that were not there before. */
  renew(prefixes: readonly string[]): void {
    for (const [prefix, { inode }] of this.#watches) {
      if (inodeOf(directoryOf(prefix)) === inode) continue;
      this.#remove(prefix);
      this.add(prefix);
    }
    for (const prefix of prefixes) this.add(prefix);
  }
  close(): void {
    for (const prefix of this.#watches.keys()) this.#remove(prefix);
  }
  #tell(prefix: string, kind: string, name: string | Buffer | null): void {
    if (name === null) return;
    const path = `${prefix}${String(name)}`;
    this.#listener.changed(path);
    const link = this.#links.get(path);
    if (link !== undefined) this.#listener.changed(link);
    if (kind === 'rename') this.#listener.appeared();
  }
  #remove(prefix: string): void {
    this.#watches.get(prefix)?.watcher.close();
    this.#watches.delete(prefix);
  }
}

function directoryOf(prefix: string): string {
  return prefix === '' ? '.' : prefix;
}

function inodeOf(directory: string): bigint | undefined {
  try {
    return statSync(directory, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
