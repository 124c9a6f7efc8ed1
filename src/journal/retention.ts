/**
 * Which segments may go. Pure: the directory deletes.
 *
 * A segment goes when all of this holds:
 * - no writer adds to it: a later segment of its shard exists, or the shard has ended;
 * - every cursor has passed all of its records;
 * - it is older than `keepMs` and `keysKeepMs`, or the journal is larger than its limit (then the oldest go first, and
 *   keys younger than `keysKeepMs` that go with it are said);
 * - the source state in it is kept elsewhere: in the snapshot of a later segment, known to be durable because a record
 *   behind it is, or in a snapshot of a newer shard when this one has ended.
 * Segments of a shard go in order, so that what is left of it is always a suffix.
 */

export interface SegmentFile {
  readonly firstOffset: number;
  readonly bytes: number;
  /** Last write, ms since 1970. */
  readonly modifiedMs: number;
}

export interface RetainedShard {
  readonly shard: string;
  /** By rising offset. */
  readonly segments: readonly SegmentFile[];
  /** Records before this are durable. */
  readonly durableOffset: number;
  /** True when no writer adds to it. */
  readonly hasEnded: boolean;
  /** True when it has ended and newer shards hold all its state. */
  readonly isStateKept: boolean;
}

export interface RetentionRules {
  readonly nowMs: number;
  readonly keepMs: number;
  readonly keysKeepMs: number;
  readonly limitBytes: number;
}

export interface Deletion {
  readonly shard: string;
  readonly firstOffset: number;
  readonly bytes: number;
  /** The idempotency window of its keys is not over. */
  readonly isEarly: boolean;
}

/**
 * Chooses what to delete, oldest first across shards (by last write, then by order in the shard).
 * `passed(shard)`: the lowest offset that is still needed.
 */
export function chooseDeletions(
  shards: readonly RetainedShard[],
  passed: (shard: string) => number,
  rules: RetentionRules,
): Deletion[] {
  const { nowMs, keepMs, keysKeepMs, limitBytes } = rules;
  let total = 0;
  for (const { segments } of shards) for (const { bytes } of segments) total += bytes;
  const queues = shards.map((shard) => ({ shard, free: freeSegments(shard, passed(shard.shard)) }));
  const deletions: Deletion[] = [];
  for (;;) {
    let oldest: (typeof queues)[number] | undefined;
    for (const queue of queues) {
      const first = queue.free[0];
      if (first && (!oldest || first.modifiedMs < (oldest.free[0] as SegmentFile).modifiedMs)) oldest = queue;
    }
    const segment = oldest?.free.shift();
    if (!oldest || !segment) return deletions;
    // A clock that went backwards makes ages negative: then only space deletes.
    const ageMs = nowMs - segment.modifiedMs;
    const isForced = total > limitBytes;
    if (!isForced && ageMs < Math.max(keepMs, keysKeepMs)) {
      // What follows in this shard must wait for it.
      oldest.free.length = 0;
      continue;
    }
    total -= segment.bytes;
    deletions.push({
      shard: oldest.shard.shard,
      firstOffset: segment.firstOffset,
      bytes: segment.bytes,
      isEarly: ageMs < keysKeepMs,
    });
  }
}

/** The segments of a shard that nobody needs, in order. */
function freeSegments(shard: RetainedShard, passed: number): SegmentFile[] {
  const { segments, durableOffset, hasEnded, isStateKept } = shard;
  const free: SegmentFile[] = [];
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    const isSuperseded = isStateKept || (next !== undefined && next.firstOffset < durableOffset);
    if (!isSuperseded || (!next && !hasEnded)) break;
    if ((next?.firstOffset ?? durableOffset) > passed) break;
    free.push(segment);
  }
  return free;
}
