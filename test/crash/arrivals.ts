/** Reads what the outputs wrote. */
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { storedRecords } from '../stored.ts';
import type { Arrivals } from './check.ts';

/** Put behind half a line that a killed process left at the end of a pipe. */
export const tornMark = ' torn';

function numberIn(line: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    const n = typeof parsed === 'object' && parsed !== null && 'n' in parsed ? Number(parsed.n) : Number.NaN;
    return Number.isSafeInteger(n) ? n : undefined;
  } catch {
    return undefined;
  }
}

/** A process that was killed while it wrote to a pipe leaves half a line, and the next one goes on behind it. */
function numberBehindTear(line: string): number | undefined {
  for (let at = line.indexOf('{"', 1); at > 0; at = line.indexOf('{"', at + 1)) {
    const n = numberIn(line.slice(at));
    if (n !== undefined) return n;
  }
  return undefined;
}

/** Counts the records in files of JSON lines. `mayTear`: half a line before a whole one is no problem. */
export async function readArrivals(paths: readonly string[], mayTear: boolean): Promise<Arrivals> {
  const times = new Map<number, number>();
  const unreadable: string[] = [];
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      if (mayTear && line.endsWith(tornMark)) continue;
      const n = numberIn(line) ?? (mayTear ? numberBehindTear(line) : undefined);
      if (n === undefined) unreadable.push(line);
      else times.set(n, (times.get(n) ?? 0) + 1);
    }
  }
  return { times, unreadable };
}

/** Counts the records in the store of a program that was stopped. */
export async function readStore(dataDirectory: string): Promise<Arrivals> {
  const times = new Map<number, number>();
  const unreadable: string[] = [];
  for (const { json } of await storedRecords(dataDirectory)) {
    const n = numberIn(json);
    if (n === undefined) unreadable.push(json);
    else times.set(n, (times.get(n) ?? 0) + 1);
  }
  return { times, unreadable };
}

/** All files in a directory and below it. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
