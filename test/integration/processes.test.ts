/** Several processes: what dies comes back, and nothing acknowledged is lost. */
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';
import type { Program } from '../program.ts';
import { load } from './load.ts';

const fileOutput = (path: string): string => `<match **>
  @type file
  @id kept
  path ${path}
  append true
  <format>
    @type json
  </format>
</match>
`;

async function numbers(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { n: number }).n),
  );
}

async function assertAllOnce(program: Program, directory: string, acknowledged: readonly number[]): Promise<void> {
  await until('all to be delivered', async () => {
    const [output] = (await program.status()).outputs.filter(({ id }) => id === 'kept');
    return output?.waiting === 0;
  });
  assert.equal(await program.stop(), 0);
  const delivered = await numbers(directory);
  assert.equal(new Set(delivered).size, delivered.length, 'a record is twice in the file');
  const missing = acknowledged.filter((n) => !new Set(delivered).has(n));
  assert.deepEqual(missing, []);
}

test('two workers share the port; a killed worker and a killed delivering process come back; nothing is lost or doubled', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const program = await startProgram(t, {
    env: { P2L_WORKERS: '2', P2L_FLUENTD_EXTRACFG: fileOutput(join(out, 'all')) },
  });
  await program.ready();
  const running = load(program);
  for (const role of ['receive.0', 'deliver', 'receive.1', 'deliver']) {
    const before = await until(`${role} to run`, async () =>
      (await program.status().catch(() => undefined))?.processes.find((one) => one.role === role),
    );
    const enough = running.acknowledged.length + 50;
    await until('load', () => running.acknowledged.length > enough);
    process.kill(before.pid, 'SIGKILL');
    await until(`${role} to come back`, async () =>
      (await program.status().catch(() => undefined))?.processes.some(
        (one) => one.role === role && one.pid !== before.pid && one.restarts > 0,
      ),
    );
  }
  const enough = running.acknowledged.length + 50;
  await until('load after the last restart', () => running.acknowledged.length > enough);
  await running.stop();
  assert.ok(running.acknowledged.length > 200);
  await assertAllOnce(program, out, running.acknowledged);
});

test('changing the number of workers keeps what waits', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const dataDir = join(directory, 'data');
  const env = { P2L_FLUENTD_EXTRACFG: fileOutput(join(out, 'all')) };
  const acknowledged: number[] = [];
  for (const [round, workers] of ['2', '1', '3'].entries()) {
    const program = await (await startProgram(t, { dataDir, env: { ...env, P2L_WORKERS: workers } })).ready();
    for (let n = round * 10; n < round * 10 + 10; n++) {
      assert.equal((await program.post('/postback', JSON.stringify({ n }))).status, 200);
      acknowledged.push(n);
    }
    if (round < 2) await program.kill();
    else await assertAllOnce(program, out, acknowledged);
  }
});

test('reload under load loses nothing; a bad configuration leaves the running one in place', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const path = join(directory, 'post2log.conf');
  const port = await freePort();
  const config = (extra: string): string =>
    `<source>\n  @type postback\n  host 127.0.0.1\n  port ${port}\n</source>\n${extra}${fileOutput(join(out, 'all'))}`;
  await writeFile(path, config(''));
  const real = await startProgram(t, { args: ['run', '--config', path], env: { P2L_PORT: String(port) } });
  await real.ready();
  const running = load(real);
  for (let round = 0; round < 6; round++) {
    const enough = running.acknowledged.length + 30;
    await until('load', () => running.acknowledged.length > enough);
    const before = (await real.status()).generation;
    if (round % 3 === 2) {
      await writeFile(path, config('<filter **>\n  @type no_such_filter\n</filter>\n'));
      const answer = await fetch(`${real.adminUrl}/api/reload`, { method: 'POST' });
      assert.equal(answer.status, 422);
      assert.match(await answer.text(), /no_such_filter/);
      assert.equal((await real.status()).generation, before);
    } else {
      await writeFile(
        path,
        config(`<filter **>\n  @type record_transformer\n  <record>\n    round ${round}\n  </record>\n</filter>\n`),
      );
      if (round % 2 === 0) real.child.kill('SIGHUP');
      else assert.equal((await fetch(`${real.adminUrl}/api/reload`, { method: 'POST' })).status, 200);
      await until('the new generation', async () => (await real.status()).generation > before);
    }
  }
  await running.stop();
  await assertAllOnce(real, out, running.acknowledged);
});
