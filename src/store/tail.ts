/** Records as they are stored. Readers of the same query share the work; a slow one loses the oldest of what waits for it. */
import type { Clock } from '../core/clock.ts';
import type { FoundRecord } from './contract.ts';
import type { Engine } from './engine.ts';
import { wholeRecord, wholeSql } from './found.ts';
import type { RowTable } from './layout.ts';
import { ask, type Asking, type Selected } from './selection.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';

/** Inserts are gathered for this long: a person sees no delay, and a busy store is asked five times a second. */
const gatherMs = 200;
/** What waits for one reader, and what one look takes: a screen has 50 lines, nobody reads 5000 a second. */
const recordsMax = 1000;
const charsMax = 4 * 1024 ** 2;

/** Tells of rows that were just stored. */
export type Inserts = Pick<Engine, 'onInserted'>;

/** What a reader gets at once. */
export interface TailPart {
  readonly records: readonly FoundRecord[];
  readonly skipped: number;
}

/** New rows of a hot table that nobody has looked at yet. */
interface NewRows {
  readonly view: PartitionView;
  readonly table: number;
  readonly from: number;
  to: number;
}

/** All tails of a store. */
export class Tails {
  readonly #inserts: Inserts;
  readonly #clock: Clock;
  /** By the query's text. */
  readonly #watches = new Map<string, Watch>();

  constructor(inserts: Inserts, clock: Clock) {
    this.#inserts = inserts;
    this.#clock = clock;
  }
  /** Begins at once; ends when the signal aborts or the reader stops. `begin` makes what one look needs. */
  follow(
    query: string,
    selected: Selected,
    signal: AbortSignal,
    begin: (signal: AbortSignal) => Asking,
  ): AsyncIterable<TailPart> {
    const watch =
      this.#watches.get(query) ??
      new Watch(this.#inserts, this.#clock, selected, begin, () => this.#watches.delete(query));
    this.#watches.set(query, watch);
    return watch.add(signal);
  }
}

/** One query, and those who read it. */
class Watch {
  readonly #clock: Clock;
  readonly #selected: Selected;
  readonly #begin: (signal: AbortSignal) => Asking;
  readonly #onEmpty: () => void;
  readonly #readers = new Set<Reader>();
  readonly #stop: () => void;
  readonly #ended = new AbortController();
  #waiting: NewRows[] = [];
  #isGathering = false;

  constructor(
    inserts: Inserts,
    clock: Clock,
    selected: Selected,
    begin: (signal: AbortSignal) => Asking,
    onEmpty: () => void,
  ) {
    this.#clock = clock;
    this.#selected = selected;
    this.#begin = begin;
    this.#onEmpty = onEmpty;
    this.#stop = inserts.onInserted(({ view, hotNumber: table, from, to }) => {
      const last = this.#waiting.at(-1);
      if (last?.view === view && last.table === table && last.to === from) last.to = to;
      else this.#waiting.push({ view, table, from, to });
      this.#gather();
    });
  }
  add(signal: AbortSignal): AsyncIterable<TailPart> {
    const reader = new Reader(signal, () => {
      this.#readers.delete(reader);
      if (this.#readers.size > 0) return;
      this.#stop();
      this.#onEmpty();
      this.#ended.abort();
    });
    this.#readers.add(reader);
    if (signal.aborted) reader.end();
    return reader;
  }

  #gather(): void {
    if (this.#isGathering || this.#readers.size === 0) return;
    this.#isGathering = true;
    this.#clock.after(gatherMs, () => void this.#look());
  }
  async #look(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const asking = this.#begin(this.#ended.signal);
      try {
        for (const rows of waiting) await this.#lookAt(asking, rows);
      } finally {
        asking.limits.close();
      }
    } catch (error) {
      for (const reader of this.#readers) reader.end(error);
    }
    this.#isGathering = false;
    if (this.#waiting.length > 0) this.#gather();
  }
  async #lookAt(asking: Asking, rows: NewRows): Promise<void> {
    let part: TailPart = { records: [], skipped: rows.to - rows.from };
    await ask(asking, rows.view, async (snapshot) => {
      const table = snapshot.tables.find((other) => other.kind === 'hot' && other.number === rows.table);
      // Sealed within the time of one look: so many came that they count as skipped.
      if (table) part = await newRecords(asking, this.#selected, snapshot, table, rows);
    });
    if (part.records.length > 0 || part.skipped > 0) for (const reader of this.#readers) reader.push(part);
  }
}

/** Matching rows, oldest first: the newest that fit, and how many did not. */
async function newRecords(
  { limits }: Asking,
  selected: Selected,
  snapshot: Snapshot,
  table: RowTable,
  rows: NewRows,
): Promise<TailPart> {
  const { connection } = snapshot;
  const where = `rowid < ${rows.to} AND ${selected.sql(table, snapshot.shards)}`;
  const newest = await limits.rows(
    connection,
    `SELECT rowid, strlen(fields) FROM ${table.sql} WHERE rowid >= ${rows.from} AND ${where} ORDER BY rowid DESC LIMIT ${recordsMax + 1}`,
  );
  let bytes = 0;
  let fitting = 0;
  for (const [, length] of newest.slice(0, recordsMax)) {
    bytes += Number(length);
    if (bytes > charsMax && fitting > 0) break;
    fitting++;
  }
  if (fitting === 0) return { records: [], skipped: 0 };
  const from = Number(newest[fitting - 1]?.[0]);
  const found = await limits.rows(
    connection,
    `SELECT ${wholeSql} FROM ${table.sql} WHERE rowid >= ${from} AND ${where} ORDER BY rowid`,
  );
  const records = found.map((row) => wholeRecord(row, snapshot.shards));
  if (newest.length === fitting) return { records, skipped: 0 };
  const counted = await limits.rows(
    connection,
    `SELECT count(*) FROM ${table.sql} WHERE rowid >= ${rows.from} AND rowid < ${from} AND ${where}`,
  );
  return { records, skipped: Number(counted[0]?.[0]) };
}

/** One reader's queue. */
class Reader implements AsyncIterableIterator<TailPart> {
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #onAbort = (): void => this.end();
  #records: FoundRecord[] = [];
  #chars = 0;
  #skipped = 0;
  #wake: (() => void) | undefined;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(signal: AbortSignal, onEnd: () => void) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }
  push({ records, skipped }: TailPart): void {
    this.#skipped += skipped;
    for (const record of records) {
      this.#records.push(record);
      this.#chars += record.json.length;
    }
    let left = 0;
    for (; this.#records.length - left > recordsMax || this.#chars > charsMax; left++) {
      if (this.#records.length - left === 1) break;
      this.#chars -= this.#records[left]?.json.length ?? 0;
    }
    this.#records.splice(0, left);
    this.#skipped += left;
    this.#wake?.();
  }
  /** Ends it, with an error if there is one. What waits is still given when it ends without. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (error !== undefined) this.#failure = { error };
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#onEnd();
    this.#wake?.();
  }
  async next(): Promise<IteratorResult<TailPart>> {
    while (!this.#isEnded && this.#records.length === 0 && this.#skipped === 0)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure) throw this.#failure.error;
    if (this.#signal.aborted || (this.#records.length === 0 && this.#skipped === 0))
      return { done: true, value: undefined };
    const value: TailPart = { records: this.#records, skipped: this.#skipped };
    this.#records = [];
    this.#chars = 0;
    this.#skipped = 0;
    return { done: false, value };
  }
  return(): Promise<IteratorResult<TailPart>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
}
