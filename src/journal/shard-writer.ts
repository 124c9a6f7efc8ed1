/**
 * Writes one shard: makes its directory, its segments and its end. Knows nothing of waiting callers (writer.ts).
 *
 * Order of fsyncs: directory and parents → shard.json → first segment's header and snapshot → directory; only then is the
 * shard used. Each commit is one durable write. A new segment: seal frame into the old one → header and snapshot of the
 * new one → directory. After a failed write nothing more is written to the shard but end.json.
 */
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { crashPoint } from '../core/crash-point.ts';
import type { Disk, DiskFile } from '../core/disk.ts';
import { FrameEncoder, crcSeed, frameKinds } from './frame.ts';
import type { FrameDraft, FrameKind } from './frame.ts';
import { encodeSegmentHeader, segmentHeaderBytes, segmentName } from './segment.ts';
import { writeEndFile, writeShardFile } from './shard-files.ts';
import type { EndFile } from './shard-files.ts';
import type { StateEntry, StateTable } from './state.ts';

/**
 * How often a segment that is written is looked for under its name: where somebody deletes the data directory, writes to
 * the nameless file would go on to be answered as durable. One call a tenth of a second costs nothing.
 */
const lookMs = 100;

export interface ShardWriterOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Directory that holds the shards. */
  readonly directory: string;
  readonly shard: string;
  readonly owner: string;
  readonly epoch: number;
  readonly segmentBytes: number;
  readonly state: StateTable;
}

/** What a records frame is made of; the shard adds the rest. */
export type RecordsDraft = Pick<FrameDraft, 'generation' | 'tag' | 'source' | 'state' | 'keys' | 'records'> & {
  readonly count: number;
};

export class ShardWriter {
  readonly shard: string;
  readonly epoch: number;
  readonly #options: ShardWriterOptions;
  readonly #directory: string;
  readonly #encoder: FrameEncoder;
  #file: DiskFile | undefined;
  #segment = 0;
  /** Bytes of the segment that hold durable frames, and how many of them the header and snapshot are. */
  #position = 0;
  #startBytes = 0;
  /** Frames of the segment that hold keys. */
  #keyedFrames = 0;
  #durableOffset = 0;
  #sequence = 0;
  #inode: number | undefined;
  #lookedMs = 0;

