import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Done, everyOrdinal } from './done.ts';

describe('done', () => {
  test('says for each offset and ordinal what was added, and after writing it down and reading it again', () => {
    const range = fc.record({
      shard: fc.constantFrom('a', 'b'),
      ordinal: fc.constantFrom(everyOrdinal, -1, 0, 1),
      low: fc.nat(20),
      length: fc.nat(6),
      isFromStart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
        const done = new Done();
        const model = new Set<string>();
        for (const { shard, ordinal, isFromStart, ...rest } of ranges) {
          const low = isFromStart && ordinal === everyOrdinal ? 0 : rest.low;
          const high = rest.low + rest.length;
          done.add({ shard, ordinal, low, high });
          for (let offset = low; offset < high; offset++)
            for (const each of ordinal === everyOrdinal ? [-1, 0, 1, 2] : [ordinal])
              model.add(`${shard} ${offset} ${each}`);
        }
        const again = new Done();
        for (const each of done.ranges()) again.add(each);
        for (const shard of ['a', 'b', 'c'])
          for (const ordinal of [-1, 0, 1, 2])
            for (let offset = 0; offset < 30; offset++) {
              const expected = model.has(`${shard} ${offset} ${ordinal}`);
              assert.equal(done.has(shard, offset, ordinal), expected);
              assert.equal(again.has(shard, offset, ordinal), expected);
              if (expected) assert.equal(done.isBeyond(shard, offset), false);
            }
      }),
    );
  });
  test('keeps one range where a shard is done in order, and forgets single ordinals below', () => {
    const done = new Done();
    for (let offset = 0; offset < 1000; offset++) {
      done.add({ shard: 'a', ordinal: offset % 3, low: offset * 2, high: offset * 2 + 1 });
      done.add({ shard: 'a', ordinal: everyOrdinal, low: 0, high: offset * 2 - 10 });
    }
    assert.ok([...done.ranges()].length < 12);
    done.add({ shard: 'a', ordinal: everyOrdinal, low: 0, high: 3000 });
    assert.deepEqual([...done.ranges()], [{ shard: 'a', ordinal: everyOrdinal, low: 0, high: 3000 }]);
    assert.equal(done.covers({ shard: 'a', ordinal: 5, low: 10, high: 3000 }), true);
    assert.equal(done.covers({ shard: 'a', ordinal: 5, low: 10, high: 3001 }), false);
  });
  test('remembers the shards used last', () => {
    const done = new Done();
    const add = (shard: string) => done.add({ shard, ordinal: everyOrdinal, low: 0, high: 5 });
    add('first');
    add('second');
    for (let count = 0; count < 9998; count++) add(`shard-${count}`);
    add('first');
    add('one more');
    assert.equal(done.has('first', 1, -1), true);
    assert.equal(done.has('second', 1, -1), false);
  });
});
