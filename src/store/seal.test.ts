import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../core/log.ts';
import { Database } from './database.ts';
import type { Connection } from './database.ts';
import { candidateRows } from './filters.ts';
import { partitionSql, rowColumns } from './layout.ts';
import type { RowTable } from './layout.ts';
import { minuteCounts } from './minutes.ts';
import { pointerOf } from './query/paths.ts';
import { writeSegment } from './seal.ts';
import { readSegments } from './segments.ts';

async function openPartition(context: TestContext): Promise<Connection> {
  const directory = await mkdtemp(join(tmpdir(), 'post2log-seal-'));
  const database = await Database.open({
    memoryBytesMax: 200e6,
    temporaryDirectory: join(directory, 'tmp'),
    spillBytesMax: 1e9,
  });
  await database.attach(join(directory, 'p.duckdb'), 'p', false);
  const connection = await database.connect();
  await connection.run(partitionSql('p'));
  context.after(async () => {
    connection.close();
    database.close();
    await rm(directory, { recursive: true, force: true });
  });
  return connection;
}

interface TestRow {
  readonly json: string;
  readonly seconds?: number;
  readonly tag?: string;
}

async function makeHot(connection: Connection, number: number, rows: readonly TestRow[]): Promise<RowTable> {
  const sql = `"p".hot_${number}`;
  await connection.run(`CREATE TABLE ${sql}(${rowColumns.map(([name, type]) => `"${name}" ${type}`).join(', ')})`);
  const appender = await connection.appender(`hot_${number}`, 'p');
  for (const [i, { json, seconds = 1_794_000_000 + i, tag = 'a' }] of rows.entries()) {
    appender.appendBigInt(BigInt(seconds));
    appender.appendInteger(i);
    appender.appendBigInt(BigInt(i));
    appender.appendInteger(0);
    appender.appendBigInt(BigInt(i));
    appender.appendInteger(-1);
    appender.appendVarchar(tag);
    appender.appendVarchar('test');
    appender.appendVarchar(json);
    appender.endRow();
  }
  appender.closeSync();
  return {
    kind: 'hot',
    number,
    sql,
    rows: rows.length,
    secondsMin: 0,
    secondsMax: 0,
    fields: [],
    isFieldListComplete: false,
    blockRows: undefined,
    filterParts: undefined,
  };
}

async function seal(connection: Connection, number: number, sources: readonly RowTable[]): Promise<RowTable> {
  await connection.run('BEGIN');
  const segment = await writeSegment(connection, 'p', number, sources, silentLog());
  for (const { kind, number: source } of sources)
    if (kind === 'segment')
      for (const table of ['segments', 'fields', 'filters', 'minutes'])
        await connection.run(`DELETE FROM "p".${table} WHERE segment = ${source}`);
  for (const { sql } of sources) await connection.run(`DROP TABLE ${sql}`);
  await connection.run('COMMIT');
  const listed = await readSegments(connection, 'p');
  assert.deepEqual(
    listed.find((entry) => entry.number === number),
    segment,
  );
  return segment;
}

async function jsonOf(connection: Connection, segment: RowTable): Promise<string[]> {
  const rows = await connection.rows(`SELECT fields FROM ${segment.sql} ORDER BY rowid`);
  return rows.map(([json]) => String(json));
}

/** Checks all promises that a segment makes about its fields. */
async function checkFields(connection: Connection, segment: RowTable): Promise<void> {
  for (const field of segment.fields) {
    const written = `TRY(json_extract_string(fields, ['${pointerOf(field.path).replaceAll("'", "''")}'])[1])`;
    if (field.number === undefined) continue;
    const text = `t${field.number}`;
    const number = `n${field.number}`;
    const shown = field.numeric ? `coalesce(${text}, CAST(${number} AS VARCHAR))` : text;
    const wrong = await connection.rows(
      `SELECT fields, ${shown}, ${written} FROM ${segment.sql} WHERE ${shown} IS DISTINCT FROM ${written} LIMIT 1`,
    );
    assert.deepEqual(wrong, [], `${field.name} shows what is in the record`);
    if (field.numeric) {
      const types = await connection.rows(
        `SELECT fields FROM ${segment.sql} WHERE ${number} IS NOT NULL AND
         TRY(json_type(fields, ['${pointerOf(field.path).replaceAll("'", "''")}'])[1]) NOT IN ('BIGINT', 'UBIGINT', 'DOUBLE')`,
      );
      assert.deepEqual(types, [], `${field.name}: only numbers are kept as numbers`);
    }
    const counted = await connection.rows(`SELECT count(${shown}) FROM ${segment.sql}`);
    assert.equal(Number(counted[0]?.[0]), field.rows, `rows of ${field.name}`);
  }
}

