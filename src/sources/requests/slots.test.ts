import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Slots } from './slots.ts';

test('it holds what was added and not deleted, like a set', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 8 })), (picks) => {
      const things = Array.from({ length: 9 }, (_, name) => ({ name, slot: -1 }));
      const slots = new Slots<(typeof things)[number]>();
      const model = new Set<(typeof things)[number]>();
      for (const pick of picks) {
        const thing = things[pick] as (typeof things)[number];
        if (model.has(thing)) {
          slots.delete(thing);
          slots.delete(thing);
          model.delete(thing);
        } else {
          slots.add(thing);
          model.add(thing);
        }
        assert.equal(slots.size, model.size);
        assert.deepEqual(new Set(slots.all()), model);
      }
    }),
  );
});
