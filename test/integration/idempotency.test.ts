/** Idempotency keys on the real program. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';

test('a key counts once across kill -9 and workers', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const options = {
    dataDir: join(directory, 'data'),
    env: {
      P2L_WORKERS: '2',
      P2L_FLUENTD_EXTRACFG: `<match **>\n  @type file\n  path ${out}/all\n  append true\n  <format>\n    @type json\n  </format>\n</match>\n`,
    },
  };
  const keys = Array.from({ length: 20 }, (_, n) => `order-${n}`);
  for (let start = 0; start < 3; start++) {
    const program = await (await startProgram(t, options)).ready();
    // A connection each, so that both workers see every key; concurrently, so that duplicates meet.
    const answers = await Promise.all(
      keys.flatMap((key) =>
        [0, 1, 2].map((copy) =>
          program.post('/postback', JSON.stringify({ key, start, copy }), {
            'idempotency-key': key,
            connection: 'close',
          }),
        ),
      ),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    if (start < 2) await program.kill();
    else {
      await until('all to be delivered', async () =>
        (await program.status()).outputs.every(({ waiting }) => waiting === 0),
      );
      assert.equal(await program.stop(), 0, program.stderr);
    }
  }
  const names = await readdir(out);
  const texts = await Promise.all(names.map((name) => readFile(join(out, name), 'utf8')));
  const taken = texts
    .join('')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { key: string; start: number });
  assert.deepEqual(taken.map(({ key }) => key).toSorted(), keys.toSorted());
  assert.deepEqual(new Set(taken.map(({ start }) => start)), new Set([0]));
});
