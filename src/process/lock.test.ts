import assert from 'node:assert/strict';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDataDirectory, noteRole } from './lock.ts';

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'p2l-lock-'));
}

test('a second program on one data directory is told so: DATA_DIR_LOCKED', async () => {
  const path = await directory();
  const lock = await lockDataDirectory(path);
  await assert.rejects(lockDataDirectory(path), { code: 'DATA_DIR_LOCKED' });
  await lock.release();
  const again = await lockDataDirectory(path);
  await again.release();
  await rm(path, { recursive: true });
});

test('a lock left behind by a killed program is taken over; half-written ones too', async () => {
  const path = await directory();
  await mkdir(join(path, 'locks'));
  const mine = JSON.parse(await readFile('/proc/self/stat', 'utf8').then(() => '{}')) as object;
  for (const left of [
    '',
    '{"pid":',
    JSON.stringify({ ...mine, pid: process.pid, startTicks: '1', bootId: 'earlier' }),
    JSON.stringify({ pid: 4_000_000, startTicks: '1', bootId: 'x' }),
  ]) {
    await writeFile(join(path, 'locks', 'main.json'), left);
    const lock = await lockDataDirectory(path);
    await lock.release();
  }
  await rm(path, { recursive: true });
});

test('many at once: exactly one gets it', async () => {
  const path = await directory();
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDirectory(path)));
  const held = results.filter((result) => result.status === 'fulfilled');
  assert.equal(held.length, 1);
  await held[0]?.value.release();
  await rm(path, { recursive: true });
});

test('a role of a process that lives is waited for, one of a dead process is not', async () => {
  const path = await directory();
  await mkdir(join(path, 'locks'));
  await writeFile(
    join(path, 'locks', 'receive.0.json'),
    JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'earlier' }),
  );
  const lock = await lockDataDirectory(path);
  await noteRole(path, 'deliver');
  assert.match(await readFile(join(path, 'locks', 'deliver.json'), 'utf8'), new RegExp(`"pid":${process.pid},`));
  await lock.release();
  await rm(path, { recursive: true });
});

test('a data directory that cannot be made is said: DATA_DIR_UNUSABLE', async () => {
  const path = await directory();
  await writeFile(join(path, 'file'), '');
  await assert.rejects(lockDataDirectory(join(path, 'file', 'data')), {
    code: 'DATA_DIR_UNUSABLE',
    message: /set P2L_DATA_DIR/,
  });
  await rm(path, { recursive: true });
});
