/** Starts that cannot work say what, where and what to do, and end with the documented code. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory } from '../program.ts';

test('a busy port names the next step', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  t.after(() => holder.close());
  const program = await startProgram(t, { env: { P2L_PORT: String(port) } });
  assert.equal(await program.exited, 1);
  assert.match(program.stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.match(program.stderr, /try P2L_PORT=/);
});

test('bad variables are all named with value and what is expected; exit 2', async (t) => {
  const program = await startProgram(t, {
    env: { P2L_PORT: 'eighty', P2L_SKIP_NULLFLDS: 'maybe', P2L_ROTBYTES: '-1' },
  });
  assert.equal(await program.exited, 2);
  for (const part of [/P2L_PORT/, /eighty/, /P2L_SKIP_NULLFLDS/, /maybe/, /P2L_ROTBYTES/])
    assert.match(program.stderr, part);
});

test('a bad P2L_FLUENTD_EXTRACFG is located in it; exit 2', async (t) => {
  const program = await startProgram(t, {
    env: { P2L_FLUENTD_EXTRACFG: '<match test>\n  @type fiel\n  path /x\n</match>\n' },
  });
  assert.equal(await program.exited, 2);
  assert.match(program.stderr, /P2L_FLUENTD_EXTRACFG:2:\d+: .*fiel.*file/s);
});

test('two programs on one data directory: the second one ends clearly', async (t) => {
  const first = await startProgram(t);
  await first.ready();
  const second = await startProgram(t, { dataDir: first.dataDir });
  assert.equal(await second.exited, 1);
  assert.match(second.stderr, /another post2log .*P2L_DATA_DIR/s);
  assert.equal((await first.post('/postback', '{}')).status, 200);
});

test('a data directory that cannot be used ends clearly', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'plain-file'), '');
  const onFile = await startProgram(t, { dataDir: join(directory, 'plain-file', 'data') });
  assert.equal(await onFile.exited, 1);
  assert.match(onFile.stderr, /data directory .*P2L_DATA_DIR/s);
});

test(
  'a read-only data directory ends clearly',
  { skip: process.getuid?.() === 0 ? 'root may write anywhere' : false },
  async (t) => {
    const directory = await temporaryDirectory(t);
    await mkdir(join(directory, 'locked'));
    await chmod(join(directory, 'locked'), 0o500);
    const program = await startProgram(t, { dataDir: join(directory, 'locked', 'data') });
    assert.equal(await program.exited, 1);
    assert.match(program.stderr, /EACCES.*P2L_DATA_DIR/s);
  },
);

test('a configuration file that does not exist, and one with errors: file:line:column, exit 2', async (t) => {
  const directory = await temporaryDirectory(t);
  const missing = await startProgram(t, { args: ['run', '--config', join(directory, 'none.conf')] });
  assert.equal(await missing.exited, 2);
  assert.match(missing.stderr, /none\.conf/);
  const path = join(directory, 'bad.conf');
  await writeFile(
    path,
    '<source>\n  @type stdni\n  tag x\n</source>\n<match **>\n  @type stdout\n  colour red\n</match>\n',
  );
  const bad = await startProgram(t, { args: ['run', '--config', path] });
  assert.equal(await bad.exited, 2);
  assert.match(bad.stderr, /bad\.conf:2:\d+: .*stdni.*stdin/);
  assert.match(bad.stderr, /bad\.conf:7:\d+: .*colour/);
});
