import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, contextOf, modelOf } from '../../test/fixture.ts';
import { fluentbitParser } from './fluentbit/index.ts';
import { fluentbitFirstlineParser } from './fluentbit_firstline.ts';

const regex = (expression: string) => modelOf(fluentbitParser, { format: 'regex', regex: expression });
const first = regex('^(?<level>[A-Z]+) (?<message>.*)$');
const number = modelOf(fluentbitParser, { format: 'regex', regex: '^(?<n>\\d+)$', types: ['n:integer'] });

function made(...parsers: ReturnType<typeof regex>[]) {
  if (fluentbitFirstlineParser.kind !== 'parser') throw new TypeError('not a parser');
  const config = configOf(fluentbitFirstlineParser, { messageKey: 'log' }, { parsers });
  return fluentbitFirstlineParser.create(config, contextOf([fluentbitParser]));
}

test('lines that no parser takes join the last field, others add their fields', () => {
  const parser = made(first, regex('^ +at (?<at>.*)$'));
  assert.equal(parser.isMultiline, true);
  assert.deepEqual([parser.isFirstLine?.('INFO x'), parser.isFirstLine?.(' at y')], [true, false]);
  assert.deepEqual(parser.parseAll?.('INFO a\nstray\n  at b\nmore\n  at c'), [
    { fields: { level: 'INFO', message: 'a\nstray', at: 'c' }, time: undefined },
  ]);
});
test('where the last field is no text, lines that no parser takes are records', () => {
  assert.deepEqual(made(number).parseAll?.('12\nx\ny'), [
    { fields: { log: 'x' }, time: undefined },
    { fields: { log: 'y' }, time: undefined },
    { fields: { n: 12 }, time: undefined },
  ]);
});
test('a text that does not begin with a first line is refused', () => {
  assert.ok('problem' in (made(first).parse('stray') as object));
});
