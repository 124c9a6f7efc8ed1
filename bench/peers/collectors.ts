/**
 * Collectors of container logs, for the `tail` scenario: a log lies there, and its lines go through a pipeline that is written
 * in Fluent Bit's and in Fluentd's way. post2log runs Fluent Bit's configuration as it is.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { commandOutput } from '../load.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { Program, rootDirectory, wait } from '../program.ts';

/** Longest wait without any further line. */
const stuckMs = 60_000;
const sampleMs = 250;

export interface Way {
  readonly name: string;
  /** How many times the lines of Fluent Bit it must take in a CPU second. */
  readonly ratio: number;
  readonly line: (n: number) => string;
  readonly fluentBit: (directory: string, sinkPort: number) => string;
  readonly fluentd: (directory: string, sinkPort: number) => string;
}

export interface Collected {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
}

const access = (n: number): string =>
  `{"n":${n},"remote":"192.0.2.${n % 256}","method":"GET","path":"/shop/${n % 97}/item-${n % 1013}","code":${n % 50 ? 200 : 404},"agent":"Mozilla/5.0 (X11; Linux x86_64)"}`;
const timeOf = (n: number): string => `2026-01-01T12:00:00.${String(n % 1_000_000_000).padStart(9, '0')}Z`;

const parsers = `[PARSER]
  Name cri
  Format regex
  Regex ^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$
  Time_Key time
  Time_Format %Y-%m-%dT%H:%M:%S.%L%z
[PARSER]
  Name docker
  Format json
  Time_Key time
  Time_Format %Y-%m-%dT%H:%M:%S.%L
  Time_Keep On
[PARSER]
  Name json
  Format json
`;
const bitInput = (directory: string, parser: string): string => `[SERVICE]
  Flush 1
  Log_Level error
  Parsers_File ${directory}/parsers.conf
[INPUT]
  Name tail
  Path ${directory}/in.log
  Tag kube.*
  Read_from_Head On
  Parser ${parser}
`;
const fluentdInput = (directory: string, parse: string): string => `<source>
  @type tail
  path ${directory}/in.log
  pos_file ${directory}/in.pos
  tag kube.*
  read_from_head true
  <parse>
${parse}
  </parse>
</source>
`;

export const ways: readonly Way[] = [
  {
    name: 'cri → json → http, gzip',
    ratio: 1.2,
    line: (n) => `${timeOf(n)} stdout F ${access(n)}\n`,
    fluentBit: (directory, port) => `${bitInput(directory, 'cri')}[FILTER]
  Name parser
  Match *
  Key_Name message
  Parser json
  Reserve_Data On
[OUTPUT]
  Name http
  Match *
  Host 127.0.0.1
  Port ${port}
  URI /
  Format json_lines
  Compress gzip
`,
    fluentd: (directory, port) => `${fluentdInput(
      directory,
      `    @type regexp
    expression /^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$/
    time_format %Y-%m-%dT%H:%M:%S.%N%z`,
    )}<filter **>
  @type parser
  key_name message
  reserve_data true
  <parse>
    @type json
  </parse>
</filter>
<match **>
  @type http
  endpoint http://127.0.0.1:${port}/
  compress gzip
  <format>
    @type json
  </format>
  <buffer>
    flush_interval 1s
  </buffer>
</match>
`,
  },
  {
    name: 'docker → file',
    ratio: 1,
    line: (n) => `${JSON.stringify({ log: `${access(n)}\n`, stream: 'stdout', time: timeOf(n) })}\n`,
    fluentBit: (directory) => `${bitInput(directory, 'docker')}[OUTPUT]
  Name file
  Match *
  Path ${directory}/out
  Format plain
  Mkdir On
`,
    fluentd: (directory) => `${fluentdInput(
      directory,
      `    @type json
    time_format %Y-%m-%dT%H:%M:%S.%NZ`,
    )}<match **>
  @type file
  path ${directory}/out/all
  append true
  <format>
    @type json
  </format>
  <buffer>
    flush_mode interval
    flush_interval 1s
  </buffer>
</match>
`,
  },
];

