import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../test/fixture.ts';
import { filterProblems, filtered, makeFilter } from '../../test/fluentbit-fixture.ts';
import { fluentbitParserFilter } from './fluentbit_parser.ts';

const parsers = `[PARSER]
    Name   one
    Format regex
    Regex  ^(?<ip>[0-9.]+) (?<rest>.*)$
[PARSER]
    Name        two
    Format      json
    Time_Key    ts
    Time_Format %Y-%m-%dT%H:%M:%S%z
`;
const records = [
  '{"log":"1.2.3.4 hello","keep":1}',
  '{"log":"{\\"a\\":1,\\"keep\\":\\"inner\\",\\"ts\\":\\"2024-02-02T02:02:02Z\\"}","keep":2}',
  '{"log":"nothing","keep":3}',
  '{"log":5}',
];
const lines = ['Key_Name log', 'Parser one', 'Parser two'];
const parse = (...more: string[]) => filtered(fluentbitParserFilter, [...lines, ...more], records, parsers);

test('the first parser that takes the text gives the record; others stay as they are', async () => {
  assert.deepEqual(await parse(), ['{"ip":"1.2.3.4","rest":"hello"}', '{"a":1,"keep":"inner"}', ...records.slice(2)]);
});

test('Reserve_Data keeps the other fields, which go before what is parsed; Preserve_Key the field', async () => {
  assert.deepEqual((await parse('Reserve_Data On')).slice(0, 2), [
    '{"ip":"1.2.3.4","rest":"hello","keep":1}',
    '{"a":1,"keep":2}',
  ]);
  assert.equal((await parse('Preserve_Key On'))[0], '{"ip":"1.2.3.4","rest":"hello","log":"1.2.3.4 hello"}');
  assert.equal(
    (await parse('Preserve_Key On', 'Reserve_Data On'))[0],
    '{"ip":"1.2.3.4","rest":"hello","log":"1.2.3.4 hello","keep":1}',
  );
});

test('a time that is parsed is the record’s; otherwise it keeps its own', async () => {
  const filter = await makeFilter(fluentbitParserFilter, lines, { sections: parsers });
  const batch = batchOf('a', records);
  const after = filter.apply(batch, () => assert.fail('nothing is rejected'));
  assert.deepEqual(
    [after.seconds(0), after.seconds(1), after.seconds(2)],
    [batch.seconds(0), Date.UTC(2024, 1, 2, 2, 2, 2) / 1000, batch.seconds(2)],
  );
});

test('a nested field is parsed and stays where it is', async () => {
  const text = '{"k":{"log":"1.1.1.1 x"},"z":1}';
  const nested = ["Key_Name $k['log']", 'Parser one'];
  assert.deepEqual(await filtered(fluentbitParserFilter, nested, [text], parsers), ['{"ip":"1.1.1.1","rest":"x"}']);
  assert.deepEqual(await filtered(fluentbitParserFilter, [...nested, 'Reserve_Data On'], [text], parsers), [
    `{"ip":"1.1.1.1","rest":"x",${text.slice(1)}`,
  ]);
});

test('mistakes are told', async () => {
  assert.match(String(await filterProblems(fluentbitParserFilter, ['Key_Name log'])), /Parser is required/);
  assert.match(
    String(await filterProblems(fluentbitParserFilter, ['Key_Name log', 'Parser x'])),
    /required.*no parser x/s,
  );
  assert.match(String(await filterProblems(fluentbitParserFilter, ['Parser one'], parsers)), /Key_Name is required/);
});
