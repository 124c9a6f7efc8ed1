/**
 * `pos_file`: for people, and for the first start after Fluentd. A line for each file: path, position and inode, the last
 * two as 16 hexadecimal digits, with tabs between; ffffffffffffffff as position says that the file is not watched any
 * more. Written in place and without syncs: what counts lies in the journal.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import { errorText, systemCode } from '../../core/errors.ts';
import type { PluginContext } from '../../core/plugin.ts';

/** How long changes gather before they are written: people look at it, nobody waits for it. */
const writeMs = 500;
const unwatched = 'f'.repeat(16);

interface Entry {
  readonly path: string;
  position: number;
  inode: bigint;
  isWatched: boolean;
  /** The file the entry follows; entries of files that are not read stay as they were. */
  key: string | undefined;
}

export interface PositionEntry {
  readonly path: string;
  readonly position: number;
  readonly inode: bigint;
}

export class PositionFile {
  readonly #path: string;
  readonly #context: PluginContext;
  #entries: Entry[] = [];
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(path: string, context: PluginContext) {
    this.#path = path;
    this.#context = context;
  }
  /** Reads what is there, without the entries that are not watched. */
  async open(): Promise<PositionEntry[]> {
    let text = '';
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') this.#say(error);
    }
    const byPath = new Map<string, Entry>();
    for (const line of text.split('\n')) {
      const found = /^([^\t]+)\t([0-9a-fA-F]{1,16})\t([0-9a-fA-F]{1,16})/.exec(line);
      if (!found) {
        if (line !== '')
          this.#context.log.warn(`pos_file ${this.#path}: a line is no entry and is left out: ${line.slice(0, 200)}`);
        continue;
      }
      const [, path = '', position = '', inode = ''] = found;
      if (position.toLowerCase() === unwatched) continue;
      const entry = {
        path,
        position: Number.parseInt(position, 16),
        inode: BigInt(`0x${inode}`),
        isWatched: true,
        key: undefined,
      };
      byPath.set(path, entry);
    }
    this.#entries = [...byPath.values()];
    return this.#entries;
  }
  /** Notes how far a file was read. `isNew`: it is what its path leads to from now on. */
  set(
    file: { readonly path: string; readonly key: string; readonly inode: bigint; readonly position: number },
    isNew = false,
  ): void {
    const entry = this.#entries.find((one) => one.isWatched && (isNew ? one.path === file.path : one.key === file.key));
    if (entry) {
      entry.key = file.key;
      entry.position = file.position;
      entry.inode = file.inode;
    } else if (isNew)
      this.#entries.push({
        path: file.path,
        position: file.position,
        inode: file.inode,
        isWatched: true,
        key: file.key,
      });
    this.#plan();
  }
  /** Drops entries of other paths. */
  async keepOnly(paths: ReadonlySet<string>): Promise<void> {
    this.#entries = this.#entries.filter(({ path }) => paths.has(path));
    await this.#write();
  }
  /** Marks entries of other paths as not watched. */
  async unwatchOthers(paths: ReadonlySet<string>): Promise<void> {
    for (const entry of this.#entries)
      if (entry.isWatched && !paths.has(entry.path)) {
        entry.isWatched = false;
        this.#plan();
      }
    await this.#writing;
  }
  /** Drops entries that are not watched. */
  async compact(): Promise<void> {
    this.#entries = this.#entries.filter(({ isWatched }) => isWatched);
    await this.#write();
  }
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#write();
  }
  #plan(): void {
    this.#timer ??= this.#context.clock.after(writeMs, () => {
      this.#timer = undefined;
      void this.#write();
    });
  }
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const hex = (value: number | bigint): string => value.toString(16).padStart(16, '0');
      const lines = this.#entries.map(
        ({ path, position, inode, isWatched }) => `${path}\t${isWatched ? hex(position) : unwatched}\t${hex(inode)}\n`,
      );
      await writeFile(this.#path, lines.join('')).catch((error: unknown) => this.#say(error));
    });
    return this.#writing;
  }
  #say(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#context.log.warn(
      `pos_file ${this.#path}: ${errorText(error)}; positions are kept in the journal all the same.`,
    );
  }
}
