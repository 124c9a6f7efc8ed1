/** The programs of the `parse` scenario: each reads a log of nginx, parses its lines and writes them into files as JSON. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandOutput } from '../load.ts';
import { Program, rootDirectory } from '../program.ts';

export interface Reader {
  readonly name: string;
  readonly isOurs: boolean;
  /** Undefined: not installed here. */
  version(): Promise<string | undefined>;
  /** Starts it in an empty directory of its own. What it writes goes below `out` in there, a line for each record. */
  start(directory: string, logPath: string): Program;
}

const fluentConfig = (directory: string, logPath: string): string => `<source>
  @type tail
  path ${logPath}
  pos_file ${directory}/log.pos
  tag nginx
  read_from_head true
  <parse>
    @type nginx
  </parse>
</source>
<match **>
  @type file
  path ${directory}/out/records
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_interval 1s
  </buffer>
</match>
`;

const fluentBitConfig = (directory: string, logPath: string): string => `[SERVICE]
  Flush 1
  Log_Level error
  Parsers_File parsers.conf
[INPUT]
  Name tail
  Path ${logPath}
  Tag nginx
  Read_from_Head On
  Parser nginx
[OUTPUT]
  Name file
  Match *
  Path ${directory}/out
  Format plain
  Mkdir On
`;

const fluentBitParsers = `[PARSER]
  Name nginx
  Format regex
  Regex ^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \\[(?<time>[^\\]]*)\\] "(?<method>\\S+)(?: +(?<path>[^"]*?)(?: +\\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?$
  Time_Key time
  Time_Format %d/%b/%Y:%H:%M:%S %z
`;

function reader(
  name: string,
  command: string,
  prepare: (
    directory: string,
    logPath: string,
  ) => { readonly args: readonly string[]; readonly env?: Record<string, string> },
  version: () => Promise<string | undefined>,
): Reader {
  return {
    name,
    isOurs: name === 'post2log',
    version,
    start(directory, logPath) {
      const { args, env = {} } = prepare(directory, logPath);
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

export const readers: readonly Reader[] = [
  reader(
    'post2log',
    join(rootDirectory, 'bin', 'post2log'),
    (directory, logPath) => ({
      args: ['run', '--config', write(directory, 'fluent.conf', fluentConfig(directory, logPath))],
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
    (directory, logPath) => {
      write(directory, 'parsers.conf', fluentBitParsers);
      return { args: ['-q', '-c', write(directory, 'fluent-bit.conf', fluentBitConfig(directory, logPath))] };
    },
    versionOf('fluent-bit'),
  ),
  reader(
    'fluentd',
    'fluentd',
    (directory, logPath) => ({
      args: ['-q', '--no-supervisor', '-c', write(directory, 'fluent.conf', fluentConfig(directory, logPath))],
    }),
    versionOf('fluentd'),
  ),
];

/** Lines in the files below `out`. */
export function linesWritten(directory: string): number {
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
