import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, chunkOf } from '../../../test/fixture.ts';
import type { ChunkBatch } from '../../core/plugin.ts';
import { Ledger, nameOf, notePart } from './ledger.ts';

function partOf(count: number, more: Partial<ChunkBatch> = {}): ChunkBatch {
  const records = Array.from({ length: count }, (_, i) => `{"n":${i}}`);
  const [part] = chunkOf([batchOf('t', records)]).batches;
  assert.ok(part);
  return { ...part, ...more };
}
const none = (): boolean => false;

describe('the ledger', () => {
  test('knows what was noted, under its ordinal, and forgets what is far below', () => {
    const ledger = new Ledger();
    ledger.add('s', -1, 10, 20);
    ledger.add('s', 3, 10, 12);
    const has = (offset: number, ordinal: number): boolean => ledger.has({ stream: 's', offset, ordinal });
    assert.deepEqual(
      [has(9, -1), has(10, -1), has(19, -1), has(20, -1), has(11, 3), has(12, 3), has(11, 4)],
      [false, true, true, false, true, false, false],
    );
    ledger.raise('s', 15);
    assert.deepEqual([has(9, -1), has(14, 7), has(15, 7), has(19, -1)], [true, true, false, true]);
    assert.equal(ledger.encode('s'), '{"v":1,"below":15,"done":{"-1":[15,20]}}');
  });

  test('comes back from what it wrote', () => {
    const ledger = new Ledger();
    ledger.add('s', -1, 5, 7);
    ledger.add('s', 2, 9, 10);
    ledger.raise('s', 3);
    const other = new Ledger();
    other.restore('s', ledger.encode('s'));
    assert.equal(other.encode('s'), ledger.encode('s'));
    assert.throws(() => other.restore('s', '{"v":2,"below":0}'), /another version/);
  });

  test('a part with a span is done as a whole, holes in it too', () => {
    const ledger = new Ledger();
    const part = partOf(3, { span: { from: 0, to: 8 }, doneBelow: 0 });
    assert.deepEqual([...notePart(ledger, part, none)], ['00']);
    assert.equal(ledger.encode('00'), '{"v":1,"below":0,"done":{"-1":[0,8]}}');
  });

  test('rows that are open stay open', () => {
    const ledger = new Ledger();
    const part = partOf(4, { span: { from: 0, to: 4 } });
    notePart(ledger, part, (row) => row === 1);
    const done = [0, 1, 2, 3].map((row) => ledger.has(nameOf(part, row)));
    assert.deepEqual(done, [true, false, true, true]);
  });

  test('records made of one are told apart, and what is below for good is one number', () => {
    const ledger = new Ledger();
    const part = partOf(2, { ordinal: (row) => row, doneBelow: 0 });
    notePart(ledger, part, (row) => row === 1);
    assert.deepEqual([ledger.has(nameOf(part, 0)), ledger.has(nameOf(part, 1))], [true, false]);
    notePart(ledger, partOf(2, { doneBelow: 2 }), none);
    assert.deepEqual([ledger.has(nameOf(part, 0)), ledger.has(nameOf(part, 1))], [true, true]);
  });
});
