/** Records as text: NDJSON, CSV, and cutting JSON without decoding it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseExact, stringifyJson } from '../../core/json.ts';
import { foundRecord } from '../backend-fake.ts';
import { CsvRows, columnsOf, splitColumns } from './csv.ts';
import { elementsOf, membersOf } from './json-text.ts';
import { exportedName, ownName, recordLine, recordText } from './records.ts';

const plainKey = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('_time', '__tag', '_id', '_source', 'a.b', 'a', '"', '\\', '=x', 'ü,"', '\n'),
  )
  .filter((key) => key !== '__proto__' && !/^\d+$/.test(key));
const fields = fc.dictionary(plainKey, fc.jsonValue({ noUnicodeString: false, maxDepth: 3 }));

/** Not by way of JSON.parse: V8 13.6 gives a key `\n` the name of an earlier object's key `\\` where their other keys are the same. */
function entriesOf(record: object): [string, string][] {
  return Object.entries(record).map(([key, value]) => [key, JSON.stringify(value)]);
}

test('JSON is cut at its members and elements, however it is spaced', () => {
  fc.assert(
    fc.property(fields, fc.constantFrom(undefined, 1, '\t'), (record, space) => {
      const text = ` ${JSON.stringify(record, undefined, space)}`;
      const members = [...membersOf(text)].map(({ key, keyStart, keyEnd, start, end }) => {
        assert.equal(JSON.parse(text.slice(keyStart, keyEnd)), key);
        return [key, JSON.stringify(JSON.parse(text.slice(start, end)))];
      });
      assert.deepEqual(members, entriesOf(record));
      const list = JSON.stringify(Object.values(record), undefined, space);
      assert.deepEqual(
        Array.from(elementsOf(list), ({ start, end }) => JSON.parse(list.slice(start, end)) as unknown),
        JSON.parse(list),
      );
    }),
  );
  assert.deepEqual([...membersOf('{}'), ...elementsOf('[ ]')], []);
  for (const broken of ['', '{', '{"a', '{"a"', '{"a":', '{"a":1', '{"a":"\\"', '{"a":[', '[]', '{"a":?}'])
    assert.throws(() => [...membersOf(broken)], SyntaxError, broken);
});

test('NDJSON: what is ours is sure, what is the record’s is all there', () => {
  fc.assert(
    fc.property(fields, (record) => {
      const line = recordLine(foundRecord(5, JSON.stringify(record)));
      assert.ok(!line.includes('\n'));
      const parsed = parseExact(line);
      assert.deepEqual(
        ['_time', '_tag', '_id'].map((name) => parsed.get(name)),
        ['1970-01-01T00:00:05.000000123Z', 't', 's-5'],
      );
      const own = [...parsed].slice(0, -3).map(([name, value]) => [ownName(name), stringifyJson(value)]);
      assert.deepEqual(own, entriesOf(record));
    }),
  );
  assert.equal(
    recordLine(foundRecord(0, '{"_time":1,"\\u005ftag":2,"__time":3,"_times":4,"a":{"_id":5}}')),
    '{"__time":1,"__tag":2,"___time":3,"_times":4,"a":{"_id":5},"_time":"1970-01-01T00:00:00.000000123Z","_tag":"t","_id":"s-0"}',
  );
  assert.deepEqual(['_id', '__id', '_x', 'time'].map(exportedName), ['__id', '___id', '_x', 'time']);
  assert.ok(recordText(foundRecord(0, '{"x":1.0}')).endsWith('"fields":{"x":1.0}}'));
});

/** RFC 4180, strictly. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  let row: string[] = [];
  while (cell.lastIndex < text.length) {
    const found = cell.exec(text);
    assert.ok(found, `no CSV: ${JSON.stringify(text)}`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

test('CSV: every row has every column, is read back, and holds nothing that a spreadsheet runs', () => {
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 5 }), (contents) => {
      const records = contents.map((record, index) => foundRecord(index, JSON.stringify(record), { tag: '@x' }));
      const columns = columnsOf(records);
      const csv = new CsvRows(columns);
      const rows = readCsv(csv.head() + records.map((record) => csv.row(record)).join(''));
      assert.equal(rows.length, records.length + 1);
      for (const row of rows) {
        assert.equal(row.length, new Set(columns).size + 2);
        for (const text of row)
          assert.ok(!/^[=+\-@\t\r\n＝＋－＠]/.test(text) || /^[-+][\d.eE+-]+$/.test(text), JSON.stringify(text));
      }
      for (const [index, record] of contents.entries())
        for (const [key, value] of Object.entries(record)) {
          if (typeof value !== 'string') continue;
          const at = (rows[0] ?? []).findIndex(
            (name) => name === exportedName(key) || name === `'${exportedName(key)}`,
          );
          const shown = rows[index + 1]?.[at];
          assert.ok(shown === value || shown === `'${value}`, key);
        }
    }),
  );
});

test('CSV: values', () => {
  const json =
    '{"n":-5,"t":"-5","f":"-5+1","e":"","z":null,"b":true,"big":12345678901234567890,"d":1.0,"o":{},"a.b":1,"a":{"b":2,"c.d":{"e":"x"}}}';
  const csv = new CsvRows([
    'n',
    't',
    'f',
    'e',
    'z',
    'b',
    'big',
    'd',
    'o',
    'a.b',
    'a.c.d.e',
    'a',
    'none',
    '_source',
    '_time',
    'n',
  ]);
  assert.equal(csv.head(), '_time,_tag,n,t,f,e,z,b,big,d,o,a.b,a.c.d.e,a,none,_source\r\n');
  assert.equal(
    csv.row(foundRecord(0, json)),
    '1970-01-01T00:00:00.000000123Z,t,-5,-5,\'-5+1,"",,true,12345678901234567890,1.0,{},1,x,"{""b"":2,""c.d"":{""e"":""x""}}",,postback\r\n',
  );
  assert.deepEqual(columnsOf([foundRecord(0, json)]), [
    'n',
    't',
    'f',
    'e',
    'z',
    'b',
    'big',
    'd',
    'o',
    'a.b',
    'a.c.d.e',
  ]);
});

test('columns as they are given', () => {
  assert.deepEqual(splitColumns('a, b.c ,,"x,""y"'), ['a', 'b.c', 'x,"y']);
  assert.deepEqual(splitColumns(''), []);
  for (const broken of ['"a', 'a"b', '"a"b']) assert.equal(splitColumns(broken), undefined, broken);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const columns = splitColumns(text);
      assert.ok(columns === undefined || columns.every((name) => name !== ''));
    }),
  );
});
