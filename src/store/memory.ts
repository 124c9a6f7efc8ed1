/** How much of the store's memory is DuckDB's to fill. */
import type { Database } from './database.ts';

/**
 * What DuckDB's own books of a segment take outside of its limit: descriptions of each column of each row group, 0.55 MB for 20
 * columns, measured with 213 segments. They are kept from the first look at a segment on.
 */
const segmentBytes = 512 * 1024;
/**
 * Where rows do not come as fast as they are taken, so much less is needed for those on their way that questions may keep more of what
 * they read: the filters of twenty million rows are 30 MB, and reading them again each time takes three times as long.
 */
const calmSegmentBytes = 320 * 1024;
/** Sealing needs so much, whatever else there is. */
const memoryBytesMin = 112 * 1024 ** 2;
/** Smaller changes are not worth a statement. */
const stepBytes = 8 * 1024 ** 2;

/** Lowers DuckDB's limit as segments come, so that the process as a whole stays below the same. */
export class MemoryLimit {
  readonly #database: Database;
  readonly #bytesMax: number;
  #bytes: number;
  #isChanging = false;
  #isGiven = false;

  constructor(database: Database, bytesMax: number) {
    this.#database = database;
    this.#bytesMax = bytesMax;
    this.#bytes = bytesMax;
  }
  /** Something failed for want of memory: from now on all of it may be used, whatever the process as a whole then has. */
  async give(): Promise<void> {
    this.#isGiven = true;
    await this.follow(0, false);
  }
  /** `segments`: those of all attached partitions. `isPressed`: rows come as fast as they are taken. */
  async follow(segments: number, isPressed: boolean): Promise<void> {
    const least = Math.min(this.#bytesMax, memoryBytesMin);
    const bytes = this.#isGiven
      ? this.#bytesMax
      : Math.max(least, this.#bytesMax - segments * (isPressed ? segmentBytes : calmSegmentBytes));
    const isSmall = Math.abs(bytes - this.#bytes) < stepBytes && bytes !== least && !this.#isGiven;
    if (this.#isChanging || bytes === this.#bytes || isSmall) return;
    this.#isChanging = true;
    try {
      await this.#database.limitMemory(bytes);
      this.#bytes = bytes;
    } catch {
      // So much is in use just now: it is tried again after the next job.
    } finally {
      this.#isChanging = false;
    }
  }
}
