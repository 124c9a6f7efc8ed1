/**
 * Which <match> takes which record, and under which tag it goes on: configurations whose outcome was recorded from
 * Fluentd 1.16.11, with their `tail` source replaced by `stdin` (and expressions in Ruby by plain values).
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';

const cases = new URL('routes/', import.meta.url).pathname;

const sortedLines = (text: string): string[] => text.split('\n').filter(Boolean).toSorted();

async function replay(context: TestContext, name: string): Promise<void> {
  const directory = await temporaryDirectory(context);
  const out = join(directory, 'out');
  const config = join(directory, 'fluent.conf');
  const text = await readFile(join(cases, name, 'fluent.conf'), 'utf8');
  await writeFile(config, text.replaceAll('@@OUT@@', out));
  const input = await readFile(join(cases, name, 'input.jsonl'), 'utf8');

  const program = await startProgram(context, { args: ['run', '--config', config], env: { TZ: 'UTC' } });
  await program.ready();
  program.child.stdin?.write(input);
  const count = sortedLines(input).length;
  await until('all lines to be read', async () => (await program.status()).appended === count);
  assert.equal(await program.stop(), 0, program.stderr);

  const printed = await readFile(join(cases, name, 'stdout.txt'), 'utf8');
  assert.deepEqual(sortedLines(program.stdout), sortedLines(printed));
  const files = await readdir(out).catch(() => []);
  const written = await Promise.all(files.map((file) => readFile(join(out, file), 'utf8')));
  const wanted = await readFile(join(cases, name, 'files.txt'), 'utf8').catch(() => '');
  assert.equal(written.join(''), wanted);
}

for (const name of readdirSync(cases)) test(`as recorded: ${name}`, (context) => replay(context, name));

test('there are cases of matches and of routes', () => {
  const names = readdirSync(cases);
  for (const kind of ['match-', 'route-'])
    assert.ok(
      names.filter((name) => name.startsWith(kind) && readFileSync(join(cases, name, 'stdout.txt')).length > 0)
        .length >= 4,
    );
});
