/** How questions see partitions. */
import type { Connection } from './database.ts';
import type { RowTable } from './layout.ts';

/** One partition at one moment: rows that are sealed, compacted or added meanwhile neither vanish nor appear twice. */
export interface Snapshot {
  /** In a transaction of its own, which release() ends. For one statement at a time; interrupt() may be called at any time. */
  readonly connection: Connection;
  /** Alias of the attached file. */
  readonly alias: string;
  /** Tables with rows, those written last first. */
  readonly tables: readonly RowTable[];
  /** Shards of the journal by their numbers. */
  readonly shards: ReadonlyMap<number, string>;
  release(): Promise<void>;
}

/** A partition that can be asked. */
export interface PartitionView {
  readonly name: string;
  readonly records: number;
  /** Smallest and largest record time, whole seconds; undefined: it is empty. */
  readonly secondsMin: number | undefined;
  readonly secondsMax: number | undefined;
  /** @throws OperatingError STORE_READ when the file cannot be read; it is set aside then. */
  snapshot(): Promise<Snapshot>;
  /** Tells that reading it failed. True: the error says that its file is broken, and it has been set aside: go on without it. */
  failed(error: unknown): Promise<boolean>;
}

/** All partitions. */
export interface Partitions {
  /** Newest first. */
  views(): readonly PartitionView[];
  /** What answers should say, such as partitions that were set aside. */
  notes(): readonly string[];
}
