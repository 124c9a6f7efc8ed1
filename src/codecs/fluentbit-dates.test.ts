import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { ByteWriter } from '../core/bytes.ts';
import { EpochDouble, epochDouble } from './fluentbit-dates.ts';

test('times are written as they are printed', () => {
  const double = new EpochDouble('{"date":');
  const out = new ByteWriter();
  const seconds = fc.oneof(
    fc.integer({ min: 2 ** 30 - 2, max: 2 ** 31 + 2 }),
    fc.integer({ min: -5, max: 5 }),
    fc.constantFrom(2 ** 30, 2 ** 31 - 1, 1_767_268_800),
  );
  const nanos = fc.oneof(
    fc.integer({ min: 0, max: 999_999_999 }),
    fc.integer({ min: 0, max: 999 }).map((n) => n * 1_000_000),
    fc.integer({ min: 0, max: 999_999 }).map((n) => n * 1000 + 500),
    fc.constantFrom(0, 1, 499, 500, 999_999_499, 999_999_500, 999_999_999),
  );
  fc.assert(
    fc.property(seconds, nanos, (s, n) => {
      out.reset();
      double.write(s, n, out);
      assert.equal(out.view().toString(), `{"date":${epochDouble(s, n)}`);
    }),
    fuzzRuns(5000),
  );
});
