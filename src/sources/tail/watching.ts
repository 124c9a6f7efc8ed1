/** Has the system tell of changes: one watch on each directory, which sees writes, new names and renames in it. */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { PluginContext } from '../../core/plugin.ts';

export interface WatchListener {
  changed(path: string): void;
  /** A name came or went. */
  appeared(path: string): void;
}

export class Watching {
  readonly #context: PluginContext;
  readonly #listener: WatchListener;
  readonly #watchers = new Map<string, FSWatcher>();
  #isRefused = false;

  constructor(context: PluginContext, listener: WatchListener) {
    this.#context = context;
    this.#listener = listener;
  }
  addFor(path: string): void {
    this.add(dirname(path));
  }
  add(directory: string): void {
    if (this.#watchers.has(directory)) return;
    try {
      const watcher = watch(directory, { persistent: false });
      watcher.on('change', (kind, name) => this.#tell(directory, kind, name));
      watcher.on('error', () => this.#remove(directory));
      this.#watchers.set(directory, watcher);
    } catch (error) {
      if (this.#isRefused) return;
      this.#isRefused = true;
      this.#context.log.warn(
        `watching ${directory}: ${errorText(error)}; its files are looked at every second instead.`,
      );
    }
  }
  close(): void {
    for (const directory of this.#watchers.keys()) this.#remove(directory);
  }
  #tell(directory: string, kind: string, name: string | Buffer | null): void {
    if (name === null) return;
    const path = directory === '.' ? String(name) : join(directory, String(name));
    this.#listener.changed(path);
    if (kind === 'rename') this.#listener.appeared(path);
  }
  #remove(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }
}
