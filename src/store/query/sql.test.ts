/** Queries as DuckDB answers them, against their plain meaning: on hot tables, and on segments with some fields as columns. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { errorText } from '../../core/errors.ts';
import { Database, sqlText } from '../database.ts';
import type { Connection } from '../database.ts';
import type { SegmentField, RowTable } from '../layout.ts';
import { Survey } from '../survey.ts';
import { mayMatch } from './bounds.ts';
import { neededWords } from './needs.ts';
import { parseQuery } from './parser.ts';
import { pointerOf } from './paths.ts';
import { QueryError } from './query-error.ts';
import { anyRecord, anyTree, isMatch, isNeedMet, jsonOf, numbers, printed, wordsOfRecord } from './query-fixture.ts';
import type { Json, TestRecord } from './query-fixture.ts';
import { timeSql, toSql } from './sql.ts';
import type { QueryTree, ValueTest } from './tree.ts';

const shards = new Map([
  [1, 'first'],
  [2, "a'b-c"],
]);
let database: Database;
let connection: Connection;
before(async () => {
  database = await Database.open({
    memoryBytesMax: 256 * 1024 ** 2,
    temporaryDirectory: `${tmpdir()}/post2log-query-test`,
    spillBytesMax: 1024 ** 2,
  });
  connection = await database.connect();
});
after(() => {
  connection.close();
  database.close();
});

const tableOf = (name: string, more: Partial<RowTable>): RowTable => ({
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
): Promise<RowTable> {
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
  promoted: readonly ColumnKind[],
  isFieldListComplete: boolean,
): Promise<RowTable> {
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
  for (const [index, field] of fields.entries())
    if (field.numeric) fields[index] = { ...field, bounds: await boundsOf(field.number ?? 0) };
  return tableOf('segment', { kind: 'segment', rows: records.length, fields, isFieldListComplete });
}

async function boundsOf(number: number): Promise<SegmentField['bounds']> {
  const sql = `SELECT min(n${number})::VARCHAR, max(n${number})::VARCHAR, count(t${number}) FROM segment`;
  const [row] = await connection.rows(sql);
  const [low, high, texts] = row ?? [];
  return typeof low === 'string' && typeof high === 'string' && Number(texts) === 0 ? { low, high } : undefined;
}

async function offsets(tree: QueryTree, table: RowTable, more = 'true'): Promise<number[]> {
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

type ColumnKind = 'none' | 'text' | 'BIGINT' | 'DOUBLE';
const columnKinds = fc.array(fc.constantFrom<ColumnKind>('none', 'text', 'BIGINT', 'DOUBLE'), {
  minLength: 1,
  maxLength: 7,
});
const queries = fc.array(anyTree, { minLength: 25, maxLength: 25 });

/** Batches of 40 records and 25 queries. More of them: RUNS=1000. */
const runs = Number(process.env['RUNS'] ?? 12);

describe('any query on any records', () => {
  const run = (makeTable: (records: readonly TestRecord[], promoted: ColumnKind[]) => Promise<RowTable>) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { minLength: 40, maxLength: 40 }),
        queries,
        columnKinds,
        async (records, trees, promoted) => {
          await makeHot(records.map((record) => ({ ...record, json: jsonOf(record.fields, record.blank) })));
          const table = await makeTable(records, promoted);
          for (const tree of trees) {
            const found = new Set(await offsets(tree, table));
            assert.ok(found.size === 0 || mayMatch(tree, table), `${JSON.stringify(tree)} in ${JSON.stringify(table)}`);
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
      const survey = new Survey();
      survey.add(Buffer.from(`${jsonOf(record.fields, '')}\n`), 1);
      survey.end();
      for (const tree of trees)
        if (
          isMatch(tree, record) &&
          !(isNeedMet(neededWords(tree), words) && survey.filter.mayHold(0, neededWords(tree)))
        )
          assert.fail(`${jsonOf(record.fields, '')} by ${JSON.stringify(tree)}: ${JSON.stringify(neededWords(tree))}`);
    }),
    { numRuns: runs * 100 },
  );
});

