import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { processGroup } from '../bench/processes.ts';
import { root } from './files.ts';
import { until } from './program.ts';

for (const [what, word, signal] of [
  ['a server that runs', 'ready', 'SIGTERM'],
  ['a server that does not answer yet', 'never', 'SIGTERM'],
  ['a server that runs', 'ready', 'SIGINT'],
] as const)
  test(`${signal} to a process of tests: ${what} ends with it`, async (context) => {
    const child = spawn(process.execPath, [join(root, 'test/endings-child.ts'), word], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    context.after(() => child.kill('SIGKILL'));
    let printed = '';
    child.stdout.on('data', (part: Buffer) => (printed += part.toString()));
    const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
    const directory = await until('the directory', () => /^(.*)\n/.exec(printed)?.[1]);
    context.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'pid');
    // It is there before its text is.
    const pid = Number(
      await until('the server', () => existsSync(file) && /^\d+\n/.exec(readFileSync(file, 'utf8'))?.[0]),
    );
    assert.notEqual(processGroup(pid), undefined);
    child.kill(signal);
    assert.equal(await ended, signal === 'SIGTERM' ? 143 : 130);
    await until('its end', () => processGroup(pid) === undefined);
  });
