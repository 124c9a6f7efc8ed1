/** Records of several lines in followed files, in the real program: killed inside of them, again and again. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Random } from '../crash/random.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';

/** A followed file: what is written into it, and the texts that come out by stream, in their order there. */
interface Followed {
  readonly tag: string;
  readonly text: string;
  readonly expected: ReadonlyMap<string, readonly string[]>;
}
/** A dialect's configuration, which follows `${tag}.log` for each file and writes into `out/${tag}`. */
interface Form {
  readonly files: Readonly<Record<string, string>>;
  readonly followed: (count: number, padding: number) => readonly Followed[];
}

// A record waits for its next line for ten minutes: however slow the machine is, only what was written decides.
const waits = 600;
const when = '2024-03-06T10:00:00.123456789Z';
const byStream = ['stdout', 'stderr'] as const;

/** A stack trace a record, of one to six lines; the last record is ended by one that stays open. */
function traces(tag: string, count: number, padding: number): Followed {
  const records = Array.from({ length: count }, (_, n) => [
    `${n} java.lang.Error: ${'x'.repeat(padding)}`,
    ...Array.from({ length: n % 6 }, (_, line) => `\tat a.b.C(${n}.${line})`),
  ]);
  const text = `${records.flat().join('\n')}\n${count} end\n`;
  return { tag, text, expected: new Map([['', records.map((lines) => lines.join('\n'))]]) };
}

/** Records of two streams in one to four parts each, whose parts lie between each other. `line`: how a part is written. */
function parts(
  tag: string,
  count: number,
  padding: number,
  line: (stream: string, part: string, isLast: boolean) => string,
): Followed {
  const random = new Random(count, tag);
  const expected = new Map<string, string[]>();
  const left = byStream.map((stream) => {
    const records = Array.from({ length: count }, (_, n) =>
      Array.from({ length: 1 + (n % 4) }, (_, part) => `${stream} ${n}.${part} ${'y'.repeat(padding)}`),
    );
    expected.set(
      stream,
      records.map((pieces) => pieces.join('')),
    );
    const all = records.flatMap((pieces) =>
      pieces.map((piece, part) => line(stream, piece, part === pieces.length - 1)),
    );
    return all;
  });
  let text = '';
  while (left.some((lines) => lines.length > 0)) {
    const next = random.pick(left.filter((lines) => lines.length > 0)).shift() ?? '';
    text += `${next}\n`;
  }
  return { tag, text, expected };
}

const asDocker = (stream: string, part: string, isLast: boolean): string =>
  JSON.stringify({ log: isLast ? `${part}\n` : part, stream, time: when });

/** One stream after the other: Docker_Mode joins whatever comes. */
function dockerMode(tag: string, count: number, padding: number): Followed {
  const records = Array.from({ length: count }, (_, n) =>
    Array.from({ length: 1 + (n % 4) }, (_, part) => `${n}.${part} ${'z'.repeat(padding)}`),
  );
  const lines = records.flatMap((pieces) =>
    pieces.map((piece, part) => asDocker('stdout', piece, part === pieces.length - 1)),
  );
  return {
    tag,
    text: `${lines.join('\n')}\n`,
    expected: new Map([['stdout', records.map((pieces) => pieces.join(''))]]),
  };
}

const parsers = `[PARSER]
    Name   cri
    Format regex
    Regex  ^(?<time>.+?) (?<stream>stdout|stderr) (?<_p>F|P) (?<log>.*)$
[PARSER]
    Name   docker
    Format json
[PARSER]
    Name   first
    Format regex
    Regex  ^(?<log>\\d+ .*)$
[MULTILINE_PARSER]
    Name          trace
    Type          regex
    Flush_Timeout ${waits}000
    Rule          "start_state" "/^\\d+ /"    "cont"
    Rule          "cont"        "/^\\s+at /"  "cont"
[MULTILINE_PARSER]
    Name          docker_parts
    Type          endswith
    Match_String  $
    Flush_Timeout ${waits}000
    Parser        docker
    Key_Content   log
    Key_Group     stream
[MULTILINE_PARSER]
    Name          cri_parts
    Type          equal
    Match_String  F
    Flush_Timeout ${waits}000
    Parser        cri
    Key_Content   log
    Key_Group     stream
    Key_Pattern   _p
`;

function tailInput(tag: string, lines: string): string {
  return `[INPUT]
    Name             tail
    Tag              ${tag}
    Alias            ${tag}
    Path             \${PLACE}/${tag}.log
    Read_from_Head   On
    Refresh_Interval 1
${lines.replaceAll(/^/gm, '    ')}
`;
}

