/**
 * Compressed files and databases whose bytes are damaged: they give what can be read of them, or a word to the log, and
 * nothing else happens.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { contextOf } from '../../../test/fixture.ts';
import { temporaryDirectory } from '../../../test/program.ts';
import { openContents } from './archive.ts';
import { readBytes } from './contents.ts';
import { readDatabase } from './database.ts';

/** What happens to bytes: some are overwritten, or the end is lost. */
const damage = fc.record({
  isCut: fc.boolean(),
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
});

function damaged(
  before: Buffer,
  { isCut, place, bytes }: { isCut: boolean; place: number; bytes: Uint8Array },
): Buffer {
  const at = Math.floor(place * before.length);
  if (isCut) return before.subarray(0, at);
  return Buffer.concat([before.subarray(0, at), bytes, before.subarray(at + bytes.length)]);
}

test('damaged archives give a part of what they held, from any position', async (t) => {
  const directory = await temporaryDirectory(t);
  const text = Buffer.from(Array.from({ length: 5000 }, (_, n) => `line ${n * 7919}\n`).join(''));
  const archives = { 'a.gz': gzipSync(text), 'a.zst': zstdCompressSync(text) };
  await fc.assert(
    fc.asyncProperty(damage, fc.constantFrom('a.gz', 'a.zst'), fc.nat(text.length), async (one, name, from) => {
      const path = join(directory, name);
      await writeFile(path, damaged(archives[name], one));
      const contents = await openContents(path);
      try {
        await contents.seen();
        assert.ok((await readBytes(contents, from, from + 1000)).length <= 1000);
        await readBytes(contents, 0, 1000);
      } finally {
        await contents.close();
      }
    }),
    fuzzRuns(100, 2),
  );
});

test('damaged databases give entries or a word', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'tail.db');
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE in_tail_files (id INTEGER PRIMARY KEY, name TEXT, offset INTEGER, inode INTEGER)');
  for (let n = 0; n < 200; n++)
    database.exec(`INSERT INTO in_tail_files VALUES (${n}, '/var/log/${n}.log', ${n}, ${n})`);
  database.close();
  const bytes = await readFile(path);
  const log = { ...contextOf([]).log, warn: () => undefined } as never;
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const copy = join(directory, 'damaged.db');
      await writeFile(copy, damages.reduce(damaged, bytes));
      for (const entry of await readDatabase(copy, log))
        assert.ok(entry.position >= 0 && typeof entry.path === 'string');
    }),
    fuzzRuns(60, 2),
  );
});
