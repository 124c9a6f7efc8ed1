/** Collectors of container logs, for the `tail` scenario: a log lies there, and its lines go through a pipeline. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput } from '../load.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { Program, rootDirectory, wait } from '../program.ts';
import { Kubernetes, LineCounter, Target } from './collector-targets.ts';
import { logName, parsersFile } from './collector-ways.ts';
import type { Place, Way } from './collector-ways.ts';

/** Longest wait without any further line. */
const stuckMs = 180_000;
const sampleMs = 100;

export interface Collected {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
  /** Bytes a line that were sent, as they went over the connection. */
  readonly sentBytes: number;
}

interface Collector {
  readonly name: string;
  version(): Promise<string | undefined>;
  start(place: Place, way: Way): Program;
}

const versionOf = (command: string) => async () =>
  /\d+\.\d+\.\d+/.exec((await commandOutput(command, ['--version'])) ?? '')?.[0];

function collector(
  name: string,
  command: string,
  version: Collector['version'],
  prepare: (directory: string) => { args: string[]; env?: Record<string, string> },
): Collector {
  return {
    name,
    version,
    start(place, way) {
      const { directory } = place;
      writeFileSync(join(directory, 'parsers.conf'), parsersFile);
      writeFileSync(join(directory, 'token'), 'secret');
      writeFileSync(join(directory, 'fluent-bit.conf'), way.fluentBit(place));
      writeFileSync(join(directory, 'fluentd.conf'), way.fluentd(place));
      const { args, env = {} } = prepare(directory);
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
      env: {
        P2L_DATA_DIR: join(directory, 'data'),
        P2L_STORE: 'off',
        P2L_ADMIN_PORT: '0',
        P2L_NODE_OPTIONS: process.env['P2L_NODE_OPTIONS'] ?? '',
      },
    }),
  ),
  collector('fluent-bit', 'fluent-bit', versionOf('fluent-bit'), (directory) => ({
    args: ['-q', '-c', join(directory, 'fluent-bit.conf')],
  })),
  collector('fluentd', 'fluentd', versionOf('fluentd'), (directory) => ({
    args: ['-q', '--no-supervisor', '-c', join(directory, 'fluentd.conf')],
  })),
];

/**
 * Runs a collector until all lines of a log have come out. Time and CPU time count from its start on.
 * @throws when some lines do not come out
 */
export async function collect(one: Collector, way: Way, log: string, lines: number): Promise<Collected> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-collector-'));
  const [target, kubernetes] = [new Target(), new Kubernetes()];
  for (const name of ['out', 'logs']) mkdirSync(join(directory, name));
  const own = join(directory, 'logs', logName);
  linkSync(log, own);
  const place = { directory, log: own, port: await target.listen(), kubernetesUrl: await kubernetes.listen() };
  const program = one.start(place, way);
  const counter = new LineCounter(join(directory, 'out'));
  try {
    let [seen, progressMs, memory] = [0, performance.now(), 0];
    for (; seen < lines; await wait(sampleMs)) {
      memory = Math.max(memory, memoryMb(program.pids()));
      const now = target.records + counter.count();
      if (now > seen) progressMs = performance.now();
      seen = now;
      if (program.exit || performance.now() - progressMs > stuckMs)
        throw new Error(`${one.name} (${way.name}): ${seen} of ${lines} lines came out\n${program.errorTail}`);
    }
    const seconds = (performance.now() - program.startedMs) / 1000;
    return {
      seconds,
      cpuSeconds: cpuSeconds(program.pids()),
      memoryMb: memory,
      sentBytes: target.bytes / lines,
    };
  } finally {
    await program.stop(15_000);
    target.close();
    kubernetes.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