/** Paths of a record with the types of their values; the first of equal keys counts, as for DuckDB. */
function pathsOf(json: string): Map<string, string> {
  const paths = new Map<string, string>();
  const walk = (value: unknown, path: readonly string[]): void => {
    for (const [key, inner] of Object.entries(value as object)) {
      const at = [...path, key];
      if (inner === null) continue;
      paths.set(JSON.stringify(at), Array.isArray(inner) ? 'array' : typeof inner);
      if (typeof inner === 'object' && !Array.isArray(inner)) walk(inner, at);
    }
  };
  walk(JSON.parse(json), []);
  return paths;
}

const keyText = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', 'status', 'x.y', '0', '', 'k~1/', 'naïve', '키') },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
);
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.nat(999)).map(([whole, part]) => `${whole}.${part}0`),
  fc.constantFrom(
    '-0',
    '0.00',
    '0.050',
    '-10.00',
    '0.00001',
    '-0.000010',
    '1e3',
    '0.00001',
    '1e22',
    '123456789012345680.0',
    '1.50',
    '0.0000001',
    '12345678901234567890123',
    '1E+2',
    '9223372036854775808',
    '-0.0',
  ),
);
const leafText = fc.oneof(
  numberText,
  fc.constantFrom('true', 'false', 'null'),
  fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), numberText).map((text) => JSON.stringify(text.toWellFormed())),
  fc.constantFrom('"\\u0041bc\\nfoo"', '"tab\\tbed"', '"\\ud55c\\uae00 ok"', '"\\/\\"quoted\\""'),
);
const { value: valueText } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leafText, tie('object'), tie('array')),
  object: fc
    .uniqueArray(fc.tuple(keyText, tie('value')), { maxLength: 4, selector: ([key]) => key })
    .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key.toWellFormed())}:${value}`).join(', ')}}`),
  array: fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(',')}]`),
}));
const recordText = fc
  .uniqueArray(fc.tuple(keyText, valueText), { maxLength: 6, selector: ([key]) => key })
  .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key.toWellFormed())}:${value}`).join(',')}}`);

function wordsOf(text: string): string[] {
  return text.match(/[A-Za-z0-9_]+/g) ?? [];
}

test('any records: fields are complete and exact, filters never miss', async (context) => {
  const connection = await openPartition(context);
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(recordText, { minLength: 1, maxLength: 40 }), async (records) => {
      // Each column lies in memory until there is a checkpoint: what was looked at goes.
      for (const name of [`hot_${number}`, `segment_${number}`])
        await connection.run(`DROP TABLE IF EXISTS "p"."${name}"`);
      number++;
      const hot = await makeHot(
        connection,
        number,
        records.map((json) => ({ json })),
      );
      const segment = await seal(connection, number, [hot]);
      assert.deepEqual(await jsonOf(connection, segment), records);
      await checkFields(connection, segment);
      const expected = new Map<string, { rows: number; types: Set<string> }>();
      for (const record of records)
        for (const [path, type] of pathsOf(record)) {
          const entry = expected.get(path) ?? { rows: 0, types: new Set() };
          entry.rows++;
          entry.types.add(type);
          expected.set(path, entry);
        }
      const found = new Map(segment.fields.map((field) => [JSON.stringify(field.path), field]));
      assert.equal(segment.isFieldListComplete, true);
      assert.deepEqual([...found.keys()].toSorted(), [...expected.keys()].toSorted());
      for (const [path, { rows, types }] of expected) {
        assert.equal(found.get(path)?.rows, rows, path);
        assert.deepEqual(found.get(path)?.types, [...types].toSorted(), path);
        const values = await connection.rows(
          `SELECT TRY(json_extract_string(fields, ['${pointerOf(JSON.parse(path) as string[]).replaceAll("'", "''")}'])[1]) FROM ${segment.sql}`,
        );
        const words = new Set(values.flatMap(([value]) => (typeof value === 'string' ? wordsOf(value) : [])));
        for (const word of words) {
          const rowsOf = await foundRows(connection, segment, word);
          assert.notDeepEqual(rowsOf, [], `${word} of ${path} is in ${records.join('\n')}`);
        }
      }
    }),
    { numRuns: 25 },
  );
});

