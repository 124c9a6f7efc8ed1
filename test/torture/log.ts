/** One log under torture: numbers its lines, and is rotated in its own way. */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { wait } from '../../bench/program.ts';
import type { Random } from '../crash/random.ts';

/** `flood`: written faster than it may be read, and cut without a copy: what is lost then must be counted to the byte. `trace`: records of several lines, renamed. */

export type LogKind = 'rename' | 'gzip' | 'copytruncate' | 'delete' | 'flood' | 'trace';

/** Old files that stay beside a log; what is older is removed. */
const keptMax = 3;
/** Lines of a file that is removed must have been there so long while the collector ran. */
const dueMs = 10_000;
/** A flood was seen when the collector ran so long after it: it looks at each file every second. */
const floodSeenMs = 4000;

/** What the writers must know of the collector. */
export interface Watched {
  /** How long it ran so far, without the time it was stopped or dead. */
  readonly ranMs: number;
  /** It is not to be killed or stopped for so long. */
  spare(ms: number): void;
  readonly isRunning: boolean;
}

interface Removed {
  readonly from: number;
  readonly to: number;
}

export class TorturedLog {
  readonly path: string;
  readonly name: string;
  readonly kind: LogKind;
  readonly #random: Random;
  readonly #collector: Watched;
  /** Lines written so far, and the first one of the file at the path. */
  lines = 0;
  #first = 0;
  /** Of each file beside the log, the newest first: its lines, and when the last one of them came, in the collector's time. */
  #old: { readonly from: number; readonly to: number; readonly ranMs: number }[] = [];
  #lastRanMs = 0;
  #isBusy = false;
  /** Lines that were removed before they were due: they may be missing. */
  readonly excused: Removed[] = [];
  rotations = 0;
  /** The last line of each file that was put aside. */
  readonly lasts = new Set<number>();

  constructor(directory: string, name: string, kind: LogKind, random: Random, collector: Watched) {
    this.path = `${directory}/${name}.log`;
    this.name = name;
    this.kind = kind;
    this.#random = random;
    this.#collector = collector;
  }
  /** Bytes of a line with its end. */
  static bytesOf(name: string, n: number): number {
    return Buffer.byteLength(lineOf(name, n));
  }
  /** Writes some lines, now and then in two halves. */
  write(count: number): void {
    if (this.#isBusy) return;
    const text = Array.from({ length: count }, () => this.#line()).join('');
    const half = this.#random.isBelow(0.2) ? this.#random.between(1, text.length - 1) : text.length;
    appendFileSync(this.path, text.slice(0, half));
    if (half < text.length) appendFileSync(this.path, text.slice(half));
    this.#lastRanMs = this.#collector.ranMs;
  }
  #line(): string {
    const n = this.lines++;
    return this.kind === 'trace' ? `#${this.name} ${n} ${traceOf(n)}\n` : lineOf(this.name, n);
  }
  /** Rotates it, where that can be done now. */
  async rotate(): Promise<void> {
    if (this.#isBusy || (this.kind !== 'flood' && this.lines === this.#first)) return;
    this.#isBusy = true;
    try {
      if (await this.#rotate()) this.rotations++;
    } finally {
      this.#isBusy = false;
    }
  }
  async #rotate(): Promise<boolean> {
    switch (this.kind) {
      case 'rename':
      case 'trace':
        this.#shift();
        renameSync(this.path, this.#oldPath(1));
        this.#putAside();
        return true;
      case 'gzip':
        this.#shift();
        renameSync(this.path, this.#oldPath(1));
        this.#putAside();
        await this.#compress();
        return true;
      case 'copytruncate':
        this.#shift();
        copyFileSync(this.path, this.#oldPath(1));
        truncateSync(this.path);
        this.#putAside();
        if (this.#random.isBelow(0.3)) await this.#compress();
        return true;
      case 'delete':
        return this.#remove();
      case 'flood':
        return this.#flood();
    }
  }
  #oldPath(n: number): string {
    return `${this.path}.${n}`;
  }
  /** Makes place for a new first one; the last one goes. */
  #shift(): void {
    for (let n = this.#old.length; n > 0; n--)
      for (const ending of ['', '.gz']) {
        const from = `${this.#oldPath(n)}${ending}`;
        if (!existsSync(from)) continue;
        if (n >= keptMax) rmSync(from);
        else renameSync(from, `${this.#oldPath(n + 1)}${ending}`);
      }
    const gone = this.#old.length >= keptMax ? this.#old.pop() : undefined;
    if (gone && this.#collector.ranMs - gone.ranMs < dueMs) this.excused.push(gone);
  }
  #putAside(): void {
    this.#old.unshift({ from: this.#first, to: this.lines, ranMs: this.#lastRanMs });
    this.lasts.add(this.lines - 1);
    this.#first = this.lines;
  }
  /** As gzip does: the compressed file grows beside the other one, which goes at the end. */
  async #compress(): Promise<void> {
    const path = this.#oldPath(1);
    const { atime, mtime } = statSync(path);
    const bytes = gzipSync(readFileSync(path));
    const half = Math.floor(bytes.length / 2);
    const file = openSync(`${path}.gz`, 'w');
    writeSync(file, bytes.subarray(0, half));
    if (this.#random.isBelow(0.5)) await wait(this.#random.between(1, 300));
    writeSync(file, bytes.subarray(half));
    closeSync(file);
    utimesSync(`${path}.gz`, atime, mtime);
    rmSync(path);
  }
  /** Removed at once, while the collector holds it open, or when all of it is due. */
  async #remove(): Promise<boolean> {
    const isDue = (): boolean => this.#collector.ranMs - this.#lastRanMs >= dueMs;
    if (this.#random.isBelow(0.5)) while (!isDue()) await wait(100);
    else {
      if (!this.#collector.isRunning || this.lines - this.#first > 0) this.#collector.spare(6000);
      const beganMs = this.#collector.ranMs;
      while (this.#collector.ranMs - beganMs < 2000) await wait(50);
      // Some more, right before: only who has the file open still gets them.
      appendFileSync(this.path, Array.from({ length: 3 }, () => this.#line()).join(''));
    }
    rmSync(this.path);
    this.#first = this.lines;
    return true;
  }
  async #flood(): Promise<boolean> {
    const collector = this.#collector;
    if (!collector.isRunning) return false;
    appendFileSync(this.path, Array.from({ length: this.#random.between(4000, 6000) }, () => this.#line()).join(''));
    const beganMs = collector.ranMs;
    while (collector.ranMs - beganMs < floodSeenMs) await wait(50);
    truncateSync(this.path);
    this.#first = this.lines;
    return true;
  }
}

/** The text of a record of several lines. */
export function traceOf(n: number): string {
  return ['error', ...Array.from({ length: n % 5 }, (_, i) => `\tat ${n}.${i}`)].join('\n');
}

/** As long for each number that no two lines of a log look the same, and some 100 bytes. */
function lineOf(name: string, n: number): string {
  return `${JSON.stringify({ log: name, n, text: `line ${n} of ${name}`.padEnd(40 + ((n * 7919) % 60), '.') })}\n`;
}
