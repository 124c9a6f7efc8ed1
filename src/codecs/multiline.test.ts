import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parserOf, shown } from '../../test/parsing.ts';
import { multilineParser } from './multiline.ts';

const all = (text: string, options: Record<string, unknown>) =>
  parserOf(multilineParser, options).parseAll?.(text).map(shown);

test('parts are joined, a dot matches line feeds', () => {
  const options = { format1: '/^(?<a>\\d) /', format2: '/(?<b>.*)$/' };
  assert.deepEqual(all('1 x\ny', options), ['{"a":"1","b":"x\\ny"}']);
  assert.equal(shown(parserOf(multilineParser, options).parse('1 x')), '{"a":"1","b":"x"}');
  assert.match(all('x', options)?.[0] ?? '', /^mismatch/);
});

test('what a record leaves is parsed again', () => {
  const options = { format1: '/A(?<a>\\d)\\n/' };
  assert.deepEqual(all('A1\nA2\n', options), ['{"a":"1"}', '{"a":"2"}']);
  assert.deepEqual(all('A1\nrest', options), [
    '{"a":"1"}',
    'mismatch: the expression does not match from character 4 on',
  ]);
  assert.deepEqual(all('A1\nrest', { ...options, unmatchedLines: 'true' }), ['{"a":"1"}', '{"unmatched_line":"rest"}']);
  // An expression that may match nothing ends.
  assert.deepEqual(all('bbb', { format1: '/(?<a>a)*/' }), ['{}']);
});

test('the first line', () => {
  const parser = parserOf(multilineParser, { formatFirstline: '/^\\d/', format1: '/(?<a>.*)/' });
  assert.equal(parser.isMultiline, true);
  assert.deepEqual([parser.isFirstLine?.(Buffer.from('1')), parser.isFirstLine?.(Buffer.from(' 1'))], [true, false]);
  assert.equal('isFirstLine' in parserOf(multilineParser, { format1: '/(?<a>.*)/' }), false);
});

test('parts that are wrong', () => {
  const bad = (options: Record<string, unknown>) => () => parserOf(multilineParser, options);
  assert.throws(bad({}), /format1 is missing/);
  assert.throws(bad({ format1: '/(?<a>x)/', format3: '/y/' }), /format2 is missing/);
  assert.throws(bad({ format1: '(?<a>x)' }), /between slashes/);
  assert.throws(bad({ format1: '/x/' }), /no group has a name/);
  assert.throws(bad({ format1: '/(?<a>x)/', formatFirstline: '/(/' }), /regular expression/);
});
