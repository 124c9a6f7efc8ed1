/** Files that are renamed, cut, removed, or cannot be read. */
import assert from 'node:assert/strict';
import { mkdir, open, readFile, rename, rm, stat, symlink, truncate } from 'node:fs/promises';
import { test } from 'node:test';
import { until } from '../../../test/program.ts';
import { Tailing } from './tail-fixture.ts';

test('a renamed file is read to its end under its old name, the new one from its head', async (t) => {
  const tail = await Tailing.make(t, { pathKey: 'path', tag: 'a.*' });
  await tail.write('in.log', 'old 1\n');
  await tail.start();
  await tail.count(1);
  await rename(tail.file('in.log'), tail.file('in.log.1'));
  await tail.append('in.log', 'new 1\n');
  await tail.append('in.log.1', 'old 2\n');
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages.map(String).toSorted(), ['new 1', 'old 1', 'old 2']);
  assert.ok(tail.records.every(({ path }) => path === tail.file('in.log')));
  assert.equal(new Set(tail.appended.map(({ tag }) => tag)).size, 2, 'the tag of the file, and of positions alone');
});

test('what was written before a rename while nobody looked is read, several starts later too', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', 'one\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  await tail.append('in.log', 'two\n');
  await rename(tail.file('in.log'), tail.file('in.log.1'));
  tail.killAfter(1);
  await tail.start();
  await until('its death', () => !tail.isRunning);
  await rename(tail.file('in.log.1'), tail.file('in.log.2'));
  await tail.write('in.log', 'three\n');
  await tail.start();
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages.map(String).toSorted(), ['one', 'three', 'two']);
});

test('a wildcard that matches the new name too does not read the file again', async (t) => {
  const tail = await Tailing.make(t, { path: 'in.log*', rotateWait: 0 });
  await tail.write('in.log', 'one\n');
  await tail.start();
  await tail.count(1);
  await rename(tail.file('in.log'), tail.file('in.log.1'));
  await tail.append('in.log', 'two\n');
  await tail.count(2);
  await tail.append('in.log.1', 'late\n');
  await tail.count(3);
  await tail.stop();
  await tail.start();
  await tail.stop();
  assert.deepEqual(tail.messages.map(String).toSorted(), ['late', 'one', 'two']);
});

test('a file that is cut is read from its head, even when it is as long as before again', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', 'one\ntwo\n');
  await tail.start();
  await tail.count(2);
  await tail.write('in.log', 'x\n');
  await tail.count(3);
  await tail.write('in.log', 'uno\ndos\ntres\n');
  await tail.count(6);
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', 'two', 'x', 'uno', 'dos', 'tres']);
  await tail.write('in.log', 'short\n');
  await tail.start();
  await tail.count(7);
  assert.equal(tail.messages[6], 'short');
  assert.ok(tail.said.some((text) => text.includes('was cut')));
});

test('a writer that goes on at its offset after a cut leaves a hole, which is no line', async (t) => {
  const tail = await Tailing.make(t);
  const writer = await open(tail.file('in.log'), 'w');
  t.after(() => writer.close());
  await writer.write('one\ntwo\n');
  await tail.start();
  await tail.count(2);
  await truncate(tail.file('in.log'));
  await writer.write('three\n');
  await tail.count(3);
  await writer.write('four\n');
  await tail.count(4);
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', 'two', 'three', 'four']);
});

test('links to links are followed as Kubernetes makes them, over rotations, without a look in between', async (t) => {
  const tail = await Tailing.make(t, { path: 'containers/*.log', tag: 'kube.*', refreshInterval: 60_000 });
  for (const name of ['containers', 'pods', 'docker']) await mkdir(tail.file(name));
  await symlink(tail.file('docker/id-json.log'), tail.file('pods/0.log'));
  await symlink(tail.file('pods/0.log'), tail.file('containers/app.log'));
  await tail.write('docker/id-json.log', 'one\n');
  await tail.start();
  await tail.append('docker/id-json.log', 'two\n');
  await tail.count(2);
  await tail.append('docker/id-json.log', 'three\n');
  await rename(tail.file('docker/id-json.log'), tail.file('docker/id-json.log.1'));
  await tail.write('docker/id-json.log', 'four\n');
  await tail.count(4);
  await tail.stop();
  await tail.append('docker/id-json.log', 'five\n');
  await rename(tail.file('docker/id-json.log'), tail.file('docker/id-json.log.2'));
  await tail.write('docker/id-json.log', 'six\n');
  await tail.start();
  await tail.count(6);
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', 'two', 'three', 'four', 'five', 'six']);
  const tags = tail.appended.filter(({ records }) => records.payloads.length > 0).map(({ tag }) => tag);
  assert.equal(new Set(tags).size, 1);
  assert.match(tags[0] ?? '', /^kube\..*containers\.app\.log$/);
});

test('bytes that a cut took before they were read are said to be lost', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', 'one\nunfinished');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  await tail.start();
  await truncate(tail.file('in.log'));
  await until('the word', () => tail.said.some((text) => /10 bytes that were not read yet are lost/.test(text)));
});

test('another file under an inode that was used before is a new file', async (t) => {
  const tail = await Tailing.make(t, { posFile: 't.pos' });
  await tail.write('in.log', 'one\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  await rm(tail.file('in.log'));
  await tail.write('in.log', 'two\nthree\n');
  await tail.start();
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', 'two', 'three']);
});

test('a removed file leaves an entry that says so; one made anew gets its own', async (t) => {
  const tail = await Tailing.make(t, { posFile: 't.pos', rotateWait: 0 });
  const shown = () => readFile(tail.file('t.pos'), 'utf8');
  await tail.write('in.log', 'one\n');
  await tail.start();
  await tail.count(1);
  await rm(tail.file('in.log'));
  await until('the mark', async () => (await shown()).includes('ffffffffffffffff'));
  await tail.write('in.log', 'other\n');
  await tail.count(2);
  await tail.stop();
  const inode = (await stat(tail.file('in.log'))).ino.toString(16).padStart(16, '0');
  const lines = (await shown()).trim().split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /\tffffffffffffffff\t/);
  assert.equal(lines[1], `${tail.file('in.log')}\t0000000000000006\t${inode}`);
});

test('what cannot be read is said once with its path and reason, and the others are read', async (t) => {
  const tail = await Tailing.make(t, { path: 'a.log,dir,loop,missing/x.log' });
  await tail.write('a.log', 'one\n');
  await mkdir(tail.file('dir'));
  await symlink('loop', tail.file('loop'));
  await tail.start();
  await tail.count(1);
  await tail.append('a.log', 'two\n');
  await tail.count(2);
  await tail.stop();
  const about = (name: string) => tail.said.filter((text) => text.startsWith(tail.file(name)));
  assert.match(about('dir').join('|'), /^[^|]*it is a directory[^|]*$/);
  assert.match(about('loop').join('|'), /^[^|]*ELOOP[^|]*$/);
  assert.match(about('missing').join('|'), /^[^|]*does not exist[^|]*$/);
});
