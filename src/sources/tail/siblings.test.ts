import assert from 'node:assert/strict';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/program.ts';
import { siblingsOf } from './siblings.ts';

test('names that rotations give are known, others are not', async (t) => {
  const directory = await temporaryDirectory(t);
  const rotated = [
    'app.log.1',
    'app.log.2.gz',
    'app.log.10.zst',
    'app.log-20260101',
    'app.log-20260101-1767225600.gz',
    'app.log.20260101-120000',
    'app.log.2026-01-01T12:00:00Z',
    'app.log.old',
    'app.1.log',
    'app-20260101.log.gz',
  ];
  const others = [
    'app.log',
    'app.log.bak',
    'app.log1',
    'app-server.log',
    'app-server.1.log',
    'app.log.1.tmp',
    'app.log.d',
  ];
  for (const name of [...rotated, ...others]) await writeFile(join(directory, name), 'x');
  await mkdir(join(directory, 'app.log.3'));
  const found = await siblingsOf(join(directory, 'app.log'), new Map());
  assert.deepEqual(found.map(({ path }) => basename(path)).toSorted(), rotated.toSorted());
});

test('what was written last comes last; of .1 and .2 at the same time the second is older; links are followed', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'pod'));
  const names = ['0.log', '0.log.20260101-120000', '0.log.20260101-130000', '0.log.3', '0.log.1', '0.log.2'];
  for (const name of names) {
    await writeFile(join(directory, 'pod', name), name);
    const seconds = name.endsWith('.3') ? 2000 : 1000;
    await utimes(join(directory, 'pod', name), seconds, seconds);
  }
  await symlink(join(directory, 'pod', '0.log'), join(directory, 'container.log'));
  const found = await siblingsOf(join(directory, 'container.log'), new Map());
  assert.deepEqual(
    found.map(({ path }) => basename(path)).filter((name) => /\.\d$/.test(name)),
    ['0.log.2', '0.log.1', '0.log.3'],
  );
  const dated = found.map(({ path }) => basename(path)).filter((name) => name.includes('-'));
  assert.deepEqual(dated, ['0.log.20260101-120000', '0.log.20260101-130000']);
});
