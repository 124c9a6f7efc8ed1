/**
 * What a join has taken into its records: kept with them in the journal, so that after a crash a row that lies in a
 * joined record already is not joined again. In the journal it is state of the joined records' source, one value for each
 * append, in a bounded number of slots:
 *
 *     {"<slot>": {"<shard>": [from, to, from, to, …], "<shard>.<ordinal>": […]}}
 *
 * A slot is free again once a cursor commit that knows its rows is durable. What is found at a start is a superset of what
 * the cursor does not know (rows that it knows as done are not given again). It moves into one value of its own, `found`,
 * and stays there as long as the journal has the shards.
 */
import { RangeSet } from '../../core/ranges.ts';

/** Appends between two commits of the cursor, at a few hundred a second; beyond them appends wait for a commit. */
const slotsMax = 256;
const foundKey = 'found';

/** A row of a shard; `ordinal` as in ChunkBatch. */
export interface RowId {
  readonly shard: string;
  readonly offset: number;
  readonly ordinal: number;
}

type TakenRows = Readonly<Record<string, readonly number[]>>;

/** Rows by shard. */
class RowSet {
  readonly #shards = new Map<string, RangeSet>();

  add({ shard, offset, ordinal }: RowId): void {
    this.#of(keyOf(shard, ordinal)).add(offset, offset + 1);
  }
  has({ shard, offset, ordinal }: RowId): boolean {
    return this.#shards.get(keyOf(shard, ordinal))?.has(offset) === true;
  }
  addAll(rows: unknown): void {
    if (typeof rows !== 'object' || rows === null) return;
    for (const [key, flat] of Object.entries(rows as Readonly<Record<string, unknown>>))
      if (Array.isArray(flat))
        for (let i = 0; i + 1 < flat.length; i += 2) this.#of(key).add(Number(flat[i]), Number(flat[i + 1]));
  }
  /** Leaves those shards that are asked for. */
  retain(isKept: (shard: string) => boolean): void {
    for (const key of this.#shards.keys()) if (!isKept(key.split('.')[0] as string)) this.#shards.delete(key);
  }
  get isEmpty(): boolean {
    return this.#shards.size === 0;
  }
  flat(): TakenRows {
    return Object.fromEntries([...this.#shards].map(([key, ranges]) => [key, ranges.flat()]));
  }
  #of(key: string): RangeSet {
    let found = this.#shards.get(key);
    if (!found) this.#shards.set(key, (found = new RangeSet()));
    return found;
  }
}

function keyOf(shard: string, ordinal: number): string {
  return ordinal < 0 ? shard : `${shard}.${ordinal}`;
}

/** A slot that is in use. */
interface Slot {
  /** Rows in it that the progress does not know as done yet. */
  left: number;
  /** The first commit whose durability frees it; undefined: some are left. */
  commit: number | undefined;
}

/** What goes into the journal with records that were made of some rows. */
export interface Taking {
  readonly state: Readonly<Record<string, unknown>>;
  /** The progress knows one more of the rows as done. */
  done(): void;
  /** The append failed: nothing of it is in the journal. */
  failed(): void;
}

/** The slots of one source of joined records. */
export class TakenSlots {
  readonly #used = new Map<number, Slot>();
  /** Free, and not cleared in the journal. */
  readonly #stale = new Set<number>();
  /** What earlier starts took. */
  readonly #found = new RowSet();
  #mustMove = false;
  #next = 0;
  /** Commits that were taken. */
  #commits = 0;

  /** `state`: what the journal holds of the source. `hasShard`: whether it still has one. */
  constructor(state: ReadonlyMap<string, unknown> | undefined, hasShard: (shard: string) => boolean) {
    for (const [key, rows] of state ?? []) {
      this.#found.addAll(rows);
      if (key !== foundKey) this.#stale.add(Number(key));
    }
    this.#found.retain(hasShard);
    this.#mustMove = state !== undefined && state.size > 0;
  }
  /** Whether an earlier start took it. */
  hasTaken(row: RowId): boolean {
    return this.#found.has(row);
  }
  get isFull(): boolean {
    return this.#used.size >= slotsMax;
  }
  /** Takes a slot for these rows, of which none is in another. Not while it is full. */
  take(rows: readonly RowId[]): Taking {
    const own = new RowSet();
    for (const row of rows) own.add(row);
    const number = this.#free();
    const slot: Slot = { left: rows.length, commit: undefined };
    this.#used.set(number, slot);
    this.#stale.delete(number);
    const cleared = [...this.#stale];
    const isMoving = this.#mustMove;
    return {
      state: { ...this.#rest(), [number]: own.flat() },
      done: () => {
        slot.left--;
        // The next commit that is taken is the first to know it.
        if (slot.left === 0) slot.commit = this.#commits + 1;
      },
      failed: () => {
        this.#used.delete(number);
        for (const one of [...cleared, number]) if (!this.#used.has(one)) this.#stale.add(one);
        this.#mustMove ||= isMoving;
      },
    };
  }
  /** The progress is taken for a commit; what it returns is called once that is durable. */
  onCommit(): () => void {
    const commit = ++this.#commits;
    return () => {
      for (const [number, slot] of this.#used)
        if (slot.commit !== undefined && slot.commit <= commit) {
          this.#used.delete(number);
          this.#stale.add(number);
        }
    };
  }
  /** What clears all that is free, to be appended without records; undefined: nothing is to be cleared. */
  clearing(): Readonly<Record<string, unknown>> | undefined {
    return this.#stale.size > 0 || this.#mustMove ? this.#rest() : undefined;
  }
  #rest(): Record<string, unknown> {
    const state: Record<string, unknown> = Object.fromEntries([...this.#stale].map((one) => [one, null]));
    this.#stale.clear();
    if (this.#mustMove) state[foundKey] = this.#found.isEmpty ? null : this.#found.flat();
    this.#mustMove = false;
    return state;
  }
  #free(): number {
    while (this.#used.has(this.#next % slotsMax)) this.#next++;
    return this.#next++ % slotsMax;
  }
}
