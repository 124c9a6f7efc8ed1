/** A journal on the fake disk, and records for it: used by the tests of this room. */
import { codecs } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { FakeDisk } from '../core/disk-fake.ts';
import { silentLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import type { JournalAppend, ReadResult } from './contract.ts';
import type { OpenDirectory } from './directory.ts';
import { openJournal } from './open.ts';
import type { Journal, JournalOptions } from './open.ts';
import { newShardId } from './shard-id.ts';

/** Where the journal of the tests lies. */
export const fixtureDirectory = '/p2l/journal';

/** What a journal of the tests stands on; `open` may be called again after a crash or close. For tests. */
export class JournalFixture {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  disk = new FakeDisk(this.clock);
  #ids = 0;

  /** The n-th shard of a fixture, from 0. */
  shardId(n: number): string {
    return newShardId(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, n >>> 8, n));
  }
  options(changes: Partial<JournalOptions> = {}): JournalOptions {
    return {
      disk: this.disk,
      clock: this.clock,
      log: silentLog(),
      metrics: this.metrics,
      directory: fixtureDirectory,
      quarantine: '/p2l/quarantine',
      owner: 'test',
      limitBytes: 1e9,
      keepMs: 0,
      newShardId: () => this.shardId(this.#ids++),
      ...changes,
    };
  }
  open(changes: Partial<JournalOptions> = {}): Promise<Journal> {
    return openJournal(this.options(changes));
  }
  /** Turns of the event loop, enough for what is under way to end. */
  async turns(count = 10): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** An append of JSON records `{"n":…}`. For tests. */
export function appendOf(numbers: readonly number[], changes: Partial<JournalAppend> = {}): JournalAppend {
  return {
    source: 'http',
    generation: 1,
    tag: 'app',
    records: {
      codec: codecs.json,
      payloads: numbers.map((n) => `{"n":${n}}`),
      exact: numbers.map(() => false),
      seconds: numbers.map((n) => 1_700_000_000 + n),
      nanos: numbers.map((n) => n),
    },
    ...changes,
  };
}

/** Everything a shard holds, read in slices of about `bytesMax`. For tests. */
export async function readShard(
  directory: OpenDirectory,
  shard: string,
  from = 0,
  bytesMax = 1000,
): Promise<{ texts: string[]; lost: ReadResult['lost'] }> {
  const until = directory.shards().find((found) => found.shard === shard)?.durableOffset ?? 0;
  const reader = await directory.reader(shard);
  const texts: string[] = [];
  const lost: ReadResult['lost'][number][] = [];
  for (let next = from; next < until;) {
    const result = await reader.read(next, until, bytesMax);
    for (const { block } of result.frames)
      for (let row = 0; row < block.count; row++) texts.push(block.encoded(row).toString());
    lost.push(...result.lost);
    next = result.next;
  }
  await reader.close();
  return { texts, lost };
}
