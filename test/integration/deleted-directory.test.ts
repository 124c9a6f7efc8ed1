/** A data directory that somebody deletes under the running program. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';

test('a deleted data directory is said, refused once and made anew; what is acknowledged then survives a kill', async (t) => {
  const directory = await temporaryDirectory(t);
  const dataDir = join(directory, 'data');
  const out = join(directory, 'out');
  await writeFile(out, '');
  const env = {
    P2L_GRACE: '1',
    P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  @id late\n  path ${out}/all\n  append true\n</match>\n`,
  };
  const first = await (await startProgram(t, { dataDir, env })).ready();
  assert.equal((await first.post('/postback', '{}')).status, 200);
  // The program still writes in it.
  await rm(dataDir, { recursive: true, maxRetries: 10, retryDelay: 50 });
  await until('the loss to be noticed', async () => (await first.post('/postback', '{}')).status === 503);
  await until('the loss to be said', () => /was deleted or replaced by somebody else/.test(first.stderr));
  await until('postbacks to be taken again', async () => (await first.post('/postback', '{"n":1}')).status === 200);
  await first.kill();
  await rm(out);
  await mkdir(out);
  const second = await (await startProgram(t, { dataDir, env })).ready();
  await until('the record to be delivered', async () =>
    (await second.status()).outputs.some(
      ({ id, delivered, waiting }) => id === 'late' && delivered >= 1 && waiting === 0,
    ),
  );
  assert.equal(await second.stop(), 0, second.stderr);
});
