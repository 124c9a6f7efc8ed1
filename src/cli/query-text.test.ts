import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { foundRecord } from '../admin/backend-fake.ts';
import { TextTable, fitted, pointedAt, visible, visibleJson, widthOf } from './query-text.ts';

test('what could steer a terminal is shown instead', () => {
  assert.equal(visible('a\tb\r\n\u001b[31mred\u001b[0m\u009b1m\u007f'), 'a\\tb\\r\\n\\x1b[31mred\\x1b[0m\\x9b1m\\x7f');
  assert.equal(
    visible('safe\u202etxt.exe\u2066\ufeff\u200b\u{e0041}\ud800'),
    'safe\\u202etxt.exe\\u2066\\ufeff\\u200b\\u{e0041}\\ud800',
  );
  assert.equal(visible('한국어 é 👩‍👧 \\n'), '한국어 é 👩‍👧 \\n');
  assert.equal(visibleJson('{"a":"\u202e\u009b\u{e0041}é"}'), '{"a":"\\u202e\\u009b\\udb40\\udc41é"}');
});

const steering = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('\u001b[2J', '\u009b', '\u202e', '\r', '\n', '\ud800', '\udc00', '한', 'é', '"', '\\', '='))
    .map((parts) => parts.join('')),
);

test('no text reaches a terminal raw, and JSON means the same', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      assert.doesNotMatch(visible(text), steering);
      const json = JSON.stringify({ [text]: text });
      assert.doesNotMatch(visibleJson(json), steering);
      assert.deepEqual(JSON.parse(visibleJson(json)), JSON.parse(json));
    }),
  );
});

test('a table never has more lines than records, nor wider ones than the terminal', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.constant(null), fc.dictionary(hostile, hostile))),
      ),
      fc.integer({ min: 10, max: 100 }),
      fc.option(fc.array(hostile, { minLength: 1, maxLength: 3 }), { nil: undefined }),
      (contents, width, columns) => {
        const records = contents.map((fields, index) =>
          foundRecord(index, JSON.stringify(fields), { tag: JSON.stringify(fields) }),
        );
        const table = new TextTable(columns, width);
        for (const text of [table.head(records), ...records.map((record) => table.row(record))]) {
          assert.ok(text.endsWith('\n'));
          const line = text.slice(0, -1);
          assert.doesNotMatch(line, steering);
          assert.ok(widthOf(line) <= width, `${widthOf(line)} > ${width}: ${line}`);
        }
      },
    ),
  );
});

test('cells are aligned, Hangul counted twice', () => {
  const records = [
    foundRecord(0, '{"p1":"v1","n":{"a":1.0},"s":"two words","e":""}', { tag: '한국' }),
    foundRecord(1, '{"_time":"own","x":[1,2],"z":null}', { tag: 'longer' }),
  ];
  const table = new TextTable(undefined, undefined);
  assert.equal(
    table.head(records) + records.map((record) => table.row(record)).join(''),
    [
      'TIME                      TAG     FIELDS',
      '1970-01-01T00:00:00.000Z  한국    p1=v1 n.a=1.0 s="two words" e=""',
      '1970-01-01T00:00:01.000Z  longer  __time=own x=[1,2] z=null',
      '',
    ].join('\n'),
  );
  const chosen = new TextTable(['n.a', '_id', 'p1'], undefined);
  assert.equal(
    chosen.head(records) + records.map((record) => chosen.row(record)).join(''),
    [
      'TIME                      TAG     n.a  _id  p1',
      '1970-01-01T00:00:00.000Z  한국    1.0  s-0  v1',
      '1970-01-01T00:00:01.000Z  longer       s-1',
      '',
    ].join('\n'),
  );
  assert.equal(fitted('한국어', 5), '한국…');
  assert.equal(fitted('한국어', 6), '한국어');
  assert.equal(fitted('abc', 2), 'a…');
});

test('a huge value costs no more than what is shown of it', () => {
  const table = new TextTable(undefined, 80);
  const record = foundRecord(0, JSON.stringify({ a: 'x'.repeat(1_000_000), b: 1 }));
  assert.equal(widthOf(table.head([record]).trimEnd()) <= 80, true);
  assert.equal(table.row(record).length, 81);
});

test('an error points at its characters', () => {
  assert.equal(pointedAt('p1:', { start: 2, end: 3 }), '  p1:\n    ^\n');
  assert.equal(pointedAt('한:"a', { start: 2, end: 4 }), '  한:"a\n     ^^\n');
  assert.equal(pointedAt('\u001ba:', { start: 2, end: 2 }), '  \\x1ba:\n       ^\n');
  const long = `${'a '.repeat(200)}b:`;
  const [line = '', carets = ''] = pointedAt(long, { start: 401, end: 402 }).split('\n');
  assert.equal(line, `  …${'a '.repeat(10).slice(1)}b:`);
  assert.equal(line[carets.indexOf('^')], ':');
  fc.assert(
    fc.property(hostile, fc.nat(), fc.nat(), (text, a, b) => {
      const [start = 0, end = 0] = [a % (text.length + 1), b % (text.length + 1)].toSorted((x, y) => x - y);
      const lines = pointedAt(text, { start, end }).split('\n');
      assert.equal(lines.length, 3);
      assert.match(lines[1] ?? '', /^ +\^+$/);
      assert.doesNotMatch(lines[0] ?? '', steering);
    }),
  );
});
