import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileAccessor } from './accessor.ts';
import { parseExact, stringifyJson } from './json.ts';
import type { Fields } from './record.ts';

const plain = (): Fields => JSON.parse('{"a":{"b":{"c":[10,{"d":1}]},"x.y":2},"a.b":3,"$":4,"n":null}') as Fields;
const exact = () => parseExact('{"a":{"b":{"c":[10,{"d":1}]},"x.y":2},"a.b":3,"$":4,"n":null}');

test('places are found in plain and exact fields', () => {
  const cases: [string, unknown][] = [
    ['a.b', 3],
    ['$', 4],
    ['$.a.b.c[0]', 10],
    ['$.a.b.c[-2]', 10],
    ['$.a.b.c[1].d', 1],
    ["$['a']['b']['c'][1]['d']", 1],
    ['$["a"]["x.y"]', 2],
    ["$.a['x.y']", 2],
    ['$.n', null],
    ['$.a.b.c[2]', undefined],
    ['$.a.nope.c', undefined],
    ['$.n.x', undefined],
    ['$.a..b', undefined],
    ['$.n.', null],
    ['$.a.b.c[ 0 ]', 10],
    ['nope', undefined],
    ['toString', undefined],
    ['$.a.constructor', undefined],
  ];
  for (const fields of [plain(), exact()])
    for (const [text, value] of cases) assert.equal(compileAccessor(text).get(fields), value, text);
});

test('a place behind text or a number is told from one that is missing', () => {
  for (const [text, clashes] of [
    ['$.a.b.c.x', true],
    ['$["a.b"]["x"]', true],
    ['$.a.b.c[0].x', true],
    ['$.a.nope.x', false],
    ['$.n.x', false],
    ['$.a.b', false],
    ['a', false],
  ] as const)
    assert.equal(compileAccessor(text).clashes(plain()), clashes, text);
});

test('deleting and setting leaves the nested originals alone', () => {
  for (const make of [plain, exact]) {
    const original = make();
    const copy: Fields = original instanceof Map ? new Map(original) : { ...original };
    compileAccessor('$.a.b.c[0]').delete(copy);
    compileAccessor("$.a['x.y']").delete(copy);
    compileAccessor('$.a.b.c[7]').delete(copy);
    compileAccessor('$.a.b.e').set(copy, 'new');
    compileAccessor('$.nope.b.e').set(copy, 'lost');
    compileAccessor('$.a.b.c[-1]').set(copy, 9);
    compileAccessor('$.a.b.c[2]').set(copy, 8);
    compileAccessor('$.a.b.c[1000000]').set(copy, 7);
    compileAccessor('n').delete(copy);
    assert.equal(stringifyJson(copy), '{"a":{"b":{"c":[9,null,8],"e":"new"}},"a.b":3,"$":4}');
    assert.equal(stringifyJson(original), stringifyJson(make()));
  }
});

test('what is wrong is named with its place', () => {
  for (const [text, expected] of [
    ['$.', /character 3/],
    ['$..', /character 4/],
    ['$.a.b c', /without spaces/],
    ['$.a[x]', /array index/],
    ['$.a[0', /expected `\]`/],
    ["$['a'", /expected `'\]`/],
    ["$['a']b", /character 7/],
    ['$[]', /array index/],
  ] as const)
    assert.throws(() => compileAccessor(text), expected, text);
});
