import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterProblems, filtered } from '../../test/fluentbit-fixture.ts';
import { fluentbitGrepFilter } from './fluentbit_grep.ts';

const records = [
  '{"n":0,"log":"error: disk","code":500,"k":{"labels":{"app":"web"}},"a":["x",{"y":"z"}]}',
  '{"n":1,"log":"info ok","code":304,"k":"text"}',
  '{"n":2,"log":"Error upper","code":"304","b":true,"f":1.5}',
  '{"n":3,"msg":"no log","log":null}',
];
const kept = async (...lines: string[]) =>
  (await filtered(fluentbitGrepFilter, lines, records)).map((text) => (JSON.parse(text) as { n: number }).n);

test('texts alone match; an expression in slashes takes letters', async () => {
  assert.deepEqual(await kept('Regex log error'), [0]);
  assert.deepEqual(await kept('Regex log /error/i'), [0, 2]);
  assert.deepEqual(await kept('Regex log /^error.*disk$/'), [0]);
  assert.deepEqual(await kept('Regex log /info'), []);
  assert.deepEqual(await kept('Regex code 304'), [2]);
  assert.deepEqual(await kept('Exclude code 304'), [0, 1, 3]);
  assert.deepEqual(await kept('Regex b true'), []);
  assert.deepEqual(await kept('Regex nope .*'), []);
});

test('record accessors; brackets behind a text have no effect', async () => {
  assert.deepEqual(await kept("Regex $k['labels']['app'] ^web$"), [0]);
  assert.deepEqual(await kept("Regex $a[1]['y'] z"), [0]);
  assert.deepEqual(await kept("Regex $k['labels'] text"), [1]);
  assert.deepEqual(await kept('Regex $a[9] x'), []);
});

test('several rules: in written order, or together', async () => {
  assert.deepEqual(await kept('Regex log o', 'Regex log error'), [0, 1, 2]);
  assert.deepEqual(await kept('Exclude log disk', 'Regex log r'), [2]);
  assert.deepEqual(await kept('Logical_Op and', 'Regex log r', 'Regex code 304'), [2]);
  assert.deepEqual(await kept('Logical_Op or', 'Regex log disk', 'Regex code 304'), [0, 2]);
  assert.deepEqual(await kept('Logical_Op AND', 'Exclude log r', 'Exclude code 304'), [0, 1, 3]);
  assert.deepEqual(await kept('Logical_Op OR', 'Exclude log disk', 'Exclude code 304'), [1, 3]);
});

test('mistakes are told', async () => {
  assert.match(
    String(await filterProblems(fluentbitGrepFilter, ['Regex log'])),
    /a key and a regular expression were expected/,
  );
  assert.match(String(await filterProblems(fluentbitGrepFilter, ['Regex log (a'])), /regular expression \(a/);
  assert.match(String(await filterProblems(fluentbitGrepFilter, ["Regex $k['a b"])), /expected/);
  assert.match(
    String(await filterProblems(fluentbitGrepFilter, ['Logical_Op and', 'Regex a b', 'Exclude a b'])),
    /either Regex or Exclude/,
  );
  assert.match(String(await filterProblems(fluentbitGrepFilter, ['Regex log.level b'])), /\.level has no effect/);
});
