/** Stored configurations go when no record can need them. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';

test('a configuration is forgotten with the last shard of its time, not before', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'post2log.conf');
  const dataDir = join(directory, 'data');
  const port = await freePort();
  const stored = async (): Promise<string[]> => (await readdir(join(dataDir, 'generations'))).sort();
  const stuck = join(directory, 'stuck');
  const start = async (filter: string) => {
    const source = `<source>\n  @type postback\n  host 127.0.0.1\n  port ${port}\n  idempotency_window 0\n</source>\n`;
    const output = `<match **>\n  @type file\n  @id a\n  path ${stuck}/out\n  append true\n</match>\n`;
    await writeFile(path, `${source}${filter}${output}`);
    const env = { P2L_PORT: String(port), P2L_KEEP: '0', P2L_GRACE: '1' };
    return (await startProgram(t, { args: ['run', '--config', path], dataDir, env })).ready();
  };
  await writeFile(stuck, '');
  const first = await start('');
  assert.equal((await first.post('/postback', '{}')).status, 200);
  assert.equal(await first.stop(), 0, first.stderr);
  // Its record still waits when another configuration runs.
  const second = await start('<filter none>\n  @type stdout\n</filter>\n');
  assert.equal((await second.post('/postback', '{}')).status, 200);
  assert.deepEqual(await stored(), ['1.json', '2.json']);
  await rm(stuck);
  await mkdir(stuck);
  await until('the first configuration to go', async () => (await stored()).join() === '2.json');
  await until('both records', async () => (await second.status()).outputs[0]?.delivered === 2);
  assert.equal(await second.stop(), 0, second.stderr);
});
