import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../../test/fixture.ts';
import { format } from '../../test/formatting.ts';
import { OperatingError } from '../core/errors.ts';
import { fluentbitGelfFormatter } from './fluentbit_gelf.ts';

const at = [{ seconds: 1_709_287_200, nanos: 500_999_999 }];
const gelf = (record: string, options: Record<string, unknown> = {}): unknown =>
  JSON.parse(format(fluentbitGelfFormatter, options, batchOf('t', [record], at)));

test('fields get a _, nested ones their path; id is left out; the record’s time in milliseconds', () => {
  assert.deepEqual(
    gelf('{"log":"short","h":"host1","level":3,"extra":"x","m":{"a":1,"b/c":{"d":true}},"id":"i","nil":null}', {
      shortMessageKey: 'log',
      hostKey: 'h',
    }),
    {
      version: '1.1',
      short_message: 'short',
      host: 'host1',
      level: 3,
      _extra: 'x',
      _m_a: 1,
      _m_b_c_d: 'true',
      timestamp: 1_709_287_200.5,
    },
  );
});

test('numbers stay numbers, floats with six digits; lists become one text, with escapes', () => {
  const record =
    '{"short_message":"s","f":1.5,"n":-2,"b":false,"l":[1,"a\\"",{"k":"v","o":{"p":2}},[null]],"timestamp":7}';
  assert.deepEqual(gelf(record), {
    version: '1.1',
    short_message: 's',
    _f: 1.5,
    _n: -2,
    _b: 'false',
    _l: '1, a", k=v o_p=2, null',
    timestamp: 7,
  });
});

test('levels in words and digits; what is neither text nor number is refused, as is a record without a short message', () => {
  const level = (written: string) => (gelf(`{"short_message":"s","level":${written}}`) as { level: unknown }).level;
  assert.deepEqual(['"5"', '"ERR"', '"loud"', '9'].map(level), [5, 3, 'loud', 9]);
  assert.throws(() => level('true'), OperatingError);
  assert.throws(() => gelf('{"a":1}'), /no short_message/);
});
