import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';

/** Reads files as a configuration, the first one as the main one: the servers of its outputs, and what is said. */
async function read(files: Record<string, string>) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-upstream-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const path = join(directory, Object.keys(files)[0] ?? '');
    const env = { NODE_PORT: '43001' };
    const { loaded, problems } = await readConfig({ path, env, registry: new Registry(builtinPlugins) });
    const outputs = loaded?.model.outputs.map(({ plugin }) => plugin) ?? [];
    return {
      outputs,
      servers: outputs.map(({ sections }) =>
        sections['server']?.map((one) => `${String(one.options['host'])}:${String(one.options['port'])}`),
      ),
      problems: problems.map(({ text, at }) => `${at?.line}:${at?.column}: ${text.replaceAll(`${directory}/`, '')}`),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const main = (properties: string): string =>
  `[INPUT]\n    Name dummy\n[OUTPUT]\n    Name forward\n    Match *\n${properties}[OUTPUT]\n    Name forward\n    Match *\n    Alias second\n${properties}`;
const upstream = `[UPSTREAM]
    name balanced
[NODE]
    name one
    host 127.0.0.1
    port 43000
    shared_key secret
[NODE]
    name two
    host ::1
    port \${NODE_PORT}
    username u
    password p
`;

test('Upstream: a file of servers that take turns, which more than one output may name', async () => {
  const { outputs, servers, problems } = await read({ 'a.conf': main('    Upstream up.conf\n'), 'up.conf': upstream });
  assert.deepEqual(problems, []);
  assert.deepEqual(servers, [
    ['127.0.0.1:43000', '::1:43001'],
    ['127.0.0.1:43000', '::1:43001'],
  ]);
  const [first, second] = outputs[0]?.sections['server'] ?? [];
  assert.deepEqual([first?.options['sharedKey'], second?.options['username']], ['secret', 'u']);
  assert.equal(outputs[0]?.sections['security']?.[0]?.options['sharedKey'], 'secret');
});

test('upstream_servers: in a file of its own, and in the main file by name', async () => {
  const servers = `upstream_servers:
  - name: balanced
    nodes:
      - {name: one, host: a, port: 1}
      - {name: two, host: b, port: 2}
`;
  const outputs = (named: string) =>
    `pipeline:\n  inputs:\n    - name: dummy\n  outputs:\n    - {name: forward, match: '*', upstream: ${named}}\n`;
  const inside = await read({ 'a.yaml': outputs('balanced') + servers });
  assert.deepEqual([inside.problems, inside.servers], [[], [['a:1', 'b:2']]]);
  const beside = await read({ 'a.yaml': outputs('up.yaml'), 'up.yaml': servers });
  assert.deepEqual([beside.problems, beside.servers], [[], [['a:1', 'b:2']]]);
  const unused = await read({
    'a.yaml': `pipeline:\n  inputs:\n    - name: dummy\n  outputs:\n    - {name: 'null', match: '*'}\n${servers}`,
  });
  assert.match(unused.problems.join(), /^7:\d+: upstream_servers: no output names balanced with upstream/);
});

test('what is wrong with an Upstream is said with its place', async () => {
  const said = async (up: string) =>
    (await read({ 'a.conf': main('    Upstream up.conf\n'), 'up.conf': up })).problems.join('\n');
  assert.match(
    (await read({ 'a.conf': main('    Upstream none.conf\n') })).problems.join('\n'),
    /6:14: Upstream none\.conf: no such file/,
  );
  assert.match(await said('[NODE]\n    name one\n'), /the file has no \[UPSTREAM\]/);
  assert.match(await said('[UPSTREAM]\n    name x\n'), /Upstream up\.conf: it has no servers/);
  assert.match(
    await said('[UPSTREAM]\n    name x\n[NODE]\n    name one\n    host h\n'),
    /3:1: .*needs a host and a port/,
  );
  assert.match(
    await said('[UPSTREAM]\n    name x\n[NODE]\n    host h\n    port 1\n    tls on\n'),
    /6:9: .*tls: a server of an Upstream has name, host, port/,
  );
});
