/** Making directories with their parents. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.ts';

/**
 * Makes `path` and what is missing above it; gives the first one made, or undefined when all were there. Node's own
 * recursive mkdir never returns where a parent exists that takes no entries (`/proc/x/y`): libuv tries it for ever.
 */
export async function makeDirectories(path: string, mode: number): Promise<string | undefined> {
  const outcome = await makeOne(path, mode);
  if (outcome !== 'no-parent') return outcome === 'made' ? path : undefined;
  const first = await makeDirectories(dirname(path), mode);
  const again = await makeOne(path, mode);
  // The parent is there, ours or another process's, and takes no entries.
  if (again === 'no-parent') throw noEntries(path);
  return first ?? (again === 'made' ? path : undefined);
}

async function makeOne(path: string, mode: number): Promise<'made' | 'there' | 'no-parent'> {
  try {
    await mkdir(path, { mode });
    return 'made';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return 'there';
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    return 'no-parent';
  }
}

function noEntries(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, mkdir '${path}'`), { code: 'ENOENT' });
}
