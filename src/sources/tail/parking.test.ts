/** More files than may be held open. */
import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { test } from 'node:test';
import { Tailing } from './tail-fixture.ts';

test('more files than may be open are all read, go on when they change, and over rotations', async (t) => {
  const tail = await Tailing.make(t, { path: '*.log', openFilesMax: 3 });
  const names = Array.from({ length: 12 }, (_, n) => `f${n}`);
  for (const name of names) await tail.write(`${name}.log`, `${name} 1\n`);
  await tail.start();
  await tail.count(12);
  for (const name of names) await tail.append(`${name}.log`, `${name} 2\n`);
  await tail.count(24);
  for (const name of names) {
    await tail.append(`${name}.log`, `${name} 3\n`);
    await rename(tail.file(`${name}.log`), tail.file(`${name}.log.1`));
    await tail.write(`${name}.log`, `${name} 4\n`);
  }
  await tail.count(48);
  await tail.stop();
  for (const name of names) {
    const own = tail.messages.filter((text) => String(text).startsWith(`${name} `));
    assert.deepEqual(
      own,
      [1, 2, 3, 4].map((n) => `${name} ${n}`),
    );
  }
  assert.ok(!tail.said.some((text) => text.includes('lost')));
});
