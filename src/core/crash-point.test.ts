import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const url = new URL('./crash-point.ts', import.meta.url).href;
const program = `import { crashPoint } from ${JSON.stringify(url)};
for (let i = 1; i <= 3; i++) { crashPoint('other'); process.stdout.write(String(i)); crashPoint('here'); }`;

function run(crashAt: string | undefined): { signal: NodeJS.Signals | null; stdout: string } {
  const env = { ...process.env, P2L_CRASH_AT: crashAt };
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' });
}

test('the process dies at the n-th passing of the point that the environment names, and nowhere else', () => {
  assert.deepEqual(pick(run('here')), ['SIGKILL', '1']);
  assert.deepEqual(pick(run('here:3')), ['SIGKILL', '123']);
  assert.deepEqual(pick(run('here:4')), [null, '123']);
  assert.deepEqual(pick(run('elsewhere')), [null, '123']);
  assert.deepEqual(pick(run(undefined)), [null, '123']);
});

function pick({ signal, stdout }: { signal: NodeJS.Signals | null; stdout: string }): unknown {
  return [signal, stdout];
}
