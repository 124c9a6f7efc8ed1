/**
 * How much waits for an output, where its configuration limits that (`total_limit_size`), in bytes of encoded records; and
 * what is done about it: with overflow `drop_oldest` the oldest records are refused (`overflow`) until the rest is within
 * the limit, with `block` it is said, and receiving goes on.
 *
 * What is in memory and what is staged is counted. Of what lies in the journal only the number of records is known: how
 * many of them are for this output, and how large they are, is taken from those it got so far. An output that got none
 * yet has nothing waiting there.
 */
import type { BufferModel } from '../config/model.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { ShardExtent } from '../journal/contract.ts';
import type { RecordChunk } from './chunk.ts';
import type { ChunkPart } from './part.ts';
import type { StagedChunk } from './staged-chunk.ts';

/** Offsets after which what was learned counts half: a change in what comes is believed soon. */
const learnedMax = 100_000;
/** Least part of the limit that is dropped at a time, so that one that stays full does not drop record by record. */
const dropPart = 1 / 16;
/** The journal grows while an output takes nothing: how often it is looked at then. */
const lookMs = 1000;
/** How often it is said that an output is beyond its limit, and that records of it are dropped. */
const sayMs = 600_000;
const sayDroppedMs = 10_000;

export const overflowReason = 'overflow';

export interface BacklogOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly buffer: () => BufferModel;
  readonly shards: () => readonly ShardExtent[];
  /** First offset of a shard that it has not read; undefined: it has read nothing of it. */
  readonly next: (shard: string) => number | undefined;
  /** Chunks in memory that are not being written this moment. */
  readonly waiting: () => Iterable<RecordChunk>;
  readonly staged: {
    readonly waitingBytes: number;
    /** The one with the oldest record of those that are not over. */
    oldest(): StagedChunk | undefined;
  };
  /** Refuses records of a shard below an offset. */
  readonly dropBefore: (offsets: ReadonlyMap<string, number>) => void;
  readonly dropStaged: (chunk: StagedChunk) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  /** Bytes of records of the journal that are in memory, being written or not. */
  #memoryBytes = 0;
  #ownBytes = 0;
  #offsets = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  #saidDroppedMs = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #timer: Timer | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }
  /** The output took these parts of `offsets` offsets. */
  took(offsets: number, parts: readonly ChunkPart[]): void {
    const bytes = bytesOf(parts);
    this.#memoryBytes += bytes;
    this.#ownBytes += bytes;
    this.#offsets += offsets;
    if (this.#offsets < learnedMax) return;
    this.#ownBytes /= 2;
    this.#offsets /= 2;
  }
  /** Records of the journal are over, or staged. */
  gone({ batches }: RecordChunk): void {
    const bytes = bytesOf(batches.filter(({ shard }) => shard !== undefined));
    this.#memoryBytes = Math.max(0, this.#memoryBytes - bytes);
  }
  /** Bytes that wait; undefined where there is no limit. */
  status(): { readonly bytes: number; readonly bytesMax: number } | undefined {
    const { backlogBytesMax: bytesMax } = this.#options.buffer();
    return bytesMax === undefined ? undefined : { bytes: Math.round(this.#bytes()), bytesMax };
  }
  /** Does what is to be done where more waits than may. */
  look(): void {
    const { backlogBytesMax, overflow } = this.#options.buffer();
    if (backlogBytesMax === undefined || this.#isLooking) return;
    this.#timer ??= this.#options.clock.after(lookMs, () => {
      this.#timer = undefined;
      this.look();
    });
    const bytes = this.#bytes();
    if (bytes <= backlogBytesMax) {
      this.#saidMs = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#isLooking = true;
    if (overflow === 'drop_oldest') this.#drop(bytes - backlogBytesMax + backlogBytesMax * dropPart, backlogBytesMax);
    else this.#say(bytes, backlogBytesMax);
    this.#isLooking = false;
  }
  close(): void {
    this.#isLooking = true;
    this.#timer?.cancel();
  }

  #bytes(): number {
    const { shards, next, staged } = this.#options;
    let unread = 0;
    for (const { shard, firstOffset, durableOffset } of shards())
      unread += Math.max(0, durableOffset - Math.max(firstOffset, next(shard) ?? 0));
    const unreadBytes = this.#offsets === 0 ? 0 : (unread * this.#ownBytes) / this.#offsets;
    return this.#memoryBytes + staged.waitingBytes + unreadBytes;
  }
  #drop(excessBytes: number, limitBytes: number): void {
    const { clock, log, id, staged, dropStaged, dropBefore, waiting } = this.#options;
    const chunks = [...waiting()];
    const oldestMs = chunks.reduce((least, { appendMs }) => Math.min(least, appendMs), Number.POSITIVE_INFINITY);
    let left = excessBytes;
    for (let chunk = staged.oldest(); left > 0 && chunk && chunk.appendMs <= oldestMs; chunk = staged.oldest()) {
      left -= chunk.waitingBytes;
      dropStaged(chunk);
    }
    const offsets = oldestOffsets(chunks, left);
    if (offsets.size > 0) dropBefore(offsets);
    const nowMs = clock.monotonicMs();
    if ((offsets.size === 0 && left === excessBytes) || nowMs - this.#saidDroppedMs < sayDroppedMs) return;
    this.#saidDroppedMs = nowMs;
    log.error(
      { output: id },
      `dropping the oldest records of output ${id}: more than ${limitBytes} bytes wait for it (total_limit_size, drop_oldest_chunk); they are counted as refused (${overflowReason})`,
    );
  }
  #say(bytes: number, limitBytes: number): void {
    const { clock, log, id } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#saidMs < sayMs) return;
    this.#saidMs = nowMs;
    log.warn(
      { output: id },
      `${Math.round(bytes)} bytes wait for output ${id}, more than its total_limit_size of ${limitBytes}; they stay in the journal and receiving goes on: look at the output's lag and last error`,
    );
  }
}

/** Below which offset of each shard records are to be dropped, so that `bytes` of those in `chunks` go, oldest first. */
function oldestOffsets(chunks: readonly RecordChunk[], bytes: number): ReadonlyMap<string, number> {
  const parts = chunks.flatMap(({ batches }) => batches.filter(({ shard }) => shard !== undefined));
  parts.sort((a, b) => a.appendMs - b.appendMs || a.batch.offset(0) - b.batch.offset(0));
  const before = new Map<string, number>();
  let left = bytes;
  for (const part of parts) {
    const { batch, shard = '' } = part;
    for (let row = 0; row < batch.count && left > 0; row++) {
      left -= part.bytes / batch.count;
      before.set(shard, Math.max(before.get(shard) ?? 0, batch.offset(row) + 1));
    }
    if (left <= 0) break;
  }
  return before;
}

function bytesOf(parts: readonly ChunkPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}
