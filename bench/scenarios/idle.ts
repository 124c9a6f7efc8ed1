/** What the program costs while nothing happens: memory of all its processes, and the time from start to `ready`. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Post2log } from '../post2log.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { wait } from '../program.ts';
import { atMost, median } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';

interface Form {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its configuration, given a directory of its own; without one it is the built-in one. */
  readonly config?: (directory: string) => string;
  /** DESIGN's limits, MB of PSS; undefined: it sets none. */
  readonly mustMb: number | undefined;
  readonly aimMb: number | undefined;
}

/** What runs on every node or beside every container: follows files, and sends what it finds to a target that is not there. */
function collector(directory: string): string {
  return `<source>
  @type tail
  path ${directory}/*.log
  tag node
  <parse>
    @type cri
  </parse>
</source>
<match **>
  @type http
  endpoint http://127.0.0.1:9/
</match>
`;
}

const forms: readonly Form[] = [
  { name: 'one process', env: {}, mustMb: 70, aimMb: 60 },
  { name: 'collector: tail, cri, http', env: {}, config: collector, mustMb: 70, aimMb: 60 },
  { name: 'split, 2 workers', env: { P2L_WORKERS: '2' }, mustMb: 150, aimMb: undefined },
  { name: 'with the store', env: { P2L_STORE: 'on' }, mustMb: undefined, aimMb: undefined },
];

interface Sample {
  readonly readyMs: number;
  readonly memoryMb: number;
  /** Share of a core while idle, in percent. */
  readonly cpuPercent: number;
  readonly processes: number;
  readonly answer: string;
}

async function measureOnce({ env, config }: Form, directory: string, settleMs: number): Promise<Sample> {
  const configPath = join(directory, 'fluent.conf');
  if (config) writeFileSync(configPath, config(directory));
  const post2log = await Post2log.start({
    dataDirectory: join(directory, 'data'),
    workDirectory: directory,
    stdout: 'ignore',
    env,
    ...(config && { shellCommand: `exec bin/post2log run --config ${configPath}` }),
  });
  try {
    const readyMs = await post2log.ready;
    const answer = await (await fetch(`${config ? post2log.adminUrl : post2log.url}/healthz`)).text();
    await wait(settleMs);
    const pids = post2log.program.pids();
    const before = cpuSeconds(pids);
    await wait(settleMs);
    const cpuPercent = ((cpuSeconds(pids) - before) / (settleMs / 1000)) * 100;
    return { readyMs, memoryMb: memoryMb(pids), cpuPercent, processes: pids.length, answer };
  } finally {
    await post2log.program.stop(15_000);
  }
}

async function runIdle(options: RunOptions): Promise<Outcome> {
  const rounds = options.rounds ?? (options.isTiny ? 1 : 5);
  const settleMs = options.isTiny ? 100 : 3000;
  const samples = forms.map((): Sample[] => []);
  // The first start of all fills the compile cache and the page cache; it is not counted.
  for (let round = options.isTiny ? 1 : 0; round <= rounds; round++) {
    options.say(`start ${round} of ${rounds}`);
    for (const [index, form] of forms.entries()) {
      const directory = mkdtempSync(join(tmpdir(), 'p2l-idle-'));
      try {
        const sample = await measureOnce(form, directory, round === 0 ? 0 : settleMs);
        if (round > 0) samples[index]?.push(sample);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
  }
  const middle = (index: number, of: 'readyMs' | 'memoryMb' | 'cpuPercent' | 'processes'): number =>
    median((samples[index] ?? []).map((sample) => sample[of]));
  const hash = createHash('sha256');
  for (const { answer, processes } of samples.flat()) hash.update(`${processes} ${answer}\n`);
  return {
    tables: [
      {
        title: 'idle, after a start on an empty data directory',
        columns: ['form', 'processes', 'start to ready ms', 'PSS MB', '% of a core'],
        rows: forms.map(({ name }, index) => [
          name,
          middle(index, 'processes'),
          Math.round(middle(index, 'readyMs')),
          middle(index, 'memoryMb').toFixed(1),
          middle(index, 'cpuPercent').toFixed(1),
        ]),
      },
    ],
    targets: forms.flatMap(({ name, mustMb, aimMb }, index) => [
      ...(mustMb === undefined ? [] : [atMost('must', `${name}: PSS MB`, middle(index, 'memoryMb'), mustMb)]),
      ...(aimMb === undefined ? [] : [atMost('aim', `${name}: PSS MB`, middle(index, 'memoryMb'), aimMb)]),
      atMost('must', `${name}: start to ready ms`, middle(index, 'readyMs'), 500),
      atMost('aim', `${name}: start to ready ms`, middle(index, 'readyMs'), 300),
    ]),
    resultHash: hash.digest('hex').slice(0, 16),
    versions: {},
    notes: [],
  };
}

export const idle: Scenario = {
  name: 'idle',
  summary: 'memory of the idle program, one process and split, and the time from start to ready',
  run: runIdle,
};
