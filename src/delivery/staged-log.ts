/**
 * The segment files in which one output's staged chunks lie (format: staged-frame.ts).
 *
 * The output's cursor says which segments count, and up to which length: `[number, length]` for each. So frames are
 * staged in the same moment in which the offsets of their records are done:
 *
 * 1. Frames are written behind the current segment's length and synced (a new segment: its directory too). A crash here
 *    leaves bytes behind the length, or a segment that the cursor does not name: recovery cuts and removes them, and the
 *    journal still has the records.
 * 2. accept() moves the length, in one turn with the progress of the records; the next commit of the cursor makes both
 *    durable. Only then does the journal let them go.
 * 3. A segment whose frames are all over is left out of the next commit, and removed once that is durable.
 *
 * After a failed write or sync nothing more is written to that segment: what lies behind its length is unknown.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import {
  decodeHead,
  encodeSegmentHeader,
  findFrame,
  frameHeaderBytes,
  frameLengths,
  isPayloadWhole,
  isSegmentHeader,
  segmentHeaderBytes,
  unpackPayload,
} from './staged-frame.ts';
import type { FrameHead } from './staged-frame.ts';

/** Where a frame is: segment number and position in one safe integer, since there can be millions. */
export type FrameRef = number;
/** Frames begin below it: segments are smaller, only their last frame may reach beyond. */
const positionSpan = 2 ** 27;
/** Heads are a few hundred bytes: one read gets most of them whole. */
const headReadBytes = 4096;

export interface StagedLogOptions {
  readonly disk: Disk;
  readonly log: Log;
  readonly directory: string;
  /** For damaged bytes. */
  readonly quarantine: string;
  /** Size from which on a new segment is begun, below 64 MiB. */
  readonly segmentBytes: number;
}

/** As in the cursor. */
export type SegmentCursor = readonly (readonly [number: number, length: number])[];

interface Segment {
  readonly number: number;
  /** How far it counts. */
  length: number;
  /** Frames that are not over. */
  live: number;
  /** Nothing more is written to it. */
  isEnded: boolean;
  /** Left out of the last commit. */
  isGone: boolean;
}

/** Frames that are on disk and do not count yet. */
export interface Appended {
  readonly refs: readonly FrameRef[];
  readonly bytes: number;
  /** They count from now on. Call it in the turn in which their records are done. */
  accept(): void;
}

export class StagedLog {
  readonly #options: StagedLogOptions;
  readonly #segments = new Map<number, Segment>();
  #next = 1;
  #current: { readonly segment: Segment; readonly file: DiskFile } | undefined;
  /** Until what was appended counts, or failed: its segment may look as if nothing in it were needed. */
  #isAppending = false;

