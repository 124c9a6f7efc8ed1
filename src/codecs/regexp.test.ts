import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed, parserOf } from '../../test/parsing.ts';
import { regexpParser } from './regexp.ts';

const parse = (expression: string, text: string | Buffer, options: Record<string, unknown> = {}) =>
  parsed(regexpParser, text, { expression, ...options });

test('named groups become fields, the time leaves the record', () => {
  const expression = '/^(?<time>[^|]*)\\|(?<a>\\w*)\\|(?<b>x)?/';
  const timeFormat = '%d/%b/%Y:%H:%M:%S %z';
  const at = '05/Mar/2024:06:07:08 +0000';
  assert.equal(parse(expression, `${at}|q|x`, { timeFormat }), '{"a":"q","b":"x"} 1709618828.000000000');
  // A group that took no part gives no field; one that took nothing an empty one.
  assert.equal(parse(expression, `${at}||`, { timeFormat }), '{"a":""} 1709618828.000000000');
  assert.equal(
    parse(expression, `${at}|q|`, { timeFormat, keepTimeKey: true }),
    `{"time":"${at}","a":"q"} 1709618828.000000000`,
  );
  assert.match(parse(expression, 'soon|q|', { timeFormat }), /^invalid: field time is no time .*time_format.*soon/);
  assert.match(parse(expression, 'nothing'), /^mismatch/);
  assert.equal(parse('(?<at>.*)', at, { timeKey: 'at', timeFormat }), '{} 1709618828.000000000');
  assert.match(parse('(?<a>.*)', 'x', { estimateCurrentEvent: false }), /^mismatch: .*estimate_current_event/);
  assert.equal(parse('(?<0>x)|(?<__proto__>y)', 'y'), '{"__proto__":"y"}');
});

test('the letters behind the expression, and the old options for them', () => {
  assert.equal(parse('/^(?<a>x.y)$/im', 'X\nY'), '{"a":"X\\nY"}');
  assert.equal(parse('^(?<a>x.y)$', 'X\nY', { ignorecase: true, multiline: true }), '{"a":"X\\nY"}');
  assert.throws(() => parserOf(regexpParser, { expression: '/x/' }), /no group has a name/);
});

test('bytes that are not UTF-8 are matched and kept', () => {
  const found = parserOf(regexpParser, { expression: '^(?<a>.*) (?<b>.*)$' }).parse(
    Buffer.from('\xe9 \xc3\xa9', 'latin1'),
  );
  assert.deepEqual(found, { fields: { a: new Uint8Array([0xe9]), b: 'é' }, time: undefined });
});

test('types', () => {
  const types = (text: string, type: string) => parse('(?<v>.*)', text, { types: { v: type } });
  for (const [text, type, expected] of [
    ['0x1f', 'integer', '0'],
    ['12abc', 'integer', '12'],
    ['1_000', 'integer', '1000'],
    [' -7.9', 'integer', '-7'],
    ['12345678901234567890', 'integer', '12345678901234567890'],
    ['', 'integer', '0'],
    ['1.5', 'float', '1.5'],
    ['12', 'float', '12.0'],
    ['x', 'float', '0.0'],
    ['TRUE', 'bool', 'true'],
    ['1', 'bool', 'true'],
    ['on', 'bool', 'false'],
    ['a,b,,', 'array', '["a","b"]'],
    ['a:b', 'array::', '["a","b"]'],
    ['a|b', 'array:|', '["a","b"]'],
    ['a  b ', 'array: ', '["a","b"]'],
    ['2024-03-05 06:07:08 +0000', 'time', '1709618828'],
    ['2024-03-05 06:07:08', 'time:+0900:%Y-%m-%d %H:%M:%S', '1709586428'],
    ['2024-03-05 06:07', 'time:Asia/Tokyo:%Y-%m-%d %H:%M', '1709586420'],
    ['2024-03-05 06', 'time:+09:00:%Y-%m-%d %H', '1709586000'],
    ['05/Mar/2024 +0000', 'time:%d/%b/%Y %z', '1709596800'],
    ['1709618828.5', 'time:float', '1709618828'],
    ['soon', 'time', 'null'],
    ['12', 'string', '"12"'],
  ] as const)
    assert.equal(types(text, type), `{"v":${expected}}`, `${text} as ${type}`);
  assert.throws(() => types('x', 'int'), /v is to become int, which is none of/);
  assert.throws(() => types('x', 'time:Asia/Tokyo'), /time format|requires time_format/);
});

test('values that stand for nothing', () => {
  const options = { nullValuePattern: '/^(-|null)$/', nullEmptyString: true, types: { b: 'integer' } };
  assert.equal(parse('(?<a>.*),(?<b>.*),(?<c>.*)', '-,,0', options), '{"a":null,"b":null,"c":"0"}');
});

test('times of several forms', () => {
  const options = {
    timeType: 'mixed',
    timeFormat: '%iso8601',
    timeFormatFallbacks: ['unixtime', '%d.%m.%Y'],
    utc: true,
  };
  const time = (text: string) => parse('(?<time>.*)', text, options);
  assert.equal(time('2024-03-05T06:07:08.25Z'), '{} 1709618828.250000000');
  assert.equal(time('1709618828'), '{} 1709618828.000000000');
  assert.equal(time('1709618828.25'), '{} 1709618828.250000000');
  assert.equal(time('05.03.2024'), '{} 1709596800.000000000');
  assert.match(time('5'.repeat(40)), /^invalid/);
  assert.equal(parse('(?<time>.*)', '1709618828.123456789', { timeType: 'float' }), '{} 1709618828.123456789');
  assert.equal(parse('(?<time>.*)', '1.7e9', { timeType: 'float' }), '{} 1700000000.000000000');
  assert.match(parse('(?<time>.*)', '', { timeType: 'unixtime' }), /^invalid/);
});

test('options that do not go together', () => {
  const bad = (options: Record<string, unknown>) => () => parserOf(regexpParser, { expression: '(?<a>x)', ...options });
  assert.throws(bad({ timeType: 'mixed' }), /time_type mixed needs/);
  assert.throws(bad({ timezone: '+09:00' }), /requires time_format/);
  assert.throws(bad({ timezone: 'Mars/Olympus' }), /not known/);
  assert.throws(bad({ utc: true, localtime: true, timeFormat: '%Y' }), /only one of them/);
  assert.throws(bad({ timeFormat: '%q' }), /%q is not known/);
});

test('an expression that backtracks without end is stopped', () => {
  const parser = parserOf(regexpParser, { expression: '^(?<a>(?:a+)+)$', timeout: 300 });
  const found = parser.parse(Buffer.from(`${'a'.repeat(64)}!`));
  assert.equal('problem' in found && found.kind, 'timeout');
  assert.equal('problem' in parser.parse(Buffer.from('aaa')), false);
  // Backtracking also needs memory.
  const wide = parserOf(regexpParser, { expression: '^(?<a>(?:[^"]|\\\\")*)x$' });
  const long = wide.parse(Buffer.alloc(40_000_000, 'a'));
  assert.ok('problem' in long && /memory|longer/.test(long.problem));
});