  private constructor(options: ShardWriterOptions) {
    this.#options = options;
    this.shard = options.shard;
    this.epoch = options.epoch;
    this.#directory = join(options.directory, options.shard);
    this.#encoder = new FrameEncoder(crcSeed(options.shard));
  }
  /** Makes the shard, durable and ready to be used. When it fails, what was made is removed as far as possible. */
  static async create(options: ShardWriterOptions): Promise<ShardWriter> {
    const writer = new ShardWriter(options);
    const { disk } = options;
    try {
      await disk.makeDirectory(writer.#directory);
      await writeShardFile(disk, writer.#directory, {
        owner: options.owner,
        createdMs: options.clock.nowMs(),
        epoch: options.epoch,
      });
      crashPoint('journal.new-shard');
      await writer.#startSegment();
      return writer;
    } catch (error) {
      await writer.#file?.close().catch(ignore);
      await disk.removeDirectory(writer.#directory).catch(ignore);
      throw error;
    }
  }
  get durableOffset(): number {
    return this.#durableOffset;
  }
  /** Writes frames so that all are durable, or throws: then the shard must be ended. Offsets start at `durableOffset`. */
  async commit(drafts: readonly RecordsDraft[]): Promise<void> {
    await this.#look();
    if (this.#position - this.#startBytes >= this.#options.segmentBytes) await this.#nextSegment();
    const appendMs = this.#options.clock.nowMs();
    const encoder = this.#encoder;
    encoder.reset();
    let firstOffset = this.#durableOffset;
    let sequence = this.#sequence;
    let keyedFrames = this.#keyedFrames;
    for (const draft of drafts) {
      const { keys } = draft;
      if (keys !== '') keyedFrames++;
      encoder.add({
        kind: frameKinds.records,
        sequence: sequence++,
        firstOffset,
        durableOffset: this.#durableOffset,
        appendMs,
        generation: draft.generation,
        tag: draft.tag,
        source: draft.source,
        state: draft.state,
        keys,
        records: draft.records,
      });
      firstOffset += draft.count;
    }
    crashPoint('journal.before-write');
    await this.#openFile.write([encoder.view()], this.#position);
    crashPoint('journal.after-write');
    this.#position += encoder.length;
    this.#sequence = sequence;
    this.#durableOffset = firstOffset;
    this.#keyedFrames = keyedFrames;
  }
  /** @throws Error when the segment is no longer there under its name. */
  async #look(): Promise<void> {
    const { disk, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#lookedMs < lookMs) return;
    this.#lookedMs = nowMs;
    const path = this.#segmentPath;
    const found = await disk.stat(path);
    if (found === undefined || found.inode !== this.#inode)
      throw new Error(`${path} was deleted or replaced by somebody else; what it held and no output has read is lost`);
  }
  get #segmentPath(): string {
    return join(this.#directory, segmentName(this.#segment));
  }
  /** Sequence that the first frame of the next commit gets. */
  get nextSequence(): number {
    return this.#sequence;
  }
  /** Closes in order: seal frame, end.json. */
  async close(): Promise<void> {
    await this.#addSeal();
    await this.#openFile.close();
    this.#file = undefined;
    await this.#writeEnd('closed', this.#options.state.entries());
  }
  /** Gives the segment up after a failed write. Nothing of it is synced again; what is not durable is cut off where that works. */
  async abandon(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // Gives a full disk the room back that end.json needs; end.json counts, so a failure here is harmless.
    await file?.truncate(this.#position).catch(ignore);
    await file?.close().catch(ignore);
  }
  /** Records the durable end after abandon(); may be called again when it failed. */
  async recordEnd(): Promise<void> {
    // An end that was recorded although its sync failed may have been seen, and the shard been deleted since.
    if ((await this.#options.disk.stat(this.#directory)) === undefined) return;
    await this.#writeEnd('failed', this.#options.state.entries());
  }
  async #writeEnd(reason: EndFile['reason'], state: readonly StateEntry[]): Promise<void> {
    await writeEndFile(this.#options.disk, this.#directory, {
      durableOffset: this.#durableOffset,
      segment: this.#segment,
      bytes: this.#position,
      sequence: this.#sequence,
      reason,
      state,
    });
  }
  async #nextSegment(): Promise<void> {
    await this.#addSeal();
    await this.#openFile.close();
    this.#file = undefined;
    await this.#startSegment();
    crashPoint('journal.new-segment');
  }
  async #addSeal(): Promise<void> {
    this.#encodeOwn(frameKinds.seal, '');
    await this.#openFile.write([this.#encoder.view()], this.#position);
    this.#position += this.#encoder.length;
    this.#sequence++;
  }
  async #startSegment(): Promise<void> {
    const { disk, clock, state } = this.#options;
    const path = join(this.#directory, segmentName(this.#durableOffset));
    const header = encodeSegmentHeader({
      shard: this.shard,
      firstOffset: this.#durableOffset,
      firstSequence: this.#sequence,
      createdMs: clock.nowMs(),
      epoch: this.epoch,
    });
    this.#encodeOwn(frameKinds.snapshot, JSON.stringify(state.entries()));
    const file = await disk.open(path, 'create-durable');
    this.#file = file;
    this.#segment = this.#durableOffset;
    this.#position = 0;
    this.#keyedFrames = 0;
    await file.write([header, this.#encoder.view()], 0);
    await disk.syncDirectory(this.#directory);
    this.#inode = (await disk.stat(path))?.inode;
    this.#lookedMs = clock.monotonicMs();
    this.#startBytes = segmentHeaderBytes + this.#encoder.length;
    this.#position = this.#startBytes;
    this.#sequence++;
  }
  #encodeOwn(kind: FrameKind, state: string): void {
    this.#encoder.reset();
    this.#encoder.add({
      kind,
      sequence: this.#sequence,
      firstOffset: this.#durableOffset,
      durableOffset: this.#durableOffset,
      appendMs: this.#options.clock.nowMs(),
      generation: 0,
      tag: '',
      source: '',
      state,
      keys: '',
      keyedFrames: kind === frameKinds.seal ? this.#keyedFrames : 0,
      records: [],
    });
  }
  get #openFile(): DiskFile {
    if (!this.#file) throw new Error(`the shard ${this.shard} has ended`);
    return this.#file;
  }
}

function ignore(): void {}
