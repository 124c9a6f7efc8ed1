/** Which partitions go, and when the open one is closed: decisions only. Append times and the wall clock; never record times. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A partition that began in an earlier hour is closed when it has so many rows: enough for large segments, and an hour is a good unit to drop. */
const hourlyRowsMin = 1_000_000;

/** Of the store's limit, what one partition takes at most: what is dropped at once is an eighth. */
const partitionShare = 1 / 8;

/**
 * Records younger than this are not dropped to make room where nothing else is left: on a disk that something else
 * fills the store would be a sieve, and who looks for what he has just sent would find nothing. They wait in the journal instead.
 */
const protectedMs = 60_000;

export interface PartitionAge {
  readonly bytes: number;
  readonly records: number;
  /** Latest append time; undefined: it has no records. */
  readonly appendMsMax: number | undefined;
  readonly isOpen: boolean;
}

export interface RetentionLimits {
  readonly bytesMax: number;
  readonly keepMs: number | undefined;
  /** Of the file system. */
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

export interface RetentionDecision<T> {
  readonly drop: readonly T[];
  /** The open one is among them: another has to begin before. */
  readonly isOpenDropped: boolean;
  /** There is no room, and nothing left to drop. */
  readonly isFull: boolean;
}

/** Decides over all partitions, given oldest first. */
export function decideRetention<T extends PartitionAge>(
  partitions: readonly T[],
  limits: RetentionLimits,
  nowMs: number,
): RetentionDecision<T> {
  let bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  let { freeBytes } = limits;
  const drop: T[] = [];
  let isOpenDropped = false;
  for (const partition of partitions) {
    const { appendMsMax, isOpen, records } = partition;
    const isOverSize = bytes > limits.bytesMax;
    const isOverReserve = freeBytes < limits.reserveBytes;
    const isExpired = limits.keepMs !== undefined && appendMsMax !== undefined && appendMsMax < nowMs - limits.keepMs;
    const isYoung = appendMsMax !== undefined && appendMsMax > nowMs - protectedMs;
    const isOver = isOverSize || isOverReserve;
    // By its own limit the store drops whatever is closed; the open one, and for others' sake any, only when it is not young.
    const isDroppable = !isYoung || (isOverSize && !isOpen);
    const isWorthIt = records > 0 || !isOpen;
    if (isExpired || (isOver && isDroppable && isWorthIt)) {
      drop.push(partition);
      isOpenDropped ||= isOpen;
      bytes -= partition.bytes;
      freeBytes += partition.bytes;
    }
  }
  const isFull = bytes > limits.bytesMax || freeBytes < limits.reserveBytes;
  return { drop, isOpenDropped, isFull };
}

/** True when the next rows go into a new partition. */
export function isPartitionOver(
  open: { readonly startMs: number; readonly bytes: number; readonly records: number },
  bytesMax: number,
  nowMs: number,
): boolean {
  if (open.records === 0) return false;
  if (open.bytes > bytesMax * partitionShare) return true;
  if (Math.floor(nowMs / dayMs) > Math.floor(open.startMs / dayMs)) return true;
  return open.records >= hourlyRowsMin && Math.floor(nowMs / hourMs) > Math.floor(open.startMs / hourMs);
}
