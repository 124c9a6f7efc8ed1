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

export interface PositionEntry {
  readonly path: string;
  readonly position: number;
  readonly inode: bigint;
}
/** What an entry shows. */
export interface ShownFile extends PositionEntry {
  readonly key: string;
}

interface Entry {
  readonly path: string;
  position: number;
  inode: bigint;
  isWatched: boolean;
  /** The file it shows; undefined for what an earlier start left. */
  key: string | undefined;
}

export class PositionFile {
  readonly #path: string;
  readonly #byInode: boolean;
  readonly #context: PluginContext;
  #entries: Entry[] = [];
  /** Entries that are watched, by the key of their file, and by their path or inode. */
  readonly #byKey = new Map<string, Entry>();
  readonly #byName = new Map<string, Entry>();
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  /** `byInode`: an entry for each inode (follow_inodes), not for each path. */
  constructor(path: string, byInode: boolean, context: PluginContext) {
    this.#path = path;
    this.#byInode = byInode;
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
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const entry = entryOf(line);
      if (!entry)
        this.#context.log.warn(`pos_file ${this.#path}: a line is no entry and is left out: ${line.slice(0, 200)}`);
      else if (entry.isWatched) this.#byName.set(this.#name(entry), entry);
    }
    this.#entries = [...this.#byName.values()];
    return this.#entries;
  }
  /** Begins to show a file, in place of the one that was shown under its path (or inode). */
  add(file: ShownFile): void {
    const known = this.#byName.get(this.#name(file));
    const entry = known ?? { path: file.path, position: 0, inode: 0n, isWatched: true, key: undefined };
    if (!known) {
      this.#entries.push(entry);
      this.#byName.set(this.#name(file), entry);
    }
    if (entry.key !== undefined) this.#byKey.delete(entry.key);
    entry.key = file.key;
    this.#byKey.set(file.key, entry);
    this.update(file);
  }
  /** Notes how far a file was read, if it is shown. */
  update(file: ShownFile): void {
    const entry = this.#byKey.get(file.key);
    if (!entry) return;
    entry.position = file.position;
    entry.inode = file.inode;
    this.#plan();
  }
  /** Drops what an earlier start left of files that are not followed now. */
  dropOthers(): Promise<void> {
    return this.#keep((entry) => entry.key !== undefined);
  }
  /** Drops entries of files that are not watched any more. */
  compact(): Promise<void> {
    return this.#keep((entry) => entry.isWatched);
  }
  /** Marks entries of files as not watched, unless their key is one of these. */
  unwatchOthers(keys: ReadonlySet<string>): void {
    for (const entry of this.#entries) {
      if (!entry.isWatched || (entry.key !== undefined && keys.has(entry.key))) continue;
      entry.isWatched = false;
      this.#forget(entry);
      this.#plan();
    }
  }
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#write();
  }
  #name({ path, inode }: PositionEntry): string {
    return this.#byInode ? String(inode) : path;
  }
  #keep(isKept: (entry: Entry) => boolean): Promise<void> {
    for (const entry of this.#entries) if (!isKept(entry)) this.#forget(entry);
    this.#entries = this.#entries.filter(isKept);
    return this.#write();
  }
  #forget(entry: Entry): void {
    if (this.#byName.get(this.#name(entry)) === entry) this.#byName.delete(this.#name(entry));
    if (entry.key !== undefined && this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
  }
  #plan(): void {
    this.#timer ??= this.#context.clock.after(writeMs, () => {
      this.#timer = undefined;
      void this.#write();
    });
  }
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const text = this.#entries.map(lineOf).join('');
      await writeFile(this.#path, text).catch((error: unknown) => this.#say(error));
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

function entryOf(line: string): Entry | undefined {
  const found = /^([^\t]+)\t([0-9a-fA-F]{1,16})\t([0-9a-fA-F]{1,16})/.exec(line);
  if (!found) return undefined;
  const [, path = '', position = '', inode = ''] = found;
  const isWatched = position.toLowerCase() !== unwatched;
  return { path, position: Number.parseInt(position, 16), inode: BigInt(`0x${inode}`), isWatched, key: undefined };
}

function lineOf({ path, position, inode, isWatched }: Entry): string {
  const hex = (value: number | bigint): string => value.toString(16).padStart(16, '0');
  return `${path}\t${isWatched ? hex(position) : unwatched}\t${hex(inode)}\n`;
}
