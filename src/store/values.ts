/** The most frequent values of a field. */
import type { ValuesAnswer } from './contract.ts';
import type { RowTable } from './layout.ts';
import { tablesOf, type Asking, type Selected } from './selection.ts';
import type { Snapshot } from './snapshot.ts';
import { sumPartitions, type Walk } from './turns.ts';
import { fieldTextSql } from './value-sql.ts';

/** Tables of one statement: the distinct values of so many are in memory at once. */
const tablesTogether = 8;
/**
 * Different values of one table that are looked at, its most frequent ones. A field with more is an id or a text; the
 * counts of its rare values are then too low, which a note says. 10,000 rows of an answer take 10 ms here.
 */
const valuesMax = 10_000;
/** Longer values are counted as present, not listed: nobody picks one from a list, and 10,000 of them would fill the memory. */
const valueBytesMax = 4096;
/** Characters of one table's values: what 10,000 values of 3200 characters have. */
const tableCharsMax = 32 * 1024 ** 2;
/** Values kept while tables are counted one after the other: beyond, the rarer half is forgotten, with the same note. */
const keptMax = 200_000;
/** Characters of the values kept: 64 MB where they are ASCII. */
const keptCharsMax = 64 * 1024 ** 2;

/** Counts by value, bounded. */
class Tally {
  #counts = new Map<string, number>();
  #chars = 0;
  #listed = 0;
  #isForgetful = false;
  total = 0;
  present = 0;

  /** Counts rows that have the field, or rows that do not. */
  count(isPresent: boolean, rows: number): void {
    this.total += rows;
    if (isPresent) this.present += rows;
  }
  /** Lists rows of a value; they are counted besides. */
  list(value: string, rows: number): void {
    const before = this.#counts.get(value);
    if (before === undefined) this.#chars += value.length;
    this.#counts.set(value, (before ?? 0) + rows);
    this.#listed += rows;
    if (this.#counts.size > keptMax || this.#chars > keptCharsMax) this.#forget();
  }
  addAll(other: Tally): void {
    this.total += other.total;
    this.present += other.present;
    this.#isForgetful ||= other.#isForgetful;
    for (const [value, rows] of other.#counts) this.list(value, rows);
  }
  /** Some values are not listed, or not with all their rows. */
  get hasUnlisted(): boolean {
    return this.#isForgetful || this.#listed < this.present;
  }
  top(limit: number): { value: string; count: number }[] {
    return this.#sorted()
      .slice(0, limit)
      .map(([value, count]) => ({ value, count }));
  }
  #sorted(): [string, number][] {
    return [...this.#counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }
  #forget(): void {
    this.#isForgetful = true;
    const kept = this.#sorted();
    this.#counts = new Map();
    this.#chars = 0;
    for (const [value, rows] of kept) {
      if (this.#counts.size >= keptMax / 2 || this.#chars > keptCharsMax / 2) return;
      this.#counts.set(value, rows);
      this.#chars += value.length;
    }
  }
}

/** Counts the values of a field, newest partition first. */
export async function topValues(
  asking: Asking,
  selected: Selected,
  field: string,
  limit: number,
): Promise<Omit<ValuesAnswer, 'tookMs' | 'notes'>> {
  const tally = new Tally();
  const isComplete = await sumPartitions(
    asking,
    selected,
    () => {
      const part = new Tally();
      const walk: Walk = {
        begin: (snapshot) => Promise.resolve(tablesOf(snapshot, selected)),
        together: tablesTogether,
        step: (snapshot, tables) => countTables(asking, selected, snapshot, tables, field, part),
      };
      return { part, walk };
    },
    (part) => tally.addAll(part),
  );
  if (tally.hasUnlisted)
    asking.notes.add(
      `${field} has very many or very long values: those over ${valueBytesMax} bytes are not listed, and the counts of rare ones may be too low`,
    );
  return { field, values: tally.top(limit), total: tally.total, present: tally.present, isComplete };
}

async function countTables(
  asking: Asking,
  selected: Selected,
  snapshot: Snapshot,
  tables: readonly RowTable[],
  field: string,
  tally: Tally,
): Promise<void> {
  const texts: string[] = [];
  for (const table of tables) {
    const where = await selected.where(asking.limits, snapshot, table);
    if (where !== undefined)
      texts.push(`SELECT ${fieldTextSql(field, table)} AS whole FROM ${table.sql} WHERE ${where}`);
  }
  if (texts.length === 0) return;
  // Groups once; of them the sums, and the most frequent values.
  const groups =
    `SELECT CASE WHEN strlen(whole) <= ${valueBytesMax} THEN whole END AS value, whole IS NOT NULL AS present, count(*) AS n ` +
    `FROM (${texts.join(' UNION ALL ')}) GROUP BY value, present`;
  const part = new Tally();
  let chars = 0;
  await asking.limits.stream(
    snapshot.connection,
    `WITH groups AS MATERIALIZED (${groups}) ` +
      '(SELECT NULL, present, sum(n)::BIGINT FROM groups GROUP BY present) UNION ALL ' +
      `(SELECT value, present, n FROM groups WHERE value IS NOT NULL ORDER BY n DESC, value LIMIT ${valuesMax})`,
    (rows) => {
      for (const [value, isPresent, n] of rows) {
        if (typeof value === 'string') {
          chars += value.length;
          if (chars <= tableCharsMax) part.list(value, Number(n));
        } else part.count(isPresent === true, Number(n));
      }
    },
  );
  tally.addAll(part);
}
