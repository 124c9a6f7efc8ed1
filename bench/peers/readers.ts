/** The programs of the `parse` and `filter` scenarios: each reads a log, does its job on the lines and writes them into files as JSON. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput } from '../load.ts';
import { cpuSeconds } from '../processes.ts';
import { Program, rootDirectory, wait } from '../program.ts';
import { median } from '../scenario.ts';
import type { RunOptions, Table } from '../scenario.ts';

interface Reader {
  readonly name: string;
  readonly isOurs: boolean;
  /** Undefined: not installed here. */
  version(): Promise<string | undefined>;
  /** Starts it in an empty directory of its own. What it writes goes below `out` in there, a line for each record. */
  start(directory: string, logPath: string, job: Job): Program;
}

/** What is done with the lines of a log, for each program. */
interface Job {
  /** Tag of the records. */
  readonly tag: string;
  /** Fluentd's parser, and sections behind the source. */
  readonly parser: string;
  readonly filters: string;
  /** The same for Fluent Bit: a parser that `bitParsers` defines, and sections behind the input. */
  readonly bitParser: string;
  readonly bitParsers: string;
  readonly bitFilters: string;
}

const fluentConfig = (directory: string, logPath: string, job: Job): string => `<source>
  @type tail
  path ${logPath}
  pos_file ${directory}/log.pos
  tag ${job.tag}
  read_from_head true
  <parse>
    @type ${job.parser}
  </parse>
</source>
${job.filters}<match **>
  @type file
  path ${directory}/out/records
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_mode interval
    flush_interval 1s
  </buffer>
</match>
`;

const fluentBitConfig = (directory: string, logPath: string, job: Job): string => `[SERVICE]
  Flush 1
  Log_Level error
  Parsers_File parsers.conf
[INPUT]
  Name tail
  Path ${logPath}
  Tag ${job.tag}
  Read_from_Head On
  Parser ${job.bitParser}
${job.bitFilters}[OUTPUT]
  Name file
  Match *
  Path ${directory}/out
  Format plain
  Mkdir On
`;

/** Lines of nginx, parsed. */
export const nginxJob: Job = {
  tag: 'nginx',
  parser: 'nginx',
  filters: '',
  bitParser: 'nginx',
  bitParsers: `[PARSER]
  Name nginx
  Format regex
  Regex ^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \\[(?<time>[^\\]]*)\\] "(?<method>\\S+)(?: +(?<path>[^"]*?)(?: +\\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?$
  Time_Key time
  Time_Format %d/%b/%Y:%H:%M:%S %z
`,
  bitFilters: '',
};

/** Lines of JSON, to which two fields are added: the host, and what another field holds. */
export const fieldsJob: Job = {
  tag: 'app.web',
  parser: 'json',
  filters: `<filter app.**>
  @type record_transformer
  <record>
    host \${hostname}
    who user-\${record["user"]}
  </record>
</filter>
`,
  bitParser: 'lines',
  bitParsers: `[PARSER]
  Name lines
  Format json
`,
  // Without texts around a field's value, which it has not: less work.
  bitFilters: `[FILTER]
  Name record_modifier
  Match *
  Record host \${HOSTNAME}
[FILTER]
  Name modify
  Match *
  Copy user who
`,
};

function reader(
  name: string,
  command: string,
  prepare: (
    directory: string,
    logPath: string,
    job: Job,
  ) => { readonly args: readonly string[]; readonly env?: Record<string, string> },
  version: () => Promise<string | undefined>,
): Reader {
  return {
    name,
    isOurs: name === 'post2log',
    version,
    start(directory, logPath, job) {
      const { args, env = {} } = prepare(directory, logPath, job);
      const errorLogPath = join(directory, 'stderr.log');
      return Program.start({ command, args, env, cwd: directory, stdout: 'ignore', errorLogPath });
    },
  };
}

const versionOf = (command: string) => async () =>
  /\d+\.\d+\.\d+/.exec((await commandOutput(command, ['--version'])) ?? '')?.[0];

