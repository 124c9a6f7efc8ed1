/**
 * One page of records, in order. Partitions, tables and runs of rows are looked at in the order in which they can have
 * the next rows; the search ends as soon as nothing that is left can have any.
 */
import type { FoundRecord } from './contract.ts';
import { foundRow, keySql, mergeFound, readRecords, type FoundRow, type Place } from './found.ts';
import type { RowTable } from './layout.ts';
import { TimeUp, type Limits } from './limits.ts';
import { afterSql, compareKeys, keyBefore, orderSql, type Order, type RowKey } from './page-key.ts';
import { bothRanges, runRows, rangesSql, wholeTable, type Run, type RowRuns, type RowRange } from './row-runs.ts';
import { ask, tablesOf, timesOf, viewsOf, type Asking, type Selected, type Times } from './selection.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';
import { walkPartition, type Outcome, type Walk } from './turns.ts';

/** What a page is to hold. */
export interface PageRequest {
  readonly order: Order;
  readonly limit: number;
  /** Only records behind it. */
  readonly after: RowKey | undefined;
}

export interface Page {
  readonly records: readonly FoundRecord[];
  /** Key behind which the next page begins; undefined: there is none. */
  readonly next: RowKey | undefined;
  /** False: the time limit came first. */
  readonly isComplete: boolean;
}

/** A page ends behind the record whose JSON goes beyond this: it stands in memory twice, here and on its way to the reader. */
const pageCharsMax = 16 * 1024 ** 2;
/** Rows of one statement: with the slowest tests (regular expressions over large records) well under a second, so that the time limit finds it between two. */
const windowRowsMax = 262_144;
/** Each statement looks at four times the rows of the one before: 8192 where the first rows match, few statements where none do. */
const windowGrowth = 4;
/** A window that the time limit cuts short is looked at again: one is to take at most this share of the time that is left. */
const windowTimeShare = 0.7;
/**
 * Time kept back from looking for rows to read those that were found, so that they come with the time limit and not after
 * it: what a page of records out of many tables takes, and not too much of a short limit.
 */
const readMs = 100;
const readTimeShare = 0.25;
/** When the time limit has come, reading the records that were found may take this much longer. */
const rescueMs = 1000;

/** Finds a page. @throws the signal's reason; OperatingError STORE_READ, STORE_QUERY_LIMIT. */
export async function searchPage(
  asking: Asking,
  runs: RowRuns,
  selected: Selected,
  request: PageRequest,
): Promise<Page> {
  const broken = new Set<string>();
  for (let tries = 0; ; tries++) {
    const search = new PageSearch(asking, runs, selected, request);
    const failed = await search.run(broken, tries);
    if (!failed) return search.page();
    // What it had given may have pushed out rows of others: from the beginning, without what is broken.
    if (failed.outcome === 'broken') broken.add(failed.partition);
  }
}

/** A partition whose rows are void. */
interface Failed {
  readonly partition: string;
  readonly outcome: Exclude<Outcome, 'done'>;
}

class PageSearch {
  readonly #asking: Asking;
  readonly #runs: RowRuns;
  readonly #selected: Selected;
  readonly #request: PageRequest;
  readonly #order: Order;
  /** Records of the page. */
  #limit: number;
  /** In order. One more than the page has, which tells that there is a next one. */
  #found: FoundRow[] = [];
  /** The page was ended by its size. */
  #isCut = false;
  #isTimeUp = false;
  /** The first second that rows not looked at yet may have; undefined: all have been looked at that can be in the page. */
  #frontier: number | undefined;
  #windowRows: number;
  /** Looking for more rows ends where less time than this is left. */
  readonly #readMs: number;

  constructor(asking: Asking, runs: RowRuns, selected: Selected, request: PageRequest) {
    this.#asking = asking;
    this.#runs = runs;
    this.#selected = selected;
    this.#request = request;
    this.#order = request.order;
    this.#limit = request.limit;
    this.#windowRows = Math.max(runRows, request.limit);
    this.#readMs = Math.min(readMs, asking.limits.leftMs * readTimeShare);
  }

