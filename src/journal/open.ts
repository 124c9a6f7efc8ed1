/** A whole journal in one process: directory, writer and space wired together. */
import type { JournalWriter } from './contract.ts';
import { openDirectory } from './directory.ts';
import type { DirectoryOptions, OpenDirectory } from './directory.ts';
import { SpaceBudget } from './space.ts';
import { openWriter } from './writer.ts';
import type { WriterOptions } from './writer.ts';

export interface JournalOptions extends DirectoryOptions, Omit<WriterOptions, 'space'> {
  /** Free space on the disk that is never used. Default 0. */
  readonly reserveBytes?: number;
}

export interface Journal {
  readonly writer: JournalWriter;
  readonly directory: OpenDirectory;
  /** What may still be written; refreshed by retain(). */
  readonly space: SpaceBudget;
  /** Deletes what may go (JournalDirectory.retain) and says anew what may be written. Call it every few seconds and when an output has moved on. */
  readonly retain: (passed: (shard: string) => number) => Promise<void>;
  close(): Promise<void>;
}

/** Recovers the directory, then opens a writer in a new shard. For tests and benchmarks; the program wires its processes in pipeline.ts. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const directory = await openDirectory(options);
  const space = new SpaceBudget();
  const writer = await openWriter({ ...options, space });
  directory.noteDurable(writer.shard, writer.durableOffset);
  writer.onDurable((shard, durableOffset) => directory.noteDurable(shard, durableOffset));
  const refresh = async (): Promise<void> => space.set(await directory.leftBytes(options.reserveBytes ?? 0));
  await refresh();
  return {
    writer,
    directory,
    space,
    async retain(passed) {
      await directory.retain(passed);
      await refresh();
    },
    async close() {
      await writer.close();
      await directory.close();
    },
  };
}