function write(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const readers: readonly Reader[] = [
  reader(
    'post2log',
    join(rootDirectory, 'bin', 'post2log'),
    (directory, logPath, job) => ({
      args: ['run', '--config', write(directory, 'fluent.conf', fluentConfig(directory, logPath, job))],
      env: { P2L_DATA_DIR: join(directory, 'data'), P2L_STORE: 'off', P2L_ADMIN_PORT: '0' },
    }),
    () =>
      Promise.resolve(
        (JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8')) as { version: string }).version,
      ),
  ),
  reader(
    'fluent-bit',
    'fluent-bit',
    (directory, logPath, job) => {
      write(directory, 'parsers.conf', job.bitParsers);
      return { args: ['-q', '-c', write(directory, 'fluent-bit.conf', fluentBitConfig(directory, logPath, job))] };
    },
    versionOf('fluent-bit'),
  ),
  reader(
    'fluentd',
    'fluentd',
    (directory, logPath, job) => ({
      args: ['-q', '--no-supervisor', '-c', write(directory, 'fluent.conf', fluentConfig(directory, logPath, job))],
    }),
    versionOf('fluentd'),
  ),
];

/** Lines in the files below `out`. */
function linesWritten(directory: string): number {
  const out = join(directory, 'out');
  if (!existsSync(out)) return 0;
  let count = 0;
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.meta')) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  }
  return count;
}

/** Longest wait for a program to have written all lines. */
const waitMsMax = 120_000;

/** Lines per CPU second of a whole program, its start left out. */
async function measureReader(reader: Reader, job: Job, line: (n: number) => string, count: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-reader-'));
  const logPath = join(directory, 'lines.log');
  mkdirSync(join(directory, 'out'));
  // One line is there before: what was used until it has come out is the start.
  writeFileSync(logPath, `${line(0)}\n`);
  const program = reader.start(directory, logPath, job);
  const all = async (wanted: number): Promise<void> => {
    for (const begin = performance.now(); linesWritten(directory) < wanted; await wait(100))
      if (program.exit || performance.now() - begin > waitMsMax)
        throw new Error(`${reader.name} wrote ${linesWritten(directory)} of ${wanted} lines\n${program.errorTail}`);
  };
  try {
    await all(1);
    const before = cpuSeconds(program.pids());
    const text = Array.from({ length: count }, (_, n) => `${line(n)}\n`).join('');
    writeFileSync(logPath, text, { flag: 'a' });
    await all(count + 1);
    return count / Math.max(0.01, cpuSeconds(program.pids()) - before);
  } finally {
    await program.stop(15_000);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whole programs doing a job on lines, in turn; those that are not on PATH are noted. */
export async function measureReaders(
  job: Job,
  line: (n: number) => string,
  options: RunOptions,
): Promise<{
  readonly table: Omit<Table, 'title'>;
  readonly versions: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}> {
  const versions: Record<string, string> = {};
  const notes: string[] = [];
  const speeds = new Map<string, number[]>();
  for (const reader of readers) {
    const version = await reader.version();
    if (version === undefined) notes.push(`${reader.name} is not on PATH: no ratio to it`);
    else if (!options.isTiny || reader.isOurs) {
      versions[reader.name] = version;
      speeds.set(reader.name, []);
    }
  }
  const rounds = options.isTiny ? 1 : Math.min(3, options.rounds ?? 3);
  for (let round = 0; round < rounds; round++)
    for (const reader of readers) {
      const samples = speeds.get(reader.name);
      if (!samples) continue;
      options.say(`${reader.name}: round ${round + 1} of ${rounds}`);
      samples.push(await measureReader(reader, job, line, options.isTiny ? 500 : 400_000));
    }
  const ours = median(speeds.get('post2log') ?? []);
  const rows = [...speeds].map(([name, samples]) => [
    name,
    Math.round(median(samples)),
    (ours / median(samples)).toFixed(2),
  ]);
  return { table: { columns: ['program', 'lines/s', '× slower than post2log'], rows }, versions, notes };
}
