/**
 * Which dead letters are done with: replayed, or dropped by a person. The dead-letter journal is only appended to, so this
 * stands beside it, and segments go once all of their letters are done.
 *
 * `<dataDir>/dead-done.json`, version 1, replaced as a whole (new file, fsync, rename, fsync of the directory):
 *   {"version":1,"shards":{"<shard>":[start,end,start,end …]}}
 * Offsets [start, end) of a shard are done. A letter that is replayed is marked once its record is durable: a crash in
 * between leaves it there to be replayed once more.
 */
import type { Disk } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { RangeSet } from '../core/ranges.ts';
import { replaceTextDurably } from '../core/whole-file.ts';

export class DeadLetterMarks {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #log: Log;
  #done: Promise<Map<string, RangeSet>> | undefined;

  constructor(disk: Disk, path: string, log: Log) {
    this.#disk = disk;
    this.#path = path;
    this.#log = log;
  }
  /** Ranges that are done, by shard. Read at the first call. */
  done(): Promise<ReadonlyMap<string, RangeSet>> {
    this.#done ??= this.#read();
    return this.#done;
  }
  /** Marks letters as done, durably, and forgets shards that are not in `known` any more. @throws the disk's error */
  async add(offsets: ReadonlyMap<string, readonly number[]>, known: ReadonlySet<string>): Promise<void> {
    const done = (await this.done()) as Map<string, RangeSet>;
    for (const [shard, list] of offsets) {
      let ranges = done.get(shard);
      if (!ranges) done.set(shard, (ranges = new RangeSet()));
      for (const offset of list) ranges.add(offset, offset + 1);
    }
    for (const shard of done.keys()) if (!known.has(shard)) done.delete(shard);
    await this.#write(done);
  }

  async #read(): Promise<Map<string, RangeSet>> {
    const done = new Map<string, RangeSet>();
    const bytes = await this.#disk.readFile(this.#path);
    if (!bytes) return done;
    try {
      const { shards } = JSON.parse(bytes.toString('utf8')) as { shards: Record<string, readonly number[]> };
      for (const [shard, flat] of Object.entries(shards)) {
        const ranges = new RangeSet();
        for (let i = 0; i + 1 < flat.length; i += 2) ranges.add(flat[i] as number, flat[i + 1] as number);
        done.set(shard, ranges);
      }
    } catch (error) {
      this.#log.error(`reading ${this.#path}: ${errorText(error)}; dead letters that were done with are shown again.`);
    }
    return done;
  }
  async #write(done: ReadonlyMap<string, RangeSet>): Promise<void> {
    const shards = Object.fromEntries([...done].map(([shard, ranges]) => [shard, ranges.flat()]));
    await replaceTextDurably(this.#disk, this.#path, JSON.stringify({ version: 1, shards }));
  }
}
