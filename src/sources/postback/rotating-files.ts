/**
 * The rotating log files of the original, for an external tailer: `<pod, or NA>_<process id>.txt`, one JSON record a
 * line. Rotation as Python's RotatingFileHandler: before the line that would bring the file to rotateBytes it becomes
 * `.txt.1`, which became `.txt.2` and so on; the one behind the last backup goes. Nothing is synced: the journal has the
 * records, and was synced before they are written here.
 */
import { open, rename, rm } from 'node:fs/promises';
import { makeDirectories } from '../../core/directories.ts';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { LineTaker } from '../requests/append-queue.ts';

/** Characters that wait while the directory cannot be written: half a minute of 10,000 records a second at 200 bytes. */
const waitingCharsMax = 64 * 1024 * 1024;
/** How long to wait before a failed write is tried again; a full disk is not freed faster. */
const retryMs = 1000;

interface Settings {
  readonly dir: string;
  readonly podName: string | undefined;
  readonly rotateBytes: number;
  readonly backups: number;
  /** Counts lines that were given up. */
  readonly lost: (count: number) => void;
}

export class RotatingFiles implements LineTaker {
  readonly path: string;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #log: Log;
  #file: FileHandle | undefined;
  #bytes = 0;
  #waiting: string[] = [];
  #waitingChars = 0;
  #writing: Promise<void> | undefined;
  #isFailing = false;
  #isClosing = false;

  constructor(settings: Settings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    const pod = (settings.podName || 'NA').replaceAll(/[^\w.-]/g, '_');
    this.path = join(settings.dir, `${pod}_${process.pid}.txt`);
  }
  /** Opens the file, making its directory. @throws OperatingError OUTPUT_WRITE */
  async open(): Promise<void> {
    try {
      await makeDirectories(this.#settings.dir, 0o755);
      await this.#reopen();
    } catch (error) {
      throw new OperatingError('OUTPUT_WRITE', `opening log file ${this.path}: ${errorText(error)}; check log_dir`, {
        cause: error,
      });
    }
  }
  /** Takes lines to be written soon, in order. */
  add(lines: readonly string[]): void {
    for (const line of lines) {
      this.#waiting.push(line);
      this.#waitingChars += line.length;
    }
    if (this.#waitingChars > waitingCharsMax) this.#giveUpOldest();
    if (!this.#writing && !this.#isFailing) this.#start();
  }
  /** Writes what waits, as far as the directory lets it, and closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    if (this.#waiting.length > 0) await this.#writeAll();
    if (this.#waiting.length > 0) {
      this.#log.error(`${this.#waiting.length} records were not written to ${this.path}; the journal has them`);
      this.#settings.lost(this.#waiting.length);
      this.#waiting = [];
    }
    await this.#file?.close();
    this.#file = undefined;
  }

  #start(): void {
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0 && !this.#isFailing && !this.#isClosing) this.#start();
    });
  }
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingChars = 0;
      let written = 0;
      try {
        while (written < lines.length) written += await this.#writeSome(lines, written);
        if (this.#isFailing) this.#log.info(`writing log file ${this.path} works again`);
        this.#isFailing = false;
      } catch (error) {
        this.#waiting = [...lines.slice(written), ...this.#waiting];
        for (const line of lines.slice(written)) this.#waitingChars += line.length;
        await this.#failed(error);
        return;
      }
    }
  }
  /** Writes lines from `from` on that fit into the file, rotating it first where the next one does not; returns how many. */
  async #writeSome(lines: readonly string[], from: number): Promise<number> {
    const { rotateBytes, backups } = this.#settings;
    const isRotating = rotateBytes > 0 && backups > 0;
    const start = this.#bytes;
    let bytes = start;
    let count = 0;
    let text = '';
    for (let index = from; index < lines.length; index++) {
      const line = lines[index] as string;
      const lineBytes = Buffer.byteLength(line) + 1;
      if (isRotating && bytes > 0 && bytes + lineBytes >= rotateBytes) break;
      text += `${line}\n`;
      bytes += lineBytes;
      count++;
    }
    if (count === 0) {
      await this.#rotate();
      return 0;
    }
    const file = this.#file ?? (await this.#reopen());
    const buffer = Buffer.from(text);
    // A short write is gone on with; a failed one is cut off, so that trying again repeats nothing.
    let done = 0;
    try {
      while (done < buffer.length) done += (await file.write(buffer, done, buffer.length - done, null)).bytesWritten;
    } catch (error) {
      if (done > 0) await file.truncate(start);
      throw error;
    }
    this.#bytes = bytes;
    return count;
  }
  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const { backups } = this.#settings;
    await rm(`${this.path}.${backups}`, { force: true });
    for (let number = backups - 1; number >= 0; number--) {
      const from = number === 0 ? this.path : `${this.path}.${number}`;
      await rename(from, `${this.path}.${number + 1}`).catch((error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw error;
      });
    }
    await this.#reopen();
  }
  async #reopen(): Promise<FileHandle> {
    const file = await open(this.path, 'a', 0o644);
    this.#bytes = (await file.stat()).size;
    this.#file = file;
    return file;
  }
  async #failed(error: unknown): Promise<void> {
    if (!this.#isFailing)
      this.#log.error(
        `writing log file ${this.path}: ${errorText(error)}; trying again every second, while up to 64 MB wait; free space or check log_dir`,
      );
    this.#isFailing = true;
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch {
      // The descriptor is gone either way, and the error that matters was said.
    }
    if (!this.#isClosing)
      this.#clock.after(retryMs, () => {
        if (!this.#writing && !this.#isClosing) this.#start();
      });
  }
  #giveUpOldest(): void {
    let count = 0;
    while (this.#waitingChars > waitingCharsMax / 2 && count < this.#waiting.length)
      this.#waitingChars -= (this.#waiting[count++] as string).length;
    this.#waiting = this.#waiting.slice(count);
    this.#settings.lost(count);
    this.#log.error(`gave up ${count} records that waited for log file ${this.path}; the journal has them`);
  }
}
