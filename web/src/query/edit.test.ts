import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conjuncts, quote, withFilter, writeField } from './edit.ts';
import { tokenize } from './tokens.ts';

const is = (value: string) => ({ kind: 'is', value }) as const;

test('a filter is added, not twice, and turned round', () => {
  const once = withFilter('', 'p1', is('v1'), false);
  assert.equal(once, 'p1:="v1"');
  assert.equal(withFilter(once, 'p1', is('v1'), false), once);
  assert.equal(withFilter(once, 'p1', is('v1'), true), 'NOT p1:="v1"');
  assert.equal(withFilter(once, 'tag', { kind: 'exists' }, true), 'p1:="v1" AND NOT tag:*');
});

test('what stands there keeps its meaning', () => {
  assert.equal(withFilter('a OR b', 'c', is('d'), false), '(a OR b) AND c:="d"');
  assert.equal(withFilter('(a OR b) x', 'c', is('d'), false), '(a OR b) x AND c:="d"');
  assert.equal(withFilter('log:"a OR b"', 'c', is('d'), true), 'log:"a OR b" AND NOT c:="d"');
  assert.deepEqual(conjuncts('a && (b AND c) AND status:[1 TO 2]'), ['a', '(b AND c)', 'status:[1 TO 2]']);
});

test('quotes, backslashes and odd field names are escaped', () => {
  assert.equal(quote(String.raw`a"b\c`), String.raw`"a\"b\\c"`);
  assert.equal(writeField('kubernetes.labels.app/name'), 'kubernetes.labels.app/name');
  assert.equal(writeField('a b:c'), '"a b:c"');
  assert.equal(writeField('not'), '"not"');
  assert.equal(writeField('10'), '"10"');
  assert.equal(quote('a\n\u001b'), String.raw`"a\n\u001b"`);
});

test('tokens are the whole text, and a written filter is field, operator, string', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const tokens = tokenize(text);
      assert.equal(tokens.map((token) => token.text).join(''), text);
      assert.deepEqual(
        tokenize(`${writeField('f')}:=${quote(text)}`).map((token) => token.kind),
        ['field', 'operator', 'string'],
      );
    }),
  );
});

test('what a person types has its colours', () => {
  const kinds = (query: string): string =>
    tokenize(query)
      .filter((token) => token.kind !== 'space')
      .map((token) => `${token.kind} ${token.text}`)
      .join(', ');
  assert.equal(
    kinds('a.b:v1 AND status >= 500 NOT path:/health*'),
    'field a.b, operator :, word v1, keyword AND, field status, operator >=, number 500, keyword NOT, field path, operator :, wildcard /health*',
  );
  assert.equal(kinds('log:~"^a" "free'), 'field log, operator :~, regexp "^a", string "free');
  assert.equal(kinds('n:[1 TO 2}'), 'field n, operator :, mark [, number 1, keyword TO, number 2, mark }');
});
