import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { nestFilter } from './nest.ts';

const record = '{"mem.total":1,"mem.used":2,"cpu":3,"x":{"a":1,"b":{"c":2}}}';
const nest = async (lines: string[], text = record) => (await filtered(nestFilter, lines, [text]))[0];

test('nest puts fields into an object, under new names', async () => {
  const lines = ['Operation nest', 'Nest_under all', 'Wildcard mem.*', 'Wildcard cpu'];
  assert.equal(await nest(lines), '{"x":{"a":1,"b":{"c":2}},"all":{"mem.total":1,"mem.used":2,"cpu":3}}');
  assert.equal(
    await nest([...lines, 'Add_prefix p_']),
    '{"x":{"a":1,"b":{"c":2}},"all":{"p_mem.total":1,"p_mem.used":2,"p_cpu":3}}',
  );
  assert.equal(
    await nest([...lines, 'Remove_prefix mem.']),
    '{"x":{"a":1,"b":{"c":2}},"all":{"total":1,"used":2,"cpu":3}}',
  );
  assert.equal(await nest(lines, '{"y":1}'), '{"y":1}');
});

test('lift takes the fields of an object out; what is no object stays', async () => {
  const lines = ['Operation lift', 'Nested_under x'];
  assert.equal(await nest(lines), '{"mem.total":1,"mem.used":2,"cpu":3,"a":1,"b":{"c":2}}');
  assert.equal(await nest([...lines, 'Add_prefix x_'], '{"x":{"a":1},"c":2}'), '{"c":2,"x_a":1}');
  assert.equal(await nest(lines, '{"x":"text","c":2}'), '{"x":"text","c":2}');
  assert.equal(await nest(lines, '{"x":{},"c":2}'), '{"c":2}');
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(nestFilter, ['Operation nest', 'Wildcard a'])), /needs Nest_under/);
  assert.match(String(await filterProblems(nestFilter, ['Nested_under a'])), /Operation is required/);
  assert.match(
    String(await filterProblems(nestFilter, ['Operation lift', 'Nested_under a', 'Add_prefix b', 'Remove_prefix c'])),
    /exclude each other/,
  );
});
