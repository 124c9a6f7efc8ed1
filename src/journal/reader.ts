/**
 * Reads one shard in large slices, for outputs near the head and far behind it alike.
 *
 * Invariants
 * - Never looks at a frame at or behind `until`; what lies there may be half written.
 * - Every offset in [from, next) is in a frame or in `lost`, once.
 * - Blocks are views on slabs that are never written again (segment.ts).
 */
import { join } from 'node:path';
import { Block, codecs } from '../core/batch.ts';
import type { Codec } from '../core/batch.ts';
import type { Disk, DiskFile } from '../core/disk.ts';
import { systemCode } from '../core/errors.ts';
import type { Frame, ReadResult, ShardReader } from './contract.ts';
import { FrameHead, crcSeed, frameKinds } from './frame.ts';
import type { FrameVerdict } from './frame.ts';
import type { Quarantine } from './quarantine.ts';
import { SegmentWindow, findNextFrame, segmentName, segmentOffset } from './segment.ts';

/**
 * Size of a slab: some reads of a reader that is far behind, many reads of one near the head. A held block keeps it. What is left
 * of a frame at its end is copied into the next one, so it holds three of the largest usual frames, 600 KB, which `tail` makes.
 */
const slabBytes = 2 * 1024 * 1024;
/** Reading for one record more than needed costs less than a second call. */
const readBytesMin = 16 * 1024;

export interface ReaderOptions {
  readonly disk: Disk;
  /** Holds the shards. */
  readonly directory: string;
  readonly shard: string;
  readonly quarantine: Quarantine;
}

type Lost = ReadResult['lost'][number];

/** What one read has so far, and what it was asked for. */
interface Gathered {
  readonly frames: Frame[];
  readonly lost: Lost[];
  next: number;
  bytes: number;
  readonly until: number;
  readonly bytesMax: number;
}

/** An open segment and the place in it. */
interface Place {
  readonly segment: number;
  readonly file: DiskFile;
  readonly window: SegmentWindow;
  /** Offset of the record that the frame at the window's place should start with, as far as is known. */
  offset: number;
  /** Sequence of the last frame seen, or -1. */
  sequence: number;
  /** Place at which a bad frame was read again from the file already. */
  rereadAt: number;
}

/** Makes a reader of one shard; `read` calls must not overlap. */
export function openReader(options: ReaderOptions): ShardReader {
  return new Reader(options);
}

