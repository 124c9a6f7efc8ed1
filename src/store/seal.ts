/** Writes segments: rows of hot tables, or of smaller segments, packed for long keeping and quick questions. */
import assert from 'node:assert/strict';
import type { Log } from '../core/log.ts';
import { chooseColumns } from './columns.ts';
import type { Column } from './columns.ts';
import { sqlName } from './database.ts';
import type { Connection } from './database.ts';
import { FilterBuilder, writeFilter } from './filters.ts';
import type { RowTable } from './layout.ts';
import { writeMinutes } from './minutes.ts';
import { RecordReader } from './record-reader.ts';
import { RecordScanner } from './scanner.ts';
import { createSegmentSql, fillSegmentSql } from './segment-sql.ts';
import { segmentSql } from './segments.ts';
import { Shapes } from './shapes.ts';

/** Rows of a block: two of DuckDB's vectors, which is what a question reads at least. */
const blockRows = 4096;
/** Bytes that are looked through at a time: two milliseconds, in which nobody is answered. */
const scanBytes = 128 * 1024;
/** Between two of these pieces a question gets this long. */
const courtesyMs = 20;
/** Rows of one statement that fills a segment: some 30 ms of one core. */
const fillRows = 8 * 2048;
/** Between two of them questions get this long: a second more for a segment while they follow each other. */
const fillCourtesyMs = 100;
/** 20,000 paths are a list of a megabyte; records whose keys are ids of something have more, and nobody reads such a list. */
const shapeLimits = { nodesMax: 32_768, pathsMax: 20_000 };
/** Parts of a segment that columns are chosen by, and bytes taken from each: half a megabyte is parsed in some milliseconds. */
const sampleParts = 64;
const samplePartBytes = 8 * 1024;
/** A larger first record of a part is not looked at. */
const sampleRecordBytes = 256 * 1024;

/** What was found out by reading all records once. */
interface Survey {
  readonly rows: number;
  readonly jsonBytes: number;
  readonly shapes: Shapes;
  readonly filter: FilterBuilder;
  readonly sample: readonly string[];
}

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
  const survey = await readAll(connection, sources);
  const columns = await chooseColumns(survey.shapes.paths(), survey.rows, survey.sample);
  await connection.run(createSegmentSql(alias, number, columns));
  for (const { sql } of sources) await fill(connection, alias, number, columns, sql);
  const parts = await survey.filter.parts(survey.jsonBytes);
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

async function readAll(connection: Connection, sources: readonly RowTable[]): Promise<Survey> {
  const filter = new FilterBuilder();
  const shapes = new Shapes(shapeLimits);
  const scanner = new RecordScanner(shapes, filter.words);
  const reader = new RecordReader(connection, sources);
  const expected = sources.reduce((sum, source) => sum + source.rows, 0);
  const sampleEvery = Math.ceil(expected / blockRows / sampleParts);
  const sample: string[] = [];
  let rows = 0;
  let jsonBytes = 0;
  let block = 0;
  let room = blockRows;
  for (let piece = await reader.next(room); piece;) {
    const beginsBlock = room === blockRows;
    room -= piece.rows;
    const endsBlock = room === 0;
    if (endsBlock) room = blockRows;
    // DuckDB reads the next piece while this one is looked through.
    const next = reader.next(room);
    // Where this piece fails nobody waits for the next one.
    next.catch(() => {});
    if (beginsBlock && block % sampleEvery === 0) sample.push(...firstRecords(piece.bytes));
    for (const bytes of scanPieces(piece.bytes)) {
      scanner.scan(bytes, block);
      await connection.giveWay(courtesyMs);
    }
    rows += piece.rows;
    jsonBytes += piece.bytes.length;
    if (endsBlock) {
      filter.endBlock();
      block++;
    }
    piece = await next;
  }
  if (rows % blockRows > 0) filter.endBlock();
  return { rows, jsonBytes, shapes, filter, sample };
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

function firstRecords(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = buffer.lastIndexOf(10, samplePartBytes);
  if (end < 0) end = buffer.indexOf(10);
  return end > sampleRecordBytes ? [] : buffer.toString('utf8', 0, end).split('\n');
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
  const [row] = await connection.rows(`SELECT count(*), min(seconds), max(seconds) FROM ${sql}`);
  const rows = Number(row?.[0]);
  assert.equal(rows, survey.rows, `sealing ${sql}: another number of rows was read than written`);
  return {
    kind: 'segment',
    number,
    sql,
    rows,
    secondsMin: Number(row?.[1]),
    secondsMax: Number(row?.[2]),
    fields: columns.map(({ path, number: column, numeric, types, rows: present }) => ({
      path,
      name: path.join('.'),
      number: column,
      numeric,
      types,
      rows: present,
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
    appender.endRow();
  }
  appender.closeSync();
  await connection.run(
    `INSERT INTO ${sqlName(alias)}.segments VALUES (${number}, ${rows}, ${secondsMin}, ${secondsMax}, ${isFieldListComplete}, ${segment.blockRows ?? 'NULL'}, ${filterParts ?? 'NULL'})`,
  );
}
