import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, configOf, contextOf, packedBatchOf } from '../../test/fixture.ts';
import type { Batch } from '../core/batch.ts';
import { ByteWriter } from '../core/bytes.ts';
import { msgpackFormatter } from './msgpack.ts';

function hex(batch: Batch): string {
  if (msgpackFormatter.kind !== 'formatter') throw new TypeError('not a formatter');
  const out = new ByteWriter();
  msgpackFormatter.create(configOf(msgpackFormatter, {}), contextOf([])).write(batch, 0, batch.count, out);
  return out.view().toString('hex');
}

test('records are maps, one behind the other, without anything between them', () => {
  // {"a":1}, {"b":null}: fixmap 1, fixstr 1, the value.
  assert.equal(hex(batchOf('t', ['{"a":1}', '{"b":null}'])), '81a1610181a162c0');
});

test('what came in as MessagePack leaves as the same bytes, unless a filter changed it', () => {
  const packed = packedBatchOf('t', [{ raw: new Uint8Array([0xff, 0x00]) }]);
  assert.equal(hex(packed), '81a3726177c402ff00');
  assert.equal(hex(packed.map(() => ({ raw: 'x' }))), '81a3726177a178');
});
