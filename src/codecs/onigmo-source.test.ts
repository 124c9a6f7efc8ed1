import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareOnigmo } from './onigmo-source.ts';
import { compileCapture, compileOnigmo } from './onigmo.ts';

function groups(pattern: string, text: string): (string | undefined)[][] | undefined {
  const { expression, names } = compileCapture(pattern);
  const match = expression.exec(text);
  return match ? names.map((name, i) => [name, match[i + 1]]) : undefined;
}

test('hyphens that make no range', () => {
  for (const [source, text] of [
    ['^[\\w-.]+$', 'a-b.c'],
    ['^[a-z-.]+$', 'a-b.c'],
    ['^[.-\\w]+$', 'a-b.c'],
    ['^[[:alpha:]-.]+$', 'a-b.c'],
    ['^[^\\s-]+$', 'ab.c'],
    ['^[-a]+$', 'a-'],
    ['^[a-]+$', 'a-'],
    ['^[]a-c-]+$', ']b-'],
    ['^[a-z&&[^b-]]+$', 'ac'],
    ['^[\\x41-\\x43-]+$', 'AC-'],
    ['^[\\]-a]+$', ']^a'],
    ['^[[a-c]-z]+$', 'b-z'],
  ] as const)
    assert.equal(compileOnigmo(source).test(text), true, source);
  assert.equal(compileOnigmo('^[a-z-.]+$').test('A'), false);
  assert.equal(compileOnigmo('^[!-/]+$').test('%'), true);
});

test('groups by position, under the names written', () => {
  assert.deepEqual(groups("/(?<a>x)y(?<a-b>z)(?'日'.)/i", 'XYZ!'), [
    ['a', 'X'],
    ['a-b', 'Z'],
    ['日', '!'],
  ]);
  // Unnamed groups do not count beside named ones.
  assert.deepEqual(groups('(?<a>x)(y)(?<b>z)', 'xyz'), [
    ['a', 'x'],
    ['b', 'z'],
  ]);
  // A name may repeat.
  assert.deepEqual(groups('^(?:(?<a>x)|(?<a>y))$', 'y'), [
    ['a', undefined],
    ['a', 'y'],
  ]);
  // What the converter emulates keeps its positions.
  assert.deepEqual(groups('(?<a>\\d++)(?<b>(?>a+)b)\\R', '12aab\n'), [
    ['a', '12'],
    ['b', 'aab'],
  ]);
  assert.deepEqual(groups('(?<q>[\'"])(?<v>.*)\\k<q>', "'a'"), [
    ['q', "'"],
    ['v', 'a'],
  ]);
  assert.throws(() => compileCapture('(a)'), /no group has a name/);
  assert.throws(() => compileCapture('/(?<a>x/'), /regular expression/);
});

test('what looks like a group and is none', () => {
  assert.deepEqual(prepareOnigmo('\\(?<a>[(?<b>x)](?<=c)(?<!d)(?#(?<e>)', false, true).names, []);
  assert.deepEqual(prepareOnigmo('a # (?<b>\n(?<c>x)', true, true).names, ['c']);
});
