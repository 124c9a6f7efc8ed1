import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gridOf, minWidthOf, widthsOf } from './columns.ts';

test('widths are as stored, within reason; the last column takes the rest', () => {
  const widths = widthsOf(['a', 'b', 'constructor'], { a: 10, b: 1e9 });
  assert.deepEqual(widths, [64, 2000, 200]);
  assert.equal(gridOf(widths), '172px 156px 64px 2000px minmax(200px, 1fr)');
  assert.equal(gridOf([]), '172px 156px minmax(240px, 1fr)');
  assert.equal(minWidthOf([64]), 392);
});
