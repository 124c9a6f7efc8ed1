/** Queries as DuckDB answers them, against their plain meaning: on hot tables, and on segments with some fields as columns. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { errorText } from '../../core/errors.ts';
import { Database, sqlText } from '../database.ts';
import type { Connection } from '../database.ts';
import type { SegmentField, TableInfo } from '../layout.ts';
import { neededWords } from './needs.ts';
import { parseQuery } from './parser.ts';
import { pointerOf } from './paths.ts';
import { anyRecord, anyTree, isMatch, isNeedMet, jsonOf, numbers, printed, wordsOfRecord } from './query-fixture.ts';
import type { Json, TestRecord } from './query-fixture.ts';
import { timeSql, toSql } from './sql.ts';
import type { QueryTree } from './tree.ts';

const shards = new Map([
  [1, 'first'],
  [2, "a'b-c"],
]);
let database: Database;
let connection: Connection;
before(async () => {
  database = await Database.open({
    memoryBytesMax: 256 * 1024 ** 2,
    threads: 1,
    temporaryDirectory: `${tmpdir()}/post2log-query-test`,
    spillBytesMax: 1024 ** 2,
  });
  connection = await database.connect();
});
after(() => {
  connection.close();
  database.close();
});

const tableOf = (name: string, more: Partial<TableInfo>): TableInfo => ({
  kind: 'hot',
  number: 1,
  sql: name,
  rows: 0,
  secondsMin: 0,
  secondsMax: 0,
  fields: [],
  isFieldListComplete: false,
  blockRows: undefined,
  filterParts: undefined,
  ...more,
});

/** Rows whose number is their offset, in shard 1. */
async function makeHot(
  rows: readonly { json: string; tag?: string; seconds?: number; nanos?: number }[],
): Promise<TableInfo> {
  await connection.run(
    'CREATE OR REPLACE TABLE hot(seconds BIGINT, nanos INTEGER, append_ms BIGINT, shard INTEGER, "offset" BIGINT, ordinal INTEGER, tag VARCHAR, source VARCHAR, fields VARCHAR)',
  );
  const values = rows.map(
    ({ json, tag = '', seconds = 0, nanos = 0 }, index) =>
      `(${seconds}, ${nanos}, 0, 1, ${index}, -1, ${sqlText(tag)}, 'tail', ${sqlText(json)})`,
  );
  if (values.length > 0) await connection.run(`INSERT INTO hot VALUES ${values.join(', ')}`);
  return tableOf('hot', { kind: 'hot', rows: rows.length });
}

/** Paths of records and the types met there, as a segment lists them. */
function pathsIn(records: readonly TestRecord[]): Map<string, { path: string[]; types: Set<string> }> {
  const found = new Map<string, { path: string[]; types: Set<string> }>();
  const visit = (value: Json, path: string[]): void => {
    if (value.kind === 'literal' && value.value === null) return;
    if (path.length > 0) {
      const entry = found.get(pointerOf(path)) ?? { path, types: new Set<string>() };
      entry.types.add(value.kind === 'literal' ? 'boolean' : value.kind);
      found.set(pointerOf(path), entry);
    }
    const seen = new Set<string>();
    for (const [key, inner] of value.kind === 'object' ? value.entries : [])
      if (!seen.has(key)) {
        seen.add(key);
        visit(inner, [...path, key]);
      }
  };
  for (const record of records) visit(record.fields, []);
  return found;
}

