import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { Tailing } from './tail-fixture.ts';

test('what a file holds and what is added to it become records; an unfinished line waits', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', 'one\r\n\nü\npar');
  await tail.start();
  await tail.count(3);
  await tail.append('in.log', 'tial\n');
  await tail.count(4);
  await tail.append('in.log', 'last\nunfinished');
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', '', 'ü', 'partial', 'last']);
  await tail.start();
  await tail.append('in.log', ' no more\n');
  await tail.stop();
  assert.deepEqual(tail.messages.slice(5), ['unfinished no more']);
});

test('by default only what is added after the first start is taken, whatever happened in between', async (t) => {
  const tail = await Tailing.make(t, { readFromHead: false });
  await tail.write('in.log', 'old\n');
  await tail.start();
  tail.kill();
  await tail.append('in.log', 'new\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  assert.deepEqual(tail.messages, ['new']);
});

test('pos_file is taken over at the first start and shows positions', async (t) => {
  const tail = await Tailing.make(t, { posFile: 't.pos' });
  await tail.write('in.log', 'one\ntwo\nthree\n');
  const inode = (await stat(tail.file('in.log'))).ino.toString(16).padStart(16, '0');
  await tail.write('t.pos', `${tail.file('in.log')}\t0000000000000004\t${inode}\n`);
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(tail.messages, ['two', 'three']);
  assert.equal(await readFile(tail.file('t.pos'), 'utf8'), `${tail.file('in.log')}\t000000000000000e\t${inode}\n`);
});
