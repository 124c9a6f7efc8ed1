import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQuery } from '../../../src/store/query/parser.ts';
import { problemOf } from './check.ts';
import { completeField, completeValue } from './complete.ts';
import { withFilter } from './edit.ts';

test('a query that cannot be read says where; others say nothing', () => {
  assert.deepEqual(problemOf('p1:v1 AND (a')?.at, { start: 10, end: 11 });
  assert.equal(problemOf(''), undefined);
  assert.equal(problemOf('status >= 500 AND NOT path:/health*'), undefined);
});

// What the language gives other meanings to, or keeps for itself.
const isOwn = (name: string): boolean => /^_(?:time|tag|source|id|exists_)$/.test(name) || name === '*';
const names = fc.string({ unit: 'binary', minLength: 1 }).filter((name) => !isOwn(name));
const texts = fc.string({ unit: 'binary' });

test('a filter by click is read back as exactly this field and value, whatever they are', () => {
  fc.assert(
    fc.property(names, texts, fc.boolean(), (field, value, isExcluded) => {
      const tree = parseQuery(withFilter('', field, { kind: 'is', value }, isExcluded));
      const inner = tree.kind === 'not' ? tree.operand : tree;
      assert.equal(tree.kind === 'not', isExcluded);
      assert.ok(inner.kind === 'test');
      assert.equal(inner.field, field);
      assert.deepEqual(inner.test, { kind: 'exact', text: value });
    }),
  );
});

test('a filter is one more condition, and changes nothing of the query that was there', () => {
  const queries = fc.constantFrom(
    'a',
    'a OR b',
    'x:1 or y:2',
    'NOT (a || b) c',
    'log:"a OR b" && d',
    '(a) (b)',
    'not found',
  );
  fc.assert(
    fc.property(queries, names, (query, field) => {
      const before = parseQuery(query);
      const after = parseQuery(withFilter(query, field, { kind: 'exists' }, false));
      assert.ok(after.kind === 'and');
      const rest = after.operands.slice(0, -1);
      // Positions move by the parentheses; the rest is the same.
      const plain = (value: unknown): unknown =>
        JSON.parse(JSON.stringify(value, (key, inner: unknown) => (key === 'at' ? undefined : inner)));
      assert.deepEqual(plain(rest.length === 1 ? rest[0] : { kind: 'and', operands: rest }), plain(before));
    }),
  );
});

test('completed names and values are read as they are', () => {
  const place = { kind: 'field', from: 0, to: 0, typed: '' } as const;
  fc.assert(
    fc.property(names, texts, (field, value) => {
      const named = completeField('', place, field).query;
      const at = { ...place, from: named.length, to: named.length };
      const tree = parseQuery(completeValue(named, at, value).query);
      assert.ok(tree.kind === 'test');
      assert.equal(tree.field, field);
      assert.ok(tree.test.kind === 'phrase' || tree.test.kind === 'exact');
      assert.equal(tree.test.text, value);
    }),
  );
});
