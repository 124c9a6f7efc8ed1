/** Small files that are replaced as a whole: who reads the path finds the old text or the new one. */
import { dirname } from 'node:path';
import type { Disk } from './disk.ts';

/** Not synced: for files that can be lost. */
export async function replaceText(disk: Disk, path: string, text: string): Promise<void> {
  await write(disk, path, text, false);
}

/** Durable when it resolves. The directory exists. */
export async function replaceTextDurably(disk: Disk, path: string, text: string): Promise<void> {
  await write(disk, path, text, true);
  await disk.syncDirectory(dirname(path));
}

async function write(disk: Disk, path: string, text: string, isSynced: boolean): Promise<void> {
  const file = await disk.open(`${path}.new`, 'write');
  try {
    await file.truncate(0);
    await file.write([Buffer.from(text)], 0);
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.new`, path);
}