const fluentbit: Form = {
  files: {
    'main.conf': `[SERVICE]
    Flush        0.1
    Parsers_File \${PLACE}/parsers.conf
${tailInput('trace', 'multiline.parser trace')}${tailInput('docker', 'multiline.parser docker_parts')}${tailInput(
      'cri',
      'multiline.parser cri_parts',
    )}${tailInput('mode', `Docker_Mode On\nDocker_Mode_Flush ${waits}\nParser docker`)}${tailInput(
      'first',
      `Multiline On\nMultiline_Flush ${waits}\nParser_Firstline first`,
    )}[OUTPUT]
    Name   file
    Alias  out
    Match  *
    Path   \${PLACE}/out
    Format plain
`,
    'parsers.conf': parsers,
  },
  followed: (count, padding) => [
    traces('trace', count, padding),
    // The parser's sign of a last part stands in the text: a line feed cannot be written there.
    parts('docker', count, padding, (stream, part, isLast) =>
      JSON.stringify({ log: isLast ? `${part}$` : part, stream, time: when }),
    ),
    parts('cri', count, padding, (stream, part, isLast) => `${when} ${stream} ${isLast ? 'F' : 'P'} ${part}`),
    dockerMode('mode', count, padding),
    traces('first', count, padding),
  ],
};

const fluentd: Form = {
  files: {
    'main.conf': `<source>
  @type tail
  path "#{ENV['PLACE']}/trace.log"
  pos_file "#{ENV['PLACE']}/trace.pos"
  tag trace
  read_from_head true
  refresh_interval 1
  <parse>
    @type multiline
    format_firstline /^\\d+ /
    format1 /^(?<log>.*)/
  </parse>
</source>
<match trace>
  @type file
  @id out
  path "#{ENV['PLACE']}/out/trace"
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_mode immediate
  </buffer>
</match>
`,
  },
  followed: (count, padding) => [traces('trace', count, padding)],
};

class Place {
  readonly directory: string;
  readonly #context: TestContext;
  readonly followed: readonly Followed[];
  readonly #random: Random;
  /** Bytes of each file that are written. */
  readonly #written = new Map<string, number>();

  constructor(context: TestContext, directory: string, followed: readonly Followed[], seed: number) {
    this.#context = context;
    this.directory = directory;
    this.followed = followed;
    this.#random = new Random(seed, 'cuts');
  }
  static async make(
    context: TestContext,
    form: Form,
    { count = 120, padding = 0, seed = 1 }: { count?: number; padding?: number; seed?: number } = {},
  ): Promise<Place> {
    const directory = await temporaryDirectory(context);
    for (const [name, text] of Object.entries(form.files)) await writeFile(join(directory, name), text);
    context.diagnostic(`seed ${seed}`);
    return new Place(context, directory, form.followed(count, padding), seed);
  }
  start(env: Readonly<Record<string, string>> = {}): Promise<Program> {
    return startProgram(this.#context, {
      args: ['run', '--config', join(this.directory, 'main.conf')],
      dataDir: join(this.directory, 'data'),
      env: { P2L_STORE: 'off', PLACE: this.directory, ...env },
    });
  }
  /** Writes on in all files up to about a share of them: the end is anywhere, also inside of a line. */
  async write(share: number): Promise<void> {
    for (const { tag, text } of this.followed) {
      const from = this.#written.get(tag) ?? 0;
      const to = share >= 1 ? text.length : Math.floor(text.length * share) - this.#random.between(0, 60);
      if (to <= from) continue;
      await appendFile(join(this.directory, `${tag}.log`), text.slice(from, to));
      this.#written.set(tag, to);
    }
  }
  /** What came of each file and stream, in its order. */
  async arrived(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    const out = join(this.directory, 'out');
    for (const name of (await readdir(out).catch((): string[] => [])).sort())
      for (const line of (await readFile(join(out, name), 'utf8')).split('\n').filter((one) => one.endsWith('}'))) {
        const { log, stream = '' } = JSON.parse(line) as { log: string; stream?: string };
        // What ends the last record; a stop may give it too.
        if (/^\d+ end\n?$/.test(log)) continue;
        const key = `${name.replace(/\..*$/, '')} ${stream}`;
        found.set(key, [...(found.get(key) ?? []), log.replace(/[$\n]+$/, '')]);
      }
    return found;
  }
  async count(): Promise<number> {
    return [...(await this.arrived()).values()].reduce((sum, { length }) => sum + length, 0);
  }
  /** All records are there: whole, once, in order. */
  async assertAll(): Promise<void> {
    const wanted = new Map(
      this.followed.flatMap(({ tag, expected }) =>
        [...expected].map(([stream, texts]) => [`${tag} ${stream}`, texts] as const),
      ),
    );
    const total = [...wanted.values()].reduce((sum, { length }) => sum + length, 0);
    await until('all records', async () => (await this.count()) >= total);
    const arrived = await this.arrived();
    assert.deepEqual([...arrived.keys()].toSorted(), [...wanted.keys()].toSorted());
    for (const [key, texts] of wanted) {
      // What one start left over may be delivered behind the first of the next one; within a shard nothing is.
      const found = arrived.get(key) ?? [];
      assert.deepEqual(found.map(shown).toSorted(), texts.map(shown).toSorted(), key);
    }
  }
}

