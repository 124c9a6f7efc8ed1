import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePath, parsePairs } from './pairs.ts';

const entries = (text: string) => [...parsePairs(text, 'query')];

test('query: plus is a space, percent escapes are UTF-8 bytes', () => {
  assert.deepEqual(entries('a+b=c+d&e=%2B%20%ED%95%9C'), [
    ['a b', 'c d'],
    ['e', '+ 한'],
  ]);
});

test('query: pairs between semicolons where asked for', () => {
  const pairs = [...parsePairs('a=1;b=2&;c=%3B', 'query', 'first', '&;')];
  assert.deepEqual(pairs, [
    ['a', '1'],
    ['b', '2'],
    ['c', ';'],
  ]);
  assert.deepEqual(entries('a=1;b=2'), [['a', '1;b=2']]);
});

test('query: an invalid escape stands for itself', () => {
  assert.deepEqual(entries('a=%&b=%4&c=%zz&d=100%'), [
    ['a', '%'],
    ['b', '%4'],
    ['c', '%zz'],
    ['d', '100%'],
  ]);
});

test('query: the last of a repeated name wins, in the place of the first', () => {
  assert.deepEqual(entries('a=1&b=2&a=3'), [
    ['a', '3'],
    ['b', '2'],
  ]);
});

test('query: empty names, values and pairs', () => {
  assert.deepEqual(entries('a&b=&=c&&d==e&'), [
    ['a', ''],
    ['b', ''],
    ['', 'c'],
    ['d', '=e'],
  ]);
  assert.deepEqual(entries(''), []);
});

test('query: __proto__ and integer-like names are names like others and keep their order', () => {
  assert.deepEqual(entries('b=1&10=2&__proto__=3&1=4'), [
    ['b', '1'],
    ['10', '2'],
    ['__proto__', '3'],
    ['1', '4'],
  ]);
});

test('query: bytes that are not UTF-8 stay bytes in a value and are refused in a name', () => {
  assert.deepEqual(entries('a=x%ff'), [['a', Uint8Array.of(120, 255)]]);
  assert.throws(() => parsePairs('b=1&%ff=1', 'query'), { reason: 'invalid_query', message: /at byte 4/ });
  assert.throws(() => parsePairs('%ff=1', 'form'), { reason: 'invalid_form' });
});

test('query: raw bytes outside ASCII are UTF-8', () => {
  assert.deepEqual(entries(Buffer.from('name=값').toString('latin1')), [['name', '값']]);
});

test('query: no more than 10,000 fields', () => {
  assert.equal(parsePairs('a&'.repeat(10_000), 'form').size, 1);
  assert.throws(() => parsePairs('a&'.repeat(10_001), 'form'), { reason: 'too_many_fields' });
});

test('a path keeps its plus, and must be valid', () => {
  assert.equal(decodePath('/a+b%2F%ED%95%9C'), '/a+b/한');
  assert.equal(decodePath('/a%2'), undefined);
  assert.equal(decodePath('/%ff'), undefined);
});
