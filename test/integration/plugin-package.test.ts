/** A plugin package installed beside a configuration. */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';

test('a plugin package beside the configuration runs', async (t) => {
  const directory = await temporaryDirectory(t);
  const modules = join(directory, 'node_modules');
  await cp(join(root, 'docs/example-plugin'), join(modules, 'post2log-plugin-pseudonymize'), { recursive: true });
  // Stands for the installed post2log: its entry, out of this checkout.
  await mkdir(join(modules, 'post2log'));
  await writeFile(join(modules, 'post2log/package.json'), '{"type":"module","exports":"./index.js"}');
  const entry = new URL('../../src/core/plugin-api.ts', import.meta.url).href;
  await writeFile(join(modules, 'post2log/index.js'), `export * from ${JSON.stringify(entry)};\n`);
  const config = join(directory, 'fluent.conf');
  await writeFile(
    config,
    `<source>
  @type stdin
  tag shop
  <parse>
    @type json
  </parse>
</source>
<filter shop>
  @type pseudonymize
  keys email
  hash_key "#{ENV['HASH_KEY']}"
</filter>
<match **>
  @type stdout
</match>
`,
  );
  const program = await startProgram(t, { args: ['run', '--config', config], env: { HASH_KEY: 'k' } });
  await program.ready();
  program.child.stdin?.write('{"email":"a@example.org","n":1}\n');
  await until('the record', () => program.stdout.includes('\n'));
  assert.match(program.stdout, / shop: \{"email":"[0-9a-f]{16}","n":1\}\n$/);
  assert.equal(await program.stop(), 0, program.stderr);
});
