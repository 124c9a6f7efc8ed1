/** A small file system in memory, which only root may mount. */
import { spawnSync } from 'node:child_process';
import { rmdirSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Mounts one until the test ends; undefined where that is not allowed. */
export async function smallDisk(context: TestContext, sizeMb: number): Promise<string | undefined> {
  // Not in a temporaryDirectory: that one is removed before this is unmounted.
  const directory = await mkdtemp(join(tmpdir(), 'p2l-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', directory]);
  const isMounted = mounted.error === undefined && mounted.status === 0;
  context.after(() => {
    if (isMounted) spawnSync('umount', ['-l', directory]);
    rmdirSync(directory);
  });
  return isMounted ? directory : undefined;
}

/** Somebody else's file takes all the space at once, to the last `bytesMin`; gives its path. */
export async function takeAllSpace(disk: string, sizeMb: number, bytesMin: number): Promise<string> {
  const other = join(disk, 'other');
  for (let size = sizeMb * 1024 * 1024; size >= bytesMin; size /= 2)
    await writeFile(other, Buffer.alloc(size), { flag: 'a' }).catch(() => undefined);
  return other;
}
