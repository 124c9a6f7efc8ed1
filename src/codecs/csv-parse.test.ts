import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed, parserOf } from '../../test/parsing.ts';
import { csvParser } from './csv.ts';
import { ltsvParser } from './ltsv.ts';
import { tsvParser } from './tsv.ts';

const csv = (row: string, options: Record<string, unknown> = {}) =>
  parsed(csvParser, row, { keys: ['a', 'b', 'c'], ...options });

test('csv', () => {
  assert.equal(csv('1,"x, ""y""",'), '{"a":"1","b":"x, \\"y\\"","c":null}');
  assert.equal(csv('"",2'), '{"a":"","b":"2","c":null}');
  assert.equal(csv('1,2,3,4\r\n'), '{"a":"1","b":"2","c":"3"}');
  assert.equal(csv('"a\nb"||2', { delimiter: '||' }), '{"a":"a\\nb","b":"2","c":null}');
  assert.equal(
    csv('1,2,5', { timeKey: 'c', timeType: 'unixtime', types: { a: 'integer' } }),
    '{"a":1,"b":"2"} 5.000000000',
  );
  for (const [row, place] of [
    ['"open', 6],
    ['1,a"b', 4],
    ['"a"b', 4],
    ['', 1],
    ['a\nb', 2],
  ] as const)
    assert.match(csv(row), new RegExp(`^invalid: not CSV: .*character ${place}`), row);
});

test('csv with the fast engine', () => {
  const fast = (row: string) => csv(row, { parserEngine: 'fast' });
  assert.equal(fast('1,"x, y",""'), '{"a":"1","b":"x, y","c":""}');
  assert.equal(fast('1,'), '{"a":"1","b":null}');
  assert.equal(fast('"say ""hi""",a"b,"c"d'), '{"a":"say \\"hi\\"","b":"a\\"b","c":"\\"c\\"d"}');
  assert.equal(fast(''), '{}');
  assert.equal(fast('1,2,3,4,5'), '{"a":"1","b":"2","c":"3","":"5"}');
  assert.match(fast('1,"open'), /^invalid/);
});

test('tsv', () => {
  const tsv = (row: string, options: Record<string, unknown> = {}) =>
    parsed(tsvParser, row, { keys: ['a', 'b'], ...options });
  assert.equal(tsv('1\t2\t3'), '{"a":"1","b":"2\\t3"}');
  assert.equal(tsv('1'), '{"a":"1","b":null}');
  assert.equal(tsv(''), '{"a":null,"b":null}');
  assert.equal(tsv('  1   2 3', { delimiter: ' ' }), '{"a":"1","b":"2 3"}');
});

test('ltsv', () => {
  assert.equal(
    parsed(ltsvParser, 'a:1:2\tlone\t:x\ttime:2024-03-05T06:07:08Z'),
    '{"a":"1:2","":"x"} 1709618828.000000000',
  );
  assert.equal(parsed(ltsvParser, ''), '{}');
  const options = { delimiterPattern: '/[,;]\\s*/', labelDelimiter: '=', types: { 1: 'integer' } };
  assert.equal(parsed(ltsvParser, '1=2, a=b;', options), '{"1":2,"a":"b"}');
});

test('bytes that are not UTF-8 are kept', () => {
  const found = parserOf(csvParser, { keys: ['a', 'b'] }).parse(Buffer.from('\xff,x', 'latin1'));
  assert.deepEqual(found, { fields: { a: new Uint8Array([0xff]), b: 'x' }, time: undefined });
});