  /** Looks at everything that can be in the page. */
  async run(broken: ReadonlySet<string>, tries: number): Promise<Failed | undefined> {
    const views = viewsOf(this.#asking, this.#selected)
      .filter((view) => !broken.has(view.name))
      .flatMap((view) => {
        const times = timesOf(view);
        return times ? [{ view, times }] : [];
      })
      .sort((a, b) => this.#compare(this.#first(a.times), this.#first(b.times)));
    for (const [i, { view, times }] of views.entries()) {
      if (!this.#mayHave(times)) continue;
      const later = views.slice(i + 1).find((other) => this.#mayHave(other.times));
      this.#frontier = this.#first(times);
      try {
        const walk = this.#walk(view, later && this.#first(later.times));
        const outcome = await walkPartition(this.#asking, view, walk, tries);
        if (outcome !== 'done') return { partition: view.name, outcome };
      } catch (error) {
        if (!(error instanceof TimeUp)) throw error;
        this.#isTimeUp = true;
        return (await this.#rescue(view)) ? undefined : { partition: view.name, outcome: 'broken' };
      }
    }
    return undefined;
  }

  /** The page, once run() has ended. */
  page(): Page {
    const rows = this.#found.slice(0, this.#limit);
    const records = (list: readonly FoundRow[]): FoundRecord[] => list.flatMap((row) => row.record ?? []);
    const last = rows.at(-1);
    if (!this.#isTimeUp)
      return {
        records: records(rows),
        next: last && (this.#isCut || this.#found.length > this.#limit) ? last.key : undefined,
        isComplete: true,
      };
    // Those before which nothing can be any more.
    const end = rows.findIndex((row) => !row.record || !this.#isBeforeFrontier(row));
    const certain = end === -1 ? rows : rows.slice(0, end);
    const reached = certain.at(-1)?.key;
    if (certain.length === this.#limit) return { records: records(rows), next: reached, isComplete: true };
    const stop = rows[end];
    const goesOn = stop && this.#isBeforeFrontier(stop) ? stop.key.seconds : this.#frontier;
    if (goesOn === undefined) return { records: records(rows), next: undefined, isComplete: true };
    const next = this.#behind(reached, keyBefore(this.#order, goesOn));
    // A page that leads on has only those, the others are found again behind it; one that cannot has what there is.
    return { records: records(next ? certain : rows), next, isComplete: false };
  }

  /** The later one of two places, if it is behind where the page began. */
  #behind(reached: RowKey | undefined, position: RowKey): RowKey | undefined {
    const later = reached && compareKeys(this.#order, reached, position) > 0 ? reached : position;
    const { after } = this.#request;
    return after && compareKeys(this.#order, later, after) <= 0 ? undefined : later;
  }

  /** `laterFirst`: first second of the partitions behind this one. */
  #walk(view: PartitionView, laterFirst: number | undefined): Walk {
    return {
      begin: (snapshot) =>
        Promise.resolve(
          tablesOf(snapshot, this.#selected).sort((a, b) => this.#compare(this.#first(a), this.#first(b))),
        ),
      together: 1,
      step: async (snapshot, [table], left) => {
        if (!table || !this.#mayHave(table)) return;
        const next = left.find((other) => this.#mayHave(other));
        const behind = [next && this.#first(next), laterFirst].filter((second) => second !== undefined);
        await this.#table(view, snapshot, table, behind);
        this.#frontier = this.#earliest(behind);
      },
      end: async (snapshot) => {
        this.#frontier = laterFirst !== undefined && this.#isOpen(laterFirst) ? laterFirst : undefined;
        await this.#read(view, snapshot, this.#asking.limits);
        return this.#unread(view).length === 0;
      },
    };
  }

  /** `behind`: first seconds of what comes after this table. */
  async #table(view: PartitionView, snapshot: Snapshot, table: RowTable, behind: readonly number[]): Promise<void> {
    const { limits } = this.#asking;
    this.#frontier = this.#earliest([this.#first(table), ...behind]);
    const candidates = await this.#selected.candidates(limits, snapshot, table);
    if (candidates?.length === 0) return;
    const rows = candidates?.reduce((sum, range) => sum + range.to - range.from, 0) ?? table.rows;
    const place: Place = { partition: view.name, kind: table.kind, number: table.number };
    let left: readonly Run[] =
      rows <= this.#windowRows ? [wholeTable(table)] : await this.#runs.of(limits, view, snapshot, table);
    left = left
      .filter((run) => bothRanges([run], candidates).length > 0)
      .sort((a, b) => this.#compare(this.#first(a), this.#first(b)));
    for (;;) {
      left = left.filter((run) => this.#mayHave(run));
      const first = left[0];
      if (!first) return;
      this.#frontier = this.#earliest([this.#first(first), ...behind]);
      if (this.#found.length > 0 && limits.leftMs < this.#readMs) throw new TimeUp();
      const ranges: RowRange[] = [];
      let taken = 0;
      for (let window = 0; taken < left.length && window < this.#windowRows; taken++) {
        const inRun = bothRanges(left.slice(taken, taken + 1), candidates);
        ranges.push(...inRun);
        window += inRun.reduce((sum, range) => sum + range.to - range.from, 0);
      }
      const beganMs = limits.tookMs;
      await this.#window(snapshot, table, place, ranges);
      left = left.slice(taken);
      const lookedAt = ranges.reduce((sum, { from, to }) => sum + Math.min(to, Math.max(from, table.rows)) - from, 0);
      this.#grow(lookedAt / Math.max(1, limits.tookMs - beganMs));
    }
  }

  /** Sizes the next window: more rows than the last one, but no more than there is time for. */
  #grow(rowsPerMs: number): void {
    const leftMs = Math.max(0, this.#asking.limits.leftMs - this.#readMs);
    const fitting = Math.floor(rowsPerMs * leftMs * windowTimeShare);
    const grown = Math.min(this.#windowRows * windowGrowth, windowRowsMax, fitting);
    this.#windowRows = Math.max(runRows, grown);
  }

  async #window(snapshot: Snapshot, table: RowTable, place: Place, ranges: readonly RowRange[]): Promise<void> {
    const conditions = [rangesSql(ranges), this.#selected.sql(table, snapshot.shards)];
    if (this.#request.after) conditions.push(afterSql(this.#order, this.#request.after));
    const worst = this.#worst();
    if (worst) conditions.push(`seconds ${this.#order === 'newest' ? '>=' : '<='} ${worst.key.seconds}`);
    const rows = await this.#asking.limits.rows(
      snapshot.connection,
      `SELECT ${keySql} FROM ${table.sql} WHERE ${conditions.join(' AND ')} ${orderSql(this.#order)} LIMIT ${this.#limit + 1}`,
    );
    const found = rows.map((row) => foundRow(row, place));
    this.#found = mergeFound(this.#order, this.#found, found, this.#limit + 1);
  }

  /** Reads the records of this partition's rows that are in the page, and ends the page where it has grown too large. */
  async #read(view: PartitionView, snapshot: Snapshot, limits: Limits): Promise<void> {
    const rows = this.#found.slice(0, this.#limit);
    const unread = this.#unread(view);
    // Those that cannot be in a page that the time limit ended are read only where there are no others.
    const certain = this.#isTimeUp ? unread.filter((row) => this.#isBeforeFrontier(row)) : [];
    await readRecords(limits, snapshot, certain.length > 0 ? certain : unread, pageCharsMax);
    let chars = 0;
    for (const [i, row] of rows.entries()) {
      chars += row.record?.json.length ?? 0;
      const isLast = chars >= pageCharsMax;
      if (!isLast || i + 1 === this.#found.length) continue;
      this.#limit = i + 1;
      this.#found = this.#found.slice(0, this.#limit);
      this.#isCut = true;
      return;
    }
  }

  /** The time limit came while a partition was read: reads what was found in it. False: the partition is broken. */
  async #rescue(view: PartitionView): Promise<boolean> {
    if (this.#found.slice(0, this.#limit).every((row) => row.record)) return true;
    const limits = this.#asking.limits.another(rescueMs);
    try {
      return await ask({ ...this.#asking, limits }, view, (snapshot) => this.#read(view, snapshot, limits));
    } catch (error) {
      if (!(error instanceof TimeUp)) throw error;
      return true;
    } finally {
      limits.close();
    }
  }

  /** Rows of the page in this partition that have no record yet. */
  #unread(view: PartitionView): FoundRow[] {
    return this.#found.slice(0, this.#limit).filter((row) => !row.record && row.place.partition === view.name);
  }

  // ------------------------------------------------------------------------------------------------ order and bounds

  /** True: nothing that was not looked at yet can be in front of this row. */
  #isBeforeFrontier(row: FoundRow): boolean {
    return this.#frontier === undefined || this.#compare(row.key.seconds, this.#frontier) < 0;
  }
  /** The last row that is needed, once there are enough. */
  #worst(): FoundRow | undefined {
    return this.#found.length > this.#limit || this.#isCut ? this.#found.at(-1) : undefined;
  }
  /** False: nothing in this range of times can be in the page. */
  #mayHave(times: Times): boolean {
    if (!this.#selected.mayBeIn(times)) return false;
    const { after } = this.#request;
    const isNewest = this.#order === 'newest';
    if (after && (isNewest ? times.secondsMin > after.seconds : times.secondsMax < after.seconds)) return false;
    return this.#isOpen(this.#first(times));
  }
  /** True: rows of this second can still be in the page. */
  #isOpen(second: number): boolean {
    const worst = this.#worst();
    return !worst || this.#compare(second, worst.key.seconds) <= 0;
  }
  /** The second of the first row that can be in the page, in the order asked for. */
  #first(times: Times): number {
    const selected = this.#selected.seconds;
    const { after } = this.#request;
    return this.#order === 'newest'
      ? Math.min(times.secondsMax, selected.secondsMax, after?.seconds ?? Infinity)
      : Math.max(times.secondsMin, selected.secondsMin, after?.seconds ?? -Infinity);
  }
  #earliest(seconds: readonly number[]): number | undefined {
    if (seconds.length === 0) return undefined;
    return this.#order === 'newest' ? Math.max(...seconds) : Math.min(...seconds);
  }
  #compare(a: number, b: number): number {
    return this.#order === 'newest' ? b - a : a - b;
  }
}
