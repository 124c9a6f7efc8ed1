import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch, Block, codecs } from '../core/batch.ts';
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError } from '../core/errors.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import type { Formatter } from '../core/plugin.ts';
import { copyFields } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { rowFormatter, writeChunk, writeJson } from './rows.ts';

/** Fails on records with a field `bad`, after it began to write. */
const picky: Formatter = rowFormatter('text/plain', (batch, row, out) => {
  out.text('<');
  writeJson(batch, row, out);
  if (String(batch.json(row)).includes('bad')) throw new OperatingError('FILTER_FAILED', `row ${row} is bad`);
  out.text('>');
});
const batches = [
  batchOf('t', ['{"a":1}', '{"bad":1}', '{"a":2}']),
  batchOf('t', ['{"a":3}']),
  batchOf('t', ['{"bad":2}']),
];

test('a record that cannot be written is left out and named, alone', () => {
  const out = new ByteWriter();
  const refused = writeChunk(picky, chunkOf(batches), (batch) => batch, out);
  assert.equal(out.view().toString(), '<{"a":1}><{"a":2}><{"a":3}>');
  assert.deepEqual(refused, [
    { row: 1, reason: 'row 1 is bad' },
    { row: 4, reason: 'row 0 is bad' },
  ]);
});

test('ends of records are given where wanted', () => {
  const out = new ByteWriter();
  const ends: number[] = [];
  writeChunk(picky, chunkOf(batches), (batch) => batch, out, ends);
  assert.deepEqual(ends, [9, 18, 27]);
});

test('a programming error is no refusal', () => {
  const broken = rowFormatter('text/plain', () => {
    throw new TypeError('bug');
  });
  assert.throws(() => writeChunk(broken, chunkOf(batches), (batch) => batch, new ByteWriter()), /bug/);
});

test('bytes that are not UTF-8 stand in JSON as they are where that is asked for, else as U+FFFD', () => {
  const fields = new Map<string, Value>([
    ['a', new Uint8Array([98, 0xff, 34, 10])],
    ['b', [new Map([['c', new Uint8Array([0xfe])]]), [], 'é']],
    ['d', { e: 1 }],
  ]);
  const packed = Buffer.from(encodeMsgpack(fields));
  const parts = { ...batchOf('t', ['{}']).block.parts, codec: codecs.msgpack, payload: packed };
  const batch = Batch.of('t', new Block({ ...parts, bounds: Uint32Array.of(0, packed.length) }));
  const raw = Buffer.from('{"a":"b\xff\\"\\n","b":[{"c":"\xfe"},[],"\xc3\xa9"],"d":{"e":1}}', 'latin1');
  for (const one of [batch, batch.map((before) => copyFields(before))]) {
    const out = new ByteWriter();
    writeJson(one, 0, out, true);
    assert.deepEqual(Buffer.from(out.view()), raw);
    out.reset();
    writeJson(one, 0, out);
    assert.equal(out.view().toString(), raw.toString());
  }
});
