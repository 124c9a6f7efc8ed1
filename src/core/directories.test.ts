import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectories } from './directories.ts';

test('missing parents are made with the mode; the first one made is told', async () => {
  const base = await mkdtemp(join(tmpdir(), 'p2l-directories-'));
  assert.equal(await makeDirectories(join(base, 'a', 'b', 'c'), 0o700), join(base, 'a'));
  assert.equal((await stat(join(base, 'a', 'b', 'c'))).mode & 0o777, 0o700);
  assert.equal(await makeDirectories(join(base, 'a', 'b', 'c'), 0o700), undefined);
  assert.equal(await makeDirectories(join(base, 'a', 'x'), 0o700), join(base, 'a', 'x'));
  await writeFile(join(base, 'file'), '');
  await assert.rejects(makeDirectories(join(base, 'file'), 0o700), { code: 'EEXIST' });
  await assert.rejects(makeDirectories(join(base, 'file', 'y'), 0o700), { code: 'ENOTDIR' });
  await rm(base, { recursive: true });
});

test(
  'a parent that takes no entries is an error, not a wait for ever',
  { skip: process.platform !== 'linux' },
  async () => {
    await assert.rejects(makeDirectories('/proc/post2log/x', 0o700), { code: 'ENOENT' });
  },
);

test('many at once make the same directories together', async () => {
  const base = await mkdtemp(join(tmpdir(), 'p2l-directories-'));
  for (let round = 0; round < 20; round++) {
    const paths = Array.from({ length: 8 }, (_, i) => join(base, `r${round}`, 'journal', `shard${i % 4}`));
    await Promise.all(paths.map((path) => makeDirectories(path, 0o700)));
    for (const path of paths) assert.ok((await stat(path)).isDirectory());
  }
  await rm(base, { recursive: true });
});
