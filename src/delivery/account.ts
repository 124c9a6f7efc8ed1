/**
 * The router's account, `@router`: counts what the router refused, once, and has the dead letters keep what filters and
 * steps rejected. It keeps a place and a cursor like an output, so its counts survive crashes in the same way.
 */
import type { Batch } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { AppendRequest } from '../core/plugin.ts';
import type { ReadResult, ShardExtent } from '../journal/contract.ts';
import type { Recipient, Refusal, RoutedFrame } from '../router/contract.ts';
import type { OutputStatus } from './contract.ts';
import type { CursorFile } from './cursor.ts';
import { DeadLetters, Sleeper } from './dead-letters.ts';
import type { DeliveryMetrics } from './metrics.ts';
import { OutputCursor } from './output-cursor.ts';
import { takeFrame } from './part.ts';
import type { Part } from './part.ts';

/** The account's id among recipients, and in the dead letters. No output can be called so: `@` ids are reserved. */
export const routerAccountId = '@router';
/** Tags warned of and counted by name: they can come from outside. */
const tagsMax = 1000;

interface AccountOptions {
  readonly file: CursorFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: DeliveryMetrics;
  readonly queueBytesMax: number;
  readonly commitIntervalMs: number;
  appendDead(request: AppendRequest): Promise<unknown>;
  shards(): readonly ShardExtent[];
}

export class RouterAccount implements Recipient {
  readonly id = routerAccountId;
  readonly takesRefusals = true;
  readonly backfillGeneration = 0;
  readonly cursor: OutputCursor;
  readonly #options: AccountOptions;
  readonly #sleeper: Sleeper;
  readonly #deadLetters: DeadLetters;
  readonly #tags = new Set<string>();
  readonly #tails = new Map<string, Part>();
  #kept: { readonly part: Part; readonly reason: string }[] = [];
  #heldBytes = 0;
  #isFull = false;
  #keeping: Promise<void> | undefined;
  #trouble: string | undefined;
  #onRoom: () => void = () => undefined;
  #isClosed = false;

  constructor(options: AccountOptions) {
    const { clock, log, metrics } = options;
    this.#options = options;
    this.#sleeper = new Sleeper(clock);
    this.#deadLetters = new DeadLetters({
      output: routerAccountId,
      log,
      append: (request) => options.appendDead(request),
      sleep: (waitMs) => this.#sleeper.sleep(waitMs),
      onStopped: (text) => {
        this.#trouble = text;
      },
    });
    this.cursor = new OutputCursor({
      id: routerAccountId,
      file: options.file,
      clock,
      log,
      commitIntervalMs: options.commitIntervalMs,
      onRefused: (reason, count) => metrics.refused(routerAccountId, reason, count),
      prepare: () => Promise.resolve({ state: undefined, taken: () => undefined }),
    });
  }
  next(shard: string, firstOffset: number): number {
    return this.cursor.progress(shard, firstOffset).next;
  }
  hasRoom(): boolean {
    return !this.#isFull;
  }
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }
  forget(shard: string): void {
    this.#tails.delete(shard);
    this.cursor.forget(shard);
  }
  accept(frame: RoutedFrame, _batches: readonly Batch[] | undefined, refusals: readonly Refusal[]): void {
    const progress = this.cursor.progress(frame.shard, frame.from);
    if (progress.next >= frame.to) return;
    this.cursor.changed();
    const batches = refusals.length === 0 ? undefined : refusals.map(({ batch }) => batch);
    for (const part of takeFrame(progress, frame, batches, this.#tails.get(frame.shard))) {
      const { reason, isKept } = refusals[part.emission] as Refusal;
      if (reason === 'no_route') this.#noRoute(part.batch.tag, part.batch.count);
      if (!isKept) {
        this.cursor.counts.refuse(reason, part.batch.count);
        part.finish();
        continue;
      }
      this.#tails.set(frame.shard, part);
      this.#kept.push({ part, reason });
      this.#heldBytes += part.heldBytes;
      if (this.#heldBytes >= this.#options.queueBytesMax) this.#isFull = true;
    }
  }
  acceptLost(shard: string, lost: ReadResult['lost'][number]): void {
    this.cursor.lose(shard, lost);
  }
  endSlice(): void {
    if (this.#kept.length === 0 || this.#isClosed) return;
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined;
      this.endSlice();
    });
  }
  /** True when nothing that was read waits for the dead letters. */
  get isDone(): boolean {
    return this.cursor.waiting(this.#options.shards()) === 0;
  }
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sleeper.stop();
    await this.#keeping;
    this.cursor.changed();
    await this.cursor.commit().catch(() => undefined);
    await this.cursor.close();
  }
  status(): OutputStatus {
    const { counts } = this.cursor;
    return {
      id: this.id,
      state: this.#isClosed ? 'closed' : this.#trouble === undefined ? 'running' : 'stopped',
      delivered: 0,
      refused: Object.fromEntries(counts.refused),
      passed: counts.passed,
      derived: counts.derived,
      waiting: this.cursor.waiting(this.#options.shards()),
      queuedBytes: Math.round(this.#heldBytes),
      lagMs: 0,
      lastError: this.#trouble,
      nextTryMs: undefined,
    };
  }

  async #keep(): Promise<void> {
    const { clock } = this.#options;
    while (this.#kept.length > 0) {
      const taken = this.#kept;
      this.#kept = [];
      const refusedMs = clock.nowMs();
      const letters = taken.flatMap(({ part, reason }) =>
        Array.from({ length: part.batch.count }, (_, row) => {
          const emissionId = part.emissionId(row);
          return { refused: { output: this.id, reason, emissionId, attempts: 1, refusedMs }, batch: part.batch, row };
        }),
      );
      try {
        await this.#deadLetters.keep(letters);
      } catch {
        // Stopped: they stay waiting in the cursor, and are rejected again at the next start.
        return;
      }
      for (const { part, reason } of taken) {
        this.cursor.counts.refuse(reason, part.batch.count);
        part.finish();
        this.#heldBytes = Math.max(0, this.#heldBytes - part.heldBytes);
      }
      this.cursor.changed();
      if (this.#isFull && this.#heldBytes <= this.#options.queueBytesMax / 2) {
        this.#isFull = false;
        this.#onRoom();
      }
    }
  }
  #noRoute(tag: string, count: number): void {
    const isKnown = this.#tags.has(tag);
    if (!isKnown && this.#tags.size >= tagsMax) {
      this.#options.metrics.noRoute('other', count);
      return;
    }
    this.#options.metrics.noRoute(tag, count);
    if (isKnown) return;
    this.#tags.add(tag);
    this.#options.log.warn(
      { tag },
      `routing records with tag ${tag}: no match takes them, they are counted as refused (no_route); add a match for them`,
    );
  }
}