/** The hot table's rows as a segment; `promoted` says which of its fields have columns, and of which type. */
async function makeSegment(
  records: readonly TestRecord[],
  promoted: readonly ('none' | 'text' | 'BIGINT' | 'DOUBLE')[],
  isFieldListComplete: boolean,
): Promise<TableInfo> {
  const columns: string[] = [];
  const fields: SegmentField[] = [];
  for (const [index, { path, types }] of [...pathsIn(records).values()].entries()) {
    const column = promoted[index % promoted.length] ?? 'none';
    const numeric = column === 'BIGINT' || column === 'DOUBLE' ? column : undefined;
    // A list that is not complete lacks something.
    if (!isFieldListComplete && column === 'none') continue;
    const x = `json_extract_string(fields, ${sqlText(pointerOf(path))})`;
    const n =
      numeric && `CASE WHEN CAST(TRY_CAST(${x} AS ${numeric}) AS VARCHAR) = ${x} THEN TRY_CAST(${x} AS ${numeric}) END`;
    if (n) columns.push(`${n} AS n${index}`, `CASE WHEN ${n} IS NULL THEN ${x} END AS t${index}`);
    else if (column === 'text') columns.push(`${x} AS t${index}`);
    fields.push({
      path,
      name: path.join('.'),
      number: column === 'none' ? undefined : index,
      numeric,
      types: [...types].sort(),
      rows: 1,
    });
  }
  await connection.run(`CREATE OR REPLACE TABLE segment AS SELECT ${['*', ...columns].join(', ')} FROM hot`);
  return tableOf('segment', { kind: 'segment', rows: records.length, fields, isFieldListComplete });
}

async function offsets(tree: QueryTree, table: TableInfo, more = 'true'): Promise<number[]> {
  const condition = toSql(tree, table, shards);
  const rows = await connection.rows(
    `SELECT "offset", ${condition} IS NULL FROM ${table.sql} WHERE ${condition} IS NULL OR (${condition} AND ${more}) ORDER BY 1`,
  );
  assert.ok(
    rows.every((row) => row[1] === false),
    `NULL: ${condition}`,
  );
  return rows.map((row) => Number(row[0]));
}

const columnKinds = fc.array(fc.constantFrom('none', 'text', 'BIGINT', 'DOUBLE'), { minLength: 1, maxLength: 7 });
const queries = fc.array(anyTree, { minLength: 25, maxLength: 25 });

/** Batches of 40 records and 25 queries. More of them: RUNS=1000. */
const runs = Number(process.env['RUNS'] ?? 12);

describe('any query on any records', () => {
  const run = (
    makeTable: (
      records: readonly TestRecord[],
      promoted: ('none' | 'text' | 'BIGINT' | 'DOUBLE')[],
    ) => Promise<TableInfo>,
  ) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { minLength: 40, maxLength: 40 }),
        queries,
        columnKinds,
        async (records, trees, promoted) => {
          await makeHot(records.map((record) => ({ ...record, json: jsonOf(record.fields, record.blank) })));
          const table = await makeTable(records, promoted as ('none' | 'text' | 'BIGINT' | 'DOUBLE')[]);
          for (const tree of trees) {
            const found = new Set(await offsets(tree, table));
            for (const [index, record] of records.entries())
              if (isMatch(tree, record) !== found.has(index))
                assert.fail(
                  `${found.has(index) ? 'found' : 'not found'}: ${jsonOf(record.fields, record.blank)} (tag ${JSON.stringify(record.tag)}) by ${JSON.stringify(tree)}\n${toSql(tree, table, shards)}`,
                );
          }
        },
      ),
      {
        numRuns: runs,
        // A counterexample is the failing query and record alone, which the error names.
        endOnFailure: true,
        reporter: (run) => {
          if (run.failed) throw new Error(`seed ${run.seed}: ${errorText(run.errorInstance)}`);
        },
      },
    );
  test('hot tables', () => run((records) => Promise.resolve(tableOf('hot', { rows: records.length }))));
  test('segments', () => run((records, promoted) => makeSegment(records, promoted, true)));
  test('segments that do not list all fields', () => run((records, promoted) => makeSegment(records, promoted, false)));
});

test('the words a query needs are in every record it finds', () => {
  const isOdd = /"?\d[eE]|\d{17}/;
  fc.assert(
    fc.property(anyRecord, fc.array(anyTree, { minLength: 20, maxLength: 20 }), (record, trees) => {
      fc.pre(!isOdd.test(jsonOf(record.fields, '')));
      const words = wordsOfRecord(record.fields);
      for (const tree of trees)
        if (isMatch(tree, record) && !isNeedMet(neededWords(tree), words))
          assert.fail(`${jsonOf(record.fields, '')} by ${JSON.stringify(tree)}: ${JSON.stringify(neededWords(tree))}`);
    }),
    { numRuns: runs * 100 },
  );
});
void parseQuery;
void timeSql;
void numbers;
void printed;
