import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RangeSet } from './ranges.ts';

const range = fc.tuple(fc.nat(40), fc.nat(12)).map(([from, length]) => [from, from + length] as const);

test('a range set holds what was added, counts what is new, and keeps its ranges apart', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), range, (added, asked) => {
      const ranges = new RangeSet();
      const model = new Set<number>();
      for (const [from, to] of added) {
        const before = model.size;
        for (let offset = from; offset < to; offset++) model.add(offset);
        assert.equal(ranges.add(from, to), model.size - before);
      }
      for (let offset = 0; offset < 60; offset++) assert.equal(ranges.has(offset), model.has(offset));
      assert.equal(ranges.end, model.size === 0 ? 0 : Math.max(...model) + 1);
      const [from, to] = asked;
      assert.equal(ranges.countIn(from, to), [...model].filter((offset) => offset >= from && offset < to).length);
      const flat = ranges.flat();
      for (let i = 1; i < flat.length; i++) assert.ok((flat[i - 1] as number) < (flat[i] as number));
      assert.equal(flat.length, ranges.size * 2);
    }),
  );
});

test('takeFrom swallows what reaches down to the mark, and only that', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), fc.nat(40), (added, low) => {
      const ranges = new RangeSet();
      const model = new Set<number>();
      for (const [from, to] of added) {
        ranges.add(from, to);
        for (let offset = from; offset < to; offset++) model.add(offset);
      }
      let expected = low;
      // Ranges that begin below the mark are swallowed even if they end there.
      while (model.has(expected)) expected++;
      const taken = ranges.takeFrom(low);
      assert.equal(taken, expected);
      for (let offset = taken; offset < 60; offset++) assert.equal(ranges.has(offset), model.has(offset));
      assert.ok(ranges.size === 0 || (ranges.flat()[0] as number) > taken);
    }),
  );
});
