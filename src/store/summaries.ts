/**
 * `index.json`: what is known of partitions that are finished, so that a start does not attach them all. A cache: entries
 * whose file has another length count for nothing, and without the file the partitions are looked at one by one.
 *
 *     {"format":1,"partitions":[{"name","bytes","records","secondsMin","secondsMax","appendMsMax","needsMerge"}]}
 */
import { join } from 'node:path';
import type { Disk } from '../core/disk.ts';
import type { Summary } from './catalog.ts';
import { formatNumber } from './layout.ts';
import type { Partition } from './partition.ts';
import { replaceText } from '../core/whole-file.ts';

const fileName = 'index.json';

interface Entry extends Summary {
  readonly name: string;
  readonly bytes: number;
  readonly needsMerge: boolean;
}

/** Entries by partition name. Empty where the file is missing or is no such file. */
async function readEntries(directory: string, disk: Disk): Promise<ReadonlyMap<string, Entry>> {
  const bytes = await disk.readFile(join(directory, fileName));
  try {
    const { format, partitions } = JSON.parse(bytes?.toString('utf8') ?? '') as {
      format: number;
      partitions: readonly Entry[];
    };
    return new Map(format === formatNumber ? partitions.map((entry) => [entry.name, entry]) : []);
  } catch {
    return new Map();
  }
}

/** Tells partitions what the file knows of them. */
export async function recallSummaries(directory: string, disk: Disk, partitions: readonly Partition[]): Promise<void> {
  const entries = await readEntries(directory, disk);
  for (const partition of partitions) {
    const entry = entries.get(partition.name);
    if (!entry || (await partition.measure()) !== entry.bytes) continue;
    const { records, secondsMin, secondsMax, appendMsMax, needsMerge } = entry;
    partition.summary = { records, secondsMin, secondsMax, appendMsMax };
    partition.needsMerge = needsMerge;
    partition.isFinished = true;
  }
}

/** Writes it anew with all finished partitions. Not synced: what a power cut leaves of it is checked when it is read. */
export async function rememberSummaries(
  directory: string,
  disk: Disk,
  partitions: readonly Partition[],
): Promise<void> {
  const entries = partitions
    .filter((partition) => partition.isFinished)
    .map(({ name, bytes, summary, needsMerge }): Entry => ({ name, bytes, ...summary, needsMerge }));
  const text = `${JSON.stringify({ format: formatNumber, partitions: entries })}\n`;
  await replaceText(disk, join(directory, fileName), text);
}
