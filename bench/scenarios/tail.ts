/**
 * A log that lies there is read into a file output: tail → parse → journal → file. What does a record cost, from the line
 * to the line, with the parser `none` and with `json`? Then container logs, with peers where they are on PATH, and files
 * that nobody writes.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  linkSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Post2log } from '../post2log.ts';
import { cpuSeconds, memoryMb } from '../processes.ts';
import { wait } from '../program.ts';
import { median } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario } from '../scenario.ts';
import { measureCollectors, measureIdleFiles } from '../tail-rows.ts';

const sampleMs = 100;
/** Longest time without any record delivered before a round counts as stuck. */
const stuckMs = 60_000;

type ParserName = 'none' | 'json';

interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
  /** Of the lines written, in order. */
  readonly hash: string;
}

/** An access log's line, as JSON. */
function lineOf(n: number): string {
  const path = `/shop/${n % 97}/item-${n % 1013}`;
  return `{"n":${n},"remote":"192.0.2.${n % 256}","method":"GET","path":"${path}","code":${n % 50 ? 200 : 404},"size":${n % 9973},"agent":"Mozilla/5.0 (X11; Linux x86_64)"}\n`;
}

async function writeLog(path: string, lines: number): Promise<void> {
  const stream = createWriteStream(path);
  for (let n = 0; n < lines; n += 1000) {
    const text = Array.from({ length: Math.min(1000, lines - n) }, (_, i) => lineOf(n + i)).join('');
    if (!stream.write(text)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

function configOf(directory: string, parser: ParserName): string {
  return `<source>
  @type tail
  path ${directory}/in.log
  tag bench
  read_from_head true
  <parse>
    @type ${parser}
  </parse>
</source>
<match **>
  @type file
  path ${directory}/out/all
  append true
  <format>
    @type json
  </format>
</match>
`;
}

async function readLog(lines: number, log: string, parser: ParserName): Promise<Round> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-'));
  try {
    linkSync(log, join(directory, 'in.log'));
    writeFileSync(join(directory, 'tail.conf'), configOf(directory, parser));
    const post2log = await Post2log.start({
      dataDirectory: join(directory, 'data'),
      workDirectory: directory,
      stdout: 'ignore',
      shellCommand: `exec bin/post2log run --config '${join(directory, 'tail.conf')}'`,
    });
    await post2log.ready;
    const round = await watch(post2log, lines);
    await post2log.program.stop(20_000);
    return { ...round, hash: await hashOf(join(directory, 'out'), lines) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Time and CPU time count from the program's start on, all its processes. */
async function watch(post2log: Post2log, lines: number): Promise<Omit<Round, 'hash'>> {
  let memory = 0;
  let seen = 0;
  let progressMs = performance.now();
  for (;;) {
    const delivered = (await post2log.status())?.outputs.reduce((sum, output) => sum + output.delivered, 0) ?? seen;
    const pids = post2log.program.pids();
    memory = Math.max(memory, memoryMb(pids));
    if (delivered > seen) progressMs = performance.now();
    seen = delivered;
    if (seen >= lines) {
      const seconds = (performance.now() - post2log.program.startedMs) / 1000;
      return { seconds, cpuSeconds: cpuSeconds(pids), memoryMb: memory };
    }
    if (performance.now() - progressMs > stuckMs) throw new Error(`nothing delivered for ${stuckMs / 1000} s`);
    await wait(sampleMs);
  }
}

/** @throws when a line is missing or doubled */
async function hashOf(directory: string, lines: number): Promise<string> {
  const hash = createHash('sha256');
  let count = 0;
  for (const name of readdirSync(directory).sort())
    for await (const part of createReadStream(join(directory, name))) {
      const bytes = part as Buffer;
      hash.update(bytes);
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
    }
  if (count !== lines) throw new Error(`${lines} lines lay in the log, ${count} are in the file`);
  return hash.digest('hex');
}

/** Parts that `--only` may name. */
const parts = { files: measureFiles, collectors: measureCollectors, idle: measureIdleFiles } as const;

async function runTail(options: RunOptions): Promise<Outcome> {
  const chosen = Object.entries(parts).filter(([name]) => options.only.length === 0 || options.only.includes(name));
  const measured: (Partial<Outcome> & Pick<Outcome, 'tables' | 'targets' | 'versions' | 'notes'>)[] = [];
  for (const [, measure] of chosen) measured.push(await measure(options));
  return {
    tables: measured.flatMap(({ tables }) => tables),
    targets: measured.flatMap(({ targets }) => targets),
    resultHash: measured.find(({ resultHash }) => resultHash)?.resultHash ?? '',
    versions: Object.assign({}, ...measured.map(({ versions }) => versions)) as Outcome['versions'],
    notes: measured.flatMap(({ notes }) => notes),
  };
}

/** The log of this scenario's own. */
async function measureFiles(options: RunOptions): Promise<Outcome> {
  const lines = options.isTiny ? 2000 : Math.round((options.millions ?? 2) * 1e6);
  const rounds = options.rounds ?? (options.isTiny ? 1 : 3);
  const directory = mkdtempSync(join(tmpdir(), 'p2l-bench-'));
  const measured: Record<ParserName, Round[]> = { none: [], json: [] };
  try {
    const log = join(directory, 'in.log');
    options.say(`writing ${lines} lines`);
    await writeLog(log, lines);
    for (let round = 0; round < rounds; round++)
      for (const parser of ['none', 'json'] as const) {
        options.say(`round ${round + 1} of ${rounds}: ${parser}`);
        measured[parser].push(await readLog(lines, log, parser));
      }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const hash = createHash('sha256');
  for (const { hash: one } of [...measured.none.slice(0, 1), ...measured.json.slice(0, 1)]) hash.update(one);
  const middle = (parser: ParserName, of: (round: Round) => number): number => median(measured[parser].map(of));
  return {
    tables: [
      {
        title: `${lines} lines of a log into a file output (all processes, from their start on; medians)`,
        columns: ['parser', 'seconds', 'CPU s', 'records/s', 'records/CPU s', 'PSS MB at most'],
        rows: (['none', 'json'] as const).map((parser) => [
          parser,
          middle(parser, (round) => round.seconds).toFixed(1),
          middle(parser, (round) => round.cpuSeconds).toFixed(1),
          Math.round(middle(parser, (round) => lines / round.seconds)),
          Math.round(middle(parser, (round) => lines / round.cpuSeconds)),
          Math.round(middle(parser, (round) => round.memoryMb)),
        ]),
      },
    ],
    targets: [],
    resultHash: hash.digest('hex').slice(0, 16),
    versions: {},
    notes: [],
  };
}

export const tail: Scenario = {
  name: 'tail',
  summary: 'logs that lie there: tail → none or json → file, container logs against peers; and 10,000 idle files',
  run: runTail,
};
