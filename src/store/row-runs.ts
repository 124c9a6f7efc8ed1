/** Tables cut into short runs of rows with their ranges of times, so that a search can begin where the next rows must be. */
import type { RowTable } from './layout.ts';
import type { Limits } from './limits.ts';
import type { PartitionView, Snapshot } from './snapshot.ts';

/** Rows [from, to) of a table, by rowid. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Rows [from, to) and their smallest and largest record time, whole seconds. */
export interface Run extends RowRange {
  readonly secondsMin: number;
  readonly secondsMax: number;
}

/** 8192 rows: a statement over them takes 1.5 ms, hardly more than one over none. */
export const runRows = 8192;
/** Segments whose runs are remembered: those of 500 million rows, about 5 MB. */
const segmentsMax = 2048;

/** Rows of those blocks, of `blockCount`, that `isIn` says yes to; ascending and joined. */
export function blockRanges(
  blockCount: number,
  blockRows: number,
  isIn: (block: number) => boolean,
): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (let block = 0; block < blockCount; block++) {
    if (!isIn(block)) continue;
    const from = block * blockRows;
    const last = ranges.at(-1);
    if (last?.to === from) last.to += blockRows;
    else ranges.push({ from, to: from + blockRows });
  }
  return ranges;
}

/** Runs of tables. Those of segments never change and are remembered. */
export class RowRuns {
  readonly #known = new Map<string, readonly Run[]>();

  /** Runs of a table; reading them costs 2 ms for 245,760 rows. */
  async of(limits: Limits, view: PartitionView, snapshot: Snapshot, table: RowTable): Promise<readonly Run[]> {
    if (table.rows <= runRows) return [wholeTable(table)];
    const name = `${view.name}/${table.number}/${table.rows}`;
    const known = table.kind === 'segment' ? this.#known.get(name) : undefined;
    const runs = known ?? (await readRuns(limits, snapshot, table));
    if (table.kind === 'segment') {
      this.#known.delete(name);
      this.#known.set(name, runs);
      const [oldest] = this.#known.keys();
      if (oldest !== undefined && this.#known.size > segmentsMax) this.#known.delete(oldest);
    }
    return runs;
  }
}

export function wholeTable(table: RowTable): Run {
  return { from: 0, to: Number.MAX_SAFE_INTEGER, secondsMin: table.secondsMin, secondsMax: table.secondsMax };
}

async function readRuns(limits: Limits, snapshot: Snapshot, table: RowTable): Promise<readonly Run[]> {
  const rows = await limits.rows(
    snapshot.connection,
    `SELECT rowid // ${runRows} AS run, min(seconds), max(seconds) FROM ${table.sql} GROUP BY run ORDER BY run`,
  );
  return rows.map((row) => ({
    from: Number(row[0]) * runRows,
    to: (Number(row[0]) + 1) * runRows,
    secondsMin: Number(row[1]),
    secondsMax: Number(row[2]),
  }));
}

/** Ranges joined where they touch, in ascending order. */
function joined(ranges: readonly RowRange[]): RowRange[] {
  const result: { from: number; to: number }[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else result.push({ ...range });
  }
  return result;
}

/** What lies in both lists; `b` undefined: everything. */
export function bothRanges(a: readonly RowRange[], b: readonly RowRange[] | undefined): RowRange[] {
  const left = joined(a);
  if (!b) return left;
  const right = joined(b);
  const result: RowRange[] = [];
  for (let i = 0, k = 0; ;) {
    const one = left[i];
    const other = right[k];
    if (!one || !other) return result;
    const from = Math.max(one.from, other.from);
    const to = Math.min(one.to, other.to);
    if (from < to) result.push({ from, to });
    if (one.to < other.to) i++;
    else k++;
  }
}

/** Ranges of one condition: the narrowest gaps are closed where there are more, as testing 16 costs more than they save. */
const rangesMax = 8;

/** A condition for rows in any of the ranges, and perhaps between them. DuckDB decompresses `fields` only where it holds. */
export function rangesSql(ranges: readonly RowRange[]): string {
  const tests = coarse(joined(ranges)).map(({ from, to }) =>
    to === Number.MAX_SAFE_INTEGER ? (from === 0 ? 'true' : `rowid >= ${from}`) : `rowid BETWEEN ${from} AND ${to - 1}`,
  );
  return tests.length === 1 ? (tests[0] ?? 'false') : `(${tests.join(' OR ') || 'false'})`;
}

function coarse(ranges: readonly RowRange[]): RowRange[] {
  if (ranges.length <= rangesMax) return [...ranges];
  const starts = ranges
    .map((range, i) => ({ range, i, gap: range.from - (ranges[i - 1]?.to ?? -Infinity) }))
    .sort((a, b) => b.gap - a.gap)
    .slice(0, rangesMax)
    .map(({ i }) => i)
    .sort((a, b) => a - b);
  return starts.map((first, k) => ({
    from: ranges[first]?.from ?? 0,
    to: ranges[(starts[k + 1] ?? ranges.length) - 1]?.to ?? 0,
  }));
}
