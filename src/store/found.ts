/** Rows as questions find them: first their keys, then, for those that are in the answer, the whole record. */
import type { FoundRecord } from './contract.ts';
import type { SqlRow } from './database.ts';
import type { RowTable } from './layout.ts';
import type { Limits } from './limits.ts';
import { compareKeys, keyColumns, type Order, type RowKey } from './page-key.ts';
import type { Snapshot } from './snapshot.ts';

/** A row that was found. */
export interface FoundRow {
  readonly key: RowKey;
  readonly place: Place;
  readonly rowid: number;
  /** Undefined: not read yet. */
  record: FoundRecord | undefined;
}

/** Where rows lie: a table of a partition. */
export interface Place {
  /** Name of the partition. */
  readonly partition: string;
  readonly kind: RowTable['kind'];
  readonly number: number;
}

/** Columns of a statement that finds rows, for `foundRow`. */
export const keySql = `rowid, ${keyColumns.join(', ')}`;

export function foundRow(row: SqlRow, place: Place): FoundRow {
  return { key: keyOf(row), place, rowid: Number(row[0]), record: undefined };
}
function keyOf(row: SqlRow): RowKey {
  return {
    seconds: Number(row[1]),
    nanos: Number(row[2]),
    shard: Number(row[3]),
    offset: Number(row[4]),
    ordinal: Number(row[5]),
  };
}

/** Two sorted lists as one, at most `limit` rows of it. */
export function mergeFound(order: Order, a: readonly FoundRow[], b: readonly FoundRow[], limit: number): FoundRow[] {
  const merged: FoundRow[] = [];
  let i = 0;
  let k = 0;
  while (merged.length < limit) {
    const left = a[i];
    const right = b[k];
    if (left && (!right || compareKeys(order, left.key, right.key) < 0)) {
      merged.push(left);
      i++;
    } else if (right) {
      merged.push(right);
      k++;
    } else break;
  }
  return merged;
}

/** Columns of a statement that reads whole records at once, for `wholeRecord`. */
export const wholeSql = `${keySql}, append_ms, tag, source, fields`;

export function wholeRecord(row: SqlRow, shards: ReadonlyMap<number, string>): FoundRecord {
  return recordOf(keyOf(row), row.slice(6), shards);
}

/** Columns that a key does not have. */
const recordSql = 'append_ms, tag, source, fields';

function recordOf(key: RowKey, row: SqlRow, shards: ReadonlyMap<number, string>): FoundRecord {
  const { seconds, nanos, shard, offset, ordinal } = key;
  const [appendMs, tag, source, json] = row;
  const name = `${shards.get(shard) ?? `unknown${shard}`}-${offset}`;
  return {
    id: ordinal < 0 ? name : `${name}.${ordinal}`,
    seconds,
    nanos,
    appendMs: Number(appendMs),
    tag: String(tag),
    source: String(source),
    json: String(json),
  };
}

/**
 * Records read with the first statement, before it is known how long they are: as many as one page of the explorer
 * has, 128 MB where each is 1 MB. The later ones take what the ones before let expect.
 */
const rowsFirst = 128;
/** Records of one statement: four of DuckDB's vectors, more at once is not faster. */
const rowsMax = 8192;

/**
 * Reads the records of rows that lie in this snapshot and have none yet, in the order given, until their JSON has
 * `charsMax` characters: the one that goes beyond is the last.
 */
export async function readRecords(
  limits: Limits,
  snapshot: Snapshot,
  rows: readonly FoundRow[],
  charsMax: number,
): Promise<void> {
  let chars = 0;
  let count = rowsFirst;
  for (let at = 0; at < rows.length && chars < charsMax;) {
    const batch = rows.slice(at, at + count);
    at += batch.length;
    for (const table of snapshot.tables) {
      const wanted = new Map<number, FoundRow>();
      for (const row of batch)
        if (row.place.kind === table.kind && row.place.number === table.number) wanted.set(row.rowid, row);
      if (wanted.size === 0) continue;
      for (const row of await limits.rows(snapshot.connection, readSql(table, [...wanted.keys()]))) {
        const found = wanted.get(Number(row[4]));
        if (!found) continue;
        found.record = recordOf(found.key, row, snapshot.shards);
        chars += found.record.json.length;
      }
    }
    const charsEach = Math.max(1, chars / at);
    count = Math.max(1, Math.min(rowsMax, Math.floor((charsMax - chars) / charsEach)));
  }
}

/**
 * Rows by number, and perhaps some between them. DuckDB reads every row between the first and the last that are asked for,
 * so rows that lie far apart are asked for in up to eight parts; the join by IN tells it their first and last number, a
 * list of literals does not.
 */
function readSql(table: RowTable, rowids: readonly number[]): string {
  const sorted = rowids.toSorted((a, b) => a - b);
  return groups(sorted)
    .map((group) => {
      const from = group[0] ?? 0;
      const to = group.at(-1) ?? from;
      // Numbers of thousands of rows take longer to be read as SQL than their neighbours as rows.
      const condition =
        (to - from + 1) * denseShare <= group.length
          ? `rowid BETWEEN ${from} AND ${to}`
          : `rowid IN (SELECT unnest([${group.join(',')}]::BIGINT[]))`;
      return `SELECT ${recordSql}, rowid FROM ${table.sql} WHERE ${condition}`;
    })
    .join(' UNION ALL ');
}

/** Rows of which this share is wanted are read as a whole. */
const denseShare = 0.6;
/** Parts that are worth a scan of their own: each costs about a millisecond, as much as 8192 rows. */
const groupsMax = 8;
const gapMin = 8192;

function groups(sorted: readonly number[]): number[][] {
  const gaps = sorted
    .map((rowid, i) => ({ i, gap: rowid - (sorted[i - 1] ?? rowid) }))
    .filter(({ gap }) => gap >= gapMin)
    .sort((a, b) => b.gap - a.gap)
    .slice(0, groupsMax - 1)
    .map(({ i }) => i)
    .sort((a, b) => a - b);
  return [0, ...gaps].map((from, k) => sorted.slice(from, gaps[k] ?? sorted.length));
}
