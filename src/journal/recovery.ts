/**
 * What a start finds: shards, their ends and the state of the sources.
 *
 * - A shard with end.json is not read at all: end.json says where it ends and what its state is. The readers check every
 *   frame when they deliver it.
 * - A shard without one was being written when the process died. Its last segment is read (and the one before, when the
 *   last holds no whole snapshot yet): the end is behind its last whole frame. Bytes behind that are a torn write that
 *   nobody was told was durable; they are cut by recording the end before them. Damage with a whole frame behind it was
 *   durable once: it goes to quarantine, and what it held is lost.
 * - Never throws for what files hold; DATA_DIR_NEWER is the exception.
 */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../core/disk.ts';
import { OperatingError, systemCode } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { FrameHead, crcSeed, frameHeaderBytes, frameKinds } from './frame.ts';
import type { Quarantine } from './quarantine.ts';
import {
  SegmentWindow,
  decodeSegmentHeader,
  findNextFrame,
  segmentHeaderBytes,
  segmentOffset,
  segmentName,
  segmentVersion,
} from './segment.ts';
import { isShardId } from './shard-id.ts';
import { readEndFile, readShardFile } from './shard-files.ts';
import type { EndFile, ShardFile } from './shard-files.ts';
import { StateTable, stateEntries } from './state.ts';

/** Slices a scan reads: at 1 MiB the calls no longer matter. */
const scanBytes = 1024 * 1024;

export interface FoundShard extends ShardFile {
  readonly shard: string;
  readonly directory: string;
  /** First offsets, rising. */
  readonly segments: readonly number[];
  readonly end: EndFile | undefined;
}

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly log: Log;
  /** Holds the shards. */
  readonly directory: string;
}

/** The shards in a directory, by rising epoch. Says in the log what is not one. */
export async function findShards({ disk, log, directory }: RecoveryOptions): Promise<FoundShard[]> {
  const found: FoundShard[] = [];
  for (const name of await disk.list(directory)) {
    const path = join(directory, name);
    const shard = isShardId(name) ? await findShard(disk, log, path, name) : undefined;
    if (shard) found.push(shard);
    else if (!isShardId(name)) log.warn(`${path} is no journal shard; it is left alone.`);
  }
  return found.sort((a, b) => a.epoch - b.epoch || (a.shard < b.shard ? -1 : 1));
}

async function findShard(disk: Disk, log: Log, directory: string, shard: string): Promise<FoundShard | undefined> {
  const names = await disk.list(directory);
  const segments = names.map(segmentOffset).filter((offset) => offset !== undefined);
  const file = await readShardFile(disk, directory);
  const end = await readEndFile(disk, directory);
  if (file) return { ...file, shard, directory, segments, end };
  const header = await readFirstHeader(disk, directory, segments);
  if (header) {
    log.warn(`${directory}/shard.json is missing or unreadable; the shard is read by what its segments say.`);
    return { owner: 'unknown', createdMs: header.createdMs, epoch: header.epoch, shard, directory, segments, end };
  }
  // A start that died while it made the shard leaves this; nothing was ever written to it.
  if (segments.length === 0) log.info(`${directory} holds no segment and no shard.json; it is left alone.`);
  else
    log.error(
      `${directory} has neither shard.json nor a readable segment header; its records cannot be read. This is said at each start until the directory is moved away.`,
    );
  return undefined;
}

async function readFirstHeader(
  disk: Disk,
  directory: string,
  segments: readonly number[],
): Promise<ReturnType<typeof decodeSegmentHeader>> {
  for (const segment of segments) {
    const file = await disk.open(join(directory, segmentName(segment)), 'read');
    try {
      const header = await readHeader(file);
      if (header) return header;
    } finally {
      await file.close();
    }
  }
  return undefined;
}

async function readHeader(file: DiskFile): Promise<ReturnType<typeof decodeSegmentHeader>> {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  const got = await file.read(bytes, 0);
  const header = decodeSegmentHeader(bytes.subarray(0, got));
  if (header && header.version > segmentVersion)
    throw new OperatingError(
      'DATA_DIR_NEWER',
      `reading a segment of version ${header.version}: this program knows ${segmentVersion}; run the newer version`,
    );
  return header;
}

/** What reading the last segments of a shard gave. */
export interface ScannedEnd extends Omit<EndFile, 'reason'> {
  /** Bytes behind the last whole frame. */
  readonly tornBytes: number;
  /** The highest durable offset that a frame names: so much is certain even when the shard is still written. */
  readonly knownDurable: number;
  readonly table: StateTable;
}

/**
 * Reads the last segments of a shard that has not ended. With `quarantine`, damage is kept there; without, nothing is
 * changed on disk (the shard may be another process's).
 */