function json(fields: object): TestRow {
  return { json: JSON.stringify(fields) };
}

async function foundRows(connection: Connection, segment: RowTable, word: string): Promise<unknown> {
  return (await candidateRows(connection, 'p', [segment], { kind: 'word', word })).get(segment.number);
}

test('several tables become one segment in their order, whose blocks go across them', async (context) => {
  const connection = await openPartition(context);
  const rows = Array.from({ length: 10_000 }, (_, n) =>
    json({ n, host: `host${n % 3}`, id: `id${n}`, at: n / 4, note: 'all the same. '.repeat(9) }),
  );
  const first = await makeHot(connection, 1, rows.slice(0, 3000));
  const second = await makeHot(connection, 2, rows.slice(3000, 3001));
  const third = await makeHot(connection, 3, rows.slice(3001));
  let segment = await seal(connection, 4, [first, second, third]);
  const check = async (): Promise<void> => {
    assert.equal(segment.rows, 10_000);
    assert.deepEqual(
      await jsonOf(connection, segment),
      rows.map((row) => row.json),
    );
    await checkFields(connection, segment);
    assert.deepEqual(
      segment.fields.map(({ name, numeric, types }) => [name, numeric, types]),
      [
        ['n', 'BIGINT', ['number']],
        ['host', undefined, ['string']],
        ['id', undefined, ['string']],
        ['at', 'DOUBLE', ['number']],
        ['note', undefined, ['string']],
      ],
    );
    for (const [word, block] of [
      ['id10', 0],
      ['ID4095', 0],
      ['id4096', 1],
      ['id9999', 2],
    ] as const)
      assert.deepEqual(
        await foundRows(connection, segment, word),
        [{ from: block * 4096, to: Math.min(10_000, (block + 1) * 4096) }],
        word,
      );
    assert.equal(((await foundRows(connection, segment, 'host1')) as { to: number }[])[0]?.to, 10_000);
    assert.deepEqual(await foundRows(connection, segment, 'nowhere'), []);
  };
  await check();
  // The same again from segments: merging.
  const more = await seal(connection, 6, [await makeHot(connection, 5, [json({ n: 'x' }), json({ other: 1 })])]);
  rows.push(json({ n: 'x' }), json({ other: 1 }));
  const merged = await seal(connection, 7, [segment, more]);
  assert.equal(merged.rows, 10_002);
  await checkFields(connection, merged);
  assert.deepEqual(
    await jsonOf(connection, merged),
    rows.map((row) => row.json),
  );
  assert.deepEqual(merged.fields.find(({ name }) => name === 'n')?.types, ['number', 'string']);
  segment = merged;
});

test('needs of several words', async (context) => {
  const connection = await openPartition(context);
  const rows = Array.from({ length: 3 * 4096 }, (_, n) => json({ word: `block${Math.floor(n / 4096)}`, same: 'same' }));
  const segment = await seal(connection, 2, [await makeHot(connection, 1, rows)]);
  const word = (text: string) => ({ kind: 'word', word: text }) as const;
  const ask = async (need: Parameters<typeof candidateRows>[3]) =>
    (await candidateRows(connection, 'p', [segment], need)).get(segment.number);
  assert.deepEqual(await ask({ kind: 'and', operands: [word('same'), word('block1')] }), [{ from: 4096, to: 8192 }]);
  assert.deepEqual(await ask({ kind: 'and', operands: [word('block0'), word('block1')] }), []);
  assert.deepEqual(await ask({ kind: 'or', operands: [word('block0'), word('block2')] }), [
    { from: 0, to: 4096 },
    { from: 8192, to: 12_288 },
  ]);
  assert.equal(await ask({ kind: 'any' }), undefined);
  assert.equal(await ask({ kind: 'or', operands: [word('block0'), { kind: 'any' }] }), undefined);
  assert.deepEqual(await ask({ kind: 'and', operands: [word('block2'), { kind: 'any' }] }), [
    { from: 8192, to: 12_288 },
  ]);
});

