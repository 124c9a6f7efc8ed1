/**
 * How far a file was read, as it lies in the journal with the records: by device and inode, with the first bytes and the
 * birth time, since an inode is used again for another file once its file is gone.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { JoinerState } from '../../multiline/contract.ts';

/** First bytes that tell a file from another one under the same inode. Most logs begin with a time, so few are enough. */
export const headBytesMax = 256;

export interface Head {
  readonly bytes: number;
  readonly hash: string;
}

/** What of a file behind its position is in the journal already, and the states of multiline parsers. */
export interface JoinedPlace {
  /** Where such lines begin and end. */
  readonly taken: readonly (readonly [start: number, end: number])[];
  readonly rules: JoinerState;
}

export interface Position {
  /** Where the file was when it was read. */
  readonly path: string;
  /** Under which path its records go, where it was renamed since. */
  readonly name?: string;
  /** Bytes before it are in the journal. */
  readonly position: number;
  readonly head: Head;
  /** What stands right before `position`; unknown where the position is not where reading goes on. */
  readonly foot?: Head;
  /** How large the file was when it was last looked at, where that is more than `position`. */
  readonly seen?: number;
  /** When its path was first followed, by the clock of its file system: what was rotated before is not wanted. */
  readonly sinceMs?: number;
  /** Parts of the line at `position` that are in the journal already. */
  readonly part?: number;
  /** Where lines are joined. */
  readonly joined?: JoinedPlace;
  /** When the file was made, where that is known. */
  readonly born?: string;
  /** Since when it is not followed: it was renamed and read to its end, or a start did not find it. */
  readonly goneMs?: number;
}

/** Which file of the machine. */
export interface FileId {
  readonly device: bigint;
  readonly inode: bigint;
  /** When it was made, in nanoseconds since 1970; undefined where the file system does not say. */
  readonly born: string | undefined;
}

/** Who a file is by what the system says of it. */
export function idOf({ dev, ino, birthtimeNs, ctimeNs }: BigIntStats): FileId {
  // Where a birth time is not known, systems give nothing or the time of the last change instead.
  const isKnown = birthtimeNs > 0n && birthtimeNs !== ctimeNs;
  return { device: dev, inode: ino, born: isKnown ? String(birthtimeNs) : undefined };
}

export function keyOf({ device, inode }: Pick<FileId, 'device' | 'inode'>): string {
  return `${device}:${inode}`;
}

/** The inode of a key. */
export function inodeOf(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

export const emptyHead: Head = { bytes: 0, hash: '' };

/** What stands for first bytes. */
export function headOf(first: Uint8Array): Head {
  if (first.length === 0) return emptyHead;
  const hash = createHash('sha256').update(first).digest('base64url').slice(0, 16);
  return { bytes: first.length, hash };
}

/**
 * The key for what a file held that has no name any more, or was cut: so that what is compressed or copied of it later
 * is not read again.
 */
export function contentKey({ head, foot, position }: Position): string {
  return `content:${head.hash}${foot?.hash ?? ''}@${position}`;
}
export function isContentKey(key: string): boolean {
  return key.startsWith('content:');
}

/** A position out of source state, or undefined when the value is none. */
export function positionFrom(value: unknown): Position | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { path, name, position, head, foot, seen, sinceMs, part, joined, born, goneMs } = value as Values<Position>;
  const first = headFrom(head);
  if (typeof path !== 'string' || typeof position !== 'number' || !first) return undefined;
  const last = headFrom(foot);
  return {
    path,
    position,
    head: first,
    ...(typeof name === 'string' && { name }),
    ...(last && { foot: last }),
    ...(typeof seen === 'number' && { seen }),
    ...(typeof sinceMs === 'number' && { sinceMs }),
    ...(typeof part === 'number' && { part }),
    // Nobody else writes it.
    ...(typeof joined === 'object' && joined !== null && { joined: joined as JoinedPlace }),
    ...(typeof born === 'string' && { born }),
    ...(typeof goneMs === 'number' && { goneMs }),
  };
}

type Values<T> = Partial<Record<keyof T, unknown>>;

function headFrom(value: unknown): Head | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { bytes, hash } = value as Values<Head>;
  return typeof bytes === 'number' && typeof hash === 'string' ? { bytes, hash } : undefined;
}
