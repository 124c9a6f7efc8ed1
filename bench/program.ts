/** Starts a server as a process of its own, waits until it serves, and ends it. Also used by the crash test. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { processTree } from './processes.ts';

/** The checkout's root. */
export const rootDirectory = join(import.meta.dirname, '..');

/** Longest wait for a server to come up: far above any start seen, also where others take the cores, and it may never come. */
const startTimeoutMs = 120_000;

export function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Programs that run. They lead groups of their own, so whoever ends us does not end them. */
const living = new Set<Program>();

function endAll(): void {
  for (const program of living) program.signalGroup('SIGKILL');
}

/** Sees to it, once, that no program outlives this process, however it ends short of SIGKILL. */
const endWithUs = (() => {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    process.once('exit', endAll);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  };
})();

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where standard output goes: nowhere, into an open file, or a pipe (read it from `child.stdout`, or leave it to fill). */
  readonly stdout: 'ignore' | 'pipe' | number;
  /** Standard error is appended there. */
  readonly errorLogPath: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running program: the leader of a process group of its own. */
export class Program {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly startedMs = performance.now();
  exit: Exit | undefined;
  #errorTail = '';
  #lineListener: (line: string) => void = () => undefined;

  private constructor(child: ChildProcess, options: ProgramOptions) {
    this.child = child;
    this.pid = child.pid ?? 0;
    const errorLog = createWriteStream(options.errorLogPath, { flags: 'a' });
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errorLog.write(text);
      this.#errorTail = (this.#errorTail + text).slice(-2000);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#lineListener(line);
    });
    this.exited = new Promise((resolve) => {
      const done = (exit: Exit): void => {
        this.exit ??= exit;
        living.delete(this);
        errorLog.end();
        resolve(this.exit);
      };
      child.once('error', (error) => {
        this.#errorTail += error.message;
        done({ code: 127, signal: null });
      });
      child.once('exit', (code, signal) => {
        this.exit = { code, signal };
      });
      child.once('close', (code, signal) => done({ code, signal }));
    });
  }

  static start(options: ProgramOptions): Program {
    mkdirSync(dirname(options.errorLogPath), { recursive: true });
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: 'C.UTF-8', ...options.env },
      stdio: ['ignore', options.stdout, 'pipe'],
      detached: true,
    });
    const program = new Program(child, options);
    living.add(program);
    endWithUs();
    return program;
  }

  /** The last of what it wrote to standard error. */
  get errorTail(): string {
    return this.#errorTail;
  }
  /** Resolves with the ms since start when a line on standard error matches. */
  line(pattern: RegExp): Promise<number> {
    return this.#orExit(
      new Promise((resolve) => {
        this.#lineListener = (line) => {
          if (pattern.test(line)) resolve(performance.now() - this.startedMs);
        };
      }),
      `no line like ${String(pattern)} on standard error`,
    );
  }
  /** Resolves with the ms since start when `url` answers anything at all. */
  answers(url: string): Promise<number> {
    const poll = async (): Promise<number> => {
      while (this.exit === undefined && performance.now() - this.startedMs < startTimeoutMs) {
        try {
          await (await fetch(url)).arrayBuffer();
          break;
        } catch {
          await wait(20);
        }
      }
      return performance.now() - this.startedMs;
    };
    return this.#orExit(poll(), `no answer at ${url}`);
  }
  async #orExit<T>(awaited: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (why: string): void => reject(new Error(`${what}: ${why}\n${this.errorTail}`));
      timer = setTimeout(() => fail(`waited ${startTimeoutMs} ms`), startTimeoutMs);
      void this.exited.then(({ code, signal }) => fail(`it ended with ${signal ?? code}`));
    });
    try {
      return await Promise.race([awaited, failed]);
    } finally {
      clearTimeout(timer);
    }
  }
  /** Living processes of the program. */
  pids(): number[] {
    return this.exit ? [] : processTree(this.pid);
  }
  /** Signals the whole process group; no error when it is gone. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      if (this.pid > 0) process.kill(-this.pid, signal);
    } catch {
      // All of them have ended already.
    }
  }
  /** SIGTERM to the leader; SIGKILL to the group when it has not ended in time. */
  async stop(timeoutMs: number): Promise<Exit> {
    if (this.exit === undefined) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.signalGroup('SIGKILL'), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
