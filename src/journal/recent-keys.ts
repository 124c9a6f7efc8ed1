/** Idempotency keys of the last while, read from the frames: what a restarted receiver must still know. */
import { join } from 'node:path';
import type { Disk, DiskFile } from '../core/disk.ts';
import { systemCode } from '../core/errors.ts';
import { FrameHead, Slab, crcSeed, frameHeaderBytes, frameKinds } from './frame.ts';
import { findShards } from './recovery.ts';
import type { FoundShard, RecoveryOptions } from './recovery.ts';
import { SegmentWindow, findNextFrame, segmentName } from './segment.ts';

const scanBytes = 1024 * 1024;

/** Keys of frames appended at or after sinceMs, of all shards, oldest first within a shard. Changes nothing on disk. */
export async function* recentKeys(
  options: RecoveryOptions,
  sinceMs: number,
): AsyncIterable<{ readonly key: string; readonly appendMs: number }> {
  for (const shard of await findShards(options))
    for (const segment of shard.segments) yield* segmentKeys(options.disk, shard, segment, sinceMs);
}

async function* segmentKeys(
  disk: Disk,
  shard: FoundShard,
  segment: number,
  sinceMs: number,
): AsyncIterable<{ readonly key: string; readonly appendMs: number }> {
  const path = join(shard.directory, segmentName(segment));
  // The last write to a segment is its newest frame: older files need not be read.
  const stat = await disk.stat(path);
  if (!stat || stat.modifiedMs < sinceMs) return;
  const endOffset = shard.end?.durableOffset ?? Number.POSITIVE_INFINITY;
  const seed = crcSeed(shard.shard);
  const file = await disk.open(path, 'read').catch((error: unknown) => {
    // Deleted meanwhile: space forced it, or its keys' time was over.
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  try {
    if (await isWithoutKeys(file, stat.size, seed)) return;
    const window = new SegmentWindow(file, seed, scanBytes);
    const head = new FrameHead();
    let sequence = -1;
    for (;;) {
      const verdict = window.look(head);
      if (verdict === 'frame') {
        if (head.firstOffset >= endOffset) return;
        if (head.appendMs >= sinceMs) for (const key of head.keys(window.slab)) yield { key, appendMs: head.appendMs };
        sequence = head.sequence;
        window.pass(head);
      } else if (verdict === 'bad' || !(await window.fill(scanBytes, head))) {
        const next = await findNextFrame(file, seed, window.position, head, sequence);
        if (next === undefined) return;
        window.seek(next);
      }
    }
  } finally {
    await file.close();
  }
}

/** True when the seal frame at the end of a finished segment says that no frame of it holds keys: it need not be read. */
async function isWithoutKeys(file: DiskFile, size: number, seed: number): Promise<boolean> {
  const position = size - frameHeaderBytes;
  if (position < 0 || position % 8 !== 0) return false;
  const slab = new Slab(frameHeaderBytes);
  const got = await file.read(slab.bytes, position);
  const head = new FrameHead();
  return head.read(slab, 0, got, seed) === 'frame' && head.kind === frameKinds.seal && head.keyedFrames === 0;
}
