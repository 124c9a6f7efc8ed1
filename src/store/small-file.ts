/** Small files that are replaced as a whole. */
import type { Disk } from '../core/disk.ts';

/** Who reads the path finds the old text or the new one. Not synced: for files that can be lost. */
export async function replaceText(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(`${path}.new`, 'write');
  try {
    await file.truncate(0);
    await file.write([Buffer.from(text)], 0);
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.new`, path);
}
