/** The name under which an output writes transactions: of this data directory and this output, the same after every restart. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Disk } from '../../core/disk.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { replaceTextDurably } from '../../core/whole-file.ts';

const fileName = 'transactional-id';

/** Reads it, or makes one that is on disk before it is used. @throws OperatingError OUTPUT_WRITE */
export async function transactionalId(disk: Disk, directory: string, outputId: string): Promise<string> {
  const path = join(directory, fileName);
  try {
    const known = (await disk.readFile(path))?.toString().trim();
    if (known !== undefined && known !== '') return known;
    const hash = createHash('sha256').update(outputId).digest('hex').slice(0, 12);
    const made = `post2log-${randomBytes(10).toString('hex')}-${hash}`;
    await disk.makeDirectory(directory);
    await replaceTextDurably(disk, path, `${made}\n`);
    return made;
  } catch (error) {
    throw new OperatingError('OUTPUT_WRITE', `keeping the transactional id in ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
}