class Reader implements ShardReader {
  readonly shard: string;
  readonly #options: ReaderOptions;
  readonly #directory: string;
  readonly #seed: number;
  readonly #head = new FrameHead();
  #segments: number[] = [];
  #place: Place | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.shard = options.shard;
    this.#directory = join(options.directory, options.shard);
    this.#seed = crcSeed(options.shard);
  }
  async read(from: number, until: number, bytesMax: number): Promise<ReadResult> {
    const gathered: Gathered = { frames: [], lost: [], next: from, bytes: 0, until, bytesMax };
    while (!isFull(gathered)) {
      const place = await this.#placeFor(gathered);
      if (!place) continue;
      const verdict = this.#takeFrames(place, gathered);
      if (verdict === 'frame') break;
      const wantBytes = Math.max(readBytesMin, bytesMax - gathered.bytes);
      if (verdict === 'short' && (await place.window.fill(wantBytes, this.#head))) continue;
      await this.#passDamage(place, gathered, verdict);
    }
    const { frames, lost, next } = gathered;
    return { frames, lost, next };
  }
  /** Takes the whole frames that lie in the slab. `frame`: there is more, but enough is gathered. */
  #takeFrames(place: Place, gathered: Gathered): FrameVerdict {
    const head = this.#head;
    const { window } = place;
    for (;;) {
      if (isFull(gathered)) return 'frame';
      const verdict = window.look(head);
      if (verdict !== 'frame') return verdict;
      if (head.firstOffset >= gathered.until && head.count > 0) {
        // Durable frames end here, and what came before them was read: the rest up to `until` is not in this file.
        lose(gathered, gathered.until, 'corrupt');
        return 'frame';
      }
      window.pass(head);
      place.sequence = head.sequence;
      place.offset = head.firstOffset + head.count;
      // Frames of other kinds, without records, or from before the place asked for.
      if (head.kind !== frameKinds.records || place.offset <= gathered.next) continue;
      lose(gathered, head.firstOffset, 'corrupt');
      const frame = this.#frame(window);
      if (!frame) {
        lose(gathered, place.offset, 'corrupt');
        continue;
      }
      gathered.frames.push(frame);
      gathered.bytes += head.frameBytes;
      gathered.next = place.offset;
    }
  }
  async close(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    await place?.file.close();
  }
  /** The place to read on at: the one we are at, else the start of the segment. undefined: look again. */
  async #placeFor(gathered: Gathered): Promise<Place | undefined> {
    const offset = gathered.next;
    const here = this.#place;
    if (here && here.offset <= offset && offset < this.#nextSegment(here.segment)) return here;
    if (!this.#segments.includes(offset)) await this.#list();
    const segment = this.#segments.findLast((first) => first <= offset);
    if (segment === undefined) {
      // What is left starts later: the rest was deleted, because every cursor had passed it or space forced it.
      lose(gathered, Math.min(gathered.until, this.#segments[0] ?? gathered.until), 'deleted');
      return undefined;
    }
    await this.close();
    try {
      const file = await this.#options.disk.open(join(this.#directory, segmentName(segment)), 'read');
      const window = new SegmentWindow(file, this.#seed, slabBytes);
      this.#place = { segment, file, window, offset: segment, sequence: -1, rereadAt: -1 };
      return this.#place;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      // Deleted between listing and opening: list again.
      this.#segments = [];
      return undefined;
    }
  }
  #nextSegment(segment: number): number {
    return this.#segments.find((first) => first > segment) ?? Number.POSITIVE_INFINITY;
  }
  async #list(): Promise<void> {
    const names = await this.#options.disk.list(this.#directory);
    this.#segments = names.map(segmentOffset).filter((offset) => offset !== undefined);
  }
  /** At something that is no frame, or at the end of the file before `until`. */
  async #passDamage(place: Place, gathered: Gathered, verdict: 'short' | 'bad'): Promise<void> {
    const { window, file } = place;
    // The bytes may have been read while they were being written: look at them again before calling them bad.
    if (verdict === 'bad' && place.rereadAt !== window.position) {
      place.rereadAt = window.position;
      window.drop();
      return;
    }
    await this.#list();
    const segmentEnd = Math.min(gathered.until, this.#nextSegment(place.segment));
    const damagedAt = window.position;
    const found = await findNextFrame(file, this.#seed, damagedAt, this.#head, place.sequence);
    const bytes = (found ?? (await file.size())) - damagedAt;
    if (bytes > 0)
      await this.#options.quarantine.take(file, {
        shard: this.shard,
        segment: place.segment,
        position: damagedAt,
        bytes,
        reason: verdict === 'bad' ? 'bad frame' : 'short frame',
      });
    if (found !== undefined) {
      // The frame there says by its offset what was lost.
      window.seek(found);
      return;
    }
    lose(gathered, segmentEnd, 'corrupt');
    place.offset = Math.max(place.offset, segmentEnd);
  }
  /** The frame that look() found, or undefined when its parts do not fit together. */
  #frame(window: SegmentWindow): Frame | undefined {
    const head = this.#head;
    const { slab } = window;
    const codec = head.codec as Codec;
    if (codec !== codecs.json && codec !== codecs.msgpack && head.count > 0) return undefined;
    const arrays = head.arrays(slab);
    if (arrays.bounds[head.count] !== head.payloadBytes) return undefined;
    const block = new Block({
      shard: this.shard,
      firstOffset: head.firstOffset,
      appendMs: head.appendMs,
      generation: head.generation,
      source: head.source(slab),
      codec,
      payload: slab.bytes.subarray(head.payloadAt, head.payloadAt + head.payloadBytes),
      ...arrays,
      origins: head.origins(slab),
    });
    return {
      tag: head.tag(slab),
      generation: head.generation,
      block,
      frameBytes: head.frameBytes,
      keys: head.keys(slab),
    };
  }
}

function isFull({ next, until, bytes, bytesMax, frames }: Gathered): boolean {
  return next >= until || (bytes >= bytesMax && frames.length > 0);
}

/** Says that what lies between the place reached and `to` is not there, and goes on at `to`. */
function lose(gathered: Gathered, to: number, reason: Lost['reason']): void {
  if (to <= gathered.next) return;
  gathered.lost.push({ from: gathered.next, to, reason });
  gathered.next = to;
}
