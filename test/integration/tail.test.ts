/** The tail source in the real program: killed again and again, and stopped. */
import assert from 'node:assert/strict';
import { appendFile, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';

const config = (directory: string): string => `<source>
  @type tail
  path ${directory}/in.log
  pos_file ${directory}/in.pos
  tag lines
  read_from_head true
  rotate_wait 1s
  <parse>
    @type json
  </parse>
</source>
<match **>
  @type file
  path ${directory}/out/all
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_mode interval
    flush_interval 0.05
  </buffer>
</match>
`;

async function written(directory: string): Promise<number[]> {
  const out = join(directory, 'out');
  const names = await readdir(out).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(out, name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line.endsWith('}')));
  return lines.map((line) => (JSON.parse(line) as { n: number }).n);
}

test('lines written while the program is killed 20 times are each in a file output once, over rotations', async (t) => {
  const directory = await temporaryDirectory(t);
  const configPath = join(directory, 'tail.conf');
  await writeFile(configPath, config(directory));
  const start = (): Promise<Program> =>
    startProgram(t, { args: ['run', '--config', configPath], dataDir: join(directory, 'data') });
  let count = 0;
  const write = async (lines: number): Promise<void> => {
    // Two writes, so that some lines are found half written.
    const text = Array.from({ length: lines }, () => `{"n":${count++}}\n`).join('');
    await appendFile(join(directory, 'in.log'), text.slice(0, -4));
    await appendFile(join(directory, 'in.log'), text.slice(-4));
  };
  await write(50);
  for (let round = 0; round < 20; round++) {
    const program = await start();
    const before = (await written(directory)).length;
    // Killed at its start, while it reads, and while it delivers.
    if (round % 3 > 0) await program.ready();
    for (let n = 0; n < 20; n++) await write(25);
    if (round % 3 === 2) await until('some lines', async () => (await written(directory)).length > before);
    await program.kill();
    if (round % 5 === 4) {
      // What was not seen under the name yet could not be found under another one.
      const last = await (await start()).ready();
      await until('all lines', async () => (await written(directory)).length >= count);
      await last.kill();
      await write(10);
      await rename(join(directory, 'in.log'), join(directory, `in.log.${round}`));
    }
  }
  const program = await (await start()).ready();
  await write(10);
  await until(`all ${count} lines`, async () => (await written(directory)).length >= count);
  assert.equal(await program.stop(), 0, program.stderr);
  const numbers = (await written(directory)).toSorted((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, n) => n),
  );
});

test('a stop reads the file to its end; the next start goes on behind it', async (t) => {
  const directory = await temporaryDirectory(t);
  const configPath = join(directory, 'tail.conf');
  await writeFile(configPath, config(directory));
  const start = async (): Promise<Program> =>
    (await startProgram(t, { args: ['run', '--config', configPath], dataDir: join(directory, 'data') })).ready();
  await writeFile(join(directory, 'in.log'), '{"n":0}\n');
  const first = await start();
  const many = Array.from({ length: 100_000 }, (_, n) => `{"n":${n + 1}}\n`).join('');
  await appendFile(join(directory, 'in.log'), many);
  assert.equal(await first.stop(), 0, first.stderr);
  const size = (await readFile(join(directory, 'in.log'))).length;
  const shown = await readFile(join(directory, 'in.pos'), 'utf8');
  assert.equal(shown.split('\t')[1], size.toString(16).padStart(16, '0'));
  const second = await start();
  await appendFile(join(directory, 'in.log'), '{"n":100001}\n');
  await until('all lines', async () => (await written(directory)).length >= 100_002);
  assert.equal(await second.stop(), 0, second.stderr);
  const numbers = await written(directory);
  assert.equal(numbers.length, 100_002);
  assert.equal(new Set(numbers).size, numbers.length);
});