test('records that are odd: equal keys, no JSON, 10,000 keys, ever new keys, a value of a megabyte', async (context) => {
  const connection = await openPartition(context);
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n]));
  const rows: TestRow[] = [
    { json: '{"a":1,"a":"second"}' },
    { json: '{"a":tru' },
    { json: '[1,2]' },
    { json: '{"half":"\\ud800","b":{"c":{}}}' },
    json(wide),
    json({ text: 'long '.repeat(200_000) }),
    ...Array.from({ length: 15_000 }, (_, n) => json({ [`key${n}`]: { inner: n }, a: 5 })),
  ];
  const segment = await seal(connection, 2, [await makeHot(connection, 1, rows)]);
  assert.deepEqual(
    await jsonOf(connection, segment),
    rows.map((row) => row.json),
  );
  await checkFields(connection, segment);
  assert.equal(segment.isFieldListComplete, false, 'there are more paths than are listed');
  assert.equal(segment.fields.length, 20_000);
  const a = segment.fields.find(({ name }) => name === 'a');
  assert.deepEqual([a?.rows, a?.types, a?.numeric], [15_001, ['number'], 'BIGINT']);
  for (const word of ['second', 'tru', 'half', 'field9999', 'long', 'key14999', 'inner'])
    assert.notDeepEqual(await foundRows(connection, segment, word), [], word);
});

test("keys that are no fields of one of DuckDB's structs become columns too", async (context) => {
  const connection = await openPartition(context);
  const rows = [
    json({ Level: 'a', level: 'b', '': 'empty', "it's": { '"q"': 'x', deep: { '': 1 } }, mixed: 'text', list: [1] }),
    json({ mixed: { part: 'p', Part: 'P' }, level: 'c', constructor: 'own', __proto__x: 1 }),
    { json: '{"__proto__":"p","mixed":"other","level":{"inner":1},"list":{"0":"zero"},"it\'s":"a text"}' },
  ];
  const many = Array.from({ length: 3000 }, (_, i) => rows[i % rows.length] as TestRow);
  const segment = await seal(connection, 2, [await makeHot(connection, 1, many)]);
  await checkFields(connection, segment);
  const columns = segment.fields.filter(({ number }) => number !== undefined).map(({ name }) => name);
  for (const name of [
    'Level',
    'level',
    '',
    'mixed',
    'mixed.part',
    'mixed.Part',
    'constructor',
    '__proto__',
    'it\'s."q"',
  ])
    assert.ok(columns.includes(name), name);
});

test('rows are counted by minute and tag, also where they are scattered', async (context) => {
  const connection = await openPartition(context);
  const near = Array.from({ length: 1000 }, (_, n) => ({ json: '{}', seconds: n - 90, tag: n % 2 === 0 ? 'a' : 'b' }));
  const far = Array.from({ length: 1000 }, (_, n) => ({ json: '{}', seconds: n * 60, tag: `tag${n}` }));
  const segments = [
    await seal(connection, 2, [await makeHot(connection, 1, near)]),
    await seal(connection, 4, [await makeHot(connection, 3, far)]),
  ];
  const [listed] = await connection.rows('SELECT count(DISTINCT segment), sum(rows) FROM "p".minutes');
  assert.deepEqual(listed, [1n, 1000n], 'a list as long as the rows is not kept');
  const expected = (from: number, to: number, tag?: string): { minute: number; rows: number }[] => {
    const counts = new Map<number, number>();
    for (const row of [...near, ...far]) {
      const minute = Math.floor(row.seconds / 60);
      if (minute >= from && minute < to && (tag === undefined || row.tag === tag))
        counts.set(minute, (counts.get(minute) ?? 0) + 1);
    }
    return [...counts].sort(([a], [b]) => a - b).map(([minute, rows]) => ({ minute, rows }));
  };
  for (const [from, to, tag] of [
    [-10, 2000, undefined],
    [-1, 3, undefined],
    [5, 10, 'a'],
    [0, 100, 'tag7'],
    [5000, 6000, undefined],
  ] as const)
    assert.deepEqual(await minuteCounts(connection, 'p', segments, from, to, tag), expected(from, to, tag));
});
