/**
 * The small files of a shard directory `<directory>/<shard>/`, both JSON, written to `.tmp`, synced, renamed.
 *
 * shard.json  {version: 1, owner, createdMs, epoch}: written and synced, with its directory entries, before the shard's
 *             id is used. `epoch` is one more than the highest epoch found: it orders shards without the clock.
 * end.json    {version: 1, durableOffset, segment, bytes, sequence, reason, state}: written once nobody writes to the
 *             shard any more. Records at or behind `durableOffset` are not part of the journal, whatever the segments
 *             hold; `segment` and `bytes` say where the last frame ends. `state`: all source state as the
 *             shard's last frame left it (state.ts), so that a shard that ended need not be read to recover.
 */
import { join } from 'node:path';
import type { Disk } from '../core/disk.ts';
import { OperatingError } from '../core/errors.ts';
import { stateEntries } from './state.ts';
import type { StateEntry } from './state.ts';

const filesVersion = 1;

export interface ShardFile {
  /** Which process wrote it: `receiver.0`. */
  readonly owner: string;
  readonly createdMs: number;
  readonly epoch: number;
}

export interface EndFile {
  readonly durableOffset: number;
  /** First offset of the last segment, and its bytes in use. */
  readonly segment: number;
  readonly bytes: number;
  /** Sequence the next frame would have had. */
  readonly sequence: number;
  /** `closed` in order, `failed` after a failed write, `recovered` by a later start. */
  readonly reason: 'closed' | 'failed' | 'recovered';
  readonly state: readonly StateEntry[];
}

/** Writes a small JSON file so that it is there whole or not at all, and durable when this resolves. */
async function writeJsonFile(disk: Disk, directory: string, name: string, value: unknown): Promise<void> {
  const temporary = join(directory, `${name}.tmp`);
  await disk.remove(temporary);
  const file = await disk.open(temporary, 'create');
  try {
    await file.write([Buffer.from(`${JSON.stringify(value)}\n`)], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, join(directory, name));
  await disk.syncDirectory(directory);
}

export function writeShardFile(disk: Disk, directory: string, file: ShardFile): Promise<void> {
  return writeJsonFile(disk, directory, 'shard.json', { version: filesVersion, ...file });
}

export function writeEndFile(disk: Disk, directory: string, file: EndFile): Promise<void> {
  return writeJsonFile(disk, directory, 'end.json', { version: filesVersion, ...file });
}

/** undefined: missing or unreadable. @throws OperatingError DATA_DIR_NEWER. */
export async function readShardFile(disk: Disk, directory: string): Promise<ShardFile | undefined> {
  const found = await readJsonFile(disk, join(directory, 'shard.json'));
  if (!found || typeof found['epoch'] !== 'number' || typeof found['createdMs'] !== 'number') return undefined;
  return { owner: String(found['owner']), createdMs: found['createdMs'], epoch: found['epoch'] };
}

/** undefined: the shard has not ended in order, or the file is unreadable. @throws OperatingError DATA_DIR_NEWER. */
export async function readEndFile(disk: Disk, directory: string): Promise<EndFile | undefined> {
  const found = await readJsonFile(disk, join(directory, 'end.json'));
  if (!found) return undefined;
  const { durableOffset, segment, bytes, sequence, reason } = found;
  if (typeof durableOffset !== 'number' || typeof segment !== 'number') return undefined;
  if (typeof bytes !== 'number' || typeof sequence !== 'number') return undefined;
  return {
    durableOffset,
    segment,
    bytes,
    sequence,
    reason: reason === 'closed' || reason === 'failed' ? reason : 'recovered',
    state: stateEntries(found['state']),
  };
}

async function readJsonFile(disk: Disk, path: string): Promise<Record<string, unknown> | undefined> {
  const bytes = await disk.readFile(path);
  if (!bytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const found = value as Record<string, unknown>;
  if (typeof found['version'] === 'number' && found['version'] > filesVersion)
    throw new OperatingError(
      'DATA_DIR_NEWER',
      `reading ${path}: it has version ${found['version']}, this program knows ${filesVersion}; run the newer version`,
    );
  return found;
}
