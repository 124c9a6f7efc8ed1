import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { between, fromLocalInput, rangeParams, shifted, toLocalInput, wider, zoomed } from './range.ts';

test('relative ranges go by the server’s clock', () => {
  assert.deepEqual(rangeParams({ kind: 'last', span: '15m' }), { from: 'now-15m', to: 'now' });
  assert.deepEqual(rangeParams({ kind: 'all' }), {});
  assert.deepEqual(rangeParams({ kind: 'between', fromMs: 5, toMs: 60 }), { from: '5', to: '60' });
});

test('zoom and shift', () => {
  assert.deepEqual(zoomed({ fromMs: 0, toMs: 1000 }, 0.5), { kind: 'between', fromMs: 250, toMs: 750 });
  assert.deepEqual(zoomed({ fromMs: 0, toMs: 1000 }, 2), { kind: 'between', fromMs: -500, toMs: 1500 });
  assert.deepEqual(shifted({ fromMs: 0, toMs: 1000 }, -0.5), { kind: 'between', fromMs: -500, toMs: 500 });
});

test('every range has a width and dates that exist', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
      const range = between(a, b);
      assert.ok(range.kind === 'between' && range.toMs - range.fromMs >= 20);
      assert.doesNotThrow(() => [new Date(range.fromMs).toISOString(), new Date(range.toMs).toISOString()]);
    }),
  );
});

test('wider goes on to all', () => {
  assert.deepEqual(wider({ kind: 'last', span: '15m' }), { kind: 'last', span: '1h' });
  assert.deepEqual(wider({ kind: 'last', span: '30d' }), { kind: 'all' });
  assert.deepEqual(wider({ kind: 'between', fromMs: 0, toMs: 9 }), { kind: 'all' });
});

test('local times go through their input and back', () => {
  for (const ms of [0, 1_795_000_000_000, Date.UTC(2026, 0, 31, 23, 59, 59)])
    assert.equal(fromLocalInput(toLocalInput(ms)), ms);
  assert.equal(fromLocalInput('yesterday'), undefined);
});
