/** Making directories with their parents. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/**
 * Makes `path` and what is missing above it; gives the first one made, or undefined when all were there. Node's own
 * recursive mkdir never returns where a parent exists that takes no entries (`/proc/x/y`): libuv tries it for ever.
 */
export async function makeDirectories(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return undefined;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    const parentStat = await stat(parent).catch(() => undefined);
    if (parentStat !== undefined) throw error;
  }
  const first = await makeDirectories(dirname(path), mode);
  const own = await makeDirectories(path, mode);
  return first ?? own;
}