/** Offsets that a query finds in a hot table of these records' JSON. */
async function find(query: string, ...records: readonly string[]): Promise<number[]> {
  return offsets(parseQuery(query), await makeHot(records.map((json) => ({ json }))));
}

describe('what is found', () => {
  const hostile = [
    "'; DROP TABLE hot; --",
    "it''s",
    '%',
    '_',
    '\\',
    '\\\\',
    '"',
    '"}',
    '\0',
    'a\0b',
    '\u0001',
    '\u2028',
    'x\ny',
    '/',
    '~',
    '~1',
    '~0/',
    '$.a',
    '[*]',
    'a]',
    '{}',
    '((',
    '\\b',
    '.*',
    '[',
    '한글 로그',
    '😀',
    'İK',
    '\u{10FFFF}',
    '\uFEFF',
    ' ',
    '-',
    'null',
    '$1',
    '{{x}}',
    '?',
    '`',
  ];
  const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  test('any text as value and as key, by every kind of test, and nothing else', async () => {
    const records = [...hostile.map((text) => JSON.stringify({ [text]: text, same: text })), '{"other":"zz"}'];
    const table = await makeHot(records.map((json, index) => ({ json, tag: hostile[index] ?? 'zz' })));
    for (const [index, text] of hostile.entries()) {
      assert.deepEqual(await offsets(parseQuery(`same:=${quoted(text)}`), table), [index], text);
      assert.deepEqual(await offsets(parseQuery(`_tag:=${quoted(text)}`), table), [index], text);
      for (const query of [
        `same:${quoted(text)}`,
        `${quoted(text)}:${quoted(text)}`,
        quoted(text),
        `${quoted(text)}:*`,
        `_tag:${quoted(text)}`,
      ])
        assert.ok((await offsets(parseQuery(query), table)).includes(index), query);
    }
    assert.equal((await connection.rows('SELECT count(*) FROM hot'))[0]?.[0], BigInt(records.length));
  });
  test('records that DuckDB cannot read have no fields, and do not stop a question', async () => {
    const records = ['{"a":"x"}', 'no json', '{"a":"\\ud800"}', '{"a":1', '', '{"a":"x y"}'];
    assert.deepEqual(await find('a:x', ...records), [0, 5]);
    assert.deepEqual(await find('NOT a:x', ...records), [1, 2, 3, 4]);
    assert.deepEqual(await find('a:*', ...records), [0, 5]);
  });
  test('words, not parts of words; punctuation as it is', async () => {
    const records = [
      '{"m":"Request timed out after 30s"}',
      '{"m":"untimed outing"}',
      '{"m":"timed  out"}',
      '{"m":"timed-out"}',
    ];
    assert.deepEqual(await find('m:"timed out"', ...records), [0]);
    assert.deepEqual(await find('m:TIMED', ...records), [0, 2, 3]);
    assert.deepEqual(await find('timed out', ...records), [0, 2, 3]);
    assert.deepEqual(await find('m:time*', ...records), [2, 3]);
    assert.deepEqual(await find('time*', ...records), [0, 2, 3]);
    assert.deepEqual(await find('*time*', ...records), [0, 1, 2, 3]);
  });
  test('Korean is found inside of words, next to Latin letters, too', async () => {
    const records = ['{"m":"연결 오류입니다"}', '{"m":"API오류"}', '{"m":"정상"}'];
    assert.deepEqual(await find('오류', ...records), [0, 1]);
    assert.deepEqual(await find('m:API', ...records), [1]);
    assert.deepEqual(await find('m:*오류', ...records), [1]);
  });
  test('free text is in values, not in keys', async () => {
    const records = [
      '{"error":"none"}',
      '{"a":"error"}',
      '{"a":{"b":["x",{"c":"an Error"}]}}',
      '{"a":"\\"error\\":1"}',
      '{"a":1,"error":2}',
      '{"a":"x\\nerror"}',
      '{"a":"nerror"}',
    ];
    assert.deepEqual(await find('error', ...records), [1, 2, 3, 5]);
    assert.deepEqual(await find('nerror', ...records), [6]);
  });
  test('numbers: as they are written, as they are, and compared exactly', async () => {
    const records = [
      '{"n":10.50}',
      '{"n":"10.50"}',
      '{"n":1050}',
      '{"n":9007199254740993}',
      '{"n":9007199254740992}',
      '{"n":1e3}',
      '{"n":" 7"}',
      '{"n":"0x10"}',
      '{"n":[1,2000]}',
      '{"n":true}',
    ];
    assert.deepEqual(await find('n:10.50', ...records), [0, 1]);
    assert.deepEqual(await find('n:10.5', ...records), [0]);
    assert.deepEqual(await find('n:50', ...records), []);
    assert.deepEqual(await find('n:1000', ...records), [5]);
    assert.deepEqual(await find('n > 9007199254740992', ...records), [3]);
    assert.deepEqual(await find('n >= 9007199254740993', ...records), [3]);
    assert.deepEqual(await find('n < 20', ...records), [0, 1, 8]);
    assert.deepEqual(await find('n:{1000 TO 2000]', ...records), [2, 8]);
    assert.deepEqual(await find('n:true', ...records), [9]);
  });
  test('names with dots are nested keys, keys with dots, or places in arrays', async () => {
    const records = [
      '{"a":{"b":{"c":"x"}}}',
      '{"a.b":{"c":"x"}}',
      '{"a":{"b.c":"x"}}',
      '{"a.b.c":"x"}',
      '{"a":{"b":"x"}}',
      '{"a":[{"b":{"c":"x"}}]}',
    ];
    assert.deepEqual(await find('a.b.c:x', ...records), [0, 1, 2, 3]);
    assert.deepEqual(await find('a.0.b.c:x', ...records), [5]);
    assert.deepEqual(await find('a:x', ...records), [0, 2, 4, 5]);
    const long = '{"kubernetes":{"labels":{"app.kubernetes.io/name":"x"}}}';
    assert.deepEqual(await find('kubernetes.labels.app.kubernetes.io/name:x', long), [0]);
    const deep = 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p';
    assert.deepEqual(await find(`${deep}:x`, `{"${deep}":"x"}`, `{"a":{"b":{"${deep.slice(4)}":"x"}}}`), [0, 1]);
  });
  test('null is as missing; false, empty texts and empty objects are there', async () => {
    const records = ['{"a":null}', '{}', '{"a":false}', '{"a":""}', '{"a":{}}', '{"a":[]}'];
    assert.deepEqual(await find('a:*', ...records), [2, 3, 4, 5]);
    assert.deepEqual(await find('a:""', ...records), [3]);
    assert.deepEqual(await find('null', ...records), []);
  });
});

