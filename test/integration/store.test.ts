/** The store of the program that runs: everything acknowledged is in it, once, whatever dies. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Database } from '../../src/store/database.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';
import type { Program } from '../program.ts';
import { foundRecords } from '../found.ts';
import { storedRecords } from '../stored.ts';
import { load } from './load.ts';

/** The pid of the process that plays a role, and runs now; another one than `before`. */
function pidOf(program: Program, role: string, before = 0): Promise<number> {
  return until(`${role} to run`, async () => {
    const status = await program.status().catch(() => undefined);
    const pid = status?.processes.find((one) => one.role === role)?.pid ?? 0;
    return pid > 0 && pid !== before && pid;
  });
}

function numberOf(json: string): unknown {
  return (JSON.parse(json) as { n: unknown }).n;
}

/** Stops the program; what was acknowledged must be in the store once, and nothing else twice. */
async function assertStoredOnce(program: Program, acknowledged: readonly number[]): Promise<void> {
  await until('the store to have all', async () => {
    const status = await program.status().catch(() => undefined);
    return status?.outputs.find(({ id }) => id === 'store')?.waiting === 0;
  });
  assert.equal(await program.stop(), 0, program.stderr);
  const numbers = (await storedRecords(program.dataDir)).map(({ json }) => numberOf(json));
  assert.equal(new Set(numbers).size, numbers.length, 'a record is twice in the store');
  const stored = new Set(numbers);
  assert.deepEqual(
    acknowledged.filter((n) => !stored.has(n)),
    [],
  );
}

test('a postback is found, and is there after a stop', async (t) => {
  const program = await (await startProgram(t)).ready();
  assert.equal((await program.post('/postback?p1=v1&p2=v2')).status, 200);
  const [found] = await until('the record', async () => {
    const records = await foundRecords(program, 'p1:v1');
    return records.length > 0 && records;
  });
  assert.equal(found?.fields['p2'], 'v2');
  assert.deepEqual(await foundRecords(program, 'p1:v2'), []);
  const pid = await pidOf(program, 'store');
  assert.equal(await program.stop(), 0, program.stderr);
  await assert.rejects(readFile(`/proc/${pid}/stat`), { code: 'ENOENT' });
  assert.equal((await storedRecords(program.dataDir)).length, 1);
});

test('a killed store comes back and catches up; outputs and /readyz do not notice', async (t) => {
  const program = await (await startProgram(t)).ready();
  const running = load(program);
  let pid = 0;
  for (let round = 0; round < 3; round++) {
    pid = await pidOf(program, 'store', pid);
    await running.more(100);
    process.kill(pid, 'SIGKILL');
    const printed = program.stdout.split('\n').length;
    await until('standard output to go on', () => program.stdout.split('\n').length > printed + 50);
    assert.equal((await fetch(`${program.adminUrl}/readyz`)).status, 200);
  }
  await pidOf(program, 'store', pid);
  await running.more(100);
  await running.stop();
  const restarts = (await program.status()).processes.find(({ role }) => role === 'store')?.restarts;
  assert.equal(restarts, 3);
  await assertStoredOnce(program, running.acknowledged);
});

test('a killed program: its store ends with it, and the next start has everything once', async (t) => {
  const dataDir = join(await temporaryDirectory(t), 'data');
  const acknowledged: number[] = [];
  for (let round = 0; round < 3; round++) {
    const program = await (await startProgram(t, { dataDir })).ready();
    const running = load(program, round * 1_000_000);
    const pid = await pidOf(program, 'store');
    await running.more(150);
    await program.kill();
    await until('the store to end', () =>
      readFile(`/proc/${pid}/stat`).then(
        (stat) => stat.includes(') Z '),
        () => true,
      ),
    );
    await running.stop();
    acknowledged.push(...running.acknowledged);
  }
  await assertStoredOnce(await (await startProgram(t, { dataDir })).ready(), acknowledged);
});

test('with two workers the delivering process has the store; either of them is killed, or both', async (t) => {
  const program = await (await startProgram(t, { env: { P2L_WORKERS: '2' } })).ready();
  const running = load(program);
  for (const roles of [['deliver'], ['store'], ['store', 'deliver'], ['receive.0', 'store']]) {
    const pids = await Promise.all(roles.map((role) => pidOf(program, role)));
    await running.more(100);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await pidOf(program, 'store', pids[roles.indexOf('store')]);
  }
  await running.more(100);
  await running.stop();
  await assertStoredOnce(program, running.acknowledged);
});

