/**
 * `<quarantine>/<shard>-<segment>-<position>.bin` holds the raw bytes of a damaged stretch of a segment, and the `.json`
 * beside it says {shard, segment, position, bytes, reason, foundMs}. The name says what it is, so that a stretch that is
 * met again (another reader, the next start) is neither kept nor counted twice.
 */
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Disk, DiskFile } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';

/** More of one stretch is not kept: it is for people to look at, and must not fill the disk. */
const keptBytesMax = 64 * 1024 * 1024;

export interface Damage {
  readonly shard: string;
  /** First offset of the segment. */
  readonly segment: number;
  /** Place in the file. */
  readonly position: number;
  readonly bytes: number;
  readonly reason: string;
}

export interface QuarantineOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Metrics;
  /** `<dataDir>/quarantine`. */
  readonly quarantine: string;
}

export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #known = new Set<string>();

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }
  /** Keeps, counts and reports a damaged stretch, once. Never throws: what cannot be kept is still counted. */
  async take(file: DiskFile, damage: Damage): Promise<void> {
    const { disk, quarantine, log, metrics, clock } = this.#options;
    const name = `${damage.shard}-${damage.segment}-${damage.position}`;
    if (this.#known.has(name)) return;
    this.#known.add(name);
    const jsonPath = join(quarantine, `${name}.json`);
    try {
      if ((await disk.readFile(jsonPath)) !== undefined) return;
      const bytes = Buffer.alloc(Math.min(damage.bytes, keptBytesMax));
      const got = await file.read(bytes, damage.position);
      await disk.makeDirectory(quarantine);
      await this.#write(`${name}.bin`, bytes.subarray(0, got));
      await this.#write(`${name}.json`, Buffer.from(`${JSON.stringify({ ...damage, foundMs: clock.nowMs() })}\n`));
      await disk.syncDirectory(quarantine);
    } catch (error) {
      log.error(`Could not keep damaged journal bytes ${name} in ${quarantine}: ${errorText(error)}.`);
    }
    metrics?.counter('journal_quarantined_total', 'Damaged stretches of journal segments found.').inc();
    log.error(
      `Journal shard ${damage.shard} is damaged: ${damage.bytes} bytes at ${damage.position} of segment ${damage.segment} (${damage.reason}). They are kept in ${jsonPath}; reading goes on behind them.`,
    );
  }
  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#options.disk.open(join(this.#options.quarantine, name), 'write');
    try {
      await file.truncate(0);
      await file.write([bytes], 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
