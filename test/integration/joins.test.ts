/** Records that are joined behind the journal, in the real program: killed at every point, reloaded, stopped. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';

const streams = ['a', 'b', 'c'];

/** Lines of records of four lines each, of streams whose lines lie between each other. */
function lines(from: number, to: number): string {
  const parts = ['S', '-', '-', 'E'];
  let text = '';
  for (let n = from; n < to; n++)
    for (const [i, part] of parts.entries())
      for (const stream of streams) text += `${JSON.stringify({ stream, log: `${part}${n}.${i}` })}\n`;
  return text;
}
function joined(from: number, to: number): string[] {
  const texts: string[] = [];
  for (let n = from; n < to; n++) for (const stream of streams) texts.push(`${stream} S${n}.0 -${n}.1 -${n}.2 E${n}.3`);
  return texts.sort();
}

interface Place {
  readonly directory: string;
  readonly input: string;
  readonly config: string;
  start(env?: Record<string, string>): Promise<Program>;
  /** What is in the output's files, sorted; a line that is being written is none yet. */
  arrived(): Promise<string[]>;
  /** The same of a program that is over: every line is whole. */
  left(): Promise<string[]>;
}

async function place(context: TestContext, filter = ''): Promise<Place> {
  const directory = await temporaryDirectory(context);
  const input = join(directory, 'in.log');
  const config = join(directory, 'fluent.conf');
  await mkdir(join(directory, 'out'));
  await writeFile(config, configOf(directory, filter));
  await writeFile(input, '');
  const read = async (isOver: boolean): Promise<string[]> => {
    const texts: string[] = [];
    for (const name of await readdir(join(directory, 'out'))) {
      const lines = (await readFile(join(directory, 'out', name), 'utf8')).split('\n');
      const rest = lines.pop();
      if (isOver) assert.equal(rest, '');
      for (const line of lines) {
        const { stream, log } = JSON.parse(line) as { stream: string; log: string };
        texts.push(`${stream} ${log}`);
      }
    }
    return texts.sort();
  };
  return {
    directory,
    input,
    config,
    start: (env = {}) =>
      startProgram(context, {
        args: ['run', '--config', config],
        dataDir: join(directory, 'data'),
        env: { P2L_STORE: 'off', ...env },
      }),
    arrived: () => read(false),
    left: () => read(true),
  };
}

function configOf(directory: string, filter: string): string {
  return `<source>
  @type tail
  path ${directory}/in.log
  pos_file ${directory}/in.pos
  tag app
  read_from_head true
  refresh_interval 1
  <parse>
    @type json
  </parse>
</source>
<filter app>
  @type concat
  key log
  separator " "
  stream_identity_key stream
  multiline_start_regexp /^S/
  multiline_end_regexp /^E/
  flush_interval 0
  ${filter}
</filter>
<match app>
  @type file
  path ${directory}/out/app
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_mode immediate
  </buffer>
</match>
`;
}

const count = 100;

async function allArrive(here: Place, to = count): Promise<void> {
  const wanted = joined(0, to);
  await until('all records', async () => (await here.arrived()).length >= wanted.length);
  assert.deepEqual(await here.arrived(), wanted);
}

for (const point of [
  'join.before-append:1',
  'join.before-append:3',
  'join.after-append:1',
  'join.after-append:2',
  'journal.before-resolve:4',
  'delivery.after-write:2',
  'cursor.before-commit:3',
  'cursor.after-commit:3',
  'cursor.after-commit:5',
])
  test(`killed at ${point}, no joined record is lost, doubled or split`, async (context) => {
    const here = await place(context);
    const all = lines(0, count).split('\n');
    const victim = await here.start({ P2L_CRASH_AT: point });
    let given = 0;
    let looks = 0;
    // Little by little, and never whole records: so each point is passed often, in the middle of some.
    await until('the crash', async () => {
      if (victim.child.signalCode !== null) return true;
      if (!/\bready\b/.test(victim.stderr) || looks++ % 5 > 0 || given >= all.length) return false;
      // A victim that was held up would else read all at once.
      const whole = all.slice(0, given).filter((line) => line.includes('"log":"E')).length;
      if ((await here.arrived()).length < whole) return false;
      await appendFile(here.input, `${all.slice(given, given + 29).join('\n')}\n`);
      given += 29;
      return false;
    });
    const program = await (await here.start()).ready();
    if (given < all.length) await appendFile(here.input, `${all.slice(given).join('\n')}\n`);
    await allArrive(here);
    await until('nothing held', async () => {
      const { outputs } = await program.status();
      return outputs.find(({ id }) => id === 'concat')?.waiting === 0;
    });
    assert.equal(await program.stop(), 0);
    assert.deepEqual(await here.left(), joined(0, count));
  });

test('killed again and again in the middle of records', async (context) => {
  const here = await place(context);
  const all = lines(0, count).split('\n');
  const runs = 6;
  for (let run = 0; run < runs; run++) {
    const program = await (await here.start()).ready();
    const piece = all.slice((run * all.length) / runs, ((run + 1) * all.length) / runs);
    const before = (await here.arrived()).length;
    await appendFile(here.input, `${piece.join('\n')}\n`);
    await until('some records', async () => (await here.arrived()).length > before);
    if (run < runs - 1) await program.kill();
    else {
      await allArrive(here);
      assert.equal(await program.stop(), 0);
    }
  }
  assert.deepEqual(await here.left(), joined(0, count));
});

test('a stop in the middle of a record leaves it to the next start', async (context) => {
  const here = await place(context);
  const first = await (await here.start()).ready();
  await appendFile(here.input, lines(0, 3) + lines(3, 4).split('\n').slice(0, 5).join('\n') + '\n');
  await until('what is whole', async () => (await here.arrived()).length === 9);
  assert.equal(await first.stop(), 0);
  assert.deepEqual(await here.left(), joined(0, 3));
  const second = await (await here.start()).ready();
  await appendFile(here.input, lines(3, 4).split('\n').slice(5).join('\n'));
  await allArrive(here, 4);
  assert.equal(await second.stop(), 0);
});

test('a reload that changes or removes the filter gives on what it holds', async (context) => {
  const here = await place(context);
  const program = await (await here.start()).ready();
  await appendFile(here.input, `${lines(0, 1)}{"stream":"a","log":"S1"}\n{"stream":"a","log":"more"}\n`);
  await until('what is whole', async () => (await here.arrived()).length === 3);
  await until('what is held', async () => {
    const { outputs } = await program.status();
    return outputs.find(({ id }) => id === 'concat')?.waiting === 2;
  });
  await writeFile(here.config, configOf(here.directory, 'use_first_timestamp true'));
  program.child.kill('SIGHUP');
  await until('what was held', async () => (await here.arrived()).includes('a S1 more'));
  await appendFile(here.input, '{"stream":"a","log":"S2"}\n{"stream":"a","log":"E2"}\n{"stream":"b","log":"S3"}\n');
  await until('what came then', async () => (await here.arrived()).includes('a S2 E2'));
  await until('what is held', async () => {
    const { outputs } = await program.status();
    return outputs.find(({ id }) => id === 'concat')?.waiting === 1;
  });
  await writeFile(here.config, configOf(here.directory, '').replace(/<filter app>[^]*<\/filter>\n/, ''));
  program.child.kill('SIGHUP');
  await until('what was held', async () => (await here.arrived()).includes('b S3'));
  await appendFile(here.input, '{"stream":"b","log":"E3"}\n');
  await until('what passes now', async () => (await here.arrived()).includes('b E3'));
  assert.equal((await here.arrived()).length, 3 + 4);
  assert.equal(await program.stop(), 0);
});
