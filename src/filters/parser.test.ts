import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, modelOf } from '../../test/fixture.ts';
import { stringifyJson } from '../core/json.ts';
import type { Plugin } from '../core/plugin.ts';
import { jsonLineParser } from '../codecs/json.ts';
import { multilineParser } from '../codecs/multiline.ts';
import { noneParser } from '../codecs/none.ts';
import { regexpParser } from '../codecs/regexp.ts';
import { parserFilter } from './parser.ts';

function run(
  records: string[],
  options: Record<string, unknown>,
  [plugin, own = {}]: readonly [Plugin, Record<string, unknown>?] = [jsonLineParser],
) {
  if (parserFilter.kind !== 'filter') throw new TypeError('no filter');
  const config = configOf(parserFilter, { keyName: 'log', ...options }, { parser: modelOf(plugin, own) });
  parserFilter.check?.(config);
  const rejected: (readonly [number, string])[] = [];
  const filter = parserFilter.create(config, contextOf([plugin]));
  const out = filter.apply(batchOf('t', records), (row, reason) => rejected.push([row, reason]));
  const rows = Array.from({ length: out.count }, (_, row) => `${out.seconds(row)} ${stringifyJson(out.fields(row))}`);
  return { rows, rejected };
}
const records = [
  '{"log":"{\\"a\\":1,\\"time\\":1000}","keep":"x"}',
  '{"log":"bad","keep":"y"}',
  '{"keep":"z"}',
  '{"log":"{\\"keep\\":\\"over\\"}","keep":"w"}',
];

test('what is parsed takes the place of the record and of its time', () => {
  const { rows, rejected } = run(records, {});
  assert.equal(rows.length, 2);
  assert.equal(rows[0], '1000 {"a":1}');
  assert.match(rows[1] ?? '', /^\d+ \{"keep":"over"\}/);
  assert.deepEqual(rejected, [
    [1, 'parse_failed'],
    [2, 'field_missing'],
  ]);
  assert.deepEqual(run(records, { emitInvalidRecordToError: false }).rejected, []);
});

test('reserve_data, reserve_time, remove_key_name_field', () => {
  const { rows, rejected } = run(records, { reserveData: true, reserveTime: true, removeKeyNameField: true });
  assert.deepEqual(
    rows.map((row) => row.replace(/^\d+ /, '')),
    ['{"keep":"x","a":1}', '{"log":"bad","keep":"y"}', '{"keep":"z"}', '{"keep":"over"}'],
  );
  assert.equal(rejected.length, 2);
});

test('a time that is missing: that of receipt, or the record keeps its own', () => {
  const own = run([records[3] ?? ''], {}, [jsonLineParser, { estimateCurrentEvent: false }]).rows[0];
  const receipt = run([records[3] ?? ''], {}).rows[0];
  assert.notEqual(own, receipt);
  assert.equal(own, run([records[3] ?? ''], { reserveTime: true }).rows[0]);
});

test('prefix and hash field', () => {
  const options = { reserveData: true, injectKeyPrefix: 'p_', hashValueField: 'h' };
  assert.deepEqual(
    run(records.slice(0, 2), options).rows.map((row) => row.replace(/^\d+ /, '')),
    ['{"log":"{\\"a\\":1,\\"time\\":1000}","keep":"x","h":{"p_a":1}}', '{"log":"bad","keep":"y","h":{}}'],
  );
});

test('where Fluentd raises, the record goes to @ERROR and on', () => {
  const regexp = [regexpParser, { expression: '^(?<a>\\d+)$' }] as const;
  const { rows, rejected } = run(['{"log":12}', '{"log":"12"}', '{"log":"x"}', '{"log":{"a":1}}'], {}, regexp);
  assert.deepEqual(
    rows.map((row) => row.replace(/^\d+ /, '')),
    ['{"log":12}', '{"a":"12"}', '{"log":{"a":1}}'],
  );
  assert.deepEqual(
    rejected.map(([row]) => row),
    [0, 2, 3],
  );
  const badTime = run(['{"log":"{\\"time\\":\\"x\\"}"}'], { emitInvalidRecordToError: false });
  assert.deepEqual(badTime, { rows: [], rejected: [] });
});

test('values that are no text', () => {
  assert.deepEqual(
    run(['{"log":12}'], { reserveTime: true }, [noneParser]).rows.map((row) => row.slice(-14)),
    ['{"message":12}'],
  );
  assert.deepEqual(run(['{"log":12}'], {}).rows, []);
  assert.deepEqual(run(['{"log":"[{\\"a\\":1},{\\"a\\":2}]"}'], { reserveTime: true }).rejected, [[0, 'parse_failed']]);
});

test('record accessors, also where the way leads through text', () => {
  const { rows, rejected } = run(['{"k":{"log":"{\\"a\\":1}","b":2}}', '{"k":"text"}'], {
    keyName: '$.k.log',
    reserveData: true,
    reserveTime: true,
    removeKeyNameField: true,
    hashValueField: 'h',
  });
  assert.deepEqual(
    rows.map((row) => row.replace(/^\d+ /, '')),
    ['{"k":{"b":2},"h":{"a":1}}', '{"k":"text"}'],
  );
  assert.deepEqual(rejected, [[1, 'field_missing']]);
});

test('of several lines the first record counts', () => {
  const rows = run(['{"log":"A1\\nA2"}'], { reserveTime: true }, [multilineParser, { format1: '/A(?<a>\\d)/' }]).rows;
  assert.match(rows[0] ?? '', /\{"a":"1"\}$/);
});

test('without <parse> there is an error', () => {
  assert.throws(() => parserFilter.check?.(configOf(parserFilter, { keyName: 'log' })), /<parse> is required/);
});
