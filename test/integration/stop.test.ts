/** Stopping gracefully. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';

test('a stop says what is left and ends with 0', async (t) => {
  const directory = await temporaryDirectory(t);
  // An output that cannot write: its folder's name is taken by a file.
  await writeFile(join(directory, 'taken'), '');
  const program = await startProgram(t, {
    env: {
      P2L_GRACE: '1',
      P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  @id stuck\n  path ${directory}/taken/all\n  append true\n</match>\n`,
    },
  });
  await program.ready();
  for (let n = 0; n < 5; n++) assert.equal((await program.post('/postback', JSON.stringify({ n }))).status, 200);
  assert.equal(await program.stop(), 0, program.stderr);
  const left = program.stderr.split('\n').find((line) => line.includes('stuck') && line.includes('5'));
  assert.ok(left, `what is left is not said:\n${program.stderr}`);
});

test('requests that have begun are answered, later ones are not taken', async (t) => {
  const program = await (await startProgram(t)).ready();
  const answered = new Promise<number>((resolve, reject) => {
    const begun = request(`${program.url}/postback`, { method: 'POST', headers: { 'content-length': '7' } });
    begun.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    begun.on('error', reject);
    begun.write('{"n"');
    begun.on('socket', (socket) =>
      socket.once('connect', () => {
        // The program has the head once another request on its own connection is answered.
        void program.post('/postback', '{}').then(() => {
          program.child.kill('SIGTERM');
          begun.end(':1}');
        });
      }),
    );
  });
  assert.ok([200, 503].includes(await answered));
  assert.equal(await program.exited, 0, program.stderr);
});

test('what an output could not take before the stop is delivered after the next start', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'taken');
  await writeFile(out, '');
  const options = {
    dataDir: join(directory, 'data'),
    env: {
      P2L_GRACE: '1',
      P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  @id late\n  path ${out}/all\n  append true\n</match>\n`,
    },
  };
  const first = await (await startProgram(t, options)).ready();
  assert.equal((await first.post('/postback', '{"n":1}')).status, 200);
  assert.equal(await first.stop(), 0, first.stderr);
  await rm(out);
  await mkdir(out);
  const second = await (await startProgram(t, options)).ready();
  await until('the record to be delivered', async () => {
    const [output] = (await second.status()).outputs.filter(({ id }) => id === 'late');
    return output?.delivered === 1 && output.waiting === 0;
  });
  assert.equal(await second.stop(), 0, second.stderr);
});
