import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Database } from './database.ts';
import { MemoryLimit } from './memory.ts';

const mebibyte = 1024 ** 2;

test("DuckDB's limit goes down as segments come, to the least that sealing needs, and up again as they go", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'store-memory-'));
  const bytesMax = 208 * mebibyte;
  const database = await Database.open({
    memoryBytesMax: bytesMax,
    temporaryDirectory: directory,
    spillBytesMax: bytesMax,
  });
  t.after(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  const limit = new MemoryLimit(database, bytesMax);
  const after = async (segments: number, isPressed = true): Promise<unknown> => {
    await limit.follow(segments, isPressed);
    const connection = await database.connect();
    const [row] = await connection.rows("SELECT current_setting('memory_limit')");
    connection.close();
    return row?.[0];
  };
  assert.equal(await after(0), '208.0 MiB');
  assert.equal(await after(10), '208.0 MiB');
  assert.equal(await after(40), '188.0 MiB');
  assert.equal(await after(160, false), '158.0 MiB');
  assert.equal(await after(400), '112.0 MiB');
  assert.equal(await after(40), '188.0 MiB');
  await limit.give();
  assert.equal(await after(400), '208.0 MiB');
});
