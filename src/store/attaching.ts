/** Attaching partition files, and what can be wrong with one: another process has it, it is damaged, it ends the process. */
import { spawn } from 'node:child_process';
import { basename, extname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Disk } from '../core/disk.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from './database.ts';
import { newerError } from './opening.ts';
import { replaceText } from '../core/whole-file.ts';

/** An earlier store process may still be ending: it gets this long. Killed ones are gone at once, so this bounds a hung one. */
const lockWaitMs = 10_000;
const lockAgainMs = 100;

/** Openings of a partition that the process did not survive, before it is tried in another one. Most of them were just killed then. */
const openingsMax = 2;
/** A WAL of any size is replayed by then. */
const probeMs = 120_000;

export interface AttacherOptions {
  readonly database: Database;
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly isReadOnly: boolean;
  /** Opens a file in a process of its own; false: that process ended by it. Another one for tests. */
  readonly probe?: ((path: string) => Promise<boolean>) | undefined;
}

export class Attacher {
  readonly #options: AttacherOptions;
  readonly #marker: string;
  constructor(options: AttacherOptions) {
    this.#options = options;
    this.#marker = join(options.directory, 'opening');
  }
  /** @throws OperatingError DATA_DIR_LOCKED, DATA_DIR_NEWER; else DuckDB's error, or one that isBroken() knows. */
  async attach(name: string, path: string, alias: string): Promise<void> {
    const { disk, isReadOnly } = this.#options;
    if (isReadOnly) return this.#attach(path, alias);
    const times = await this.#mark(name);
    if (times > openingsMax && !(await (this.#options.probe ?? probe)(path)))
      throw new Error(`Corrupt database file: opening it ended the process ${times} times`);
    try {
      await this.#attach(path, alias);
    } catch (error) {
      const at = damagedAt(error);
      if (at === undefined) throw error;
      await this.#cutWal(name, `${path}.wal`, at);
      await this.#attach(path, alias);
    } finally {
      await disk.remove(this.#marker);
    }
  }
  /** Notes that the partition is being opened; how often that was so, this time included. */
  async #mark(name: string): Promise<number> {
    const { disk } = this.#options;
    const [before, times] = ((await disk.readFile(this.#marker))?.toString('utf8') ?? '').split('\n');
    const count = before === name ? Number(times) + 1 : 1;
    await replaceText(disk, this.#marker, `${name}\n${count}\n`);
    return count;
  }
  async #attach(path: string, alias: string): Promise<void> {
    const { database, isReadOnly } = this.#options;
    const startMs = performance.now();
    for (;;)
      try {
        return await database.attach(path, alias, isReadOnly);
      } catch (error) {
        if (isNewer(error)) throw newerError(path, error);
        if (!isLocked(error)) throw error;
        if (performance.now() - startMs > lockWaitMs)
          throw new OperatingError(
            'DATA_DIR_LOCKED',
            `opening ${path}: another process has it open; stop that one, or ask it through its socket`,
            { cause: error },
          );
        await wait(lockAgainMs);
      }
  }
  /**
   * Ends a WAL before its first damaged entry, so that what was committed before is not lost with it; the whole of it is
   * kept. After a power cut this is the tail that had not been synced, of which nobody was told that it is durable.
   */
  async #cutWal(name: string, path: string, at: number): Promise<void> {
    const { disk, directory, log } = this.#options;
    const bytes = (await disk.readFile(path)) ?? Buffer.alloc(0);
    const target = join(directory, 'set-aside');
    await disk.makeDirectory(target);
    const kept = join(target, basename(path));
    const copy = await disk.open(kept, 'write');
    await copy.truncate(0);
    await copy.write([bytes], 0);
    await copy.sync();
    await copy.close();
    const wal = await disk.open(path, 'write');
    await wal.truncate(at);
    await wal.sync();
    await wal.close();
    log.error(
      { partition: name, at, bytes: bytes.length },
      `The end of a partition's log could not be read and was cut off; records stored right before the last stop may be missing. The whole log is kept as ${kept}.`,
    );
  }
}

/** Where the first entry is that cannot be read, for DuckDB's error that says so. */
function damagedAt(error: unknown): number | undefined {
  const found = /Corrupt WAL file: entry at byte position (\d+)/.exec(errorText(error));
  return found ? Number(found[1]) : undefined;
}

/** True for DuckDB's error when another process has the file open. */
function isLocked(error: unknown): boolean {
  return /Could not set lock on file|Conflicting lock is held/.test(errorText(error));
}

/** True when a newer DuckDB wrote the file. */
function isNewer(error: unknown): boolean {
  return /we can only read versions? between|newer version of DuckDB/i.test(errorText(error));
}

function probe(path: string): Promise<boolean> {
  const program = fileURLToPath(new URL(`opening-probe${extname(import.meta.url)}`, import.meta.url));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, path], {
      stdio: 'ignore',
      timeout: probeMs,
      killSignal: 'SIGKILL',
    });
    child.once('exit', (code) => resolve(code === 0));
    // Where no process can be started nothing is known against the file.
    child.once('error', () => resolve(true));
  });
}
