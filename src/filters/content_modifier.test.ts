import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { contentModifierFilter } from './content_modifier.ts';

const record = '{"a":"1","b":"two words","n":1.5,"o":{}}';
const modify = async (...lines: string[]) => (await filtered(contentModifierFilter, lines, [record]))[0];

test('insert, upsert, delete, rename', async () => {
  assert.equal(await modify('action insert', 'key x', 'value y'), '{"a":"1","b":"two words","n":1.5,"o":{},"x":"y"}');
  assert.equal(await modify('action insert', 'key a', 'value y'), record);
  assert.equal(await modify('action upsert', 'key a', 'value y'), '{"b":"two words","n":1.5,"o":{},"a":"y"}');
  assert.equal(await modify('action delete', 'key b'), '{"a":"1","n":1.5,"o":{}}');
  assert.equal(await modify('action delete', 'key z'), record);
  assert.equal(await modify('action rename', 'key a', 'value b'), '{"b":"two words","n":1.5,"o":{}}');
  assert.equal(await modify('action rename', 'key b', 'value a'), '{"a":"two words","n":1.5,"o":{}}');
  assert.equal(await modify('action rename', 'key a', 'value z'), '{"z":"1","b":"two words","n":1.5,"o":{}}');
  assert.equal(await modify('action rename', 'key z', 'value b'), record);
});

test('hash', async () => {
  const hash = '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b';
  assert.equal(await modify('action hash', 'key a'), record.replace('"1"', `"${hash}"`));
  assert.equal(await modify('action hash', 'key o'), record);
});

test('extract makes fields of named groups', async () => {
  const lines = ['action extract', 'key b', 'pattern ^(?<first>\\w+) (?<a>\\w+)'];
  assert.equal(await modify(...lines), '{"b":"two words","n":1.5,"o":{},"first":"two","a":"words"}');
  assert.equal(await modify('action extract', 'key n', 'pattern (?<x>.)'), record);
});

test('convert; what cannot be converted stays', async () => {
  const convert = async (value: string, type: string) =>
    (
      await filtered(contentModifierFilter, ['action convert', 'key v', `converted_type ${type}`], [`{"v":${value}}`])
    )[0];
  assert.equal(await convert('"12"', 'int'), '{"v":12}');
  assert.equal(await convert('"12x"', 'int'), '{"v":"12x"}');
  assert.equal(await convert('"99999999999"', 'int'), '{"v":"99999999999"}');
  assert.equal(await convert('-2.5', 'int'), '{"v":-3}');
  assert.equal(await convert('"1.5s"', 'double'), '{"v":1.5}');
  assert.equal(await convert('"s"', 'double'), '{"v":"s"}');
  assert.equal(await convert('2', 'double'), '{"v":2.0}');
  assert.equal(await convert('0.1', 'string'), '{"v":"0.10000000000000001"}');
  assert.equal(await convert('null', 'string'), '{"v":"null"}');
  assert.equal(await convert('"TRUE"', 'boolean'), '{"v":true}');
  assert.equal(await convert('"yes"', 'boolean'), '{"v":false}');
  assert.equal(await convert('[1]', 'string'), '{"v":[1]}');
});

test('mistakes are told', async () => {
  const problems = async (...lines: string[]) => String(await filterProblems(contentModifierFilter, [...lines]));
  assert.match(await problems('action insert', 'key a'), /needs value/);
  assert.match(await problems('action extract', 'key a'), /needs pattern/);
  assert.match(await problems('action extract', 'key a', 'pattern (a)'), /no group has a name/);
  assert.match(await problems('action convert', 'key a'), /needs converted_type/);
  assert.match(await problems('action insert', 'key a', 'value b', 'context metadata'), /expected one of/);
});
