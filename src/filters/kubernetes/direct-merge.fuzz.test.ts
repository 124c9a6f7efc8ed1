/** `Merge_Log` by bytes against the way through fields: both give the same records. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batchOf, texts } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { objectTexts, recordTexts } from '../../../test/record-texts.ts';
import type { Batch } from '../../core/batch.ts';
import { withMembers } from '../../kubernetes/members.ts';
import { DirectMerge } from './direct-merge.ts';
import { mergeRows } from './merge.ts';
import type { MergeOptions } from './merge.ts';

const key = fc.constantFrom('a', 'b', 'log', 'stream', '7', 'é', 'app');
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.constantFrom('x\n', 'x\\n', 'x\\\\r', '\n', '\u2028', 'a "b" é', 'x\n  '),
);
const inner = fc.oneof(
  objectTexts,
  fc.dictionary(key, value, { maxKeys: 3 }).map((fields) => JSON.stringify(fields)),
  fc.constantFrom(
    'plain',
    '',
    '{}',
    ' {"a":1} ',
    '{"a":1.0}',
    '{"a":1} x',
    '[{"a":1}]',
    '{"a":"\\u000a"}',
    '{"b":"\t"}',
    '\u00a0{}',
  ),
);
const log = fc.oneof(
  inner.map((text) => JSON.stringify(text)),
  fc.constantFrom('"{\\u0022a\\u0022:1}"', '{"a":1}', '{}', 'null', '3', '[{"a":1}]', '"\\ud800"'),
);
const record = fc.oneof(
  recordTexts,
  fc.tuple(log, value).map(([text, other]) => `{"log":${text},"stream":${JSON.stringify(other)}}`),
  log.map((text) => `{"log": ${text}}`),
  fc.dictionary(key, value, { maxKeys: 2 }).map((fields) => JSON.stringify(fields)),
);
const optionSets: readonly MergeOptions[] = [
  { mergeLogKey: undefined, mergeLogTrim: true, keepLog: true },
  { mergeLogKey: undefined, mergeLogTrim: false, keepLog: false },
  { mergeLogKey: 'app', mergeLogTrim: true, keepLog: false },
  { mergeLogKey: 'log', mergeLogTrim: true, keepLog: true },
];

/** As the filter merges what is taken apart. */
function byFields(batch: Batch, options: MergeOptions): Batch {
  const rows = Array.from({ length: batch.count }, (_, row) => row);
  const merged = mergeRows(batch, rows, () => undefined, options);
  return withMembers(
    batch,
    rows.map((row) => ({ fields: merged[row]?.fields, members: undefined })),
  );
}

describe('Merge_Log by bytes gives what it gives by fields', () => {
  for (const options of optionSets)
    test(JSON.stringify(options), () => {
      const merge = DirectMerge.for(options);
      assert.ok(merge);
      let late = 0;
      let all = 0;
      fc.assert(
        fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), (records) => {
          const batch = batchOf('a', records);
          const fast = merge.apply(batch, (rest) => {
            late += rest.count;
            return byFields(rest, options);
          });
          all += records.length;
          const slow = byFields(batch, options);
          assert.deepEqual(texts(fast), texts(slow), records.join());
          for (let row = 0; row < batch.count; row++) assert.deepEqual(fast.fields(row), slow.fields(row));
        }),
        fuzzRuns(300, optionSets.length),
      );
      assert.ok(late < all, 'nothing took the short way');
    });
});
