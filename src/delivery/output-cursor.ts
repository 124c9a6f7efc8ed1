/** One recipient's progress in all shards, and its commits. */
import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ReadResult, ShardExtent } from '../journal/contract.ts';
import type { CursorFile } from './cursor.ts';
import { Counts, ShardProgress } from './progress.ts';
import type { ShardCursor } from './progress.ts';
import type { StagedCursor } from './staged-chunks.ts';

interface OutputCursorOptions {
  readonly id: string;
  readonly file: CursorFile;
  readonly clock: Clock;
  readonly log: Log;
  readonly commitIntervalMs: number;
  readonly onRefused: (reason: string, count: number) => void;
  /**
   * Called at the start of each commit. The progress is taken in the turn in which it resolves, committed together with
   * `state`; `taken` is called right behind that. Rejects when the progress must not be committed now.
   */
  prepare(): Promise<Prepared>;
  /** What is committed with the progress, of the same turn. */
  readonly staged?: Staged | undefined;
}

/** What the cursor has to do with staged chunks. */
interface Staged {
  readonly waiting: number;
  readonly lows: ReadonlyMap<string, number>;
  cursor(): StagedCursor | undefined;
  /** A commit with this is durable. */
  committed(cursor: StagedCursor | undefined): void;
}

export interface Prepared {
  readonly state: unknown;
  readonly secondaryState?: unknown;
  taken(): void;
  /** The commit is durable. */
  committed?(): void;
}

export class OutputCursor {
  readonly id: string;
  readonly counts: Counts;
  backfillGeneration: number;
  isClosed = false;
  /** The states of the output and its secondary as last committed. */
  state: unknown;
  secondaryState: unknown;
  readonly #options: OutputCursorOptions;
  readonly #shards = new Map<string, ShardProgress>();
  #isChanged = false;
  #timer: Timer | undefined;
  #committing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(options: OutputCursorOptions) {
    this.#options = options;
    this.id = options.id;
    const { found } = options.file;
    this.counts = new Counts(found?.counts, options.onRefused);
    this.backfillGeneration = found?.backfillGeneration ?? 0;
    this.isClosed = found?.isClosed ?? false;
    this.state = found?.state;
    this.secondaryState = found?.secondaryState;
    for (const [shard, cursor] of Object.entries(found?.shards ?? {})) this.#add(shard, cursor);
  }
  /** Progress in a shard; one never seen begins at `firstOffset`. */
  progress(shard: string, firstOffset: number): ShardProgress {
    const known = this.#shards.get(shard);
    if (known) return known;
    return this.#add(shard, { start: firstOffset, low: firstOffset, done: [], partials: {} });
  }
  #add(shard: string, cursor: ShardCursor): ShardProgress {
    const made = new ShardProgress(shard, this.counts, cursor);
    made.stagedLow = () => this.#options.staged?.lows.get(shard);
    this.#shards.set(shard, made);
    return made;
  }
  /** As progress(), for shards already met. */
  known(shard: string): ShardProgress | undefined {
    return this.#shards.get(shard);
  }
  /** Ids of all shards it has a place in. */
  shards(): readonly string[] {
    return [...this.#shards.keys()];
  }
  forget(shard: string): void {
    if (this.#shards.delete(shard)) this.changed();
  }
  /** Offsets whose frames are gone: what it had not taken of them is refused for the journal's reason. */
  lose(shard: string, lost: ReadResult['lost'][number]): void {
    const progress = this.progress(shard, lost.from);
    const from = Math.max(lost.from, progress.next);
    if (lost.to <= from) return;
    progress.next = lost.to;
    progress.completeRefused(from, lost.to, lost.reason);
    this.changed();
  }
  /** Durable records that are not done, and staged ones that are not over. */
  waiting(shards: readonly ShardExtent[]): number {
    let sum = this.#options.staged?.waiting ?? 0;
    for (const { shard, firstOffset, durableOffset } of shards)
      sum += this.#shards.get(shard)?.waiting(durableOffset) ?? durableOffset - firstOffset;
    return sum;
  }
  /** Something is to be committed: within commitIntervalMs it will be. */
  changed(): void {
    this.#isChanged = true;
    this.#timer ??= this.#options.clock.after(this.#options.commitIntervalMs, () => {
      this.#timer = undefined;
      void this.commit().catch(() => this.changed());
    });
  }
  /** Commits now, behind commits that run. Does nothing when nothing changed. Rejects when it failed; that was logged. */
  commit(): Promise<void> {
    this.#committing = this.#committing.catch(() => undefined).then(() => this.#commit());
    return this.#committing;
  }
  /** Ends timed commits, waits for the one that runs, closes the file. Commit before. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#committing.catch(() => undefined);
    this.#timer?.cancel();
    await this.#options.file.close();
  }

  async #commit(): Promise<void> {
    if (!this.#isChanged) return;
    const { file, log } = this.#options;
    try {
      const prepared = await this.#options.prepare();
      this.#isChanged = false;
      const lows = [...this.#shards.values()].map((progress) => ({ progress, low: progress.low }));
      const { state, secondaryState } = prepared;
      const staged = this.#options.staged?.cursor();
      const cursor = {
        id: this.id,
        counts: this.counts.cursor(),
        shards: Object.fromEntries([...this.#shards].map(([shard, progress]) => [shard, progress.cursor()])),
        state,
        ...(secondaryState !== undefined && { secondaryState }),
        ...(staged && { staged }),
        backfillGeneration: this.backfillGeneration,
        isClosed: this.isClosed,
      };
      prepared.taken();
      await file.commit(cursor);
      this.state = state;
      this.secondaryState = secondaryState;
      for (const { progress, low } of lows) progress.committedLow = low;
      this.#options.staged?.committed(staged);
      prepared.committed?.();
      this.#hasFailed = false;
    } catch (error) {
      this.#isChanged = true;
      if (!this.#hasFailed)
        log.error(
          { output: this.id },
          `committing the cursor of output ${this.id}: ${errorText(error)}; delivery goes on, a crash now would repeat it; trying again`,
        );
      this.#hasFailed = true;
      throw error;
    }
  }
}
