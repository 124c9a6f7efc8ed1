import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTime, timeText } from './times.ts';

const nowMs = Date.UTC(2026, 10, 21, 15, 0, 0);

test('times that are read', () => {
  const cases: readonly [string, number][] = [
    ['0', 0],
    ['-1', -1],
    ['1795273200123', 1_795_273_200_123],
    [' 5 ', 5],
    ['now', nowMs],
    ['NOW', nowMs],
    ['now-15m', nowMs - 900_000],
    ['now-1h', nowMs - 3_600_000],
    ['now-7d', nowMs - 7 * 86_400_000],
    ['now-2w', nowMs - 14 * 86_400_000],
    ['now-250ms', nowMs - 250],
    ['now-10', nowMs - 10_000],
    ['now+1h', nowMs + 3_600_000],
    ['now 1h', nowMs + 3_600_000],
    ['now-1.5h', nowMs - 5_400_000],
    ['2026-11-21', Date.UTC(2026, 10, 21)],
    ['2026-11-21T15:00', nowMs],
    ['2026-11-21T15:00:00', nowMs],
    ['2026-11-21T15:00:00Z', nowMs],
    ['2026-11-21t15:00:00z', nowMs],
    ['2026-11-21 15:00:00', nowMs],
    ['2026-11-22T00:00:00+09:00', nowMs],
    ['2026-11-22T00:00:00 09:00', nowMs],
    ['2026-11-22T00:00:00+0900', nowMs],
    ['2026-11-22T00:00:00+09', nowMs],
    ['2026-11-21T11:30:00-03:30', nowMs],
    ['2026-11-21T15:00:00.123456789Z', nowMs + 123],
    ['2026-11-21T15:00:00,9999Z', nowMs + 999],
    ['1969-12-31T23:59:59.999Z', -1],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['0000-01-01', -62_167_219_200_000],
    ['+012345-06-07T00:00:00Z', Date.UTC(12_345, 5, 7)],
    ['-000001-12-31', -62_167_305_600_000],
  ];
  for (const [text, expected] of cases) assert.equal(parseTime(text, nowMs), expected, text);
});

test('texts that are no time', () => {
  const texts = [
    '',
    'yesterday',
    'now-',
    'now-1x',
    'now-1w2d',
    'nowish',
    '1.5',
    '1e3',
    '99999999999999999999',
    '2026-13-01',
    '2026-00-01',
    '2026-02-29',
    '1900-02-29',
    '2026-11-31',
    '2026-11-21T24:00:00Z',
    '2026-11-21T15:60:00Z',
    '2026-11-21T15:00:60Z',
    '2026-11-21T15',
    '2026-11-21T15:00:00+25:00',
    '2026-11-21T15:00:00Zulu',
    '2026-11-21Z',
    '2026/11/21',
    '+999999999999-01-01',
  ];
  for (const text of texts) assert.equal(parseTime(text, nowMs), undefined, text);
});

test('times are printed as Date prints them, with nanoseconds, and beyond what it can print', () => {
  assert.equal(timeText(1_795_273_200, 123_456_789), '2026-11-21T15:00:00.123456789Z');
  assert.equal(timeText(-1, 0), '1969-12-31T23:59:59.000000000Z');
  assert.equal(timeText(253_402_300_799, 999_999_999), '9999-12-31T23:59:59.999999999Z');
  assert.equal(timeText(253_402_300_800, 0), '+010000-01-01T00:00:00.000000000Z');
  assert.equal(timeText(-62_167_219_201, 5), '-000001-12-31T23:59:59.000000005Z');
  // One second more than Date can hold.
  assert.equal(timeText(8_640_000_000_001, 0), '+275760-09-13T00:00:01.000000000Z');
  fc.assert(
    fc.property(fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000 }), (seconds) => {
      assert.equal(timeText(seconds, 0), new Date(seconds * 1000).toISOString().replace('.000Z', '.000000000Z'));
    }),
  );
});

test('what is printed is read back, however far away', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -9_000_000_000_000, max: 9_000_000_000_000 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanos) => {
        assert.equal(parseTime(timeText(seconds, nanos), nowMs), seconds * 1000 + Math.floor(nanos / 1_000_000));
      },
    ),
  );
});

test('no text makes it throw or give something that is no whole number', () => {
  const piece = fc.constantFrom('now', '-', '+', ' ', ':', '.', 'T', 'Z', '2026', '11', '0', '9', 'm', 'h', 'é', '\0');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const ms = parseTime(text, nowMs);
        assert.ok(ms === undefined || Number.isSafeInteger(ms), text);
      },
    ),
  );
});
