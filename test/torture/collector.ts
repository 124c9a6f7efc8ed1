/** The collector under torture: started again and again, killed, stopped and slowed. */
import { openSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Post2log } from '../../bench/post2log.ts';
import { wait } from '../../bench/program.ts';
import { freePort } from '../free-port.ts';
import type { Watched } from './log.ts';

const stopTimeoutMs = 30_000;

/** `quick` logs are read as they come; `slow` ones at most 64 KiB a second. The tag says which start read a line. */
function configOf(directory: string, start: number): string {
  const source = (name: string, options: string, parse = '@type json'): string => `<source>
  @type tail
  @id ${name}
  path ${directory}/${name}/*.log
  pos_file ${directory}/${name}.pos
  tag ${name}.${start}
  read_from_head true
  refresh_interval 5s
  rotate_wait 2s
  ${options}
  <parse>
    ${parse}
  </parse>
</source>
`;
  const joined = source(
    'joined',
    '',
    '@type multiline\n    format_firstline /^#/\n    format1 /^#(?<log>[^ ]+) (?<n>[0-9]+) (?<trace>.*)/\n    types n:integer',
  );
  return `${joined}${source('quick', '')}${source('slow', 'read_bytes_limit_per_second 65536')}<match **>
  @type file
  @id file
  path ${directory}/out/all
  append true
  <inject>
    tag_key tag
  </inject>
  <format>
    @type json
  </format>
  <buffer>
    flush_mode interval
    flush_interval 0.2
  </buffer>
</match>
`;
}

export class Collector implements Watched {
  readonly #directory: string;
  readonly #configPath: string;
  readonly #ports: { readonly port: number; readonly adminPort: number };
  #running: Post2log | undefined;
  #ranMs = 0;
  #starts = 0;
  /** Since when it runs, undefined while it is dead or stopped. */
  #sinceMs: number | undefined;
  #sparedUntilMs = 0;
  #isExpectedToEnd = true;
  readonly ownDeaths: string[] = [];
  readonly counts = { kills: 0, stops: 0, slowed: 0 };

  private constructor(directory: string, ports: { port: number; adminPort: number }) {
    this.#directory = directory;
    this.#configPath = join(directory, 'torture.conf');
    this.#ports = ports;
  }
  static async make(directory: string): Promise<Collector> {
    return new Collector(directory, { port: await freePort(), adminPort: await freePort() });
  }
  get ranMs(): number {
    return this.#ranMs + (this.#sinceMs === undefined ? 0 : performance.now() - this.#sinceMs);
  }
  get isRunning(): boolean {
    return this.#sinceMs !== undefined;
  }
  spare(ms: number): void {
    this.#sparedUntilMs = Math.max(this.#sparedUntilMs, performance.now() + ms);
  }
  async start(): Promise<void> {
    writeFileSync(this.#configPath, configOf(this.#directory, ++this.#starts));
    const stdout = openSync(join(this.#directory, 'stdout.log'), 'a');
    const running = await Post2log.start(
      {
        dataDirectory: join(this.#directory, 'data'),
        workDirectory: this.#directory,
        stdout,
        shellCommand: `exec bin/post2log run --config '${this.#configPath}'`,
      },
      this.#ports,
    );
    closeSync(stdout);
    this.#running = running;
    this.#isExpectedToEnd = false;
    void running.program.exited.then(({ code, signal }) => {
      if (!this.#isExpectedToEnd) this.ownDeaths.push(`${signal ?? `exit ${code}`}: ${running.program.errorTail}`);
    });
    await running.ready;
    this.#goOn();
  }
  /** SIGKILL, and started again after a while. */
  async kill(downMs: number): Promise<void> {
    await this.#unspared();
    this.#pause();
    this.#isExpectedToEnd = true;
    const { program } = this.#running as Post2log;
    program.signalGroup('SIGKILL');
    await program.exited;
    this.counts.kills++;
    await wait(downMs);
    await this.start();
  }
  /** SIGSTOP for a while. */
  async halt(ms: number): Promise<void> {
    await this.#unspared();
    await this.#halt(ms);
    this.counts.stops++;
  }
  /** Runs a twentieth of the time for a while. */
  async slow(rounds: number): Promise<void> {
    await this.#unspared();
    for (let round = 0; round < rounds; round++) {
      await this.#halt(190);
      await wait(10);
    }
    this.counts.slowed++;
  }
  /** Bytes that it says are lost. */
  async lostBytes(): Promise<number> {
    const { adminUrl } = this.#running as Post2log;
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    const found = text.matchAll(/^tail_lost_bytes_total\{[^}]*\} (\d+)$/gm);
    return [...found].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }
  /** Resolves with its exit code. */
  async stop(): Promise<number | null | undefined> {
    this.#pause();
    this.#isExpectedToEnd = true;
    return (await this.#running?.program.stop(stopTimeoutMs))?.code;
  }
  end(): void {
    this.#isExpectedToEnd = true;
    this.#running?.program.signalGroup('SIGKILL');
  }
  async #halt(ms: number): Promise<void> {
    const { program } = this.#running as Post2log;
    this.#pause();
    program.signalGroup('SIGSTOP');
    await wait(ms);
    program.signalGroup('SIGCONT');
    this.#goOn();
  }
  async #unspared(): Promise<void> {
    while (performance.now() < this.#sparedUntilMs) await wait(50);
  }
  #pause(): void {
    this.#ranMs = this.ranMs;
    this.#sinceMs = undefined;
  }
  #goOn(): void {
    this.#sinceMs = performance.now();
  }
}
