/** The servers of the `postback` scenario: each is started on a port of its own and takes POST /postback. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../cache.ts';
import { commandOutput } from '../load.ts';
import { Post2log, nullConfig } from '../post2log.ts';
import { Program, rootDirectory } from '../program.ts';
import { freePort } from '../../test/free-port.ts';

export interface RunningServer {
  readonly program: Program;
  /** Where to POST. */
  readonly url: string;
}

export interface Server {
  readonly name: string;
  /** What is measured: what it does with a record before it answers. */
  readonly does: string;
  readonly isOurs: boolean;
  /** Started without network access or installation, and so in the tiny size too. */
  readonly isLight: boolean;
  /** Undefined: not installed here. May install it into the cache directory. */
  version(): Promise<string | undefined>;
  /** Starts it in an empty directory of its own and waits until it serves. */
  start(directory: string): Promise<RunningServer>;
}

function ours(name: string, does: string, env: Record<string, string>, shellCommand?: string): Server {
  return {
    name,
    does,
    isOurs: true,
    isLight: true,
    async version() {
      const found = JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8')) as { version: string };
      return found.version;
    },
    async start(directory) {
      const post2log = await Post2log.start({
        dataDirectory: join(directory, 'data'),
        workDirectory: directory,
        stdout: openSync(join(directory, 'stdout.log'), 'a'),
        env,
        ...(shellCommand === undefined ? {} : { shellCommand }),
      });
      await post2log.ready;
      return { program: post2log.program, url: `${post2log.url}/postback` };
    },
  };
}

function startScript(): string {
  const parsed = JSON.parse(readFileSync(join(rootDirectory, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return parsed.scripts.start.replace(/(\S*bin\/post2log)/, 'exec $1');
}

const plain: Server = {
  name: 'plain',
  does: 'node:http server, appends, never syncs',
  isOurs: false,
  isLight: true,
  version: () => Promise.resolve(`node ${process.version}`),
  async start(directory) {
    const port = await freePort();
    const program = Program.start({
      command: process.execPath,
      args: [join(import.meta.dirname, 'plain-server.ts'), String(port), join(directory, 'records')],
      env: { NODE_NO_WARNINGS: '1' },
      cwd: directory,
      stdout: 'ignore',
      errorLogPath: join(directory, 'stderr.log'),
    });
    await program.answers(`http://127.0.0.1:${port}/`);
    return { program, url: `http://127.0.0.1:${port}/postback` };
  },
};

/** Makes the Python environment of the requirements file once; a changed file makes a new one. */
async function pythonEnvironment(): Promise<string | undefined> {
  const requirements = join(import.meta.dirname, 'requirements.txt');
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const directory = join(cacheDirectory, `fastapi-${version}`);
  const python = join(directory, 'bin', 'python');
  const mark = join(directory, 'complete');
  if (existsSync(mark)) return python;
  mkdirSync(cacheDirectory, { recursive: true });
  rmSync(directory, { recursive: true, force: true });
  await commandOutput('python3', ['-m', 'venv', directory]);
  await commandOutput(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  if (
    (await commandOutput(python, ['-c', 'import fastapi, uvicorn, uvloop, httptools; print("found")']))?.trim() !==
    'found'
  )
    return undefined;
  writeFileSync(`${mark}.new`, '');
  renameSync(`${mark}.new`, mark);
  return python;
}

const fastapi: Server = {
  name: 'fastapi',
  does: 'FastAPI on uvicorn (uvloop, httptools), rotating log file, never syncs',
  isOurs: false,
  isLight: false,
  async version() {
    const python = await pythonEnvironment();
    if (python === undefined) return undefined;
    const print =
      'import sys, fastapi, uvicorn; print(fastapi.__version__, "uvicorn", uvicorn.__version__, "python", sys.version.split()[0])';
    return (await commandOutput(python, ['-c', print]))?.trim();
  },
  async start(directory) {
    const port = await freePort();
    // Without access log and at level warning: faster than the original's default, so the comparison favours it.
    const options = ['--app-dir', import.meta.dirname, '--workers', '1', '--log-level', 'warning', '--no-access-log'];
    const program = Program.start({
      command: (await pythonEnvironment()) as string,
      args: [
        '-m',
        'uvicorn',
        'fastapi_server:app',
        '--port',
        String(port),
        '--loop',
        'uvloop',
        '--http',
        'httptools',
        ...options,
      ],
      env: { BENCH_FILE: join(directory, 'records.txt'), PYTHONDONTWRITEBYTECODE: '1' },
      cwd: directory,
      stdout: 'ignore',
      errorLogPath: join(directory, 'stderr.log'),
    });
    await program.answers(`http://127.0.0.1:${port}/`);
    return { program, url: `http://127.0.0.1:${port}/postback` };
  },
};

function fromPath(
  name: string,
  does: string,
  configName: string,
  config: (port: number) => string,
  args: (configPath: string) => readonly string[],
): Server {
  return {
    name,
    does,
    isOurs: false,
    isLight: false,
    version: async () => /\d+\.\d+\.\d+/.exec((await commandOutput(name, ['--version'])) ?? '')?.[0],
    async start(directory) {
      const port = await freePort();
      const configPath = join(directory, configName);
      writeFileSync(configPath, config(port));
      const program = Program.start({
        command: name,
        args: args(configPath),
        env: {},
        cwd: directory,
        stdout: 'ignore',
        errorLogPath: join(directory, 'stderr.log'),
      });
      await program.answers(`http://127.0.0.1:${port}/`);
      return { program, url: `http://127.0.0.1:${port}/postback` };
    },
  };
}

const fluentBit = fromPath(
  'fluent-bit',
  'http input, memory only, output null',
  'fluent-bit.conf',
  (port) =>
    `[SERVICE]\n  Flush 1\n  Log_Level error\n[INPUT]\n  Name http\n  Listen 127.0.0.1\n  Port ${port}\n[OUTPUT]\n  Name null\n  Match *\n`,
  (path) => ['-q', '-c', path],
);

const fluentd = fromPath(
  'fluentd',
  'http input, memory only, output null',
  'fluentd.conf',
  (port) => `<source>\n  @type http\n  bind 127.0.0.1\n  port ${port}\n</source>\n<match **>\n  @type null\n</match>\n`,
  (path) => ['-q', '--no-supervisor', '-c', path],
);

/** The one that the targets are about: the default number of workers. */
export const measuredName = 'post2log';

export const servers: readonly Server[] = [
  ours(measuredName, 'answers after fsync, output null', { P2L_WORKERS: '1', P2L_FLUENTD_EXTRACFG: nullConfig }),
  ours('post2log-2', 'the same with 2 workers', { P2L_WORKERS: '2', P2L_FLUENTD_EXTRACFG: nullConfig }),
  ours('npm-start', 'answers after fsync, as npm start runs it (stdout into a file)', {}, startScript()),
  plain,
  fastapi,
  fluentBit,
  fluentd,
];
