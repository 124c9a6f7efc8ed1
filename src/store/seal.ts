/** Writes segments: rows of hot tables, or of smaller segments, packed for long keeping and quick questions. */
import assert from 'node:assert/strict';
import type { Log } from '../core/log.ts';
import { chooseColumns } from './columns.ts';
import type { Column } from './columns.ts';
import { sqlName } from './database.ts';
import type { Connection } from './database.ts';
import { writeFilter } from './filters.ts';
import type { RowTable, SegmentField } from './layout.ts';
import { writeMinutes } from './minutes.ts';
import { RecordReader } from './record-reader.ts';
import { createSegmentSql, fillSegmentSql } from './segment-sql.ts';
import { segmentSql } from './segments.ts';
import { Survey, blockRows } from './survey.ts';

/** Bytes that are looked through at a time: two milliseconds, in which nobody is answered. */
const scanBytes = 128 * 1024;
/** Between two of these pieces a question gets this long. */
const courtesyMs = 20;
/** Rows of one statement that fills a segment: some 30 ms of one core. */
const fillRows = 8 * 2048;
/** Between two of them questions get this long. */
const fillCourtesyMs = 20;

/**
 * Writes all rows of the sources as `segment_<number>`, with its entries in the partition's other tables. In a transaction
 * that the caller began and ends. The sources are tables of the same partition, in the order their rows shall have; they
 * have at least one row, and get none meanwhile.
 */
export async function writeSegment(
  connection: Connection,
  alias: string,
  number: number,
  sources: readonly RowTable[],
  log: Log,
): Promise<RowTable> {
  const survey = surveyOf(sources) ?? (await readAll(connection, sources));
  survey.end();
  const columns = await chooseColumns(survey.shapes.paths(), survey.rows, survey.sample);
  await connection.run(createSegmentSql(alias, number, columns));
  for (const { sql } of sources) await fill(connection, alias, number, columns, sql);
  const parts = await survey.filter.rows(survey.jsonBytes);
  const segment = await describe(connection, alias, number, columns, survey, parts.length);
  await writeFilter(connection, alias, number, parts);
  await writeMinutes(connection, alias, segment);
  await writeEntry(connection, alias, segment);
  log.debug({ partition: alias, segment: number, rows: segment.rows, fields: columns.length }, 'sealed a segment');
  return segment;
}

/** Adds all rows of a table, a few at a time: while somebody asks, the cores are his. */
async function fill(
  connection: Connection,
  alias: string,
  number: number,
  columns: readonly Column[],
  source: string,
): Promise<void> {
  const [last] = await connection.rows(`SELECT max(rowid) FROM ${source}`);
  const end = Number(last?.[0] ?? -1) + 1;
  for (let from = 0; from < end; from += fillRows) {
    await connection.run(fillSegmentSql(alias, number, columns, source, { from, to: from + fillRows }));
    await connection.giveWay(fillCourtesyMs);
  }
}

/** What was found out when the rows came in; undefined: not all of them came in while this process ran. */
function surveyOf(sources: readonly RowTable[]): Survey | undefined {
  const [source] = sources;
  return sources.length === 1 && source?.survey?.rows === source?.rows ? source?.survey : undefined;
}

async function readAll(connection: Connection, sources: readonly RowTable[]): Promise<Survey> {
  const survey = new Survey();
  const reader = new RecordReader(connection, sources);
  for (let piece = await reader.next(survey.room); piece;) {
    // DuckDB reads the next piece while this one is looked through.
    const next = reader.next(survey.room - piece.rows || blockRows);
    // Where this piece fails nobody waits for the next one.
    next.catch(() => {});
    let rows = 0;
    for (const lines of scanPieces(piece.bytes)) {
      const count = countLines(lines);
      survey.add(lines, count);
      rows += count;
      await connection.giveWay(courtesyMs);
    }
    assert.equal(rows, piece.rows, 'reading records to be sealed: some have line breaks');
    piece = await next;
  }
  return survey;
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Whole records, as many as fit into scanBytes, but one at least. */
function* scanPieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length;) {
    let to = bytes.length;
    if (to - from > scanBytes) {
      const before = bytes.lastIndexOf(10, from + scanBytes) + 1;
      to = before > from ? before : bytes.indexOf(10, from + scanBytes) + 1;
    }
    yield bytes.subarray(from, to);
    from = to;
  }
}

async function describe(
  connection: Connection,
  alias: string,
  number: number,
  columns: readonly Column[],
  survey: Survey,
  filterParts: number,
): Promise<RowTable> {
  const sql = segmentSql(alias, number);
  const numeric = columns.filter((column) => column.numeric !== undefined);
  const [row] = await connection.rows(
    `SELECT ${[
      'count(*), min(seconds), max(seconds)',
      ...numeric.map(({ number: n }) => `min(n${n})::VARCHAR, max(n${n})::VARCHAR, count(t${n})`),
    ].join(', ')} FROM ${sql}`,
  );
  const boundsOf = (column: Column): SegmentField['bounds'] => {
    const at = 3 + 3 * numeric.indexOf(column);
    const [low, high, texts] = row?.slice(at, at + 3) ?? [];
    if (at < 3 || typeof low !== 'string' || typeof high !== 'string' || Number(texts) > 0) return undefined;
    return { low, high };
  };
  const rows = Number(row?.[0]);
  assert.equal(rows, survey.rows, `sealing ${sql}: another number of rows was read than written`);
  return {
    kind: 'segment',
    number,
    sql,
    rows,
    secondsMin: Number(row?.[1]),
    secondsMax: Number(row?.[2]),
    fields: columns.map((column) => ({
      path: column.path,
      name: column.path.join('.'),
      number: column.number,
      numeric: column.numeric,
      types: column.types,
      rows: column.rows,
      bounds: boundsOf(column),
    })),
    isFieldListComplete: survey.shapes.isComplete,
    blockRows,
    filterParts,
  };
}

/** The segment's rows of `segments` and `fields`. */
async function writeEntry(connection: Connection, alias: string, segment: RowTable): Promise<void> {
  const { number, rows, secondsMin, secondsMax, isFieldListComplete, filterParts } = segment;
  const appender = await connection.appender('fields', alias);
  for (const field of segment.fields) {
    appender.appendInteger(number);
    appender.appendVarchar(JSON.stringify(field.path));
    if (field.number === undefined) appender.appendNull();
    else appender.appendInteger(field.number);
    if (field.numeric === undefined) appender.appendNull();
    else appender.appendVarchar(field.numeric);
    appender.appendVarchar(field.types.join(','));
    appender.appendBigInt(BigInt(field.rows));
    for (const bound of [field.bounds?.low, field.bounds?.high]) {
      if (bound === undefined) appender.appendNull();
      else appender.appendVarchar(bound);
    }
    appender.endRow();
  }
  appender.closeSync();
  await connection.run(
    `INSERT INTO ${sqlName(alias)}.segments VALUES (${number}, ${rows}, ${secondsMin}, ${secondsMax}, ${isFieldListComplete}, ${segment.blockRows ?? 'NULL'}, ${filterParts ?? 'NULL'})`,
  );
}
