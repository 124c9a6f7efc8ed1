import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { compileStrptime } from './strptime.ts';

const clock = new FakeClock(Date.UTC(2024, 5, 15, 12));
const parse = (format: string, text: string, timezone = '+00:00') => {
  const found = compileStrptime(format, { timezone }, clock)(text);
  return (
    found && `${new Date(found.seconds * 1000).toISOString().slice(0, 19)}.${String(found.nanos).padStart(9, '0')}`
  );
};

test('formats that logs use', () => {
  assert.equal(parse('%Y-%m-%dT%H:%M:%S%z', '2024-03-05T06:07:08+09:00'), '2024-03-04T21:07:08.000000000');
  assert.equal(parse('%Y-%m-%dT%H:%M:%S.%N%z', '2024-03-05T06:07:08.123456789Z'), '2024-03-05T06:07:08.123456789');
  assert.equal(parse('%d/%b/%Y:%H:%M:%S %z', '05/Mar/2024:06:07:08 -0330'), '2024-03-05T09:37:08.000000000');
  assert.equal(parse('%Y-%m-%d %H:%M:%S.%L', '2024-03-05 06:07:08.5', 'Asia/Tokyo'), '2024-03-04T21:07:08.500000000');
  assert.equal(parse('%b %e %H:%M:%S', 'Mar  5 06:07:08'), '2024-03-05T06:07:08.000000000');
  assert.equal(parse('%Y%m%d%H%M%S', '20240305060708'), '2024-03-05T06:07:08.000000000');
  assert.equal(parse('%s.%N', '1709618828.25'), '2024-03-05T06:07:08.250000000');
  assert.equal(parse('%I:%M %p', '12:30 AM'), '2024-06-15T00:30:00.000000000');
  assert.equal(parse('%Y-%j', '2024-060'), '2024-02-29T00:00:00.000000000');
  assert.equal(parse('%a, %d %B %y', 'Tue, 05 March 24'), '2024-03-05T00:00:00.000000000');
  assert.equal(parse('%p %I', 'PM 12'), '2024-06-15T12:00:00.000000000');
  assert.equal(parse('%Q', '1709618828250'), '2024-03-05T06:07:08.250000000');
  assert.equal(parse('%F %T %Z', '2024-03-05 06:07:08 EST'), '2024-03-05T11:07:08.000000000');
  assert.equal(parse('%F %T.%3N%z', '2024-03-05 06:07:08.25UTC+1'), '2024-03-05T05:07:08.250000000');
});

test('text that is no such time, and unknown directives', () => {
  for (const [format, text] of [
    ['%Y-%m-%d', '2024-13-01'],
    ['%Y-%m-%d', 'x2024-03-05'],
    ['%Y-%m-%d', '2023-02-32'],
    ['%Y-%m-%dT%H:%M:%S.%N%z', '2024-03-05T06:07:08Z'],
    ['%H:%M', '25:00'],
    ['%d/%b/%Y', '05/Foo/2024'],
  ] as const)
    assert.equal(parse(format, text), undefined, text);
  assert.throws(() => compileStrptime('%Y %q', {}, clock), /%q is not known/);
});

test('a day that its month has not is one of the next month', () => {
  assert.equal(parse('%Y-%m-%d', '2024-02-30'), '2024-03-01T00:00:00.000000000');
  assert.equal(parse('%F %T', '2023-02-29 06:07:08'), '2023-03-01T06:07:08.000000000');
  assert.equal(parse('%F', '2024-04-31'), '2024-05-01T00:00:00.000000000');
});

test('local times at a change of the clock', () => {
  assert.equal(parse('%F %T', '2024-03-31 01:59:59', 'Europe/Berlin'), '2024-03-31T00:59:59.000000000');
  assert.equal(parse('%F %T', '2024-03-31 03:00:00', 'Europe/Berlin'), '2024-03-31T01:00:00.000000000');
  // Left out: as if the clock had not changed. Twice: the first time.
  assert.equal(parse('%F %T', '2024-03-10 02:30:00', 'America/New_York'), '2024-03-10T07:30:00.000000000');
  assert.equal(parse('%F %T', '2024-03-10 04:00:00', 'America/New_York'), '2024-03-10T08:00:00.000000000');
  assert.equal(parse('%F %T', '2024-11-03 01:30:00', 'America/New_York'), '2024-11-03T05:30:00.000000000');
  assert.equal(parse('%F %T', '2024-11-03 02:00:00', 'America/New_York'), '2024-11-03T07:00:00.000000000');
});

test('white space in a format takes any run of it, and text behind it is ignored', () => {
  assert.equal(parse('%b %d %H', 'Mar  5   6'), '2024-03-05T06:00:00.000000000');
  assert.equal(parse('%Y-%m-%d', '2024-03-05x'), '2024-03-05T00:00:00.000000000');
});

test('ISO 8601', () => {
  const iso = compileStrptime('%iso8601', { timezone: '+01:00' }, clock);
  assert.deepEqual(iso('2024-03-05T06:07:08.5'), { seconds: 1_709_615_228, nanos: 500_000_000 });
  assert.equal(iso('2024-03-05 06:07:08'), undefined);
  assert.deepEqual(iso('2024-03-05T06:07:08Z'), { seconds: 1_709_618_828, nanos: 0 });
  assert.equal(iso('yesterday'), undefined);
});
