/** Has the system tell of changes: one watch on each directory, which sees writes, new names and renames in it. */
import { statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { errorText, systemCode } from '../../core/errors.ts';
import type { PluginContext } from '../../core/plugin.ts';

export interface WatchListener {
  /** The file was written, or its name came or went. */
  changed(path: string): void;
  /** A name came or went. */
  appeared(): void;
}

export class Watching {
  readonly #context: PluginContext;
  readonly #listener: WatchListener;
  readonly #watches = new Map<string, { readonly watcher: FSWatcher; readonly inode: bigint }>();
  /** True when a directory could not be watched: its files must be looked at. */
  isIncomplete = false;

  constructor(context: PluginContext, listener: WatchListener) {
    this.#context = context;
    this.#listener = listener;
  }
  addFor(path: string): void {
    this.add(path.slice(0, path.lastIndexOf('/') + 1));
  }
  /** Watches a directory, if it exists; written as paths in it begin, with the slash. */
  add(prefix: string): void {
    if (this.#watches.has(prefix)) return;
    const directory = directoryOf(prefix);
    try {
      const { ino: inode } = statSync(directory, { bigint: true });
      const watcher = watch(directory, { persistent: false });
      watcher.on('change', (kind, name) => this.#tell(prefix, kind, name));
      watcher.on('error', () => this.#remove(prefix));
      this.#watches.set(prefix, { watcher, inode });
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || this.isIncomplete) return;
      this.isIncomplete = true;
      this.#context.log.warn(`watching ${directory}: ${errorText(error)}; files are looked at every second instead.`);
    }
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
    this.#listener.changed(`${prefix}${String(name)}`);
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
