import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, contextOf } from '../../test/fixture.ts';
import { batch, format, records } from '../../test/formatting.ts';
import { stringifyJson } from '../core/json.ts';
import { jsonFormatter, jsonLineParser } from './json.ts';

test('json copies unchanged records and prints changed ones', () => {
  assert.equal(format(jsonFormatter), records.map((one) => `${one}\n`).join(''));
  assert.equal(format(jsonFormatter, { addNewline: false }), records.join(''));
  assert.equal(format(jsonFormatter, { newline: 'crlf' }), records.map((one) => `${one}\r\n`).join(''));
  assert.equal(format(jsonFormatter, {}, batch.select([2, 0])), `${records[2]}\n${records[0]}\n`);
  const changed = batch.map((fields, row) => (row === 2 ? { b: 1 } : fields));
  assert.equal(format(jsonFormatter, {}, changed), `${records[0]}\n${records[1]}\n{"b":1}\n${records[3]}\n`);
});

function parse(line: string, options: Record<string, unknown> = {}): string {
  if (jsonLineParser.kind !== 'parser') throw new TypeError('not a parser');
  const found = jsonLineParser.create(configOf(jsonLineParser, options), contextOf([])).parse(Buffer.from(line));
  if ('problem' in found) return found.problem;
  const { time } = found;
  return `${stringifyJson(found.fields)}${time ? ` ${time.seconds}.${String(time.nanos).padStart(9, '0')}` : ''}`;
}

test('lines are objects; digits, order and odd keys are kept', () => {
  assert.equal(
    parse('{"1":1.0,"a":{"__proto__":2},"big":12345678901234567890}'),
    '{"1":1.0,"a":{"__proto__":2},"big":12345678901234567890}',
  );
  assert.equal(parse(' {"a": [1, null]} \r'), '{"a":[1,null]}');
  assert.match(parse('{"a":'), /not JSON/);
  for (const other of ['[1]', '"a"', '5', 'null']) assert.match(parse(other), /expected a JSON object/);
  assert.match(parse(`{"a":${'['.repeat(300)}${']'.repeat(300)}}`), /nested deeper than 200/);
});

test('times from numbers and text', () => {
  assert.equal(parse('{"time":"1709618828.123456789","a":1}'), '{"a":1} 1709618828.123456789');
  assert.equal(parse('{"time":1000.5}', { keepTimeKey: true }), '{"time":1000.5} 1000.500000000');
  assert.equal(parse('{"time":-1.25}'), '{} -2.750000000');
  assert.equal(parse('{"time":7.9}', { timeType: 'unixtime' }), '{} 7.000000000');
  assert.equal(
    parse('{"at":"2024-03-05T06:07:08Z"}', { timeKey: 'at', timeType: 'string' }),
    '{} 1709618828.000000000',
  );
  const options = { timeFormat: '%d/%b/%Y:%H:%M:%S', timezone: '+09:00' };
  assert.equal(parse('{"time":"05/Mar/2024:15:07:08"}', options), '{} 1709618828.000000000');
  for (const bad of ['"yesterday"', 'true', 'null', '[1]', '5', '18446744073709551616', '[[1.0]]'])
    assert.match(parse(`{"time":${bad}}`, options), /field time is no time/);
  assert.match(parse('{"time":"soon"}'), /field time is no time/);
});
