import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileStrftime, compileTime, parseZone } from './strftime.ts';

const seconds = 1_709_618_828; // 2024-03-05 06:07:08 UTC
const nanos = 123_456_789;
const shown = (format: string, zone = '+00:00', at = seconds) => compileStrftime(format, parseZone(zone))(at, nanos);

test('directives, as Ruby prints them', () => {
  assert.equal(shown('%L %N %6N %j %a %b %e %I %p %s'), '123 123456789 123456 065 Tue Mar  5 06 AM 1709618828');
  assert.equal(shown('%3N %9N %12N %6L'), '123 123456789 123456789000 123456');
  assert.equal(shown('%d/%b/%Y:%H:%M:%S %z', '+0900'), '05/Mar/2024:15:07:08 +0900');
  assert.equal(shown('%F %T %D %R %r %c'), '2024-03-05 06:07:08 03/05/24 06:07 06:07:08 AM Tue Mar  5 06:07:08 2024');
  assert.equal(shown('%-d %-m %_H %03d %e %k %l %^b %^A %#p %P'), '5 3  6 005  5  6  6 MAR TUESDAY am am');
  assert.equal(shown('%:z %::z %z', '-03:30'), '-03:30 -03:30:00 -0330');
  assert.equal(shown('%U %W %V %G %u %w %C %y %%'), '09 10 10 2024 2 2 20 24 %');
  assert.equal(shown('%V %G', '+00:00', Date.UTC(2021, 0, 3) / 1000), '53 2020');
  assert.equal(shown('%Q %é 100%'), '%Q %é 100%');
  assert.equal(shown('%Z|', '+09:00'), '|');
  assert.equal(compileStrftime('%Z %z', { kind: 'utc' })(seconds, 0), 'UTC +0000');
});

test('zones and their changes', () => {
  assert.equal(shown('%H:%M %z', 'Asia/Kolkata'), '11:37 +0530');
  const format = compileStrftime('%H:%M:%S %z', parseZone('Europe/Berlin'));
  const change = Date.UTC(2024, 2, 31, 1) / 1000;
  assert.equal(format(change - 1, 0), '01:59:59 +0100');
  assert.equal(format(change, 0), '03:00:00 +0200');
  assert.equal(format(change - 1, 0), '01:59:59 +0100');
  assert.throws(() => parseZone('Mars/Base'), /Mars\/Base is not known/);
});

test('without a format ISO 8601, with Z only for UTC', () => {
  assert.equal(compileTime({ utc: true })(seconds, nanos), '2024-03-05T06:07:08Z');
  assert.equal(compileTime({ localtime: false })(seconds, nanos), '2024-03-05T06:07:08Z');
  assert.equal(compileTime({ timezone: '+09:00' })(seconds, nanos), '2024-03-05T15:07:08+09:00');
  assert.equal(compileTime({ timezone: '+0000', utc: true })(seconds, nanos), '2024-03-05T06:07:08+00:00');
});

test('fractions change within a second', () => {
  const format = compileStrftime('%S.%3N', { kind: 'utc' });
  assert.deepEqual(
    [format(seconds, 1_000_000), format(seconds, 999_999_999), format(seconds + 1, 0)],
    ['08.001', '08.999', '09.000'],
  );
});

test('times before 1970 and far away', () => {
  assert.equal(shown('%F %T', '+00:00', -1), '1969-12-31 23:59:59');
  assert.equal(shown('%Y', '+00:00', -62_135_596_800), '0001');
  assert.equal(shown('%F %T %a', '+00:00', 17_096_188_281_234), '543726-08-22 13:13:54 Thu');
});
