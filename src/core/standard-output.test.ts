import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textStream } from './standard-output.ts';

const failure = (code: string) => Object.assign(new Error(`${code}: written by the test`), { code });

test('bytes go out whole and in order, whatever a write takes', async () => {
  const seen: string[] = [];
  let turn = 0;
  let paused = 0;
  const stream = textStream(
    (bytes) => {
      turn++;
      if (turn % 3 === 0) return Promise.reject(failure('EAGAIN'));
      const some = bytes.subarray(0, 2);
      seen.push(Buffer.from(some).toString());
      return Promise.resolve(some.length);
    },
    () => {
      paused++;
      return Promise.resolve();
    },
  );
  const writes = ['first\n', 'second\n', 'third\n'].map((text) => stream.write(Buffer.from(text)));
  assert.equal(stream.pendingBytes, 19);
  await Promise.all(writes);
  assert.equal(seen.join(''), 'first\nsecond\nthird\n');
  assert.ok(paused > 0);
  assert.equal(stream.pendingBytes, 0);
});

test('a failed write is told to its caller and does not stop the next', async () => {
  let isClosed = true;
  const stream = textStream((bytes) => (isClosed ? Promise.reject(failure('EPIPE')) : Promise.resolve(bytes.length)));
  await assert.rejects(stream.write(Buffer.from('a')), /EPIPE/);
  assert.equal(stream.pendingBytes, 0);
  isClosed = false;
  await stream.write(Buffer.from('b'));
});

test('an aborted write ends while the pipe is full', async () => {
  const abort = new AbortController();
  const stream = textStream(
    () => Promise.reject(failure('EAGAIN')),
    () => {
      abort.abort();
      return Promise.resolve();
    },
  );
  await assert.rejects(stream.write(Buffer.from('a'), abort.signal), { name: 'AbortError' });
});