describe("the record's own fields", () => {
  const times = [
    { seconds: -1, nanos: 999_999_999 },
    { seconds: 0, nanos: 0 },
    { seconds: 0, nanos: 1 },
    { seconds: 0, nanos: 999_999 },
    { seconds: 0, nanos: 1_000_000 },
    { seconds: 59, nanos: 999_999_999 },
    { seconds: 60, nanos: 0 },
    { seconds: 86_399, nanos: 5 },
    { seconds: 86_400, nanos: 0 },
  ];
  const found = async (query: string): Promise<number[]> =>
    offsets(
      parseQuery(query),
      await makeHot(times.map((time, index) => ({ ...time, json: '{}', tag: `app.${index}` }))),
    );
  test('_time, whole spans', async () => {
    assert.deepEqual(await found('_time:1970-01-01'), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(await found('_time:1970-01-01T00:00'), [1, 2, 3, 4, 5]);
    assert.deepEqual(await found('_time:1970-01-01T00:00:00.000'), [1, 2, 3]);
    assert.deepEqual(await found('_time:1970-01-01T00:00:00.000000001Z'), [2]);
    assert.deepEqual(await found('_time:1970-01-01T09:00+09:00'), [1, 2, 3, 4, 5]);
    assert.deepEqual(await found('_time:00000'), [1, 2, 3]);
    assert.deepEqual(await found('_time > 1970-01-01T00:00'), [6, 7, 8]);
    assert.deepEqual(await found('_time <= 1970-01-01T00:00'), [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(await found('_time < 1970-01-01'), [0]);
    assert.deepEqual(await found('_time:[1970 TO 1970-01-01T00:01}'), [1, 2, 3, 4, 5]);
    assert.deepEqual(await found('_time:{1970-01-01T00:00 TO 1970-01-01]'), [6, 7]);
    assert.deepEqual(await found('NOT _time:1970'), [0]);
    assert.deepEqual(await found('_time:*'), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
  test('_tag and _source', async () => {
    assert.deepEqual(await found('_tag:app.3'), [3]);
    assert.deepEqual(await found('_tag:app*'), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(await found('_source:TAIL AND _tag > "app.6"'), [7, 8]);
  });
  test('_id', async () => {
    assert.deepEqual(await found('_id:first-3'), [3]);
    assert.deepEqual(await found('_id:="first-3"'), [3]);
    assert.deepEqual(await found('_id:first-3.0'), []);
    assert.deepEqual(await found('_id:other-3'), []);
    assert.deepEqual(await found("_id:a'b-c-3"), []);
    assert.deepEqual(await found('NOT _id:(first-3 OR first-4)'), [0, 1, 2, 5, 6, 7, 8]);
  });
  test('the times of a selection', async () => {
    const table = await makeHot(times.map((time) => ({ ...time, json: '{}' })));
    const all: QueryTree = { kind: 'all' };
    assert.deepEqual(await offsets(all, table, timeSql(undefined, undefined)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(await offsets(all, table, timeSql(0, undefined)), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(await offsets(all, table, timeSql(1, 60_000)), [4, 5]);
    assert.deepEqual(await offsets(all, table, timeSql(undefined, 1)), [0, 1, 2, 3]);
  });
  test('trees that no query gives are refused, not misread', () => {
    const tree = (field: string | undefined, value: ValueTest): QueryTree => ({
      kind: 'test',
      field,
      test: value,
      at: { start: 2, end: 3 },
    });
    const table = tableOf('hot', {});
    for (const bad of [
      tree(undefined, { kind: 'regexp', source: 'x' }),
      tree('_time', { kind: 'phrase', text: "' OR true" }),
      tree('_time', { kind: 'regexp', source: 'x' }),
      tree('_id', { kind: 'phrase', text: 'x' }),
      tree('_id', { kind: 'compare', operator: '<', value: 'a-1' }),
    ])
      assert.throws(
        () => toSql(bad, table, shards),
        (error) => error instanceof QueryError && error.at.start === 2,
      );
  });
});

test('DuckDB prints numbers as the tests think', async () => {
  for (const text of numbers) {
    const rows = await connection.rows(`SELECT json_extract_string(${sqlText(`[${text}]`)}, '/0')`);
    assert.equal(rows[0]?.[0], printed(text), text);
  }
});

test('the largest query is answered', async () => {
  const depth = 32;
  const nested = `${'NOT (a:x OR '.repeat(depth)}b:y${')'.repeat(depth)}`;
  assert.deepEqual(await find(nested, '{"a":1}'), await find(depth % 2 === 0 ? 'a:x OR b:y' : 'NOT b:y', '{"a":1}'));
  const list = Array.from({ length: 250 }, (_, index) => `v${index}`).join(' OR ');
  assert.deepEqual(await find(`a.b.c.d:(${list})`, '{"a":{"b":{"c":{"d":"x v249"}}}}', '{"a":1}'), [0]);
  assert.deepEqual(await find(`"${'long text '.repeat(800)}"`, '{"a":1}'), []);
});
