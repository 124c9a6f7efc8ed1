/** Records that formatters copy from their bytes against the same ones written from their fields. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batchOf, configOf, contextOf } from '../../test/fixture.ts';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { recordTexts, said } from '../../test/record-texts.ts';
import type { Batch } from '../core/batch.ts';
import { ByteWriter } from '../core/bytes.ts';
import { errorText } from '../core/errors.ts';
import type { Chunk, Formatter, Plugin } from '../core/plugin.ts';
import { copyFields } from '../core/record.ts';
import { fluentbitJsonFormatter } from './fluentbit_json.ts';
import { jsonFormatter } from './json.ts';
import { msgpackFormatter } from './msgpack.ts';
import { writeChunk } from './rows.ts';

function formatterOf(plugin: Plugin, options: Record<string, unknown>): Formatter {
  if (plugin.kind !== 'formatter') throw new TypeError(`${plugin.name} is no formatter`);
  return plugin.create(configOf(plugin, options), contextOf([]));
}
const dated = ['date', 'kubernetes', 'a/b', 'é', ''].flatMap((dateKey) =>
  ['double', 'epoch', 'iso8601'].map((dateFormat) => ({ dateKey, dateFormat })),
);
const formatters: readonly (readonly [string, Formatter])[] = [
  ['json', formatterOf(jsonFormatter, {})],
  ...dated.map((options) => [JSON.stringify(options), formatterOf(fluentbitJsonFormatter, options)] as const),
];
const packed = formatterOf(msgpackFormatter, {});
const time = fc.record({
  seconds: fc.constantFrom(-1, 0, 2 ** 30 - 1, 2 ** 30, 1_767_268_800, 2 ** 31),
  nanos: fc.constantFrom(0, 1, 123_456_789, 999_999_499, 999_999_500, 999_999_999),
});

function written(formatter: Formatter, batch: Batch): { text: Buffer; refused: unknown[] } {
  const out = new ByteWriter();
  const chunk = { batches: [{ batch }] } as unknown as Chunk;
  try {
    const refused = writeChunk(formatter, chunk, (one) => one, out, []);
    return { text: out.view(), refused };
  } catch (error) {
    return { text: Buffer.alloc(0), refused: [errorText(error)] };
  }
}
const lines = (text: Buffer): unknown[] =>
  text
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map(said);

describe('bytes and fields give the same', () => {
  const rows = fc.array(fc.tuple(recordTexts, time), { minLength: 1, maxLength: 5 });
  for (const [name, formatter] of formatters)
    test(name, () => {
      fc.assert(
        fc.property(rows, (given) => {
          const [records, times] = [given.map(([text]) => text), given.map(([, one]) => one)];
          const batch = batchOf('t', records, times);
          const short = written(formatter, batch);
          const long = written(formatter, batch.map(copyFields));
          assert.deepEqual([lines(short.text), short.refused], [lines(long.text), long.refused]);
        }),
        fuzzRuns(60, formatters.length + 1),
      );
    });
  test('MessagePack', () => {
    fc.assert(
      fc.property(fc.array(recordTexts, { minLength: 1, maxLength: 5 }), (records) => {
        const batch = batchOf('t', records);
        assert.deepEqual(written(packed, batch), written(packed, batch.map(copyFields)));
      }),
      fuzzRuns(200, formatters.length + 1),
    );
  });
});
