import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from '../../test/formatting.ts';
import { batchOf, configOf, contextOf } from '../../test/fixture.ts';
import { parsed, shown } from '../../test/parsing.ts';
import { fluentbitParser } from './fluentbit/index.ts';
import { compileFluentbitTime, unknownDirective } from './fluentbit-strptime.ts';
import type { FluentbitZone } from './fluentbit-strptime.ts';
import { fluentbitFileFormatter } from './fluentbit_file.ts';
import { fluentbitJsonFormatter } from './fluentbit_json.ts';
import { fluentbitMsgpackFormatter } from './fluentbit_msgpack.ts';
import { fluentbitTextFormatter } from './fluentbit_text.ts';
import { ByteWriter } from '../core/bytes.ts';
import { realClock } from '../core/clock.ts';

const iso = { timeFormat: '%Y-%m-%dT%H:%M:%S.%L%z' };

test('json: what is read, and what is left as text', () => {
  const parse = (text: string) => parsed(fluentbitParser, text, { format: 'json' });
  assert.equal(parse('{"a":1}x'), '{"a":1}');
  assert.equal(parse('  {"a":"raw\ttab"} '), '{"a":"raw\\ttab"}');
  assert.equal(parse('{"a":"\\ud83d"}'), '{"a":"\uFFFD"}');
  assert.equal(parse('{"n":18446744073709551615,"f":1.0}'), '{"n":18446744073709551615,"f":1.0}');
  for (const other of [
    '[1,2]',
    '"s"',
    '42',
    'null',
    '{"a":1}{"b":2}',
    '{"a":1} [2]',
    '{"a":1,}',
    "{'a':1}",
    '{"a":"\\x41"}',
    '',
  ])
    assert.match(parse(other), /^mismatch/, other);
});

test('json: with array_key an array is a record', () => {
  const parse = (text: string) => parsed(fluentbitParser, text, { format: 'json', arrayKey: 'msg' });
  assert.deepEqual(parse(' [1,{"a":2}]'), parse('{"msg":[1,{"a":2}]}'));
  assert.match(JSON.stringify(parse('[1')), /mismatch/);
});

test('json: the time is taken out of the record, or both stay', () => {
  const parse = (text: string, options = {}) => parsed(fluentbitParser, text, { format: 'json', ...iso, ...options });
  assert.equal(parse('{"time":"2024-03-01T10:00:00.5+02:00","m":1}'), '{"m":1} 1709280000.500000000');
  assert.equal(
    parse('{"time":"2024-03-01T10:00:00.5Z"}', { timeKeep: true }),
    '{"time":"2024-03-01T10:00:00.5Z"} 1709287200.500000000',
  );
  assert.equal(parse('{"time":"2024-03-01T10:00:00Z","m":1}'), '{"time":"2024-03-01T10:00:00Z","m":1}');
  assert.equal(parse('{"time":1709287200}'), '{"time":1709287200}');
});

test('regex: types, empty values, a time of another form stays', () => {
  const regex = '^(?<i>\\S*) (?<f>\\S*) (?<b>\\S*) (?<h>\\S*) (?<time>.*)$';
  const options = { format: 'regex', regex, types: ['i:integer', 'f:float', 'b:bool', 'h:hex'], ...iso };
  const parse = (text: string) => parsed(fluentbitParser, text, options);
  assert.equal(parse('12abc 1.5x TRUE 0x1F nope'), '{"i":12,"f":1.5,"b":true,"h":31,"time":"nope"}');
  const kept = { format: 'regex', regex: '^(?<t>.*)$', timeKey: 't', timeFormat: '%s', timeKeep: true };
  assert.equal(
    parsed(fluentbitParser, '1709287200', { ...kept, types: ['t:integer'] }),
    '{"t":1709287200} 1709287200.000000000',
  );
  assert.equal(parse('9999999999999999999 1e3 yes  x'), '{"i":9223372036854775807,"f":1000.0,"b":"yes","time":"x"}');
  assert.match(parse('no'), /^mismatch/);
  assert.throws(() => fluentbitParser.check?.({ options: { format: 'regex' } } as never), /needs Regex/);
});

