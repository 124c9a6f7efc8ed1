/** What a newcomer sees first. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import { freePort } from '../free-port.ts';

test('npm start prints the URLs, the curl to try and the data directory', async (t) => {
  const dataDir = join(await temporaryDirectory(t), 'data');
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    // A group of its own: npm and its shell do not always pass a signal on.
    detached: true,
    env: { ...process.env, P2L_PORT: String(port), P2L_ADMIN_PORT: String(adminPort), P2L_DATA_DIR: dataDir },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  t.after(() => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  });

  await until('what is said at the start', () => /\bready\b/.test(stderr) && stderr.includes(dataDir));
  assert.ok(stderr.includes(`http://127.0.0.1:${port}`), stderr);
  assert.ok(stderr.includes(`http://127.0.0.1:${adminPort}`), stderr);
  const curl = /curl -X POST "?([^\s"]+)"?/.exec(stderr)?.[1];
  assert.ok(curl, `no curl to try in:\n${stderr}`);
  const answer = await fetch(curl.startsWith('http') ? curl : `http://${curl}`, { method: 'POST' });
  assert.equal(await answer.text(), '{"status":"success"}');
  await until('the record on standard output', () => stdout.includes('\n'));
  assert.match(stdout, /^\S+ \S+ \S+ post2log: \{/);
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  await ended;
});

test('standard output has only records; ready is said once on standard error', async (t) => {
  const program = await startProgram(t);
  await program.ready();
  for (let n = 0; n < 3; n++) assert.equal((await program.post('/postback', JSON.stringify({ n }))).status, 200);
  assert.equal(await program.stop(), 0, program.stderr);
  const lines = program.stdout.trimEnd().split('\n');
  assert.equal(lines.length, 3);
  for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\d \S+ [+-]\d{4} post2log: \{"n":\d,/);
  assert.equal(program.stderr.split('\n').filter((line) => /\bready\b/.test(line)).length, 1, program.stderr);
});
