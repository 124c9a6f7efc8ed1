import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, packedBatchOf, pairs, section, texts } from '../../../test/fixture.ts';
import type { Batch } from '../../core/batch.ts';
import { ConfigError, formatProblem } from '../../core/errors.ts';
import { recordModifierFilter as plugin } from './index.ts';

process.env['TZ'] = 'UTC';

interface Given {
  readonly record?: Record<string, string>;
  readonly options?: Record<string, unknown>;
  readonly replace?: readonly Record<string, unknown>[];
}

function apply(input: Batch, { record = {}, options = {}, replace = [] }: Given, rejected: string[] = []): Batch {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const sections = { record: [pairs(record)], replace: replace.map((one) => section(one)) };
  const config = configOf(plugin, options, { sections });
  plugin.check?.(config);
  return plugin.create(config, contextOf([])).apply(input, (row, reason) => rejected.push(`${row}: ${reason}`));
}
const modified = (given: Given, input: string[], rejected?: string[]) =>
  texts(apply(batchOf('a.b.c', input, [{ seconds: 1_709_618_820, nanos: 123_456_789 }]), given, rejected));
function problems(given: Given): string[] {
  try {
    modified(given, []);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    return [(error as Error).message];
  }
  return [];
}

test('fields are set in order, and each expression sees what is there by then', () => {
  const record = {
    tag: '${tag}',
    part: '${tag_parts[1]}-${tag_parts[-1]}',
    n: '${record["n"] + 1}',
    again: '${record["n"] * 10}',
    fixed: 'a\\b "c"',
    time: '${time}',
    text: 'at ${time}',
    ms: '${(time.to_f * 1000).to_i}',
    at: "${Time.at(time).utc.strftime('%FT%T.%L')}",
    nsec: '${time.nsec + time.to_i - time.sec}',
    half: '${time / 2}',
  };
  assert.deepEqual(modified({ record }, ['{"n":1}']), [
    '{"n":2,"tag":"a.b.c","part":"b-c","again":20,"fixed":"a\\\\b \\"c\\"","time":1709618820,"text":"at 1709618820","ms":1709618820123,"at":"2024-03-05T06:07:00.123","nsec":123456789,"half":854809410}',
  ]);
});

test('expressions may change the record; what they leave under a key can be removed again', () => {
  const record = { _: '${record["o"]["y"] = record.delete("x"); nil}', n: '${record["o"]["y"]}', '7': 'x' };
  const given = { record, options: { removeKeys: ['_', '$.o.z'] } };
  assert.deepEqual(modified(given, ['{"x":1.0,"o":{"z":1,"k":2}}', '{"x":"a","o":{}}']), [
    '{"o":{"k":2,"y":1.0},"7":"x","n":1.0}',
    '{"o":{"y":"a"},"7":"x","n":"a"}',
  ]);
});

test('whitelist_keys keeps those and the fields set, in the order of the list', () => {
  const given = { record: { c: 'x', a: 'y' }, options: { whitelistKeys: ['b', 'z', 'a'] } };
  assert.deepEqual(modified(given, ['{"a":1,"b":2,"d":3}']), ['{"b":2,"a":"y","c":"x"}']);
});

test('prepare_value makes values for the expressions', () => {
  const prepareValue = `require "socket"; @parts = "a;b".split(";")
    @size = @parts.size`;
  const record = { n: '${@size + 1}', first: '${@parts[0]}!', none: '${@nothing}', text: '#{@size} ${@size}' };
  assert.deepEqual(modified({ record, options: { prepareValue } }, ['{}']), [
    '{"n":3,"first":"a!","none":null,"text":"2 2"}',
  ]);
  assert.match(problems({ options: { prepareValue: 'require "net/ssh"' } })[0] ?? '', /net\/ssh is not taken/);
  assert.match(
    problems({ options: { prepareValue: 'x = 1; @y = system("ls")' } }).join('\n'),
    /x = 1: expected.*\n.*system/,
  );
  assert.match(problems({ options: { prepareValue: '@n = Integer("x")' } })[0] ?? '', /invalid value for Integer/);
});

test('replace changes texts like gsub; other values are rejected, null is left', () => {
  const replace = [{ key: 'm', expression: '/(?<k>\\w+)=\\d+/', replace: '\\k<k>=N' }];
  const rejected: string[] = [];
  assert.deepEqual(
    modified({ replace }, ['{"m":"a=1 b=22"}', '{"m":5}', '{"m":null}', '{}', '{"m":"none"}'], rejected),
    ['{"m":"a=N b=N"}', '{"m":null}', '{}', '{"m":"none"}'],
  );
  assert.deepEqual(rejected, ['1: expression_failed']);
  assert.deepEqual(modified({ replace: [{ key: 'm', expression: 'a', replace: 'b' }] }, ['{"m":"aXa"}']), [
    '{"m":"bXb"}',
  ]);
  assert.match(problems({ replace: [{ key: 'm', expression: '/(/', replace: '' }] })[0] ?? '', /\(/);
});

test('char_encoding converts texts, nested ones too', () => {
  const bytes = Buffer.from([0x93, 0xfa, 0x96, 0x7b]);
  const input = packedBatchOf('t', [{ a: bytes, b: [bytes, 1], c: { d: bytes } }]);
  const out = apply(input, { options: { charEncoding: 'Shift_JIS:UTF-8' } });
  assert.deepEqual(texts(out), ['{"a":"日本","b":["日本",1],"c":{"d":"日本"}}']);
  const back = apply(batchOf('t', ['{"a":"日本é","b":"ascii"}']), { options: { charEncoding: 'utf-8:sjis' } });
  assert.deepEqual(back.fields(0), { a: Buffer.concat([bytes, Buffer.from('?')]), b: 'ascii' });
  assert.deepEqual(modified({ options: { charEncoding: 'utf-8' } }, ['{"a":"x"}']), ['{"a":"x"}']);
  assert.match(problems({ options: { charEncoding: 'utf-8:klingon' } })[0] ?? '', /unknown encoding klingon/);
});

test('a record that an expression fails on is rejected, the others pass', () => {
  const rejected: string[] = [];
  const record = { a: 'set before', n: '${Integer(record["n"])}' };
  assert.deepEqual(modified({ record }, ['{"n":"x"}', '{"n":"4"}'], rejected), ['{"n":4,"a":"set before"}']);
  assert.deepEqual(rejected, ['0: expression_failed']);
});

test('mistakes are told with their place', () => {
  assert.match(problems({ record: { a: '${system("x")}' } })[0] ?? '', /^test\.conf:1:\d+: <record> a: /);
  assert.match(problems({ record: { a: '${@x}' } }).join(''), /^$/);
  assert.match(problems({ options: { removeKeys: ['a'], whitelistKeys: ['b'] } })[0] ?? '', /exclusive/);
  assert.match(problems({ options: { removeKeys: ['$.a['] } })[0] ?? '', /accessor/);
});