const shown = (text: string): string => text.replaceAll(/([xyz])\1{9,}/g, (run) => `${run[0]}×${run.length}`);

const rounds = 8;

for (const [name, form] of Object.entries({ 'Fluent Bit': fluentbit, Fluentd: fluentd }))
  for (const workers of ['1', '2'])
    test(`${name}, ${workers} workers: killed in the middle of records, none is split, lost or doubled`, async (t) => {
      const place = await Place.make(t, form, { seed: Number(workers) });
      for (let round = 1; round <= rounds; round++) {
        const before = await place.count();
        // Half of it while the program is down, the other half while it runs.
        await place.write((round - 0.5) / rounds);
        const program = await (await place.start({ P2L_WORKERS: workers })).ready();
        await place.write(round / rounds);
        await until('some records', async () => (await place.count()) > before);
        if (round < rounds) await program.kill();
        else {
          await place.assertAll();
          assert.equal(await program.stop(), 0, program.stderr);
        }
      }
      await place.assertAll();
    });

for (const point of [
  'journal.before-write:3',
  'journal.after-write:4',
  'journal.before-resolve:5',
  'cursor.after-commit:2',
])
  test(`killed at ${point} with records that are not whole`, async (t) => {
    const place = await Place.make(t, fluentbit);
    const victim = await place.start({ P2L_CRASH_AT: point });
    let step = 0;
    let looks = 0;
    await until('the crash', async () => {
      if (victim.child.signalCode !== null || victim.child.exitCode !== null) return true;
      if (/\bready\b/.test(victim.stderr) && looks++ % 20 === 0 && step < 40) await place.write(++step / 41);
      return false;
    });
    const program = await (await place.start()).ready();
    await place.write(1);
    await place.assertAll();
    assert.equal(await program.stop(), 0, program.stderr);
  });

test('of several processes the receiving one alone is killed', async (t) => {
  const place = await Place.make(t, fluentbit);
  const program = await (await place.start({ P2L_WORKERS: '2' })).ready();
  const role = 'receive.0';
  const running = async () =>
    (await program.status().catch(() => undefined))?.processes.find((one) => one.role === role);
  for (let round = 1; round <= 4; round++) {
    const before = await place.count();
    await place.write(round / 5);
    await until('some records', async () => (await place.count()) > before);
    const { pid } = await until('the process', running);
    process.kill(pid, 'SIGKILL');
    await until('another one', async () => {
      const next = await running();
      return next !== undefined && next.pid !== pid;
    });
  }
  await place.write(1);
  await place.assertAll();
  assert.equal(await program.stop(), 0, program.stderr);
});

test('a journal that is full, and a kill: reading goes on where it waited', async (t) => {
  // Some 60 MB, and the journal takes 24.
  const place = await Place.make(t, fluentbit, { count: 600, padding: 10_000 });
  const out = join(place.directory, 'out');
  // No directory: the output waits, and so does everything behind it.
  await writeFile(out, '');
  const env = { P2L_DATA_LIMIT: '64Mi' };
  const first = await (await place.start(env)).ready();
  await place.write(1);
  await until('the journal to be full', () => /reading waits for it/.test(first.stderr));
  await first.kill();
  const second = await (await place.start(env)).ready();
  await until('the journal to be full again', () => /reading waits for it/.test(second.stderr));
  await rm(out);
  await mkdir(out);
  await place.assertAll();
  assert.equal(await second.stop(), 0, second.stderr);
});