export async function scanEnd(
  disk: Disk,
  shard: FoundShard,
  quarantine: Quarantine | undefined,
  progress: (bytes: number) => void = () => {},
): Promise<ScannedEnd> {
  const table = new StateTable();
  const last = shard.segments.at(-1) ?? 0;
  let end: SegmentScan | undefined;
  for (const segment of shard.segments.toReversed()) {
    const scan = await scanSegment(disk, shard, segment, table, quarantine, progress);
    // The end is where the last whole frame ends; a last segment that was only begun adds its first offset.
    end = end && end.nextSequence > 0 ? end : { ...scan, nextOffset: Math.max(end?.nextOffset ?? 0, scan.nextOffset) };
    if (scan.hasSnapshot) break;
  }
  return {
    durableOffset: Math.max(end?.nextOffset ?? 0, last),
    segment: last,
    bytes: end?.segment === last ? end.position : segmentHeaderBytes,
    sequence: end?.nextSequence ?? 0,
    state: table.entries(),
    tornBytes: end?.segment === last ? end.tornBytes : 0,
    knownDurable: Math.max(end?.knownDurable ?? 0, last),
    table,
  };
}

interface SegmentScan {
  readonly segment: number;
  readonly nextOffset: number;
  readonly nextSequence: number;
  readonly position: number;
  readonly tornBytes: number;
  readonly knownDurable: number;
  readonly hasSnapshot: boolean;
}

async function scanSegment(
  disk: Disk,
  shard: FoundShard,
  segment: number,
  table: StateTable,
  quarantine: Quarantine | undefined,
  progress: (bytes: number) => void,
): Promise<SegmentScan> {
  const file = await disk.open(join(shard.directory, segmentName(segment)), 'read');
  try {
    await readHeader(file);
    const seed = crcSeed(shard.shard);
    const window = new SegmentWindow(file, seed, scanBytes);
    const head = new FrameHead();
    let nextOffset = segment;
    let nextSequence = 0;
    let knownDurable = segment;
    let hasSnapshot = false;
    let position = segmentHeaderBytes;
    for (;;) {
      const verdict = window.look(head);
      if (verdict === 'frame') {
        applyState(table, shard.epoch, head, window);
        hasSnapshot ||= head.kind === frameKinds.snapshot;
        nextOffset = Math.max(nextOffset, head.firstOffset + head.count);
        nextSequence = head.sequence + 1;
        knownDurable = Math.max(knownDurable, head.durableOffset);
        window.pass(head);
        position = window.position;
        continue;
      }
      if (verdict === 'short' && (await window.fill(scanBytes, head))) {
        progress(window.unreadBytes);
        continue;
      }
      const next = await findNextFrame(file, seed, window.position, head, nextSequence - 1);
      const size = await file.size();
      if (next === undefined)
        return {
          segment,
          nextOffset,
          nextSequence,
          position,
          tornBytes: Math.max(0, size - position),
          knownDurable,
          hasSnapshot,
        };
      const bytes = next - window.position;
      await quarantine?.take(file, {
        shard: shard.shard,
        segment,
        position: window.position,
        bytes,
        reason: 'bad frame',
      });
      window.seek(next);
    }
  } finally {
    await file.close();
  }
}

function applyState(table: StateTable, epoch: number, head: FrameHead, window: SegmentWindow): void {
  if (head.stateBytes === 0) return;
  let state: unknown;
  try {
    state = JSON.parse(head.state(window.slab));
  } catch {
    // The checksum held, so the writer wrote this: nothing a reader can do but go on without.
    return;
  }
  if (head.kind === frameKinds.snapshot) table.merge(stateEntries(state));
  else if (head.kind === frameKinds.records && typeof state === 'object' && state !== null)
    table.apply(head.source(window.slab), epoch, head.sequence, state as Record<string, unknown>);
}

/** Lists read anew when a file was deleted between listing and opening it. Several in a row are chance enough. */
const listingsMax = 5;

/**
 * The state of all sources as the shards left it, and the highest epoch among them. Changes nothing on disk. The
 * delivering process may delete what nobody needs any more meanwhile.
 */
export async function recoverState(options: RecoveryOptions): Promise<{ table: StateTable; epochMax: number }> {
  for (let listings = 1; ; listings++) {
    try {
      return await readState(options);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || listings === listingsMax) throw error;
    }
  }
}

async function readState(options: RecoveryOptions): Promise<{ table: StateTable; epochMax: number }> {
  const table = new StateTable();
  const shards = await findShards(options);
  for (const shard of shards) table.merge(shard.end?.state ?? (await scanEnd(options.disk, shard, undefined)).state);
  table.dropTombstones(shards[0]?.epoch ?? 0);
  return { table, epochMax: shards.at(-1)?.epoch ?? 0 };
}

/** The state that the newest segments of these shards start with. */
export async function readSnapshots(
  disk: Disk,
  shards: readonly {
    readonly shard: string;
    readonly path: string;
    readonly segments: readonly { readonly firstOffset: number }[];
  }[],
): Promise<StateTable> {
  const table = new StateTable();
  for (const { shard, path, segments } of shards) {
    const last = segments.at(-1);
    if (!last) continue;
    const file = await disk.open(join(path, segmentName(last.firstOffset)), 'read');
    try {
      const window = new SegmentWindow(file, crcSeed(shard), scanBytes);
      const head = new FrameHead();
      let verdict = window.look(head);
      while (verdict === 'short' && (await window.fill(frameHeaderBytes, head))) verdict = window.look(head);
      if (verdict === 'frame' && head.kind === frameKinds.snapshot) applyState(table, 0, head, window);
    } finally {
      await file.close();
    }
  }
  return table;
}
