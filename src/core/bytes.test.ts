import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from './bytes.ts';

test('text and bytes of any length arrive in order, across growth, truncation and take', () => {
  const out = new ByteWriter();
  const long = 'é€😀'.repeat(30_000);
  out.text('a');
  out.bytes(Buffer.from('bc'));
  out.byte(10);
  out.text(long);
  assert.equal(out.view().toString(), `abc\n${long}`);
  out.truncate(2);
  assert.equal(out.take().toString(), 'ab');
  assert.equal(out.length, 0);
  out.text('z');
  out.reset();
  out.text('y');
  assert.equal(out.view().toString(), 'y');
});
