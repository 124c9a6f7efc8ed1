/** The program under test: started again and again on one data directory, its standard output gathered through a pipe. */
import { createWriteStream, mkdirSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { join } from 'node:path';
import { Post2log } from '../../bench/post2log.ts';
import type { Status } from '../../bench/post2log.ts';
import { processGroup } from '../../bench/processes.ts';
import { wait } from '../../bench/program.ts';
import { freePort } from '../free-port.ts';
import { filesBelow, tornMark } from './arrivals.ts';
import { outputIds } from './check.ts';
import { postbackPaths } from './postbacks.ts';

/** Longest wait for the program to be ready again, or for a process to be replaced. Recovery takes well under a second here. */
const restartTimeoutMs = 120_000;

/** Longest wait for processes whose parent was killed to end: the next start waits as long for them. */
export const orphanMs = 10_000;

/** Both outputs get every record: the file exactly once, standard output at least once. Flushed often, so that kills hit writes. */
function outputConfig(filePath: string): string {
  return `<match **>
  @type copy
  <store>
    @type file
    @id ${outputIds.file}
    path ${filePath}
    append true
    <format>
      @type json
    </format>
    <buffer>
      flush_mode interval
      flush_interval 0.1
    </buffer>
  </store>
  <store>
    @type stdout
    @id ${outputIds.stdout}
    <format>
      @type json
    </format>
  </store>
</match>`;
}

export class Victim {
  readonly port: number;
  readonly dataDirectory: string;
  readonly #adminPort: number;
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #captured: WriteStream;
  #running: Post2log | undefined;
  #isExpectedToEnd = true;
  /** While set, nobody reads standard output: the pipe fills and the output waits. */
  #isOutputHeld = false;
  /** How often it ended though nobody had killed it, with what it said. */
  readonly ownDeaths: string[] = [];

  private constructor(directory: string, dataDirectory: string, env: Record<string, string>, ports: [number, number]) {
    this.#directory = directory;
    this.dataDirectory = dataDirectory;
    this.#env = env;
    [this.port, this.#adminPort] = ports;
    mkdirSync(join(directory, 'out'), { recursive: true });
    this.#captured = createWriteStream(join(directory, 'stdout.jsonl'));
  }
  static async make(directory: string, dataDirectory: string, env: Record<string, string>): Promise<Victim> {
    return new Victim(directory, dataDirectory, env, [await freePort(), await freePort()]);
  }

  /** Starts it; does not wait until it is ready. `mayEnd`: it is no problem when it ends again by itself. */
  async start(options: { crashAt?: string; mayEnd?: boolean } = {}): Promise<void> {
    const { crashAt, mayEnd = crashAt !== undefined } = options;
    const post2log = await Post2log.start(
      {
        dataDirectory: this.dataDirectory,
        workDirectory: this.#directory,
        stdout: 'pipe',
        env: {
          P2L_ENDPOINT: postbackPaths.join(','),
          P2L_STORE: 'on',
          // What every output has passed goes at once: too early is what would be found.
          P2L_KEEP: '0',
          P2L_FLUENTD_EXTRACFG: outputConfig(join(this.#directory, 'out', 'records')),
          ...this.#env,
          ...(crashAt === undefined ? {} : { P2L_CRASH_AT: crashAt }),
        },
      },
      { port: this.port, adminPort: this.#adminPort },
    );
    this.#running = post2log;
    this.#isExpectedToEnd = mayEnd;
    let endsInLine = false;
    const { stdout } = post2log.program.child;
    stdout?.on('data', (bytes: Buffer) => {
      endsInLine = bytes.at(-1) !== 10;
      this.#captured.write(bytes);
    });
    if (this.#isOutputHeld) stdout?.pause();
    void post2log.program.exited.then(({ code, signal }) => {
      // What was cut off by the kill is no line; the next start begins a new one.
      if (endsInLine) this.#captured.write(`${tornMark}\n`);
      if (!this.#isExpectedToEnd) this.ownDeaths.push(`${signal ?? `exit ${code}`}: ${post2log.program.errorTail}`);
    });
  }
  get isRunning(): boolean {
    return this.#running !== undefined && this.#running.program.exit === undefined;
  }
  /** Resolves with the ms it took. @throws when it ends or takes too long. */
  ready(): Promise<number> {
    return (this.#running as Post2log).ready;
  }
  status(): Promise<Status | undefined> {
    return (this.#running as Post2log).status();
  }
  /** Leaves standard output unread, or reads on. */
  holdOutput(isHeld: boolean): void {
    this.#isOutputHeld = isHeld;
    const stdout = this.#running?.program.child.stdout;
    if (isHeld) stdout?.pause();
    else stdout?.resume();
  }
  /** SIGKILL to every process of it; resolves when all are gone. */
  async killGroup(): Promise<void> {
    const { program } = this.#running as Post2log;
    this.#isExpectedToEnd = true;
    program.signalGroup('SIGKILL');
    program.child.stdout?.resume();
    await program.exited;
  }
  /** SIGKILL to the first process only. Resolves with the processes that were still there after orphanMs, which is too many. */
  async killLeader(): Promise<number[]> {
    const { program } = this.#running as Post2log;
    const others = program.pids().filter((pid) => pid !== program.pid);
    this.#isExpectedToEnd = true;
    program.child.kill('SIGKILL');
    const living = (): number[] => others.filter((pid) => processGroup(pid) === program.pid);
    for (const untilMs = performance.now() + orphanMs; performance.now() < untilMs && living().length > 0;)
      await wait(10);
    const left = living();
    await this.killGroup();
    return left;
  }
  /** SIGKILL to one process for each role; false when one is not known in time. */
  async killRoles(roles: readonly RegExp[], pick: (pids: readonly number[]) => number): Promise<boolean> {
    const { program } = this.#running as Post2log;
    for (const untilMs = performance.now() + restartTimeoutMs; performance.now() < untilMs; await wait(20)) {
      const status = await this.#statusSoon();
      // Only processes of the group that we started, whatever the status says; one that is being restarted has none.
      const found = roles.map((role) =>
        (status?.processes ?? [])
          .filter((process) => role.test(process.role) && process.pid > 0 && processGroup(process.pid) === program.pid)
          .map(({ pid }) => pid),
      );
      if (found.some((pids) => pids.length === 0)) continue;
      for (const pids of found) process.kill(pick(pids), 'SIGKILL');
      return true;
    }
    return false;
  }
  /** Resolves with true when any process of it died, false when none has within the time. */
  async waitForDeath(timeoutMs: number): Promise<boolean> {
    const { program } = this.#running as Post2log;
    let known = new Set(program.pids());
    for (const untilMs = performance.now() + timeoutMs; performance.now() < untilMs; await wait(10)) {
      if (program.exit !== undefined) return true;
      const now = new Set(program.pids());
      if ([...known].some((pid) => !now.has(pid))) return true;
      known = now;
    }
    return false;
  }
  async #statusSoon(): Promise<Status | undefined> {
    for (
      const untilMs = performance.now() + restartTimeoutMs;
      performance.now() < untilMs && this.isRunning;
      await wait(20)
    ) {
      const status = await this.status();
      if (status !== undefined) return status;
    }
    return undefined;
  }
  /** Waits until no output has anything left to deliver. @throws when that takes longer than `timeoutMs` without progress. */
  async drain(timeoutMs: number): Promise<Status> {
    let best = Number.POSITIVE_INFINITY;
    let progressMs = performance.now();
    let appended: number | undefined;
    for (;;) {
      const status = await this.#statusSoon();
      if (status === undefined) throw new Error('the admin server gives no status');
      const waiting = status.outputs.reduce((sum, output) => sum + output.waiting, 0);
      // A delivering process that was just started may not know all that there is.
      if (waiting === 0 && status.appended === appended) return status;
      appended = status.appended;
      if (waiting < best) progressMs = performance.now();
      best = Math.min(best, waiting);
      if (performance.now() - progressMs > timeoutMs)
        throw new Error(`outputs do not drain: ${JSON.stringify(status.outputs)}`);
      await wait(200);
    }
  }
  /** SIGTERM; resolves with its exit code (undefined: a signal ended it) once all it printed is on disk. */
  async stop(timeoutMs: number): Promise<number | undefined> {
    this.#isExpectedToEnd = true;
    const exit = await this.#running?.program.stop(timeoutMs);
    await new Promise<void>((resolve) => this.#captured.end(() => resolve()));
    return exit?.code ?? undefined;
  }
  get stdoutPaths(): string[] {
    return [join(this.#directory, 'stdout.jsonl')];
  }
  get filePaths(): string[] {
    return filesBelow(join(this.#directory, 'out'));
  }
}
