/** What comes before rows may go in: the partition they go into, room on the disk, and hot tables that are not too many. */
import type { Clock, Timer } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import { OperatingError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Background } from './background.ts';
import type { Partition } from './partition.ts';
import type { PartitionSet } from './partitions.ts';
import { decideRetention, isPartitionOver } from './retention.ts';
import { Change, Turn } from './waiting.ts';

/** Sizes and free space are looked at again after so many bytes of JSON or so much time, whichever comes first. */
const lookBytes = 8 * 1024 ** 2;
const lookMs = 10_000;

export interface AdmissionOptions {
  readonly set: PartitionSet;
  readonly background: Background;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly bytesMax: number;
  readonly keepMs: number | undefined;
  readonly reserveBytes: number;
  /** Resolves when no commit is under way. */
  settled(): Promise<void>;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #changed = new Change();
  /** Inserts and retention by time do not switch partitions at the same time. */
  readonly #turn = new Turn();
  #bytesSinceLook = Number.POSITIVE_INFINITY;
  #lookedAtMs = 0;
  #isFull = false;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }
  /** Begins to drop by time. */
  start(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(lookMs, () => {
      void this.#turn
        .run(() => this.#retain())
        .catch((error: unknown) =>
          this.#options.log.warn({ error: errorText(error) }, 'Old partitions of the store could not be dropped.'),
        )
        .finally(() => this.start());
    });
  }
  /** Resolves when nothing is being dropped or begun. Inserts have ended before. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#turn.run(() => Promise.resolve());
  }
  /** A job in the background is over: there may be room now. */
  changed(): void {
    this.#changed.notify();
  }
  inserted(bytes: number): void {
    this.#bytesSinceLook += bytes;
  }
  /** Runs with the partition that takes rows, once it may, and as long as it does. @throws OperatingError STORE_FULL, STORE_WRITE. */
  into(signal: AbortSignal, run: (partition: Partition) => Promise<void>): Promise<void> {
    return this.#turn.run(async () => run(await this.#ready(signal)));
  }
  /** Runs while no insert is under way. */
  alone(run: () => Promise<void>): Promise<void> {
    return this.#turn.run(async () => {
      await this.#options.settled();
      await run();
    });
  }
  async #ready(signal: AbortSignal): Promise<Partition> {
    const { background, clock } = this.#options;
    const isDue = this.#bytesSinceLook >= lookBytes || clock.monotonicMs() - this.#lookedAtMs >= lookMs;
    if (isDue || this.#isFull) await this.#retain();
    if (this.#isFull)
      throw new OperatingError(
        'STORE_FULL',
        `storing records in ${this.#options.set.directory}: the store's limit or the disk's reserve is reached and nothing older is left to drop; free space or raise the limit`,
      );
    const partition = await this.#current();
    while (background.isBehind(partition)) {
      if (partition.failure)
        throw new OperatingError(
          'STORE_WRITE',
          `storing records in ${partition.path}: what came before could not be sealed: ${errorText(partition.failure.error)}; they are tried again`,
          { cause: partition.failure.error },
        );
      await this.#changed.wait(signal);
      if (partition.isGone) return this.#ready(signal);
    }
    return partition;
  }
  /** The open partition; a new one where there is none or it is over. */
  async #current(): Promise<Partition> {
    const { set, clock, bytesMax, background } = this.#options;
    const { open } = set;
    if (open && !isPartitionOver(open, bytesMax, clock.nowMs())) return open;
    await this.#options.settled();
    const begun = await set.begin(clock.nowMs());
    background.wake();
    return begun;
  }
  /** Drops what is too old or too much. */
  async #retain(): Promise<void> {
    const { set, disk, clock, log, bytesMax, keepMs, reserveBytes } = this.#options;
    this.#bytesSinceLook = 0;
    this.#lookedAtMs = clock.monotonicMs();
    await set.open?.measure();
    const { freeBytes } = await disk.space(set.directory);
    const limits = { bytesMax, keepMs, freeBytes, reserveBytes };
    const { drop, isOpenDropped, isFull } = decideRetention(set.all, limits, clock.nowMs());
    if (drop.length > 0 || isOpenDropped) await this.#options.settled();
    if (isOpenDropped) await set.begin(clock.nowMs());
    for (const partition of drop) {
      await set.drop(partition);
      log.debug({ partition: partition.name, records: partition.records }, 'A partition of the store was dropped.');
    }
    this.#isFull = isFull;
  }
}
