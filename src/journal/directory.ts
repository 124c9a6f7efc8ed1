/**
 * All shards of one journal directory, for the side that delivers: recovers them at start, follows the writers' news,
 * hands out readers, deletes what nobody needs.
 *
 * Order of deletions: segments oldest first, the shard's directory synced after each; then, when a shard that ended has
 * none left, its directory as a whole, and the parent is synced. A crash in between leaves a shard with fewer segments,
 * which is a valid shard.
 */
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { crashPoint } from '../core/crash-point.ts';
import type { Disk } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { JournalDirectory, ShardExtent, ShardReader } from './contract.ts';
import { Quarantine } from './quarantine.ts';
import { openReader } from './reader.ts';
import { findShards, readSnapshots, scanEnd } from './recovery.ts';
import type { FoundShard } from './recovery.ts';
import { chooseDeletions } from './retention.ts';
import type { SegmentFile } from './retention.ts';
import { segmentName, segmentOffset } from './segment.ts';
import { isShardId } from './shard-id.ts';
import { readEndFile, readShardFile, writeEndFile } from './shard-files.ts';
import type { EndFile } from './shard-files.ts';

export interface DirectoryOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** Holds the shards: `<dataDir>/journal`, `<dataDir>/dead`. */
  readonly directory: string;
  /** `<dataDir>/quarantine`. */
  readonly quarantine: string;
  /** The journal's share of the disk. */
  readonly limitBytes: number;
  /** Records are kept at least this long for backfill and replay, while space allows. */
  readonly keepMs: number;
  /** Idempotency keys are kept at least this long, while space allows. Default 0. */
  readonly keysKeepMs?: number;
  /**
   * The shards that living processes write (the delivering process was restarted alone): they are not ended. Asked after
   * the shards on disk were listed, so that one made meanwhile cannot be taken for one that was left.
   */
  readonly live?: () => Promise<ReadonlySet<string>>;
  /** Told while a start reads shards that did not end in order. */
  readonly onProgress?: (progress: { readonly shard: string; readonly readBytes: number }) => void;
}

/** What a directory can do besides the contract's. */
export interface OpenDirectory extends JournalDirectory {
  /**
   * A process is gone: finds and records the ends of the shards that `owner` left, as a start would. `live`: those that its
   * successor writes, asked after the shards were listed. May be repeated when it failed.
   */
  sealLeft(owner: string, live: () => Promise<ReadonlySet<string>>): Promise<void>;
  /** Bytes that may still be written, by the journal's limit and the disk's free space less `reserveBytes`. Looks at the disk. */
  leftBytes(reserveBytes: number): Promise<number>;
}

interface Shard {
  readonly shard: string;
  readonly path: string;
  /** Infinite until shard.json was read. */
  epoch: number;
  segments: SegmentFile[];
  durableOffset: number;
  end: EndFile | undefined;
  /** Newer shards' snapshots were seen to hold all its state. */
  isStateKept: boolean;
}

/** Opens a directory and recovers what it holds. @throws OperatingError DATA_DIR_NEWER; system errors when it cannot be read. */
export async function openDirectory(options: DirectoryOptions): Promise<OpenDirectory> {
  const directory = new Directory(options);
  await directory.open();
  return directory;
}

