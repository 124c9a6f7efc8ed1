import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { fluentbitRecordModifierFilter } from './fluentbit_record_modifier.ts';

const record = '{"a":"1","b":2,"c_x":3,"C_Y":4}';
const modify = async (...lines: string[]) => await filtered(fluentbitRecordModifierFilter, lines, [record, '{"z":1}']);

test('fields are set behind those that are left', async () => {
  assert.deepEqual(await modify('Record h "a b"', 'Record b new', 'Remove_key a', 'Remove_key C_*'), [
    '{"b":"new","h":"a b"}',
    '{"z":1,"h":"a b","b":"new"}',
  ]);
});

test('an allowlist drops records of which nothing is left', async () => {
  assert.deepEqual(await modify('Allowlist_key A', 'Whitelist_key c_*'), ['{"a":"1","c_x":3,"C_Y":4}']);
});

test('a record without fields stays where nothing was taken from any', async () => {
  const of = (...lines: string[]) => filtered(fluentbitRecordModifierFilter, lines, ['{"a":1}', '{}']);
  assert.deepEqual(await of('Remove_key z'), ['{"a":1}', '{}']);
  assert.deepEqual(await of('Remove_key a'), []);
  assert.deepEqual(await filtered(fluentbitRecordModifierFilter, ['Remove_key a'], ['{"a":1,"b":2}', '{}']), [
    '{"b":2}',
  ]);
});

test('a UUID belongs to its record', async () => {
  const once = await modify('Uuid_key id');
  assert.match(once[0] ?? '', /"id":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\}$/);
  assert.deepEqual(await modify('Uuid_key id'), once);
  assert.notEqual(once[0]?.slice(-38), once[1]?.slice(-38));
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(fluentbitRecordModifierFilter, ['Record a'])), /a name and a text/);
  assert.match(String(await filterProblems(fluentbitRecordModifierFilter, ['Record a b c'])), /a name and a text/);
  assert.match(
    String(await filterProblems(fluentbitRecordModifierFilter, ['Remove_key a', 'Allowlist_key b'])),
    /exclude each other/,
  );
});
