import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packedBatchOf } from '../../test/fixture.ts';
import { Batch, Block } from '../core/batch.ts';
import { Origins } from '../core/origin.ts';
import type { ChunkBatch } from '../core/plugin.ts';
import { copyFields, setField } from '../core/record.ts';
import { jsonBlock } from '../router/journal-fake.ts';
import {
  decodeHead,
  decodeParts,
  encodeFrame,
  encodePart,
  frameHeaderBytes,
  frameLengths,
  isPayloadWhole,
} from './staged-frame.ts';
import type { FrameHead } from './staged-frame.ts';

function partOf(batch: Batch, ordinals: readonly number[] = []): ChunkBatch {
  const ordinal = (row: number): number => ordinals[row] ?? -1;
  return { batch, ordinal, emissionId: () => '', span: undefined, doneBelow: 0 };
}

/** Through a frame and back. */
function staged(...parts: ChunkBatch[]) {
  const encoded = parts.map(encodePart);
  const head: FrameHead = {
    chunk: 7,
    key: { text: 'k', tag: 'a.b', timekeySeconds: -60, fields: [['user', 'ünï']] },
    signature: 's',
    dueMs: null,
    count: 1,
    bytes: 2,
    appendMs: 3,
    parts: encoded.map((part) => part.head),
  };
  const frame = Buffer.concat(
    encodeFrame(
      head,
      encoded.flatMap(({ buffers }) => buffers),
    ),
  );
  const lengths = frameLengths(frame);
  assert(lengths);
  const end = frameHeaderBytes + lengths.headBytes;
  assert.equal(frame.length, end + lengths.payloadBytes);
  const found = decodeHead(frame.subarray(0, end));
  assert.deepEqual(found, JSON.parse(JSON.stringify(head)));
  assert.ok(isPayloadWhole(frame, frame.subarray(end)));
  return { parts: decodeParts(head, frame.subarray(end)), frame, end };
}
const rowsOf = (batch: Batch) =>
  Array.from({ length: batch.count }, (_, row) => [batch.offset(row), batch.seconds(row), batch.json(row).toString()]);

test('records come back as they were: bytes, times, offsets, ordinals, tags', () => {
  const block = jsonBlock('s', 100, ['{"a":1.0}', '{"b": 2}', '{"__proto__":3}', '{"d":4}'], { seconds: -5 });
  const some = Batch.of('a.b', block).select([3, 0]);
  const { parts } = staged(partOf(some, [0, 1]), partOf(Batch.of('c', block)));
  const [first, second] = parts;
  assert(first && second);
  assert.deepEqual(rowsOf(first.batch), [
    [103, -5, '{"d":4}'],
    [100, -5, '{"a":1.0}'],
  ]);
  assert.deepEqual([...(first.ordinals ?? [])], [0, 1]);
  assert.equal(second.ordinals, undefined);
  assert.deepEqual(rowsOf(second.batch), rowsOf(Batch.of('c', block)));
  assert.deepEqual([first.batch.tag, second.batch.tag], ['a.b', 'c']);
  assert.deepEqual(second.batch.fields(2), Batch.of('c', block).fields(2));
  assert.equal(first.batch.block.parts.source, 'test');
});

test('what a filter changed is encoded anew, with bytes where JSON cannot hold them', () => {
  const block = jsonBlock('s', 0, ['{"a":1}', '{"b":2}']);
  const at = [{ seconds: 9, nanos: 8 }, undefined];
  const changed = Batch.of('t', block).map((fields, row) => {
    const copy = copyFields(fields);
    if (row === 0) setField(copy, 'x', 'y');
    return row === 0 ? copy : fields;
  }, at);
  const [json] = staged(partOf(changed)).parts;
  assert(json);
  assert.deepEqual(rowsOf(json.batch), [
    [0, 9, '{"a":1,"x":"y"}'],
    [1, 1_700_000_000, '{"b":2}'],
  ]);
  assert.equal(json.batch.nanos(0), 8);
  const raw = Batch.of('t', block).map((fields) => {
    const copy = copyFields(fields);
    setField(copy, 'raw', new Uint8Array([255]));
    return copy;
  });
  const [packed] = staged(partOf(raw)).parts;
  assert(packed);
  assert.deepEqual(
    [...(packed.batch.fields(1) as Map<string, unknown>)],
    [
      ['b', 2],
      ['raw', new Uint8Array([255])],
    ],
  );
  const before = packedBatchOf('t', [{ n: 1n }]);
  const [same] = staged(partOf(before)).parts;
  assert.deepEqual(same?.batch.block.encoded(0), before.block.encoded(0));
});

test('where records came from is kept', () => {
  const { parts } = jsonBlock('s', 0, ['{}', '{}', '{}']);
  const runs = [
    { stream: '', rows: 1, offset: 0, ordinal: 0, before: 0, after: 0 },
    { stream: 'x.1', rows: 2, offset: 40, ordinal: 2, before: 1, after: 3 },
  ];
  const batch = Batch.of('t', new Block({ ...parts, origins: new Origins(runs) }));
  const [found] = staged(partOf(batch.select([2, 0]))).parts;
  const origins = found?.batch.block.parts.origins;
  assert.deepEqual(origins?.at(0), { stream: 'x.1', offset: 41, ordinal: 2, before: 0, after: 3 });
  assert.equal(origins.at(1), undefined);
});

test('a changed byte is seen', () => {
  const { frame, end } = staged(partOf(Batch.of('t', jsonBlock('s', 0, ['{"a":1}']))));
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame);
    damaged[at] = (damaged[at] as number) ^ 0x10;
    const lengths = frameLengths(damaged);
    const isHeadWhole =
      lengths !== undefined &&
      frameHeaderBytes + lengths.headBytes === end &&
      decodeHead(damaged.subarray(0, end)) !== undefined;
    assert.ok(!isHeadWhole || !isPayloadWhole(damaged, damaged.subarray(end)), `byte ${at}`);
  }
});
