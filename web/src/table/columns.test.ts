import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridOf, tagWidthOf, widthsOf } from './columns.ts';

test('widths are as stored, within reason; the last column takes the rest', () => {
  const widths = widthsOf(['a', 'b', 'constructor'], { a: 10, b: 1e9 });
  assert.deepEqual(widths, [64, 2000, 200]);
  assert.deepEqual(gridOf(100, widths), { grid: '176px 100px 64px 2000px minmax(200px, 1fr)', minWidth: 2540 });
  assert.deepEqual(gridOf(100, []), { grid: '176px 100px minmax(240px, 1fr)', minWidth: 516 });
});

test('the tag has the room that tags need', () => {
  assert.equal(tagWidthOf([]), 88);
  assert.equal(tagWidthOf([{ tag: 'a' }, { tag: 'kubernetes.payments' }]), 165);
  assert.equal(tagWidthOf([{ tag: 'x'.repeat(1000) }]), 220);
});
