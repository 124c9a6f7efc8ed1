/** Regular expressions as Lucene takes them; what is made here means the same to JavaScript. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compareNumbers } from '../store/query/numbers.ts';
import { comparedPattern, literalPattern, phrasePattern } from './patterns.ts';
import { lucenePattern } from './regexps.ts';

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, 's');

test('numbers in texts are compared as numbers', () => {
  const figures = (max: number): fc.Arbitrary<string> =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((some) => some.join(''));
  const number = fc
    .tuple(fc.constantFrom('', '', '-', '+'), figures(5), fc.option(figures(3), { nil: undefined }))
    .map(([sign, digits, behind]) => `${sign}${digits}${behind === undefined ? '' : `.${behind}`}`);
  const bound = fc.oneof(number, fc.constantFrom('1e3', '25e-1', '-1E2', '0', '-0', '9007199254740993'));
  fc.assert(
    fc.property(number, fc.constantFrom(...(['<', '<=', '>', '>='] as const)), bound, (text, operator, value) => {
      const order = compareNumbers(text, value);
      const isWanted = operator[0] === '<' ? order < 0 : order > 0;
      const isSame = operator.length === 2 && order === 0;
      assert.equal(
        whole(comparedPattern(operator, value)).test(text),
        isWanted || isSame,
        `${text} ${operator} ${value}`,
      );
    }),
    { numRuns: 5000 },
  );
  for (const text of ['', 'x', '5 OK', '1.2.3', '.5', '5.', '0x10', '1e3'])
    assert.ok(!whole(comparedPattern('>=', '0')).test(text), text);
});

test('texts stand for themselves, but for the case of ASCII letters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.ok(whole(literalPattern(text)).test(text));
      assert.ok(whole(phrasePattern(text)).test(text));
    }),
  );
  assert.ok(!whole(literalPattern('É')).test('é'));
});

describe('regular expressions are found anywhere in a value', () => {
  const cases: readonly (readonly [source: string, found: readonly string[], others: readonly string[]])[] = [
    ['ab', ['ab', 'xaby'], ['ba']],
    ['^ab', ['abc'], ['xab']],
    ['ab$', ['xab'], ['abx']],
    ['^a|b$', ['ax', 'xb'], ['xax']],
    ['(?i)foo$', ['xFOO'], ['foox']],
    ['(?i)[a-c]x', ['Bx', 'bX'], ['dx']],
    ['a.c', ['abc'], ['a\nc', 'ac']],
    ['(?s)a.c', ['a\nc'], ['ac']],
    ['\\d{2,3}', ['x12'], ['1']],
    ['[[:upper:]]\\s', ['aB '], ['ab ']],
    ['[^a-z]', ['A'], ['abc']],
    ['\\Qa.b\\E', ['xa.b'], ['axb']],
    ['a\\.b|\\x41', ['a.b', 'A'], ['axb']],
    ['(?P<name>x+?)y', ['xxy'], ['y']],
    ['~"<#&@', ['~"<#&@'], ['~']],
    ['', ['', 'x'], []],
    ['^$', [''], ['x']],
    ['오.', ['오류'], ['오']],
  ];
  for (const [source, found, others] of cases)
    test(source === '' ? 'empty' : source, () => {
      for (const text of found) assert.ok(whole(lucenePattern(source)).test(text), text);
      for (const text of others) assert.ok(!whole(lucenePattern(source)).test(text), text);
    });
  test('what Lucene cannot say is told', () => {
    for (const source of ['a^b', '(a$)b', 'a\\bb', '\\pL', '(?m)^a', '[\\D]', 'a(?i)b', '(?-i:a)', '[[:^alpha:]]'])
      assert.throws(() => lucenePattern(source), /not known there|works at/, source);
  });
});
