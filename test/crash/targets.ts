/**
 * Crash test of outputs with exactly_once: `npm run crash:targets -- kafka --records 1000000 --kills 20 --seed 7`.
 *
 * Numbered records go from a file into a real server, through one output with exactly_once and one without, while the
 * program and the server are killed with SIGKILL in turn, and started again. Then the server holds each record that went
 * through the first once, no more and no fewer; of the others none is lost, and how many are there twice is printed. Exit 0:
 * no problem found. 1: problems; the directory is kept. 2: arguments.
 */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Post2log } from '../../bench/post2log.ts';
import type { Status } from '../../bench/post2log.ts';
import { wait } from '../../bench/program.ts';
import { freePort } from '../free-port.ts';
import type { Running } from '../services/contract.ts';
import { runCrashTest } from './outcome.ts';
import { Random } from './random.ts';
import { influxdbTarget } from './target-influxdb.ts';
import { kafkaTarget } from './target-kafka.ts';
import { opensearchTarget } from './target-opensearch.ts';

/** A server that an output with exactly_once writes to. */
export interface CrashTarget {
  readonly name: string;
  /** Names of places in the output at which the program is killed too. */
  readonly points: readonly string[];
  /** Starts the server and makes what the output needs. */
  start(directory: string): Promise<Running>;
  /** `<store>` sections: the output with `@id once` and exactly_once, and one with `@id plain` without. */
  stores(server: Running): string;
  /** Calls `take` for the number of each record that is there. */
  read(server: Running, from: 'once' | 'plain', take: (n: number) => void): Promise<void>;
}

const targets: readonly CrashTarget[] = [influxdbTarget, kafkaTarget, opensearchTarget];

/** Longest time without a record more in the target before it counts as stuck: a transaction that a kill left open may be waited for. */
const stuckMs = 180_000;
/** Records that are written to the file at a time. */
const linesPerWrite = 5000;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      records: { type: 'string', default: '1000000' },
      kills: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      keep: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'records' | 'kills' | 'seed'): number => {
    if (/^\d+$/.test(values[name])) return Number(values[name]);
    throw new Error(`--${name} ${values[name]}: expected a whole number`);
  };
  const target = targets.find(({ name }) => name === positionals[0]);
  if (!target || positionals.length !== 1)
    throw new Error(`expected one target of ${targets.map(({ name }) => name).join(', ')}`);
  return { target, records: whole('records'), kills: whole('kills'), seed: whole('seed'), isKept: values.keep };
}
type Options = ReturnType<typeof readOptions>;

/** The program, started again and again on one data directory. */
class Sender {
  readonly #directory: string;
  readonly #config: string;
  readonly #ports: { port: number; adminPort: number };
  #running: Post2log | undefined;
  readonly ownDeaths: string[] = [];
  #isExpectedToEnd = false;

