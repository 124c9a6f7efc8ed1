import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { modifyFilter } from './modify.ts';

const record = '{"a":"1","b":"two","c_x":3,"c_y":{"z":"in"},"t":true}';
const modify = async (...lines: string[]) => (await filtered(modifyFilter, lines, [record]))[0];
const holds = async (condition: string) => (await modify(`Condition ${condition}`, 'Set ok 1')) !== record;

test('rules', async () => {
  assert.equal(
    await modify('Set a new', 'Add b no', 'Add q "with blanks"'),
    '{"b":"two","c_x":3,"c_y":{"z":"in"},"t":true,"a":"new","q":"with blanks"}',
  );
  assert.equal(await modify('Remove a', 'Remove_wildcard c_', 'Remove_regex ^T$'), '{"b":"two","t":true}');
  assert.equal(await modify('Remove_regex /^(c_.|T)$/i'), '{"a":"1","b":"two"}');
  assert.equal(await modify('Rename a b', 'Rename a d', 'Remove_wildcard c', 'Remove t'), '{"d":"1","b":"two"}');
  assert.equal(await modify('Hard_rename a b', 'Remove_wildcard c', 'Remove t'), '{"b":"1"}');
  assert.equal(await modify('Copy a b', 'Copy a d', 'Remove_wildcard c', 'Remove t'), '{"a":"1","d":"1","b":"two"}');
  assert.equal(await modify('Hard_copy a b', 'Remove_wildcard c', 'Remove t'), '{"a":"1","b":"1"}');
  assert.equal(await modify('Move_to_end a', 'Move_to_start t', 'Remove_wildcard c'), '{"t":true,"b":"two","a":"1"}');
});

test('what a rule does not find, and a field onto itself, changes nothing', async () => {
  for (const rule of ['Rename x y', 'Hard_copy x a', 'Hard_rename a a', 'Hard_copy b b', 'Move_to_end x', 'Remove x'])
    assert.equal(await modify(rule), record);
});

test('each condition', async () => {
  const yes = [
    'Key_exists a',
    "Key_exists $c_y['z']",
    'Key_does_not_exist x',
    'A_key_matches ^c_',
    'No_key_matches ^x',
    'Key_value_equals b two',
    "Key_value_equals $c_y['z'] in",
    'Key_value_does_not_equal b one',
    'Key_value_does_not_equal c_x 3',
    'Key_value_matches b ^t',
    'Key_value_matches t ^true$',
    'Key_value_does_not_match c_x 3',
    'Matching_keys_have_matching_values ^[ab]$ .',
    'Matching_keys_have_matching_values ^x .',
    'Matching_keys_do_not_have_matching_values ^[ab]$ ^t',
  ];
  for (const condition of yes) assert.equal(await holds(condition), true, condition);
  const no = [
    'Key_exists x',
    'Key_does_not_exist a',
    'A_key_matches ^x',
    'No_key_matches ^c',
    'Key_value_equals c_x 3',
    'Key_value_does_not_equal x 1',
    'Key_value_matches c_x 3',
    'Key_value_does_not_match x 1',
    'Matching_keys_have_matching_values ^c .',
  ];
  for (const condition of no) assert.equal(await holds(condition), false, condition);
});

test('all conditions must hold, for the record as it came', async () => {
  assert.equal(await modify('Set x 1', 'Condition Key_exists x'), record);
  assert.equal(await modify('Condition Key_exists a', 'Condition Key_exists x', 'Set y 1'), record);
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(modifyFilter, ['Set a b c'])), /expected two words/);
  assert.match(String(await filterProblems(modifyFilter, ['Remove a b'])), /expected one word/);
  assert.match(String(await filterProblems(modifyFilter, ['Set a "b'])), /quotation mark is not closed/);
  assert.match(String(await filterProblems(modifyFilter, ['Condition Key_missing a'])), /expected one of key_exists/);
  assert.match(String(await filterProblems(modifyFilter, ['Condition Key_value_equals a'])), /a key and a value/);
  assert.match(String(await filterProblems(modifyFilter, ['Remove_regex (a'])), /regular expression/);
});
