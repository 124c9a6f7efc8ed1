import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonObject, parseExact } from '../json/exact.ts';
import { levelOf, summaryOf } from './summary.ts';

function fieldsOf(text: string): JsonObject {
  const value = parseExact(text);
  assert.ok(value instanceof JsonObject);
  return value;
}

test('words lead, what was sent comes before what the program added', () => {
  const fields = fieldsOf('{"_path":"/postback","a":{"b":9007199254740993},"msg":"timed out","log":"second"}');
  const { lead, pairs } = summaryOf(fields);
  assert.equal(lead, 'timed out');
  assert.deepEqual(
    pairs.map(({ name, text }) => `${name}=${text}`),
    ['a.b=9007199254740993', 'log=second', '_path=/postback'],
  );
  assert.equal(summaryOf(fields), summaryOf(fields));
});

test('many and long fields are cut', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, 'x'.repeat(200)]));
  const { pairs } = summaryOf(fieldsOf(JSON.stringify(many)));
  assert.equal(pairs.length, 24);
  assert.equal(pairs[0]?.text.length, 160);
});

test('levels in their spellings', () => {
  for (const [json, level] of [
    ['{"level":"ERROR"}', 'error'],
    ['{"Severity":"fatal"}', 'error'],
    ['{"lvl":"warn"}', 'warning'],
    ['{"level":"trace"}', 'debug'],
    ['{"level":"info"}', undefined],
    ['{"level":50}', undefined],
  ] as const)
    assert.equal(levelOf(fieldsOf(json)), level, json);
});
