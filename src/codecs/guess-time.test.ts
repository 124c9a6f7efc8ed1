import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { compileAnyTime } from './guess-time.ts';

const read = compileAnyTime({ utc: true }, new FakeClock(Date.UTC(2024, 5, 15, 12)));
const shown = (text: string) => {
  const time = read(text);
  return time && `${new Date(time.seconds * 1000).toISOString().slice(0, 19)} ${time.nanos}`;
};

test('the forms that logs have', () => {
  for (const [text, expected] of [
    ['2024-03-05T06:07:08Z', '2024-03-05T06:07:08 0'],
    ['2024-03-05T06:07:08.123456789+09:00', '2024-03-04T21:07:08 123456789'],
    ['2024-03-05 06:07:08', '2024-03-05T06:07:08 0'],
    ['2024-03-05 06:07:08 -0500', '2024-03-05T11:07:08 0'],
    ['Tue, 05 Mar 2024 06:07:08 GMT', '2024-03-05T06:07:08 0'],
    ['Wed Oct 11 14:32:52 2000', '2000-10-11T14:32:52 0'],
    ['Wed Oct 11 14:32:52.25 2000', '2000-10-11T14:32:52 250000000'],
    ['Tue Mar  5 06:07:08 UTC 2024', '2024-03-05T06:07:08 0'],
    ['March 5, 2024 6:07 PM', '2024-03-05T18:07:00 0'],
    ['5-Mar-24 06:07', '2024-03-05T06:07:00 0'],
    ['2024-Mar-05', '2024-03-05T00:00:00 0'],
    ['05/03/2024', '2024-03-05T00:00:00 0'],
    ['05-03-2024 1:00', '2024-03-05T01:00:00 0'],
    ['2024/03/05 06:07:08', '2024-03-05T06:07:08 0'],
    ['20240305T060708Z', '2024-03-05T06:07:08 0'],
    ['20240305060708', '2024-03-05T06:07:08 0'],
    ['2024-02-30', '2024-03-01T00:00:00 0'],
    ['2024-065', '2024-03-05T00:00:00 0'],
    ['Mar  5 06:07:08', '2024-03-05T06:07:08 0'],
    ['06:07:08', '2024-06-15T06:07:08 0'],
  ] as const)
    assert.equal(shown(text), expected, text);
});

test('text that is no time', () => {
  for (const text of [
    '',
    'garbage',
    '05/Mar/2024:06:07:08 +0000',
    '2024-13-01',
    '2024-02-32',
    '25:00',
    '1'.repeat(129),
  ])
    assert.equal(shown(text), undefined, text);
});
