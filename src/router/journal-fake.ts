/** A journal in memory, for tests of what reads journals: frames as they were appended, durable at once. */
import { Block, codecs } from '../core/batch.ts';
import { scanJson } from '../core/json.ts';
import type { Frame, JournalDirectory, ReadResult, ShardExtent, ShardReader } from '../journal/contract.ts';

interface FakeShard {
  readonly shard: string;
  frames: Frame[];
  durableOffset: number;
  firstOffset: number;
  isSealed: boolean;
  lost: { readonly from: number; readonly to: number; readonly reason: 'corrupt' | 'deleted' }[];
}

interface FakeAppend {
  readonly generation?: number;
  readonly seconds?: number;
  readonly appendMs?: number;
}

/** For tests. */
export class FakeJournal implements JournalDirectory {
  readonly #shards = new Map<string, FakeShard>();
  #listener: () => void = () => undefined;
  /** Reads that fail before the next one succeeds. */
  failingReads = 0;
  openReaders = 0;
  /** Frames given to readers. */
  framesRead = 0;

  /** Appends one frame of JSON records; returns the first offset. */
  append(shard: string, tag: string, payloads: readonly string[], options: FakeAppend = {}): number {
    const { generation = 1, seconds = 1_700_000_000, appendMs = 1_700_000_000_000 } = options;
    const known = this.#shards.get(shard) ?? this.#add(shard);
    const firstOffset = known.durableOffset;
    const block = jsonBlock(shard, firstOffset, payloads, { seconds, appendMs });
    known.frames.push({ tag, generation, block, frameBytes: block.parts.payload.length, keys: [] });
    known.durableOffset += payloads.length;
    this.#listener();
    return firstOffset;
  }
  /** Damages the frames of [from, to). */
  lose(shard: string, from: number, to: number): void {
    const known = this.#shards.get(shard);
    if (!known) return;
    const isGone = (frame: Frame): boolean =>
      frame.block.parts.firstOffset >= from && frame.block.parts.firstOffset < to;
    known.frames = known.frames.filter((frame) => !isGone(frame));
    known.lost.push({ from, to, reason: 'corrupt' });
  }
  seal(shard: string): void {
    const known = this.#shards.get(shard);
    if (known) known.isSealed = true;
    this.#listener();
  }
  shards(): readonly ShardExtent[] {
    return [...this.#shards.values()].map(({ shard, firstOffset, durableOffset, isSealed }) => ({
      shard,
      firstOffset,
      durableOffset,
      isSealed,
      bytes: 0,
    }));
  }
  async reader(shard: string): Promise<ShardReader> {
    this.openReaders++;
    return {
      shard,
      read: async (from, until, bytesMax) => this.#read(shard, from, until, bytesMax),
      close: async () => {
        this.openReaders--;
      },
    };
  }
  noteDurable(): void {
    this.#listener();
  }
  onChange(listener: () => void): void {
    this.#listener = listener;
  }
  /** Deletes every frame that all have passed; sealed shards without frames go. */
  async retain(passed: (shard: string) => number): Promise<void> {
    for (const known of this.#shards.values()) {
      const low = passed(known.shard);
      known.frames = known.frames.filter((frame) => frame.block.parts.firstOffset + frame.block.count > low);
      known.firstOffset = known.frames[0]?.block.parts.firstOffset ?? known.durableOffset;
      if (known.isSealed && known.frames.length === 0) this.#shards.delete(known.shard);
    }
  }
  totalBytes(): number {
    return 0;
  }
  async close(): Promise<void> {
    this.#listener = () => undefined;
  }

  #add(shard: string): FakeShard {
    const made: FakeShard = { shard, frames: [], durableOffset: 0, firstOffset: 0, isSealed: false, lost: [] };
    this.#shards.set(shard, made);
    return made;
  }
  #read(shard: string, from: number, until: number, bytesMax: number): ReadResult {
    if (this.failingReads > 0) {
      this.failingReads--;
      throw new Error('input/output error');
    }
    const known = this.#shards.get(shard);
    if (!known) throw new Error(`there is no shard ${shard}`);
    const frames: Frame[] = [];
    const lost: ReadResult['lost'][number][] = [];
    let next = from;
    let bytes = 0;
    while (next < until && (frames.length === 0 || bytes < bytesMax)) {
      const at = next;
      const gap = known.lost.find((range) => range.from <= at && at < range.to);
      const frame = known.frames.find(
        ({ block }) => block.parts.firstOffset <= at && at < block.parts.firstOffset + block.count,
      );
      if (gap) {
        next = Math.min(gap.to, until);
        lost.push({ from: at, to: next, reason: gap.reason });
      } else if (frame) {
        frames.push(frame);
        bytes += frame.frameBytes;
        next = frame.block.parts.firstOffset + frame.block.count;
      } else {
        const behind = known.frames.find(({ block }) => block.parts.firstOffset > at);
        next = Math.min(behind?.block.parts.firstOffset ?? until, until);
        lost.push({ from: at, to: next, reason: 'deleted' });
      }
    }
    this.framesRead += frames.length;
    return { frames, next, lost };
  }
}

/** A block of JSON records, for tests. */
export function jsonBlock(
  shard: string,
  firstOffset: number,
  payloads: readonly string[],
  { seconds = 1_700_000_000, appendMs = 1_700_000_000_000 } = {},
): Block {
  const encoded = payloads.map((payload) => Buffer.from(payload));
  const bounds = new Uint32Array(payloads.length + 1);
  for (const [i, bytes] of encoded.entries()) bounds[i + 1] = (bounds[i] as number) + bytes.length;
  return new Block({
    shard,
    firstOffset,
    appendMs,
    source: 'test',
    codec: codecs.json,
    payload: Buffer.concat(encoded),
    bounds,
    exact: Uint8Array.from(encoded, (bytes) => (scanJson(bytes).exact ? 1 : 0)),
    seconds: Float64Array.from(payloads, () => seconds),
    nanos: new Uint32Array(payloads.length),
  });
}
