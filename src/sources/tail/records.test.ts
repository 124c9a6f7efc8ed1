import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../../core/batch.ts';
import type { Parser } from '../../core/plugin.ts';
import type { Value } from '../../core/record.ts';
import { LineBatch } from './records.ts';

function batchOf(parser: Parser): LineBatch {
  const rules = {
    parser,
    decode: undefined,
    pathKey: undefined,
    unparsedKey: undefined,
    sayUnparsed: undefined,
    offsetKey: undefined,
    replacesKeys: false,
    skipsEmpty: false,
    emitsUnmatched: false,
  };
  return new LineBatch(rules, '/a.log', { seconds: 1, nanos: 0 });
}

test('a record that cannot be encoded is refused alone', () => {
  const nested = (depth: number): Value => (depth === 0 ? 1 : { a: nested(depth - 1) });
  const batch = batchOf({ parse: (text) => ({ fields: { a: nested(text.length) }, time: undefined }) });
  for (const [index, line] of ['x', 'x'.repeat(300), 'xx'].entries()) batch.add(Buffer.from(line), 0, index);
  batch.parse();
  assert.deepEqual(
    batch.runs().map(({ ends }) => ends),
    [[0, 2]],
  );
  assert.deepEqual(
    batch.refused.map(({ reason, raw }) => [reason, raw.length]),
    [['parse_failed', 300]],
  );
});

test('where codecs change often, records that JSON alone can hold stay in it', () => {
  const fields = [
    { a: 1 },
    { a: new Uint8Array([255]) },
    { b: 'x' },
    { a: new Uint8Array([254]) },
    new Map([['a', 2n ** 70n]]),
  ];
  const batch = batchOf({ parse: (text) => ({ fields: fields[Number(text)] ?? {}, time: undefined }) });
  for (const index of fields.keys()) batch.add(Buffer.from(String(index)), index, index + 1);
  batch.parse();
  assert.deepEqual(
    batch.runs().map(({ records: { codec }, ends }) => [codec, ends]),
    [
      [codecs.msgpack, [1, 2, 3, 4]],
      [codecs.json, [5]],
    ],
  );
});