/** Takes requests and counts the lines in them; in this process, whose time is not measured. */
class Sink {
  lines = 0;
  readonly #server: Server;
  constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts);
        const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
        const [lines] = countLines(bytes);
        this.lines += lines + (bytes.length > 0 && bytes.at(-1) !== 10 ? 1 : 0);
        response.end();
      });
    });
  }
  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port)),
    );
  }
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Lines of bytes, and where the last one ends. */
function countLines(bytes: Buffer): [lines: number, end: number] {
  let [lines, end] = [0, 0];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) [lines, end] = [lines + 1, at + 1];
  return [lines, end];
}

/** Lines in the files below `out`. */
function linesWritten(directory: string): number {
  const out = join(directory, 'out');
  if (!existsSync(out)) return 0;
  return readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.meta'))
    .reduce((sum, entry) => sum + countLines(readFileSync(join(entry.parentPath, entry.name)))[0], 0);
}

interface Collector {
  readonly name: string;
  version(): Promise<string | undefined>;
  start(directory: string, way: Way, sinkPort: number): Program;
}

const versionOf = (command: string) => async () =>
  /\d+\.\d+\.\d+/.exec((await commandOutput(command, ['--version'])) ?? '')?.[0];

function collector(
  name: string,
  command: string,
  version: Collector['version'],
  prepare: (directory: string, way: Way, port: number) => { args: string[]; env?: Record<string, string> },
): Collector {
  return {
    name,
    version,
    start(directory, way, port) {
      writeFileSync(join(directory, 'parsers.conf'), parsers);
      writeFileSync(join(directory, 'fluent-bit.conf'), way.fluentBit(directory, port));
      writeFileSync(join(directory, 'fluentd.conf'), way.fluentd(directory, port));
      const { args, env = {} } = prepare(directory, way, port);
      const errorLogPath = join(directory, 'stderr.log');
      return Program.start({ command, args, env, cwd: directory, stdout: 'ignore', errorLogPath });
    },
  };
}

export const collectors: readonly Collector[] = [
  collector(
    'post2log',
    join(rootDirectory, 'bin', 'post2log'),
    () =>
      Promise.resolve(
        (JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8')) as { version: string }).version,
      ),
    (directory) => ({
      args: ['run', '--config', join(directory, 'fluent-bit.conf')],
      env: { P2L_DATA_DIR: join(directory, 'data'), P2L_STORE: 'off', P2L_ADMIN_PORT: '0' },
    }),
  ),
  collector('fluent-bit', 'fluent-bit', versionOf('fluent-bit'), (directory) => ({
    args: ['-q', '-c', join(directory, 'fluent-bit.conf')],
  })),
  collector('fluentd', 'fluentd', versionOf('fluentd'), (directory) => ({
    args: ['-q', '--no-supervisor', '-c', join(directory, 'fluentd.conf')],
  })),
];

/** Runs a collector until all lines have come out. @throws when some do not */
export async function collect(one: Collector, way: Way, lines: number): Promise<Collected> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-collector-'));
  const sink = new Sink();
  mkdirSync(join(directory, 'out'));
  writeFileSync(join(directory, 'in.log'), Array.from({ length: lines }, (_, n) => way.line(n)).join(''));
  const program = one.start(directory, way, await sink.listen());
  try {
    const arrived = (): number => sink.lines + linesWritten(directory);
    let [seen, progressMs, memory] = [0, performance.now(), 0];
    for (; seen < lines; await wait(sampleMs)) {
      memory = Math.max(memory, memoryMb(program.pids()));
      const now = arrived();
      if (now > seen) progressMs = performance.now();
      seen = now;
      if (program.exit || performance.now() - progressMs > stuckMs)
        throw new Error(`${one.name} (${way.name}): ${seen} of ${lines} lines came out\n${program.errorTail}`);
    }
    const seconds = (performance.now() - program.startedMs) / 1000;
    return { seconds, cpuSeconds: cpuSeconds(program.pids()), memoryMb: memory };
  } finally {
    await program.stop(15_000);
    sink.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