  constructor(options: StagedLogOptions) {
    this.#options = options;
  }
  /** Bytes of all segments. */
  get totalBytes(): number {
    let sum = 0;
    for (const { length } of this.#segments.values()) sum += length;
    return sum;
  }
  /**
   * Brings the files to what was committed and tells each frame in it, segment by segment. `adopt`: the cursor was lost,
   * so all frames that are whole count.
   */
  async recover(
    committed: SegmentCursor,
    adopt: boolean,
    onFrame: (ref: FrameRef, head: FrameHead) => void,
  ): Promise<void> {
    const { disk, directory } = this.#options;
    const lengths = new Map(committed);
    let isRemoved = false;
    for (const name of await disk.list(directory)) {
      const number = numberOf(name);
      if (number === undefined) continue;
      this.#next = Math.max(this.#next, number + 1);
      if (!adopt && !lengths.has(number)) {
        await disk.remove(join(directory, name));
        isRemoved = true;
      } else if (!lengths.has(number)) lengths.set(number, (await disk.stat(join(directory, name)))?.size ?? 0);
    }
    // Before a new segment can have the number of one that is gone.
    if (isRemoved) await disk.syncDirectory(directory);
    for (const [number, length] of [...lengths].sort(([a], [b]) => a - b))
      await this.#recoverSegment(number, length, onFrame);
  }
  /** Writes frames and syncs them. One call at a time. @throws the disk's error: none of them is kept */
  async append(frames: readonly (readonly Buffer[])[]): Promise<Appended> {
    this.#isAppending = true;
    try {
      const { segment, file } = await this.#writable();
      let position = segment.length;
      const refs = frames.map((buffers) => {
        const ref = segment.number * positionSpan + position;
        for (const { length } of buffers) position += length;
        return ref;
      });
      try {
        await file.write(frames.flat(), segment.length);
        await file.sync();
      } catch (error) {
        await this.#abandon();
        throw error;
      }
      return {
        refs,
        bytes: position - segment.length,
        accept: () => {
          segment.length = position;
          segment.live += refs.length;
          this.#isAppending = false;
        },
      };
    } catch (error) {
      this.#isAppending = false;
      throw error;
    }
  }
  /** Reads frames for as long as they are not more than `bytesMax` together, at least one. Undefined for damaged ones. */
  async read(
    refs: readonly FrameRef[],
    bytesMax: number,
  ): Promise<({ head: FrameHead; payload: Buffer } | undefined)[]> {
    const { disk, directory } = this.#options;
    const files = new Map<number, DiskFile>();
    const frames: ({ head: FrameHead; payload: Buffer } | undefined)[] = [];
    let bytes = 0;
    try {
      for (const ref of refs) {
        const number = Math.floor(ref / positionSpan);
        const file = files.get(number) ?? (await disk.open(join(directory, nameOf(number)), 'read'));
        files.set(number, file);
        const found = await readHead(file, ref % positionSpan);
        const foundBytes = found?.head.packed?.bytes ?? found?.payloadBytes ?? 0;
        if (frames.length > 0 && bytes + foundBytes > bytesMax) break;
        bytes += foundBytes;
        frames.push(found && (await this.#readPayload(file, number, ref % positionSpan, found)));
      }
    } finally {
      for (const file of files.values()) await file.close();
    }
    return frames;
  }
  /** The frame's records are over. */
  release(ref: FrameRef): void {
    const segment = this.#segments.get(Math.floor(ref / positionSpan));
    if (segment) segment.live--;
  }
  /** What is to be committed now; segments without live frames are no longer in it. */
  cursor(): SegmentCursor {
    const kept: (readonly [number, number])[] = [];
    for (const segment of this.#segments.values()) {
      const isCurrent = segment === this.#current?.segment;
      if (segment.live === 0 && segment.length > 0 && (!isCurrent || !this.#isAppending)) {
        segment.isEnded = true;
        segment.isGone = true;
      }
      if (!segment.isGone && segment.length > 0) kept.push([segment.number, segment.length]);
    }
    return kept;
  }
  /** A commit with `cursor` is durable: what it left out is removed. */
  async committed(cursor: SegmentCursor): Promise<void> {
    const { disk, directory, log } = this.#options;
    const kept = new Set(cursor.map(([number]) => number));
    const gone = [...this.#segments.values()].filter(({ number, isGone }) => isGone && !kept.has(number));
    if (gone.length === 0) return;
    try {
      for (const segment of gone) {
        if (segment === this.#current?.segment) await this.#closeCurrent();
        await disk.remove(join(directory, nameOf(segment.number)));
        this.#segments.delete(segment.number);
      }
    } catch (error) {
      log.warn(`removing staged chunks in ${directory}: ${errorText(error)}; they are removed later`);
    }
  }
  /** Refs of the oldest segment are below it. */
  get oldestEnd(): FrameRef {
    let least = Number.POSITIVE_INFINITY;
    for (const { number, live } of this.#segments.values()) if (live > 0) least = Math.min(least, number);
    return (least + 1) * positionSpan;
  }
  async close(): Promise<void> {
    await this.#closeCurrent();
  }

  async #writable(): Promise<{ readonly segment: Segment; readonly file: DiskFile }> {
    const { disk, directory, segmentBytes } = this.#options;
    const current = this.#current;
    if (current && !current.segment.isEnded && current.segment.length < segmentBytes) return current;
    await this.#closeCurrent();
    if (current) current.segment.isEnded = true;
    // A segment of an earlier life is not gone on with: its last sync may have failed.
    if (this.#segments.size === 0) await disk.makeDirectory(directory);
    const number = this.#next++;
    const file = await disk.open(join(directory, nameOf(number)), 'create');
    const segment = { number, length: segmentHeaderBytes, live: 0, isEnded: false, isGone: false };
    this.#segments.set(number, segment);
    this.#current = { segment, file };
    try {
      await file.write([encodeSegmentHeader(number)], 0);
      await file.sync();
      await disk.syncDirectory(directory);
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    return this.#current;
  }
  async #abandon(): Promise<void> {
    if (this.#current) this.#current.segment.isEnded = true;
    // The error that brought us here is the one to tell.
    await this.#closeCurrent().catch(() => undefined);
  }
  async #closeCurrent(): Promise<void> {
    const file = this.#current?.file;
    this.#current = undefined;
    await file?.close();
  }

  // ------------------------------------------------------------------------------------------------ recovery

  async #recoverSegment(
    number: number,
    length: number,
    onFrame: (ref: FrameRef, head: FrameHead) => void,
  ): Promise<void> {
    const { disk, directory, log } = this.#options;
    const path = join(directory, nameOf(number));
    const size = (await disk.stat(path))?.size;
    if (size === undefined || size < length)
      log.error(
        `${path} ${size === undefined ? 'is gone' : `has ${size} of ${length} bytes`}: what was staged there and is not in the journal any more is lost, counted as refused (corrupt)`,
      );
    if (size === undefined) return;
    const segment = { number, length: Math.min(length, size), live: 0, isEnded: true, isGone: false };
    this.#segments.set(number, segment);
    const file = await disk.open(path, 'write');
    try {
      // Not synced: what counts was, before the cursor said so; and what is written behind the cut is synced with it.
      if (size > length) await file.truncate(length);
      await this.#scan(file, segment, onFrame);
    } finally {
      await file.close();
    }
  }
  async #scan(file: DiskFile, segment: Segment, onFrame: (ref: FrameRef, head: FrameHead) => void): Promise<void> {
    const header = Buffer.alloc(segmentHeaderBytes);
    await file.read(header, 0);
    let position = segmentHeaderBytes;
    if (!isSegmentHeader(header, segment.number)) position = await this.#skipDamage(file, segment, 0);
    while (position < segment.length) {
      const found = await readHead(file, position);
      const end = found && position + found.bytes;
      if (!found || end === undefined || end > segment.length) {
        position = await this.#skipDamage(file, segment, position);
        continue;
      }
      segment.live++;
      onFrame(segment.number * positionSpan + position, found.head);
      position = end;
    }
  }
  /** Keeps damaged bytes; where the next frame begins behind them. */
  async #skipDamage(file: DiskFile, segment: Segment, position: number): Promise<number> {
    const bytes = Buffer.alloc(segment.length - position);
    const got = await file.read(bytes, position);
    let next = -1;
    for (let from = 1; ; from = next + 1) {
      next = findFrame(bytes.subarray(0, got), from);
      if (next < 0 || (await readHead(file, position + next))) break;
    }
    const damaged = bytes.subarray(0, next < 0 ? got : next);
    await this.#keepDamaged(segment.number, position, damaged, 'no frame');
    return next < 0 ? segment.length : position + next;
  }
  async #readPayload(
    file: DiskFile,
    number: number,
    position: number,
    found: FoundHead,
  ): Promise<{ head: FrameHead; payload: Buffer } | undefined> {
    const payload = Buffer.alloc(found.payloadBytes);
    const start = position + found.bytes - found.payloadBytes;
    const got = await file.read(payload, start);
    const isWhole = got === payload.length && isPayloadWhole(found.header, payload);
    const plain = isWhole ? await unpackPayload(found.head, payload) : undefined;
    if (plain) return { head: found.head, payload: plain };
    const reason = isWhole ? 'its records cannot be unpacked' : 'its records do not fit their checksum';
    await this.#keepDamaged(number, start, payload.subarray(0, got), reason);
    return undefined;
  }
  async #keepDamaged(number: number, position: number, bytes: Uint8Array, reason: string): Promise<void> {
    const { disk, directory, quarantine, log } = this.#options;
    const path = join(quarantine, `staged-${directory.split('/').at(-1) ?? ''}-${number}-${position}.bin`);
    log.error(
      `${join(directory, nameOf(number))} is damaged: ${bytes.length} bytes at ${position} (${reason}). They are kept in ${path}; reading goes on behind them.`,
    );
    try {
      await disk.makeDirectory(quarantine);
      const file = await disk.open(path, 'write');
      try {
        await file.write([bytes], 0);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      log.error(`keeping damaged bytes in ${path}: ${errorText(error)}`);
    }
  }
}

interface FoundHead {
  readonly header: Buffer;
  readonly head: FrameHead;
  readonly payloadBytes: number;
  /** Of the whole frame. */
  readonly bytes: number;
}

/** Undefined: there is no frame, or its head is damaged. */
async function readHead(file: DiskFile, position: number): Promise<FoundHead | undefined> {
  let bytes: Buffer = Buffer.alloc(headReadBytes);
  let got = await file.read(bytes, position);
  const lengths = frameLengths(bytes.subarray(0, got));
  if (!lengths) return undefined;
  const end = frameHeaderBytes + lengths.headBytes;
  if (end > got) {
    // A length that is damage must not cost its memory.
    if (position + end > (await file.size())) return undefined;
    bytes = Buffer.alloc(end);
    got = await file.read(bytes, position);
    if (got < end) return undefined;
  }
  const head = decodeHead(bytes.subarray(0, end));
  return head && { header: bytes, head, payloadBytes: lengths.payloadBytes, bytes: end + lengths.payloadBytes };
}

function nameOf(number: number): string {
  return `${String(number).padStart(8, '0')}.staged`;
}

function numberOf(name: string): number | undefined {
  const match = /^(\d{8,})\.staged$/.exec(name);
  return match ? Number(match[1]) : undefined;
}
