import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeField, completeValue, placeAt, ranked } from './complete.ts';

/** The place at `|`. */
function at(marked: string) {
  const caret = marked.indexOf('|');
  return { query: marked.replace('|', ''), place: placeAt(marked.replace('|', ''), caret) };
}

test('a field at the start, behind a space, a parenthesis, NOT and a minus', () => {
  for (const marked of ['|', 'a:1 |', '(|', 'NOT |'])
    assert.deepEqual(
      at(marked).place,
      { kind: 'field', from: at(marked).query.length, to: at(marked).query.length, typed: '' },
      marked,
    );
  assert.deepEqual(at('a:1 sta|').place, { kind: 'field', from: 4, to: 7, typed: 'sta' });
  assert.deepEqual(at('-st|').place, { kind: 'field', from: 1, to: 3, typed: 'st' });
});

test('a value behind its field, also half typed and in quotes', () => {
  assert.deepEqual(at('p1:|').place, { kind: 'value', from: 3, to: 3, typed: '', field: 'p1' });
  assert.deepEqual(at('p1:v|').place, { kind: 'value', from: 3, to: 4, typed: 'v', field: 'p1' });
  assert.deepEqual(at('p1:="a b|').place, { kind: 'value', from: 4, to: 8, typed: 'a b', field: 'p1' });
  assert.equal(at('p1:~"a|"').place, undefined);
  assert.equal(at('"free te|xt"').place, undefined);
});

test('a choice replaces what was typed', () => {
  const field = at('a:1 sta|');
  assert.ok(field.place);
  assert.deepEqual(completeField(field.query, field.place, 'status'), { query: 'a:1 status:', caret: 11 });
  const operator = at('st| >= 500');
  assert.ok(operator.place);
  assert.deepEqual(completeField(operator.query, operator.place, 'status'), { query: 'status >= 500', caret: 6 });
  const value = at('p1:v| AND x');
  assert.ok(value.place);
  assert.deepEqual(completeValue(value.query, value.place, 'v1'), { query: 'p1:v1 AND x', caret: 5 });
  assert.equal(completeValue(value.query, value.place, 'a "b"').query, String.raw`p1:"a \"b\"" AND x`);
});

test('names that begin with it come before those that contain it', () => {
  assert.deepEqual(
    ranked(['http.status', 'Status', 'state', 'x'], 'stat', (name) => name, 9),
    ['Status', 'state', 'http.status'],
  );
});