class Directory implements OpenDirectory {
  readonly #options: DirectoryOptions;
  readonly #quarantine: Quarantine;
  readonly #shards = new Map<string, Shard>();
  /** Shards that writers told of before their files were looked at. */
  readonly #arriving = new Map<string, Promise<void>>();
  readonly #readers = new Set<ShardReader>();
  #listener: () => void = () => {};
  #isNewsPlanned = false;
  #retaining: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#quarantine = new Quarantine(options);
    options.metrics?.gauge('journal_bytes', 'Bytes of journal segments on disk.', [], (gauge) =>
      gauge.set(this.totalBytes()),
    );
  }
  async open(): Promise<void> {
    const all = await findShards(this.#options);
    const live = await this.#options.live?.();
    for (const found of all) {
      const shard = await this.#take(found);
      if (shard.end) await this.#trustEnd(shard, shard.end);
      else if (live?.has(shard.shard))
        shard.durableOffset = (await scanEnd(this.#options.disk, found, undefined)).knownDurable;
      else await this.#recover(shard, found);
    }
  }
  shards(): readonly ShardExtent[] {
    // A shard whose files were not looked at yet does not know where it begins: shown later rather than with a gap.
    const known = [...this.#shards.values()].filter(({ shard }) => !this.#arriving.has(shard));
    return known.map(({ shard, segments, durableOffset, end }) => ({
      shard,
      firstOffset: segments[0]?.firstOffset ?? durableOffset,
      durableOffset,
      isSealed: end !== undefined,
      bytes: sumBytes(segments),
    }));
  }
  async reader(shard: string): Promise<ShardReader> {
    await this.#arriving.get(shard);
    const { disk, directory } = this.#options;
    const reader = openReader({ disk, directory, shard, quarantine: this.#quarantine });
    this.#readers.add(reader);
    return {
      shard,
      read: (from, until, bytesMax) => reader.read(from, until, bytesMax),
      close: () => {
        this.#readers.delete(reader);
        return reader.close();
      },
    };
  }
  noteDurable(shard: string, durableOffset: number): void {
    const known = this.#shards.get(shard);
    if (known) {
      if (durableOffset <= known.durableOffset) return;
      known.durableOffset = durableOffset;
      this.#tell();
      return;
    }
    if (!isShardId(shard)) return;
    const fresh: Shard = {
      shard,
      path: join(this.#options.directory, shard),
      epoch: Number.POSITIVE_INFINITY,
      segments: [],
      durableOffset,
      end: undefined,
      isStateKept: false,
    };
    this.#shards.set(shard, fresh);
    const arriving = this.#arrive(fresh).catch((error: unknown) => {
      // The writer's next news try again.
      this.#shards.delete(shard);
      this.#options.log.error(`Could not look at the new journal shard ${shard}: ${errorText(error)}; trying again.`);
    });
    this.#arriving.set(shard, arriving);
    void arriving.then(() => {
      this.#arriving.delete(shard);
      this.#tell();
    });
  }
  onChange(listener: () => void): void {
    this.#listener = listener;
  }
  retain(passed: (shard: string) => number, bytesMax = this.#options.limitBytes): Promise<void> {
    const run = this.#retaining.then(() => (this.#isClosed ? undefined : this.#retain(passed, bytesMax)));
    this.#retaining = run.catch(() => {});
    return run;
  }
  totalBytes(): number {
    let total = 0;
    for (const { segments } of this.#shards.values()) total += sumBytes(segments);
    return total;
  }
  async leftBytes(reserveBytes: number): Promise<number> {
    const { disk, directory, limitBytes } = this.#options;
    const { freeBytes: free } = await disk.space(directory);
    return Math.max(0, Math.min(limitBytes - this.totalBytes(), free - reserveBytes));
  }
  async sealLeft(owner: string, live: () => Promise<ReadonlySet<string>>): Promise<void> {
    const isOpen = ({ shard }: FoundShard): boolean => this.#shards.get(shard)?.end === undefined;
    const left = (await findShards(this.#options)).filter((found) => found.owner === owner && isOpen(found));
    const living = left.length > 0 ? await live() : undefined;
    for (const found of left) {
      if (living?.has(found.shard) || this.#isClosed) continue;
      await this.#arriving.get(found.shard);
      const known = this.#shards.get(found.shard) ?? (await this.#take(found));
      if (!known.end) await this.#recover(known, found);
      this.#tell();
    }
  }
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#retaining;
    await Promise.all(this.#arriving.values());
    for (const reader of this.#readers) await reader.close();
  }
  #tell(): void {
    if (this.#isNewsPlanned) return;
    this.#isNewsPlanned = true;
    setImmediate(() => {
      this.#isNewsPlanned = false;
      if (!this.#isClosed) this.#listener();
    });
  }
  async #take(found: FoundShard): Promise<Shard> {
    const shard: Shard = {
      shard: found.shard,
      path: found.directory,
      epoch: found.epoch,
      segments: [],
      durableOffset: 0,
      end: found.end,
      isStateKept: false,
    };
    await this.#look(shard);
    this.#shards.set(shard.shard, shard);
    return shard;
  }
  /** Reads a shard that did not end in order and records its end. Nobody writes to it any more. */
  async #recover(shard: Shard, found: FoundShard): Promise<void> {
    const { disk, log, onProgress } = this.#options;
    // Its writer may have gone on, or even ended it, since the shards were listed.
    const own = await readEndFile(disk, shard.path);
    if (own) return this.#trustEnd(shard, own);
    await this.#look(shard);
    const segments = shard.segments.map(({ firstOffset }) => firstOffset);
    const scanned = await scanEnd(disk, { ...found, segments }, this.#quarantine, (readBytes) =>
      onProgress?.({ shard: shard.shard, readBytes }),
    );
    const { durableOffset, segment, bytes, sequence, state, tornBytes } = scanned;
    if (tornBytes > 0)
      log.warn(
        `Journal shard ${shard.shard} ends with ${tornBytes} bytes of an unfinished write at ${bytes} of segment ${segment}; they are cut.`,
      );
    await this.#makeDurable(shard, segment);
    const end: EndFile = { durableOffset, segment, bytes, sequence, reason: 'recovered', state };
    // What readers were already told is durable stays so: damage at the very end is then reported by them as lost.
    shard.end = { ...end, durableOffset: Math.max(durableOffset, shard.durableOffset) };
    shard.durableOffset = shard.end.durableOffset;
    await writeEndFile(disk, shard.path, shard.end).catch((error: unknown) => {
      log.warn(
        `Could not record the end of journal shard ${shard.shard}: ${errorText(error)}. The next start reads it again.`,
      );
    });
  }
  /** What recovery saw may have been in memory only, when a process was killed within a write: readers must be able to rely on it. */
  async #makeDurable(shard: Shard, segment: number): Promise<void> {
    const { disk, log } = this.#options;
    if (shard.segments.length === 0) return;
    try {
      const file = await disk.open(join(shard.path, segmentName(segment)), 'write');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await disk.syncDirectory(shard.path);
    } catch (error) {
      log.error(
        `Could not sync journal shard ${shard.shard}: ${errorText(error)}. Its last records may not survive a power loss; check the disk.`,
      );
    }
  }
  /** Takes an end.json that was found. Its writer may have died before it synced the directory: it must not vanish later. */
  async #trustEnd(shard: Shard, end: EndFile): Promise<void> {
    shard.end = end;
    shard.durableOffset = end.durableOffset;
    await this.#options.disk.syncDirectory(shard.path).catch((error: unknown) => {
      this.#options.log.error(`Could not sync journal shard ${shard.shard}: ${errorText(error)}. Check the disk.`);
    });
  }
  /** A writer told of a shard we did not know: it made it just now, perhaps because the one before failed. */
  async #arrive(shard: Shard): Promise<void> {
    const file = await readShardFile(this.#options.disk, shard.path);
    await this.#look(shard);
    if (file) shard.epoch = file.epoch;
    else if (shard.segments.length === 0) {
      // A shard that could not be made: its writer goes on under another id.
      this.#shards.delete(shard.shard);
      return;
    }
    await this.#lookForEnds();
    this.#tell();
  }
  /** Ends that writers recorded themselves. */
  async #lookForEnds(): Promise<void> {
    for (const shard of this.#shards.values()) {
      if (shard.end) continue;
      const end = await readEndFile(this.#options.disk, shard.path);
      if (!end) continue;
      await this.#trustEnd(shard, end);
      this.#tell();
    }
  }
  async #look(shard: Shard): Promise<void> {
    const { disk } = this.#options;
    const known = new Map(shard.segments.map((segment) => [segment.firstOffset, segment]));
    const segments: SegmentFile[] = [];
    const offsets = (await disk.list(shard.path)).map(segmentOffset).filter((offset) => offset !== undefined);
    for (const [index, firstOffset] of offsets.entries()) {
      // Only the last two can have changed since.
      const before = index < offsets.length - 2 ? known.get(firstOffset) : undefined;
      const stat = before ? undefined : await disk.stat(join(shard.path, segmentName(firstOffset)));
      if (before) segments.push(before);
      else if (stat) segments.push({ firstOffset, bytes: stat.size, modifiedMs: stat.modifiedMs });
    }
    shard.segments = segments;
  }
  async #retain(passed: (shard: string) => number, limitBytes: number): Promise<void> {
    const { clock, keepMs, keysKeepMs = 0, log } = this.#options;
    await this.#lookForEnds();
    for (const shard of this.#shards.values()) if (!shard.end) await this.#look(shard);
    const shards = [...this.#shards.values()];
    for (const shard of shards)
      // Looked at only when it decides, for it reads the snapshots.
      if (shard.end && passed(shard.shard) >= shard.durableOffset) shard.isStateKept ||= await this.#isStateKept(shard);
    const retained = shards.map((shard) => ({ ...shard, hasEnded: shard.end !== undefined }));
    const rules = { nowMs: clock.nowMs(), keepMs, keysKeepMs, limitBytes };
    for (const { shard, firstOffset, isEarly } of chooseDeletions(retained, passed, rules)) {
      if (isEarly && keysKeepMs > 0)
        log.warn(
          `Journal shard ${shard}: space forces deleting segment ${firstOffset} before its idempotency keys expire; repeats of its requests would be taken again.`,
        );
      await this.#delete(this.#shards.get(shard) as Shard, firstOffset);
    }
    for (const shard of this.#shards.values()) if (shard.end && shard.segments.length === 0) await this.#drop(shard);
  }
  /** True when the last segment of an ended shard may go: newer shards' snapshots know all its state. */
  async #isStateKept(shard: Shard): Promise<boolean> {
    const state = shard.end?.state ?? [];
    if (state.length === 0) return true;
    const newer = [...this.#shards.values()].filter((other) => other.epoch > shard.epoch && other.segments.length > 0);
    const table = await readSnapshots(this.#options.disk, newer);
    return table.covers(state);
  }
  async #delete(shard: Shard, firstOffset: number): Promise<void> {
    crashPoint('journal.retention-delete');
    const { disk } = this.#options;
    await disk.remove(join(shard.path, segmentName(firstOffset)));
    // Before the next one goes: what a power loss leaves must have no hole.
    await disk.syncDirectory(shard.path);
    shard.segments = shard.segments.filter((segment) => segment.firstOffset !== firstOffset);
    this.#tell();
  }
  async #drop(shard: Shard): Promise<void> {
    const { disk, directory } = this.#options;
    await disk.removeDirectory(shard.path);
    await disk.syncDirectory(directory);
    this.#shards.delete(shard.shard);
    this.#tell();
  }
}

function sumBytes(segments: readonly SegmentFile[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}