test('logfmt and ltsv', () => {
  const logfmt = (text: string, options = {}) => parsed(fluentbitParser, text, { format: 'logfmt', ...options });
  assert.equal(
    logfmt('a=1 b msg="x \\"y\\"\\n" q="" =bad'),
    '{"a":"1","b":true,"msg":"x \\"y\\"\\n","q":"","bad":true}',
  );
  assert.equal(logfmt('a=1 b msg="x \\"y\\""', { types: ['a:integer'] }), '{"a":1,"b":"","msg":"x \\\\\\"y\\\\\\""}');
  assert.match(logfmt('a b=1', { logfmtNoBareKeys: true }), /^mismatch/);
  assert.match(logfmt('time=bad', iso), /^mismatch/);
  const ltsv = (text: string) => parsed(fluentbitParser, text, { format: 'ltsv' });
  assert.equal(ltsv('host:a\tnocolon\tstatus:1'), '{"host":"a"}');
  assert.equal(ltsv('a:b:c\te:'), '{"a":"b:c","e":""}');
  assert.match(ltsv('nocolon'), /^mismatch/);
});

test('decoders', () => {
  const parse = (text: string, ...decoders: Record<string, unknown>[]) => {
    const at = { file: 'a', line: 1, column: 1 };
    const config = configOf(fluentbitParser, { format: 'json' });
    const decoder = decoders.map((options) => ({ argument: '', options, pairs: [], at }));
    if (fluentbitParser.kind !== 'parser') throw new TypeError('not a parser');
    return shown(fluentbitParser.create({ ...config, sections: { decoder } }, contextOf([])).parse(text));
  };
  const log = '{"log":"{\\"a\\":1}","m":2}';
  assert.equal(parse(log, { field: 'log', decoder: 'json', replaces: true }), '{"log":{"a":1},"m":2}');
  assert.equal(parse(log, { field: 'log', decoder: 'json', replaces: false }), '{"log":"{\\"a\\":1}","m":2,"a":1}');
  const escaped = '{"log":"tab\\\\t q\\\\\\" u\\\\u00e9"}';
  assert.equal(parse(escaped, { field: 'log', decoder: 'escaped', replaces: true }), '{"log":"tab\\t q\\" uu00e9"}');
  assert.equal(parse(escaped, { field: 'log', decoder: 'escaped_utf8', replaces: true }), '{"log":"tab\\t q\\" ué"}');
});

test('times', () => {
  const read = (format: string, text: string, zone: FluentbitZone = { offset: 0 }) => {
    const time = compileFluentbitTime(format, zone, realClock).read(text);
    return time && new Date(time.seconds * 1000 + time.nanos / 1e6).toISOString();
  };
  assert.equal(read('%e %B %y %I:%M:%S %p', ' 1 March 24 10:00:00 PM'), '2024-03-01T22:00:00.000Z');
  assert.equal(read('%Y-%m-%d %H:%M:%S,%L', '2024-03-01 10:00:00,1234567891'), '2024-03-01T10:00:00.123Z');
  assert.equal(read('%Y-%m-%d %H:%M:%S,%L', '2024-03-01 10:00:00'), undefined);
  assert.equal(read('%Y-%m-%d %T', '2024-02-30 10:00:00 and more'), '2024-03-01T10:00:00.000Z');
  assert.equal(read('%Y-%m-%d %T', '2024-03-01 10:00:00', { offset: 19_800 }), '2024-03-01T04:30:00.000Z');
  assert.equal(read('%s.%L', '1709287202.5'), '2024-03-01T10:00:02.500Z');
  assert.equal(read('%a %b %d %T %Z %Y', 'Fri Mar 01 10:00:00 JST 2024'), '2024-03-01T01:00:00.000Z');
  assert.equal(read('%b %d %H:%M:%S', 'Mar  1 10:00:00')?.slice(5), '03-01T10:00:00.000Z');
  // Seconds since 1970 are taken for a time of the zone too.
  assert.equal(read('%s', '1709287202', { offset: 3600 }), '2024-03-01T09:00:02.000Z');
  assert.equal(read('%Y %Q', '2024 x'), undefined);
  assert.deepEqual(['%Y %Q', '%FT%T.%L%z', '%Ex %N'].map(unknownDirective), ['%Q', undefined, '%N']);
});

