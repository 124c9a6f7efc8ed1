/** The package as it is published: built, and used from outside of the checkout. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { temporaryDirectory } from '../program.ts';

interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, { types: string; default: string }>>;
}

test('the built package exports the plugin API and runs', async (t) => {
  const directory = await temporaryDirectory(t);
  const installed = join(directory, 'node_modules', 'post2log');
  await mkdir(installed, { recursive: true });
  const tsc = join(root, 'node_modules/.bin/tsc');
  const built = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(built.status, 0, built.stdout);
  await cp(join(root, 'package.json'), join(installed, 'package.json'));
  await cp(join(root, 'bin'), join(installed, 'bin'), { recursive: true });
  await symlink(join(root, 'node_modules'), join(installed, 'node_modules'));

  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;
  await readFile(join(installed, manifest.exports['.']?.types ?? 'none'));
  await writeFile(
    join(directory, 'use.js'),
    "import * as api from 'post2log';\nconsole.log(Object.keys(api).sort().join(' '));\n",
  );
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  const used = spawnSync(process.execPath, ['use.js'], { cwd: directory, encoding: 'utf8' });
  assert.match(used.stdout, /\bdefinePlugin\b/, used.stderr);

  const version = spawnSync(join(installed, 'bin/post2log'), ['version'], { cwd: directory, encoding: 'utf8' });
  assert.ok(version.stdout.includes(manifest.version), version.stdout + version.stderr);
});
