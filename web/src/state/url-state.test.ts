import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spanNames } from '../time/range.ts';
import { initialState, readState, writeState } from './url-state.ts';
import type { ExplorerState } from './url-state.ts';

const states: fc.Arbitrary<ExplorerState> = fc.record(
  {
    query: fc.string(),
    range: fc.oneof(
      fc.constant({ kind: 'all' } as const),
      fc.constantFrom(...spanNames).map((span) => ({ kind: 'last', span }) as const),
      fc
        .tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 20, max: 1e9 }))
        .map(([fromMs, width]) => ({ kind: 'between', fromMs, toMs: fromMs + width }) as const),
    ),
    columns: fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 50 }),
    order: fc.constantFrom('newest', 'oldest'),
    record: fc.option(fc.string(), { nil: undefined }),
    isLive: fc.boolean(),
    place: fc.constantFrom('store' as const, 'index' as const, undefined),
  },
  { noNullPrototype: true },
);

test('an address brings back what was shown', () => {
  fc.assert(fc.property(states, (state) => assert.deepEqual(readState(writeState(state)), state)));
});

test('the first visit has a bare address, and a broken one is a first visit', () => {
  assert.equal(writeState(initialState), '');
  assert.deepEqual(readState('?last=9y&from=x&to=2026-01-01&order=sideways&live=yes&col='), initialState);
});

test('both ends in any form of ISO 8601', () => {
  assert.deepEqual(readState('?from=2026-11-21T09:00:00%2B09:00&to=2026-11-21T00:10:00Z').range, {
    kind: 'between',
    fromMs: Date.UTC(2026, 10, 21, 0, 0),
    toMs: Date.UTC(2026, 10, 21, 0, 10),
  });
});