test('times without Time_Strict lack what stands behind the time of day', () => {
  const read = (text: string, isStrict: boolean) =>
    compileFluentbitTime('%Y-%m-%dT%H:%M:%S.%L%z', { offset: 0, isStrict }, realClock).read(text);
  for (const [text, nanos] of [
    ['2024-03-01T10:00:00Z', 0],
    ['2024-03-01T10:00:00.25', 250_000_000],
    ['2024-03-01T10:00:00', 0],
  ] as const) {
    assert.deepEqual(read(text, false), { seconds: 1_709_287_200, nanos }, text);
    assert.equal(read(text, true), undefined);
  }
  for (const text of ['nope', '2024-03-01', '']) assert.equal(read(text, false), undefined);
});

const batch = batchOf('app', ['{"a":1,"f":1.5,"date":"x"}', '{}', '{"n":null,"t":true,"l":[1,{"k":"v"}]}']);

test('the json formatter puts the time first; a field of that name stays', () => {
  assert.deepEqual(format(fluentbitJsonFormatter, {}, batch).split('\n'), [
    '{"a":1,"f":1.5,"date":"x"}',
    '{"date":1709618821.0}',
    '{"date":1709618822.0,"n":null,"t":true,"l":[1,{"k":"v"}]}',
    '',
  ]);
  const row = batch.select([1]);
  const written = (dateFormat: string) =>
    format(fluentbitJsonFormatter, { dateFormat, dateKey: 't', isLine: false }, row);
  assert.equal(written('iso8601'), '{"t":"2024-03-05T06:07:01.000000Z"}');
  assert.equal(written('java_sql_timestamp'), '{"t":"2024-03-05 06:07:01.000000"}');
  assert.equal(written('epoch'), '{"t":1709618821}');
  assert.equal(written('epoch_ms'), '{"t":1709618821000}');
  assert.equal(format(fluentbitJsonFormatter, { dateKey: '' }, row), '{}\n');
  const blanks = batchOf('app', [' \t{"a":1} ', ' { } ']);
  assert.deepEqual(format(fluentbitJsonFormatter, { dateFormat: 'epoch' }, blanks).split('\n'), [
    '{"date":1709618820  ,"a":1} ',
    '{"date":1709618821}',
    '',
  ]);
});

test('the text formatter prints as msgpack does', () => {
  const large = batchOf('app', ['{"a":1e+21,"b":1e20,"c":100000000000000000000000}']);
  assert.equal(
    format(fluentbitTextFormatter, {}, large).split('{}], ')[1],
    '{"a"=>1000000000000000000000.000000, "b"=>100000000000000000000.000000, "c"=>100000000000000000000000}]\n',
  );
  assert.deepEqual(format(fluentbitTextFormatter, {}, batch).split('\n'), [
    '[[1709618820.000000000, {}], {"a"=>1, "f"=>1.500000, "date"=>"x"}]',
    '[[1709618821.000000000, {}], {}]',
    '[[1709618822.000000000, {}], {"n"=>nil, "t"=>true, "l"=>[1, {"k"=>"v"}]}]',
    '',
  ]);
});

test('the forms of the file output', () => {
  const write = (options: Record<string, unknown>) => format(fluentbitFileFormatter, options, batch).split('\n');
  assert.deepEqual(write({}), [
    'app: [1709618820.000000000, {"a":1,"f":1.5,"date":"x"}]',
    'app: [1709618821.000000000, {}]',
    'app: [1709618822.000000000, {"n":null,"t":true,"l":[1,{"k":"v"}]}]',
    '',
  ]);
  assert.deepEqual(write({ layout: 'csv', delimiter: '|' }), [
    '1709618820.000000000|1|1.500000|"x"',
    '1709618821.000000000',
    '1709618822.000000000|nil|true|[1, {"k"=>"v"}]',
    '',
  ]);
  assert.equal(write({ layout: 'ltsv' })[0], '"time":1709618820.000000\t"a":1\t"f":1.500000\t"date":"x"');
  assert.equal(
    write({ layout: 'template', template: '{time} {a} {date} {none} {t} {open' })[0],
    '1709618820.000000 1 x {none} 1709618820.000000 {open',
  );
});

test('records as Fluent Bit keeps them', () => {
  if (fluentbitMsgpackFormatter.kind !== 'formatter') throw new TypeError('not a formatter');
  const out = new ByteWriter();
  fluentbitMsgpackFormatter.create(configOf(fluentbitMsgpackFormatter), contextOf([])).write(batch, 1, 2, out);
  assert.equal(out.view().toString('hex'), '9292d70065e6b68500000000df00000000df00000000');
});
