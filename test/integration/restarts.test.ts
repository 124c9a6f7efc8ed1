/** Processes that die at bad moments: together, while they start, while another one is away. */
import assert from 'node:assert/strict';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';
import type { Program } from '../program.ts';

const output = (path: string): string =>
  `<match **>\n  @type file\n  @id kept\n  path ${path}\n  append true\n  <format>\n    @type json\n  </format>\n</match>\n`;

async function pidOf(program: Program, role: string): Promise<number> {
  const found = await until(`${role} to run`, async () =>
    (await program.status().catch(() => undefined))?.processes.find((one) => one.role === role),
  );
  return found.pid;
}

async function written(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line.endsWith('}')));
  return lines.map((line) => (JSON.parse(line) as { n: number }).n);
}

/** True while a process with this pid runs; a zombie does not. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
}

test('what a receiver acknowledged before it died together with the delivering process is delivered without a restart of the program', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const env = { P2L_WORKERS: '2', P2L_FLUENTD_EXTRACFG: output(join(out, 'all')) };
  const program = await (await startProgram(t, { env })).ready();
  const acknowledged: number[] = [];
  let n = 0;
  for (let round = 0; round < 3; round++) {
    const pids = [await pidOf(program, 'deliver'), await pidOf(program, 'receive.0')];
    if (round === 1) pids.push(await pidOf(program, 'receive.1'));
    const burst = Array.from({ length: 40 }, async () => {
      const own = n++;
      const answer = await program.post('/postback', JSON.stringify({ n: own })).catch(() => undefined);
      if (answer?.status === 200) acknowledged.push(own);
      if (acknowledged.length % 20 === 10) for (const pid of pids.splice(0)) process.kill(pid, 'SIGKILL');
    });
    await Promise.all(burst);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }
  await until('all to be delivered', async () => {
    const numbers = new Set(await written(out));
    return acknowledged.every((own) => numbers.has(own));
  });
  assert.ok(acknowledged.length > 20);
  // The store's process comes with the delivering one, and after it.
  const roles = 'deliver receive.0 receive.1 store supervisor';
  await until(`the processes ${roles}`, async () => {
    const status = await program.status().catch(() => undefined);
    const running = status?.processes.map(({ role }) => role).toSorted();
    return running?.join(' ') === roles;
  });
  assert.equal(await program.stop(), 0, program.stderr);
  const numbers = await written(out);
  assert.equal(new Set(numbers).size, numbers.length, 'a record is twice in the file');
});

test('a delivering process that comes back goes on by what runs, whatever the file says by then', async (t) => {
  const directory = await temporaryDirectory(t);
  const out = join(directory, 'out');
  const path = join(directory, 'post2log.conf');
  const port = await freePort();
  const config = (more: string): string =>
    `<system>\n  workers 2\n</system>\n<source>\n  @type postback\n  host 127.0.0.1\n  port ${port}\n</source>\n${more}${output(join(out, 'all'))}`;
  await writeFile(path, config(''));
  const program = await startProgram(t, { args: ['run', '--config', path], env: { P2L_PORT: String(port) } });
  await program.ready();
  const before = (await program.status()).generation;
  for (const [round, text] of ['<match', config('<match **>\n  @type null\n  @id other\n</match>\n')].entries()) {
    await writeFile(path, text);
    const pid = await pidOf(program, 'deliver');
    process.kill(pid, 'SIGKILL');
    await until('it to come back', async () => (await pidOf(program, 'deliver')) !== pid);
    assert.equal((await program.post('/postback', JSON.stringify({ n: round }))).status, 200);
    await until('the record', async () => (await written(out)).includes(round));
    const status = await program.status();
    assert.equal(status.generation, before);
    assert.deepEqual(
      status.outputs.map(({ id }) => id),
      ['kept'],
    );
  }
  assert.match(program.stderr, /cannot be read any more/);
  // Now it is asked for.
  assert.equal((await fetch(`${program.adminUrl}/api/reload`, { method: 'POST' })).status, 200);
  assert.equal((await program.post('/postback', '{"n":2}')).status, 200);
  await until('the other output', async () =>
    (await program.status()).outputs.some(({ id, delivered }) => id === 'other' && delivered === 1),
  );
  assert.equal(await program.stop(), 0, program.stderr);
});

test('a bad configuration ends several workers with the documented code', async (t) => {
  const program = await startProgram(t, {
    env: { P2L_WORKERS: '2', P2L_FLUENTD_EXTRACFG: '<match test>\n  @type fiel\n</match>\n' },
  });
  assert.equal(await program.exited, 2);
  assert.match(program.stderr, /P2L_FLUENTD_EXTRACFG:2:\d+: /);
});

test('a stop while the processes start waits for no grace', async (t) => {
  const program = await startProgram(t, { env: { P2L_WORKERS: '2', P2L_GRACE: '100' } });
  await until('a process', async () => (await readdir(join(program.dataDir, 'locks')).catch(() => [])).length > 2);
  const code = program.stop();
  let ended: number | string | undefined;
  void code.then((value) => (ended = value));
  await until('the end', () => ended !== undefined);
  assert.equal(ended, 0, program.stderr);
});

test('children whose supervisor is killed while they load end by themselves', async (t) => {
  const program = await startProgram(t, { env: { P2L_WORKERS: '2' } });
  const locks = join(program.dataDir, 'locks');
  const names = await until('the processes', async () => {
    const found = (await readdir(locks).catch(() => [])).filter((name) => /^(?:receive\.\d|deliver)\.json$/.test(name));
    return found.length === 3 && found;
  });
  program.child.kill('SIGKILL');
  for (const name of names) {
    const pid = await until('its note', async () => {
      const text = await readFile(join(locks, name), 'utf8');
      return text === '' ? undefined : (JSON.parse(text) as { pid: number }).pid;
    });
    await until(`${name} to end`, async () => !(await isRunning(pid)));
  }
  const next = await (await startProgram(t, { dataDir: program.dataDir, env: { P2L_WORKERS: '2' } })).ready();
  assert.equal((await next.post('/postback', '{}')).status, 200);
  assert.equal(await next.stop(), 0, next.stderr);
});
