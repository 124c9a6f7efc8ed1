import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { typeConverterFilter } from './type_converter.ts';

const convert = async (line: string, value: string) => {
  const [text = ''] = await filtered(typeConverterFilter, [line], [`{"a":${value}}`]);
  return text
    .slice(`{"a":${value}`.length)
    .replace(/^,"n":/, '')
    .slice(0, -1);
};

test('texts become numbers, as C reads them; what cannot be converted is copied', async () => {
  assert.equal(await convert('str_key a n int', '"12abc"'), '12');
  assert.equal(await convert('str_key a n int', '"0"'), '"0"');
  assert.equal(await convert('str_key a n int', '"99999999999999999999"'), '9223372036854775807');
  assert.equal(await convert('str_key a n uint', '"-1"'), '18446744073709551615');
  assert.equal(await convert('str_key a n hex', '"0xff"'), '255');
  assert.equal(await convert('str_key a n float', '"zz"'), '0.0');
  assert.equal(await convert('str_key a n float', '"1.5x"'), '1.5');
  assert.equal(await convert('str_key a n bool', '"TRUEly"'), 'true');
  assert.equal(await convert('str_key a n int', '5'), '5');
});

test('numbers become texts and other numbers', async () => {
  assert.equal(await convert('int_key a n string', '10'), '"10"');
  assert.equal(await convert('int_key a n float', '-3'), '-3.0');
  assert.equal(await convert('uint_key a n string', '-1'), '"18446744073709551615"');
  assert.equal(await convert('float_key a n string', '2.0'), '"2.0"');
  assert.equal(await convert('float_key a n string', '0.1'), '"0.1"');
  assert.equal(await convert('float_key a n string', '1.5e-7'), '"1.5e-07"');
  assert.equal(await convert('float_key a n int', '-2.9'), '-2');
  assert.equal(await convert('int_key a n string', '"x"'), '"x"');
});

test('in the order of Fluent Bit, and nested fields', async () => {
  assert.deepEqual(
    await filtered(
      typeConverterFilter,
      ["int_key $k['c'] c string", 'str_key s t i'],
      ['{"k":{"c":5},"s":"7"}', '{"x":1}'],
    ),
    ['{"k":{"c":5},"s":"7","t":7,"c":"5"}', '{"x":1}'],
  );
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(typeConverterFilter, ['str_key a b'])), /a type were expected/);
  assert.match(String(await filterProblems(typeConverterFilter, ['str_key a b integer'])), /is required.*no effect/s);
});