  constructor(directory: string, config: string, ports: { port: number; adminPort: number }) {
    this.#directory = directory;
    this.#config = config;
    this.#ports = ports;
  }
  /** `crashAt`: it kills itself there. */
  async start(crashAt?: string): Promise<void> {
    this.#isExpectedToEnd = crashAt !== undefined;
    const post2log = await Post2log.start(
      {
        dataDirectory: join(this.#directory, 'data'),
        workDirectory: this.#directory,
        stdout: 'ignore',
        env: {
          P2L_FLUENTD_EXTRACFG: this.#config,
          // What every output has passed goes at once: too early is what would be found.
          P2L_KEEP: '0',
          ...(crashAt !== undefined && { P2L_CRASH_AT: crashAt }),
        },
      },
      this.#ports,
    );
    this.#running = post2log;
    void post2log.program.exited.then(({ code, signal }) => {
      if (!this.#isExpectedToEnd) this.ownDeaths.push(`${signal ?? `exit ${code}`}: ${post2log.program.errorTail}`);
    });
    // One that kills itself may do so before it is ready.
    await post2log.ready.catch((error: unknown) => {
      if (crashAt === undefined) throw error;
    });
  }
  async status(): Promise<Status | undefined> {
    return this.#running?.status();
  }
  async kill(): Promise<void> {
    this.#isExpectedToEnd = true;
    this.#running?.program.signalGroup('SIGKILL');
    await this.#running?.program.exited;
  }
  get isGone(): boolean {
    return this.#running?.program.exit !== undefined;
  }
  async stop(): Promise<number | undefined> {
    this.#isExpectedToEnd = true;
    return (await this.#running?.program.stop(60_000))?.code ?? undefined;
  }
}

/** Writes records into the file, a share before each kill. */
class Lines {
  readonly #stream;
  #next = 0;
  constructor(path: string) {
    this.#stream = createWriteStream(path, { flags: 'a' });
  }
  async upTo(end: number): Promise<void> {
    while (this.#next < end) {
      const until = Math.min(end, this.#next + linesPerWrite);
      let text = '';
      for (; this.#next < until; this.#next++)
        text += `{"n":${this.#next},"key":"k${this.#next % 97}","pad":"${'x'.repeat(this.#next % 200)}"}\n`;
      if (!this.#stream.write(text)) await once(this.#stream, 'drain');
    }
  }
  end(): void {
    this.#stream.end();
  }
}

/** What both outputs are done with; the program has others besides. */
const deliveredBy = (status: Status | undefined): number =>
  (status?.outputs ?? [])
    .filter(({ id }) => id === 'once' || id === 'plain')
    .reduce((least, { delivered }) => Math.min(least, delivered), status ? Number.POSITIVE_INFINITY : 0);

async function storm(
  { target, records, kills, seed }: Options,
  sender: Sender,
  server: Running,
  lines: Lines,
): Promise<void> {
  const random = new Random(seed, 'kills');
  for (let kill = 0; kill < kills; kill++) {
    const goal = Math.floor((records * (kill + 1)) / (kills + 1));
    await lines.upTo(goal);
    // Somewhere on the way of this share.
    const killAt = goal - random.between(0, Math.floor(records / (kills + 1)));
    const untilMs = performance.now() + stuckMs;
    while (deliveredBy(await sender.status()) < killAt && performance.now() < untilMs) await wait(5);
    await wait(random.between(0, 100));
    switch (kill % 4) {
      case 1: {
        await sender.kill();
        await server.kill();
        await server.restart();
        break;
      }
      case 3: {
        await server.kill();
        await wait(random.between(0, 500));
        await server.restart();
        continue;
      }
      case 2: {
        await sender.kill();
        await sender.start(`${random.pick(target.points)}:${random.between(1, 3)}`);
        await lines.upTo(goal + 1);
        const endMs = performance.now() + 20_000;
        while (!sender.isGone && performance.now() < endMs) await wait(10);
        await sender.kill();
        break;
      }
      default:
        await sender.kill();
    }
    await sender.start();
  }
  await lines.upTo(records);
}

async function drained(sender: Sender, records: number): Promise<Status> {
  let best = -1;
  let progressMs = performance.now();
  for (;;) {
    const status = await sender.status();
    const done = deliveredBy(status);
    if (status && done >= records && status.outputs.every(({ waiting }) => waiting === 0)) return status;
    if (done > best) {
      best = done;
      progressMs = performance.now();
    }
    if (performance.now() - progressMs > stuckMs)
      throw new Error(`stuck with ${best} of ${records} records: ${JSON.stringify(status?.outputs)}`);
    await wait(100);
  }
}

async function count(target: CrashTarget, server: Running, from: 'once' | 'plain', records: number) {
  const times = new Uint32Array(records);
  let strangers = 0;
  await target.read(server, from, (n) => {
    if (Number.isInteger(n) && n >= 0 && n < records) times[n] = (times[n] as number) + 1;
    else strangers++;
  });
  const numbers = (wanted: (count: number) => boolean): number[] =>
    [...times.keys()].filter((n) => wanted(times[n] as number));
  return { missing: numbers((one) => one === 0), more: numbers((one) => one > 1), strangers };
}

async function run(directory: string, options: Options): Promise<string[]> {
  const { target, records, kills } = options;
  const server = await target.start(directory);
  const path = join(directory, 'lines.log');
  const lines = new Lines(path);
  await lines.upTo(1);
  const config = `<source>
  @type tail
  path ${path}
  tag numbers
  read_from_head true
  <parse>
    @type json
  </parse>
</source>
<match numbers>
  @type copy
${target.stores(server)}
</match>`;
  const sender = new Sender(directory, config, { port: await freePort(), adminPort: await freePort() });
  const beginMs = performance.now();
  try {
    await sender.start();
    await storm(options, sender, server, lines);
    const status = await drained(sender, records);
    const code = await sender.stop();
    const [exact, plain] = [
      await count(target, server, 'once', records),
      await count(target, server, 'plain', records),
    ];
    const seconds = ((performance.now() - beginMs) / 1000).toFixed(0);
    console.log(
      `${records} records, ${kills} kills, ${seconds} s; without exactly_once ${plain.more.length} records are there more than once`,
    );
    const found: [readonly number[], string][] = [
      [exact.missing, 'records are missing'],
      [exact.more, 'records are there more than once'],
      [plain.missing, 'records are missing without exactly_once'],
    ];
    return [
      ...found.flatMap(([list, text]) =>
        list.length > 0 ? [`${list.length} ${text}: ${list.slice(0, 10).join(', ')}`] : [],
      ),
      ...(exact.strangers + plain.strangers > 0
        ? [`${exact.strangers + plain.strangers} records were never sent`]
        : []),
      ...status.outputs.flatMap(({ id, refused }) =>
        Object.keys(refused).length > 0 ? [`output ${id} refused ${JSON.stringify(refused)}`] : [],
      ),
      ...sender.ownDeaths.map((death) => `the program ended by itself with ${death}`),
      ...(code === 0 ? [] : [`the program answered SIGTERM with exit code ${code}`]),
    ];
  } finally {
    lines.end();
    await sender.kill();
    await server.kill();
  }
}

await runCrashTest('crash:targets', () => {
  const options = readOptions();
  return {
    headline: `crash test of ${options.target.name}: --records ${options.records} --kills ${options.kills} --seed ${options.seed}`,
    prefix: 'p2l-crash-targets-',
    isKept: options.isKept,
    run: (directory) => run(directory, options),
  };
});