test('beside a configuration it takes everything as it was received, and routes stay as they are', async (t) => {
  const directory = await temporaryDirectory(t);
  const port = await freePort();
  const path = join(directory, 'post2log.conf');
  const source = `<source>\n  @type postback\n  host 127.0.0.1\n  port ${port}\n</source>\n`;
  const filter = '<filter **>\n  @type grep\n  <exclude>\n    key n\n    pattern /1/\n  </exclude>\n</filter>\n';
  await writeFile(path, `${source}${filter}<match **>\n  @type stdout\n</match>\n`);
  const program = await startProgram(t, {
    args: ['run', '--config', path, '--with-store'],
    env: { P2L_PORT: String(port) },
  });
  await program.ready();
  for (const n of [1, 2]) assert.equal((await program.post('/postback', JSON.stringify({ n }))).status, 200);
  await until('both records', async () => (await foundRecords(program, 'n:*')).length === 2);
  // What filters dropped is in an account of its own, which may be behind those of the outputs.
  const { outputs, router } = await until('their account', async () => {
    const status = await program.status();
    return [...status.outputs, status.router].every(({ waiting }) => waiting === 0) && status;
  });
  assert.deepEqual(
    outputs.map(({ id, delivered, passed }) => [id, delivered, passed]),
    [
      ['stdout', 1, 1],
      ['store', 2, 0],
    ],
  );
  assert.deepEqual(router.refused, { filtered: 1 });
});

test('a configuration that no longer names the store: what waits for it still comes, then it may be dropped', async (t) => {
  const directory = await temporaryDirectory(t);
  const port = await freePort();
  const path = join(directory, 'post2log.conf');
  const source = `<source>\n  @type postback\n  host 127.0.0.1\n  port ${port}\n</source>\n`;
  await writeFile(path, `${source}<match **>\n  @type store\n</match>\n`);
  const program = await startProgram(t, { args: ['run', '--config', path], env: { P2L_PORT: String(port) } });
  await program.ready();
  assert.equal((await program.post('/postback', '{"n":1}')).status, 200);
  await writeFile(path, `${source}<match **>\n  @type null\n</match>\n`);
  const reload = await fetch(`${program.adminUrl}/api/reload`, { method: 'POST' });
  assert.equal(reload.status, 200, await reload.text());
  assert.equal((await program.post('/postback', '{"n":2}')).status, 200);
  const store = await until('the store to have its own', async () =>
    (await program.status()).outputs.find(({ id, waiting }) => id === 'store' && waiting === 0),
  );
  assert.deepEqual([store.delivered, store.passed, store.type], [1, 1, 'removed']);
  await pidOf(program, 'store');
  assert.equal(await program.stop(), 0, program.stderr);
  assert.deepEqual(
    (await storedRecords(program.dataDir)).map(({ json }) => numberOf(json)),
    [1],
  );
});

test('a store of a newer version is said, and the rest of the program goes on', async (t) => {
  const dataDir = join(await temporaryDirectory(t), 'data');
  const directory = join(dataDir, 'store');
  await mkdir(directory, { recursive: true });
  const database = await Database.open({
    memoryBytesMax: 64 * 1024 ** 2,
    temporaryDirectory: join(directory, 'tmp'),
    spillBytesMax: 1024 ** 2,
  });
  await database.attach(join(directory, '00000001-20261121T0400Z.duckdb'), 'p', false);
  const connection = await database.connect();
  await connection.run('CREATE TABLE p.meta(key VARCHAR, value VARCHAR)');
  await connection.run("INSERT INTO p.meta VALUES ('format', '1000'), ('isClosed', 'false')");
  connection.close();
  await database.detach('p');
  database.close();
  const program = await (await startProgram(t, { dataDir })).ready();
  await until('the word', () => /The process of the store ended: .*newer/.test(program.stderr));
  assert.equal((await program.post('/postback', '{"n":1}')).status, 200);
  await until('standard output', () => program.stdout.includes('"n":1'));
  const state = (await (await fetch(`${program.adminUrl}/api/store`)).json()) as Record<string, unknown>;
  assert.equal(state['state'], 'starting');
  assert.match(String(state['lastError']), /newer/);
});
