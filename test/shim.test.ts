/** bin/post2log, the shell shim: finds a Node from any working directory, and says what to do where there is none. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const shim = join(root, 'bin', 'post2log');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

test('it runs from any working directory and through a link', () => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-shim-'));
  symlinkSync(shim, join(directory, 'p2l'));
  const said = execFileSync(join(directory, 'p2l'), ['--version'], { cwd: directory, encoding: 'utf8' });
  assert.equal(said.trim(), version);
  rmSync(directory, { recursive: true });
});

/** A checkout without dependencies, and a PATH that holds only the tools the shim uses and, if given, a fake system Node. */
function bareCheckout(nodeAccepts: boolean | undefined): { run: string; path: string; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bare-'));
  for (const name of ['bin', 'src', 'tools']) mkdirSync(join(directory, name));
  copyFileSync(shim, join(directory, 'bin', 'post2log'));
  chmodSync(join(directory, 'bin', 'post2log'), 0o755);
  writeFileSync(join(directory, 'src', 'main.ts'), '');
  for (const tool of ['sh', 'uname', 'dirname', 'readlink'])
    symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(directory, 'tools', tool));
  if (nodeAccepts !== undefined) {
    const fake = join(directory, 'tools', 'node');
    // The shim first asks `node -e` whether it is new enough, then runs the program with it.
    writeFileSync(
      fake,
      `#!/bin/sh\nif [ "$1" = -e ]; then exit ${nodeAccepts ? 0 : 1}; fi\necho "system node runs $* with $NODE_COMPILE_CACHE"\n`,
    );
    chmodSync(fake, 0o755);
  }
  return { run: join(directory, 'bin', 'post2log'), path: join(directory, 'tools'), directory };
}

test('without dependencies it says: run npm ci', () => {
  for (const nodeAccepts of [undefined, false, true]) {
    const { run, path, directory } = bareCheckout(nodeAccepts);
    const { status, stderr } = spawnSync(run, ['version'], { env: { PATH: path }, encoding: 'utf8' });
    assert.equal(status, 69);
    assert.match(stderr, /run npm ci/);
    rmSync(directory, { recursive: true });
  }
});

test('a system Node that is new enough serves where the platform has no package', () => {
  const { run, path, directory } = bareCheckout(true);
  mkdirSync(join(directory, 'node_modules', 'fastify'), { recursive: true });
  const { stdout } = spawnSync(run, ['version'], { env: { PATH: path }, encoding: 'utf8' });
  assert.match(stdout, /system node runs .*src\/main\.ts version/);
  rmSync(directory, { recursive: true });
});

test('compiled code is kept with the packages, whoever runs it; else in the cache of the user; a given place is kept', () => {
  const { run, path, directory } = bareCheckout(true);
  const cacheOf = (env: Record<string, string>): string =>
    / with (.*)\n/.exec(spawnSync(run, ['version'], { env: { PATH: path, ...env }, encoding: 'utf8' }).stdout)?.[1] ??
    '';
  mkdirSync(join(directory, 'node_modules', 'fastify'), { recursive: true });
  assert.equal(cacheOf({ HOME: '/nowhere' }), join(directory, 'node_modules/.cache/post2log'));
  assert.equal(cacheOf({ NODE_COMPILE_CACHE: '/given' }), '/given');
  rmSync(join(directory, 'src'), { recursive: true });
  const installed = join(directory, 'lib/node_modules/post2log');
  mkdirSync(dirname(installed), { recursive: true });
  mkdirSync(installed);
  for (const name of ['bin', 'tools']) renameSync(join(directory, name), join(installed, name));
  const ran = spawnSync(join(installed, 'bin/post2log'), [], { env: { PATH: join(installed, 'tools') } });
  assert.match(String(ran.stdout), /dist\/main\.js with .*lib\/node_modules\/\.cache\/post2log\n/);
  rmSync(directory, { recursive: true });
});
