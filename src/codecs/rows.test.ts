import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../core/bytes.ts';
import { OperatingError } from '../core/errors.ts';
import type { Formatter } from '../core/plugin.ts';
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
