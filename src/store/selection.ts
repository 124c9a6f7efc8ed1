/** Which records a question is about, and how it goes from partition to partition. */
import { OperatingError } from '../core/errors.ts';
import type { Selection } from './contract.ts';
import { readError } from './database.ts';
import { candidateRows } from './filters.ts';
import type { RowTable } from './layout.ts';
import { StatementError, type Limits } from './limits.ts';
import { parseQuery } from './query/parser.ts';
import { mayMatch } from './query/bounds.ts';
import { timeSql, toSql } from './query/sql.ts';
import type { QueryTree } from './query/tree.ts';
import { neededWords, type Need } from './query/needs.ts';
import { rangesSql, type RowRange } from './row-runs.ts';
import type { PartitionView, Partitions, Snapshot } from './snapshot.ts';

/** One question while it is answered. */
export interface Asking {
  readonly partitions: Partitions;
  readonly limits: Limits;
  /** What the answer will say besides what the partitions say. */
  readonly notes: Set<string>;
}

/** Filters of so many segments are read at first, and then of so many times those read before. */
const aheadMin = 4;
const aheadGrowth = 4;

/** Smallest and largest record time of something, whole seconds. */
export interface Times {
  readonly secondsMin: number;
  readonly secondsMax: number;
}

/** A selection, read. */
export class Selected {
  readonly tree: QueryTree;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly #need: Need;
  /** Candidates read so far, by partition and segment. A segment never changes, and no other gets its number. */
  readonly #known = new Map<string, readonly RowRange[] | undefined>();

  private constructor(tree: QueryTree, need: Need, fromMs: number | undefined, toMs: number | undefined) {
    this.tree = tree;
    this.#need = need;
    this.fromMs = fromMs;
    this.toMs = toMs;
  }
  /** `nowMs`: what `now` in the query is. @throws QueryError */
  static read({ query, fromMs, toMs }: Selection, nowMs: number): Selected {
    const tree = parseQuery(query, nowMs);
    return new Selected(tree, neededWords(tree), fromMs, toMs);
  }
  /** The same with other times. */
  between(fromMs: number | undefined, toMs: number | undefined): Selected {
    return new Selected(this.tree, this.#need, fromMs, toMs);
  }
  /** First and last whole second that selected records can have. */
  get seconds(): Times {
    return {
      secondsMin: this.fromMs === undefined ? -Infinity : Math.floor(this.fromMs / 1000),
      secondsMax: this.toMs === undefined ? Infinity : Math.ceil(this.toMs / 1000) - 1,
    };
  }
  /** False: nothing in this range of times is selected. */
  mayBeIn(times: Times): boolean {
    const { secondsMin, secondsMax } = this.seconds;
    return times.secondsMax >= secondsMin && times.secondsMin <= secondsMax;
  }
  /** The condition for a table's rows. */
  sql(table: RowTable, shards: ReadonlyMap<number, string>): string {
    return `(${toSql(this.tree, table, shards)}) AND ${timeSql(this.fromMs, this.toMs)}`;
  }
  /** Rows of a table that can match by its token filter; undefined: all. */
  async candidates(limits: Limits, snapshot: Snapshot, table: RowTable): Promise<readonly RowRange[] | undefined> {
    if (this.#need.kind === 'any') return undefined;
    if (table.kind === 'hot') return table.survey?.candidates(this.#need);
    const nameOf = ({ number }: RowTable): string => `${snapshot.alias}/${number}`;
    if (!this.#known.has(nameOf(table))) {
      const unknown = tablesOf(snapshot, this).filter(
        (other) => other.kind === 'segment' && !this.#known.has(nameOf(other)),
      );
      const from = Math.max(0, unknown.indexOf(table));
      const next = [table, ...unknown.slice(from + 1), ...unknown.slice(0, from)];
      // Few at first, as most searches end soon; a search that goes on needs them all.
      const segments = next.slice(0, Math.max(aheadMin, aheadGrowth * this.#known.size));
      const found = await limits.during(snapshot.connection, (connection) =>
        candidateRows(connection, snapshot.alias, segments, this.#need),
      );
      for (const segment of segments) this.#known.set(nameOf(segment), found.get(segment.number));
    }
    return this.#known.get(nameOf(table));
  }
  /** The condition for a table's rows, those that cannot match by its token filter left out; undefined: none can. */
  async where(limits: Limits, snapshot: Snapshot, table: RowTable): Promise<string | undefined> {
    const candidates = await this.candidates(limits, snapshot, table);
    if (candidates?.length === 0) return undefined;
    const sql = this.sql(table, snapshot.shards);
    return candidates ? `${rangesSql(candidates)} AND ${sql}` : sql;
  }
}

/** A partition as a range of times. Undefined: it is empty. */
export function timesOf(view: PartitionView): Times | undefined {
  return view.secondsMin === undefined || view.secondsMax === undefined
    ? undefined
    : { secondsMin: view.secondsMin, secondsMax: view.secondsMax };
}

/** Partitions that can have selected records, newest first. */
export function viewsOf(asking: Asking, selected: Selected): PartitionView[] {
  return asking.partitions.views().filter((view) => {
    const times = timesOf(view);
    return times !== undefined && selected.mayBeIn(times);
  });
}

/**
 * Takes a snapshot of a partition, hands it to `use`, and releases it whatever happens. False: the partition cannot be
 * read and was set aside; what `use` has done with it is void.
 */
export async function ask(
  asking: Asking,
  view: PartitionView,
  use: (snapshot: Snapshot) => Promise<void>,
): Promise<boolean> {
  const { limits } = asking;
  let snapshot: Snapshot;
  try {
    snapshot = await limits.wait(view.snapshot(), (late) => void late.release());
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'STORE_READ') throw error;
    addNote(asking, view, error.message);
    return false;
  }
  try {
    await use(snapshot);
    return true;
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    const read = readError(`reading partition ${view.name}`, error.cause);
    if (!(await view.failed(error.cause))) throw read;
    addNote(asking, view, `${read.message}; it was set aside`);
    return false;
  } finally {
    await snapshot.release();
  }
}

/** Says that a partition is missing, where the partitions do not say it themselves. */
function addNote(asking: Asking, view: PartitionView, note: string): void {
  if (!asking.partitions.notes().some((known) => known.includes(view.name))) asking.notes.add(note);
}

/** Tables of a snapshot that can have selected rows. A hot table may have more rows than it says: its times come first. */
export function tablesOf(snapshot: Snapshot, selected: Selected): RowTable[] {
  return snapshot.tables.filter(
    (table) => (table.kind === 'hot' || table.rows > 0) && selected.mayBeIn(table) && mayMatch(selected.tree, table),
  );
}

/** The notes of an answer. */
export function notesOf(asking: Asking): string[] {
  return [...new Set([...asking.partitions.notes(), ...asking.notes])];
}
