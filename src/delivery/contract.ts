/** What the rest of the program sees of delivery. delivery.ts makes it. */
import type { BufferModel } from '../config/model.ts';
import type { Clock } from '../core/clock.ts';
import type { Disk } from '../core/disk.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { AppendRequest, Output } from '../core/plugin.ts';
import type { ShardExtent } from '../journal/contract.ts';
import type { Recipient } from '../router/contract.ts';

/** An output to run. */
export interface OutputPlan {
  /** The model's id: identity of its cursor. */
  readonly id: string;
  readonly buffer: BufferModel;
  /** Called at the start and whenever `signature` changed, never while an older instance of it writes. Does no I/O. */
  create(committed: unknown): Output;
  /** Called with create(). */
  readonly createSecondary?: ((committed: unknown) => Output) | undefined;
  /** Changes whenever the plugin, its options or its secondary do (JSON of the model): an instance is kept while it stays the same. */
  readonly signature: string;
}

export interface DeliveryOptions {
  /** Holds `cursors/`, `staged/`, and `quarantine/` for what is damaged there. */
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * Appends to the dead-letter journal (`<dataDir>/dead`); resolves once durable.
   * @throws OperatingError JOURNAL_FULL: the output whose records these are stops until there is room.
   */
  appendDead(request: AppendRequest): Promise<unknown>;
  /** The journal's shards (JournalDirectory.shards), for counting what waits. */
  shards(): readonly ShardExtent[];
  /** Called whenever the set of recipients changed by itself (a removed output has drained): hand it to Dispatcher.setRecipients. */
  onRecipients(recipients: readonly Recipient[]): void;
  /** Bytes of records an output may hold. Default 8 MiB. */
  readonly queueBytesMax?: number;
  /** Bytes that staged chunks of all outputs may have on disk. Default 256 MiB. */
  readonly stagedBytesMax?: number;
  /** Longest time between a delivery and the commit of its cursor. Default 500 ms. */
  readonly commitIntervalMs?: number;
  /** Chooses retry jitter, 0 ≤ x < 1. Default Math.random. */
  readonly random?: () => number;
}

/** How a target stands. */
export interface TargetStatus {
  /** Undefined: nothing was written yet, and it was not asked. */
  readonly answers: boolean | undefined;
  /** Wall time since which that is so. */
  readonly sinceMs: number | undefined;
  /** What is wrong and what to do, in the words of `check --probe`; undefined: nothing. */
  readonly said: string | undefined;
}

/** How an output stands. Counts are those of its cursor: they survive restarts. */
export interface OutputStatus {
  readonly id: string;
  /** `stopped`: its dead letters cannot be kept, it waits for room there. `draining`: no longer configured, delivers what is left. */
  readonly state: 'opening' | 'running' | 'retrying' | 'stopped' | 'draining' | 'closed';
  readonly delivered: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Records that were not for this output. */
  readonly passed: number;
  /** Emissions beyond the first of a record; appended + derived = delivered + refused + passed + waiting. */
  readonly derived: number;
  /** Durable records it is not done with. */
  readonly waiting: number;
  /** Bytes of records it holds in memory. */
  readonly queuedBytes: number;
  /** Where its configuration has a limit: bytes of records that wait for it, of what lies in the journal an estimate. */
  readonly backlog?: { readonly bytes: number; readonly bytesMax: number } | undefined;
  /** Age of the oldest record it holds; 0 when it holds none. */
  readonly lagMs: number;
  /** What went wrong last, while it retries or is stopped. */
  readonly lastError: string | undefined;
  /** Whether its target answers, by its writes and by asking; undefined: it has none. */
  readonly target?: TargetStatus;
  /** Wall time of the next try, while it retries. */
  readonly nextTryMs: number | undefined;
}

/** What an output did not get rid of before the program stopped. */
export interface OutputRest {
  readonly id: string;
  readonly waiting: number;
}

export interface Delivery {
  /** Everyone the dispatcher has to serve. */
  recipients(): readonly Recipient[];
  /**
   * Makes this the set of outputs. Known ids keep their cursors and their queues; outputs no longer in it drain; others
   * begin at the oldest offset kept, and see what their generation routed to them. `backfillGeneration`: frames older
   * than it are routed by it for the new outputs, so that they get the journal's past too.
   * Call it when frames of the new generation may appear, not later. Hand recipients() to the dispatcher afterwards.
   */
  setOutputs(plans: readonly OutputPlan[], options?: { backfillGeneration?: number }): Promise<void>;
  /** Ids of outputs that have a cursor, are not closed and are not in the current set: plan them from their stored generation and give them to drain(). */
  unfinished(): readonly string[];
  /** Runs outputs of earlier configurations until they have nothing left. */
  drain(plans: readonly OutputPlan[]): Promise<void>;
  /** Refuses (`output_dropped`) all that a draining or running output has not delivered. False: no such output. */
  dropOutput(id: string): boolean;
  /**
   * The journal is full: outputs with overflow `drop_oldest` that hold back `shard` refuse (`overflow`) what lies before
   * `before`. Returns true when any did; their cursors move within a commit interval.
   */
  dropOldest(shard: string, before: number): boolean;
  /** The lowest offset that anybody still needs, by committed cursors: for JournalDirectory.retain. */
  passed(shard: string, firstOffset: number): number;
  /** Of outputs in the order of their plans, then of those that drain. */
  status(): readonly OutputStatus[];
  /** Asks the targets of which nothing was heard for a while; status() tells what they said. */
  askTargets(): void;
  /** The account of what the router refused: same shape, delivered is always 0. */
  routerStatus(): OutputStatus;
  /** Flushes all that is held, now. */
  flush(): void;
  /** Resolves once nothing durable waits in any output, or after graceMs; then commits and closes. The dispatcher must still run. */
  stop(graceMs: number): Promise<readonly OutputRest[]>;
}
