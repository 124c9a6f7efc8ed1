/**
 * Files beside a log that its rotation made: `app.log.1`, `app.log-20260101.gz`, `app.1.log`, `0.log.20260101-120000`.
 * Only names are looked at here; what a file is, its content says (places.ts).
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { idOf } from './position.ts';
import type { FileId } from './position.ts';

/** Numbers and times, as rotations append them; the one old file of programs that keep one. */
const rotation = /^[._-](?:\d[\dTZ:.+_-]*|old)$/;
const compression = /\.(?:gz|zst)$/;

export interface Sibling extends FileId {
  readonly path: string;
  /** Bytes on disk. */
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly isCompressed: boolean;
}

/** Directories that were read, for one pass over many logs. */
export type Listings = Map<string, Promise<readonly string[]>>;

/** For so many logs that are found together directories are listed anew for each: it is rotation that may go on. */
const ownListingsMax = 200;

/** Each log gets a listing of its directory, unless that would take long. */
export function listingsFor(logs: number): Listings | undefined {
  return logs > ownListingsMax ? new Map() : undefined;
}

/** Could a rotation have given that name to the log? */
function isRotatedName(log: string, name: string): boolean {
  const plain = name.replace(compression, '');
  if (plain.startsWith(log)) return rotation.test(plain.slice(log.length));
  const extension = extname(log);
  const stem = log.slice(0, log.length - extension.length);
  if (extension === '' || !plain.startsWith(stem) || !plain.endsWith(extension)) return false;
  return rotation.test(plain.slice(stem.length, plain.length - extension.length));
}

/** Files that rotation may have made of the log at a path, what was written last at the end. */
export async function siblingsOf(path: string, listings: Listings): Promise<Sibling[]> {
  const real = await realpath(path).catch(() => path);
  const found: Sibling[] = [];
  for (const log of new Set([path, real])) {
    const directory = dirname(log);
    let names = listings.get(directory);
    if (!names) listings.set(directory, (names = readdir(directory).catch(() => [])));
    for (const name of await names) {
      if (!isRotatedName(basename(log), name)) continue;
      const sibling = await seeSibling(join(directory, name));
      if (sibling) found.push(sibling);
    }
  }
  return found.toSorted((a, b) => a.modifiedMs - b.modifiedMs || byAge(a.path, b.path));
}

async function seeSibling(path: string): Promise<Sibling | undefined> {
  const seen = await stat(path, { bigint: true }).catch(() => undefined);
  if (seen?.isFile() !== true) return undefined;
  return {
    ...idOf(seen),
    path,
    bytes: Number(seen.size),
    modifiedMs: Number(seen.mtimeNs) / 1e6,
    isCompressed: compression.test(path),
  };
}

/** Of files written at the same time: of `.1` and `.2` the second is older, of dates the first. */
function byAge(a: string, b: string): number {
  const [first, second] = [a, b].map((path) => /[._-](\d{1,4})(?:\.\D*)*$/.exec(path)?.[1]);
  return first !== undefined && second !== undefined ? Number(second) - Number(first) : a < b ? -1 : 1;
}
