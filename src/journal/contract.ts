/** What other rooms see of the journal. The formats are in frame.ts and segment.ts. */
import type { Block } from '../core/batch.ts';
import type { AppendRequest } from '../core/plugin.ts';

/** What a writer is asked to make durable. Several appends of one source and tag may share a frame. */
export interface JournalAppend extends AppendRequest {
  /** Source id: `postback`, `tail.0`. Also the owner of `state`. */
  readonly source: string;
  /** Config generation under which the records are filtered and routed. */
  readonly generation: number;
}

/** One shard being written. There is one writer per receiving process; a failed write moves it to a new shard by itself. */
export interface JournalWriter {
  /** The shard written now. */
  readonly shard: string;
  /** The shards it has not ended: the one written now (or made next), and one given up whose end is not recorded yet. */
  readonly living: readonly string[];
  /** Records before this offset are durable. */
  readonly durableOffset: number;
  /** Live source state by source id and key, as recovered and as appended since. */
  readonly state: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  /**
   * Resolves with the offset of the first record once all are durable (with no records: the next offset).
   * @throws OperatingError JOURNAL_FULL | JOURNAL_WRITE | JOURNAL_CLOSED | RECORD_TOO_LARGE; nothing was accepted.
   */
  append(request: JournalAppend): Promise<number>;
  /** Told after each group commit, and when the shard changes; at most once a turn of the event loop. Replaces the listener before. */
  onDurable(listener: (shard: string, durableOffset: number) => void): void;
  /** Waits for what is pending, records the durable end, closes. */
  close(): Promise<void>;
}

/** One frame as readers get it. */
export interface Frame {
  readonly tag: string;
  readonly generation: number;
  /** Its records; block.count may be 0 for frames that carry only state. */
  readonly block: Block;
  /** Bytes on disk. */
  readonly frameBytes: number;
  readonly keys: readonly string[];
}

/** What a read gave. Offsets in [from, next) are covered by `frames`, `lost` and nothing else. */
export interface ReadResult {
  readonly frames: readonly Frame[];
  /** Where to read on. Equal to the durable offset when all was read. */
  readonly next: number;
  /** Offset ranges whose frames were unreadable (quarantined) or already deleted. */
  readonly lost: readonly { readonly from: number; readonly to: number; readonly reason: 'corrupt' | 'deleted' }[];
}

/** Reads one shard, written by whatever process. Each reader has its own place and buffer. */
export interface ShardReader {
  readonly shard: string;
  /**
   * Reads frames from `from` (any record offset; the frame that contains it is given whole) up to `until` (a durable
   * offset) until about `bytesMax` bytes are gathered; at least one frame when there is one. Empty when from === until.
   */
  read(from: number, until: number, bytesMax: number): Promise<ReadResult>;
  close(): Promise<void>;
}

/** A shard as the delivering side knows it. */
export interface ShardExtent {
  readonly shard: string;
  /** First offset that is still on disk. */
  readonly firstOffset: number;
  /** Records before this are durable and may be read. */
  readonly durableOffset: number;
  /** True when no writer will add to it. */
  readonly isSealed: boolean;
  readonly bytes: number;
}

/** All shards of a data directory: what recovery found, what writers add. Lives in the delivering process. */
export interface JournalDirectory {
  shards(): readonly ShardExtent[];
  reader(shard: string): Promise<ShardReader>;
  /** A writer's news, from this process or over IPC. Unknown shards are taken up. */
  noteDurable(shard: string, durableOffset: number): void;
  /** Called when a shard was added or grew; coalesced to once a turn of the event loop. */
  onChange(listener: () => void): void;
  /**
   * Deletes segments that every cursor has passed, by age and size. `passed(shard)`: the lowest offset any output still
   * needs. `bytesMax`: what the journal may hold before age no longer counts; default: its limit.
   */
  retain(passed: (shard: string) => number, bytesMax?: number): Promise<void>;
  /** Bytes on disk of all shards. */
  totalBytes(): number;
  close(): Promise<void>;
}
