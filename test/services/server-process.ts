/** One server process in a process group of its own: its output in a file, stopped by its pid, started again on the same ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Patience } from '../patience.ts';
import type { Running } from './contract.ts';

export interface ServerCommand {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** It runs there, and prints into `server.log` there. */
  readonly directory: string;
  readonly addresses: Readonly<Record<string, string>>;
  /** True when it answers as it should. May throw while it does not. */
  isReady(): Promise<boolean>;
}

/** A broker in Java on a machine whose cores are all taken needs minutes. */
const startTimeoutMs = 600_000;
/** What a server may take to flush when it is asked to end. */
const stopTimeoutMs = 20_000;

const servers = new Set<ServerProcess>();

/** Kills every server that this process started and that still runs, also one that does not answer yet. */
export function killServers(): void {
  for (const { pids } of servers) for (const pid of pids) process.kill(-pid, 'SIGKILL');
}

export class ServerProcess implements Running {
  readonly addresses: Readonly<Record<string, string>>;
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(command: ServerCommand) {
    this.#command = command;
    this.addresses = command.addresses;
  }
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const server = new ServerProcess(command);
    servers.add(server);
    await server.#start();
    return server;
  }
  get pids(): readonly number[] {
    const child = this.#child;
    return child?.pid !== undefined && isAlive(child) ? [child.pid] : [];
  }
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    const insist = setTimeout(() => this.#signal('SIGKILL'), stopTimeoutMs);
    await this.#ended;
    clearTimeout(insist);
  }
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#ended;
  }
  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  async #start(): Promise<void> {
    const { name, program, args, env, directory } = this.#command;
    const log = openSync(this.#logPath, 'a');
    const child = spawn(program, [...args], {
      cwd: directory,
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    });
    closeSync(log);
    this.#child = child;
    let failure: Error | undefined;
    this.#ended = new Promise<void>((resolve) => {
      child.on('exit', () => resolve());
      child.on('error', (error) => {
        failure = error;
        resolve();
      });
    });
    for (const patience = new Patience(startTimeoutMs); ; await delay(50)) {
      if (await this.#command.isReady().catch(() => false)) return;
      if (failure) throw new Error(`starting ${name}: ${failure.message}`);
      if (!isAlive(child)) throw new Error(`${name} ended at once; it said:\n${this.#lastLines()}`);
      if (!patience.isOver()) continue;
      await this.kill();
      throw new Error(`${name} did not answer within ${startTimeoutMs} ms; it said:\n${this.#lastLines()}`);
    }
  }
  #signal(signal: NodeJS.Signals): void {
    // The whole group: start scripts leave children behind.
    for (const pid of this.pids) process.kill(-pid, signal);
  }
  get #logPath(): string {
    return join(this.#command.directory, 'server.log');
  }
  #lastLines(): string {
    return readFileSync(this.#logPath, 'utf8').split('\n').slice(-20).join('\n');
  }
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
