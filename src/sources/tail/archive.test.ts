import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { temporaryDirectory } from '../../../test/program.ts';
import { Archive, openContents } from './archive.ts';
import { PlainFile, readBytes } from './contents.ts';

const text = Buffer.from(Array.from({ length: 60_000 }, (_, n) => `line ${n * 7919}\n`).join(''));

async function opened(t: TestContext, name: string, bytes: Buffer) {
  const path = join(await temporaryDirectory(t), name);
  await writeFile(path, bytes);
  const contents = await openContents(path);
  t.after(() => contents.close());
  return { path, contents };
}

test('bytes at any position, forward and back, of gzip, of several parts of it, and of zstd', async (t) => {
  const parts = Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))]);
  for (const [name, bytes] of [
    ['a.gz', gzipSync(text)],
    ['b.gz', parts],
    ['c.zst', zstdCompressSync(text)],
  ] as const) {
    const { contents, path } = await opened(t, name, bytes);
    assert.equal((await contents.seen()).size, text.length, name);
    // It is held open.
    await rm(path);
    for (const from of [0, 300_000, 299_990, 5, text.length - 3, text.length])
      assert.deepEqual(await readBytes(contents, from, from + 300_000), text.subarray(from, from + 300_000), name);
  }
});

test('one whose end is missing gives what is there and says so', async (t) => {
  const bytes = gzipSync(text);
  const { contents } = await opened(t, 'a.gz', bytes.subarray(0, bytes.length >> 1));
  assert.ok(contents instanceof Archive && contents.isTorn);
  const { size } = await contents.seen();
  assert.ok(size > 0 && size < text.length);
  assert.deepEqual(await readBytes(contents, 0, text.length), text.subarray(0, size));
});

test('what is not compressed is read as it is, whatever its name', async (t) => {
  const { contents } = await opened(t, 'a.log.gz', Buffer.from('plain\n'));
  assert.ok(contents instanceof PlainFile);
  assert.equal((await readBytes(contents, 0, 100)).toString(), 'plain\n');
});
