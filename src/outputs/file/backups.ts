/** Rotated files: path.1 is the newest, path.2 the one before it, and so on. */
import { basename, dirname } from 'node:path';
import type { Disk } from '../../core/disk.ts';

/** The n-th rotated file; 0 is the file itself. */
function backupPath(path: string, n: number): string {
  return n === 0 ? path : `${path}.${n}`;
}

/** Numbers of the rotated files that are there, ascending. */
async function backupNumbers(disk: Disk, path: string): Promise<number[]> {
  const start = `${basename(path)}.`;
  const names = await disk.list(dirname(path));
  return names
    .filter((name) => name.startsWith(start) && /^[1-9]\d{0,8}$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
    .sort((a, b) => a - b);
}

/** Inodes of the rotated files that are there; the disk may not know them. */
export async function backupInodes(disk: Disk, path: string): Promise<number[]> {
  const inodes: number[] = [];
  for (const n of await backupNumbers(disk, path)) {
    const inode = await inodeOf(disk, backupPath(path, n));
    if (inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

export async function inodeOf(disk: Disk, path: string): Promise<number | undefined> {
  return (await disk.stat(path))?.inode;
}

/** Renames path.n to path.(n+1), from the last down to path itself. Killed on the way it leaves a gap. */
export async function shiftBackups(disk: Disk, path: string): Promise<void> {
  await closeGaps(disk, path);
  const last = (await backupNumbers(disk, path)).at(-1) ?? 0;
  for (let n = last; n >= 0; n--) await disk.rename(backupPath(path, n), backupPath(path, n + 1));
}

/** Renumbers to 1, 2, 3 …, in their order: what a killed rotation left. */
async function closeGaps(disk: Disk, path: string): Promise<void> {
  const numbers = await backupNumbers(disk, path);
  for (const [i, n] of numbers.entries())
    if (n !== i + 1) await disk.rename(backupPath(path, n), backupPath(path, i + 1));
}

/**
 * Deletes rotated files beyond `kept`, oldest first; `kept` counts from the file with inode `committedInode` where that is
 * a rotated one already, since a restart goes back to it and must find as many behind it.
 */
export async function dropSurplus(
  disk: Disk,
  path: string,
  kept: number,
  committedInode: number | undefined,
): Promise<void> {
  const numbers = await backupNumbers(disk, path);
  let committed = 0;
  if (committedInode !== undefined && (await inodeOf(disk, path)) !== committedInode)
    for (const n of numbers) if ((await inodeOf(disk, backupPath(path, n))) === committedInode) committed = n;
  for (const n of numbers.toReversed()) if (n > committed + kept) await disk.remove(backupPath(path, n));
}

/** Deletes all that came after the file with this inode and moves that back to path; without effect where it is not there. */
export async function takeBack(disk: Disk, path: string, inode: number | undefined): Promise<void> {
  const numbers = [0, ...(await backupNumbers(disk, path))];
  const inodes: (number | undefined)[] = [];
  for (const n of numbers) inodes.push(await inodeOf(disk, backupPath(path, n)));
  const found = inode === undefined ? -1 : inodes.indexOf(inode);
  if (found > 0) {
    for (const n of numbers.slice(0, found)) await disk.remove(backupPath(path, n));
    await disk.rename(backupPath(path, numbers[found] as number), path);
  }
  await closeGaps(disk, path);
  if (found > 0) await disk.syncDirectory(dirname(path));
}

/** Deletes the file and the rotated ones whose inodes are not among `kept`. */
export async function removeNew(disk: Disk, path: string, kept: readonly number[]): Promise<void> {
  for (const n of await backupNumbers(disk, path)) {
    const inode = await inodeOf(disk, backupPath(path, n));
    if (inode !== undefined && !kept.includes(inode)) await disk.remove(backupPath(path, n));
  }
  await disk.remove(path);
  await closeGaps(disk, path);
}
