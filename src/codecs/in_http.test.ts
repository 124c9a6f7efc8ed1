import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock } from '../core/clock.ts';
import { ExtBytes } from '../core/msgpack.ts';
import { Float } from '../core/record.ts';
import { compileRecordTime, decimalInstant, inHttpParser, recordTimeDefaults } from './in_http.ts';

test('without time options a number is seconds, as it stands in memory', () => {
  const time = compileRecordTime(recordTimeDefaults, realClock);
  assert.deepEqual(time(1_709_618_829.5), { seconds: 1_709_618_829, nanos: 500_000_000 });
  assert.deepEqual(time(-1.5), { seconds: -2, nanos: 500_000_000 });
  assert.deepEqual(time(new Float(3)), { seconds: 3, nanos: 0 });
  assert.deepEqual(time(5n), { seconds: 5, nanos: 0 });
  assert.deepEqual(time(new ExtBytes(0, Buffer.from([0, 0, 0, 7, 0, 0, 0, 9]))), { seconds: 7, nanos: 9 });
  for (const nothing of [undefined, null, false]) assert.equal(time(nothing), undefined);
  const problems = [true, 'x', [], {}, 1e300].map((value) => time(value));
  assert.deepEqual(
    problems.map((found) => found && 'problem' in found && found.problem),
    [
      "can't convert TrueClass into an exact number",
      "can't convert String into an exact number",
      "can't convert Array into an exact number",
      "can't convert Hash into an exact number",
      'the time 1e+300 is beyond all calendars',
    ],
  );
});

test('time_format and time_type say how it is read', () => {
  const text = compileRecordTime({ ...recordTimeDefaults, timeFormat: '%Y-%m-%d %H:%M:%S', utc: true }, realClock);
  assert.deepEqual(text('2024-03-05 06:07:08'), { seconds: 1_709_618_828, nanos: 0 });
  assert.deepEqual(text('x'), { problem: 'invalid time format: value = x' });
  assert.deepEqual(text(5), { problem: 'value must be string: 5' });
  const float = compileRecordTime({ ...recordTimeDefaults, timeType: 'float' }, realClock);
  assert.deepEqual(float('5.25'), { seconds: 5, nanos: 250_000_000 });
  assert.deepEqual(float(5.25), { seconds: 5, nanos: 250_000_000 });
  assert.ok('problem' in (float('soon') ?? {}));
  const whole = compileRecordTime({ ...recordTimeDefaults, timeType: 'unixtime' }, realClock);
  assert.deepEqual(whole('5.75'), { seconds: 5, nanos: 0 });
});

test('digits as they are written', () => {
  assert.deepEqual(decimalInstant('1.1234567899'), { seconds: 1, nanos: 123_456_789 });
  assert.deepEqual(decimalInstant('-0.25'), { seconds: -1, nanos: 750_000_000 });
  assert.deepEqual(decimalInstant('-3'), { seconds: -3, nanos: 0 });
  assert.equal(decimalInstant('1e5'), undefined);
  assert.equal(decimalInstant('99999999999999999'), undefined);
});

test('as a parser it takes a JSON object and its time', () => {
  assert.ok(inHttpParser.kind === 'parser');
  const make = (changes: object) => {
    assert.ok(inHttpParser.kind === 'parser');
    return inHttpParser.create(
      { options: { ...recordTimeDefaults, ...changes }, sections: {}, at: { file: 't', line: 1, column: 1 } },
      { clock: realClock } as never,
    );
  };
  const parser = make({});
  assert.deepEqual(parser.parse('{"a":1,"time":2}'), { fields: { a: 1 }, time: { seconds: 2, nanos: 0 } });
  assert.deepEqual(make({ keepTimeKey: true }).parse(Buffer.from('{"time":2}')), {
    fields: { time: 2 },
    time: { seconds: 2, nanos: 0 },
  });
  for (const [text, kind] of [
    ['{', 'mismatch'],
    ['[]', 'mismatch'],
    ['{"time":"x"}', 'invalid'],
    [`{"a":${'['.repeat(300)}${']'.repeat(300)}}`, 'invalid'],
  ] as const) {
    const parsed = parser.parse(text);
    assert.equal('problem' in parsed && parsed.kind, kind, text);
  }
});
