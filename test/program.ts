/** The real program as tests run it: started on free loopback ports and a fresh data directory, watched, stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Status } from '../src/admin/backend.ts';
import { endWithUs } from './endings.ts';
import { freePort } from './free-port.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const shim = join(root, 'bin', 'post2log');
/** Longest wait for anything the program should do: far above what it needs on a machine whose cores are all taken. */
const patienceMs = 120_000;

/** Polls until `look` gives something other than undefined or false. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<Exclude<T, false>>> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<Exclude<T, false>>;
    if (performance.now() > deadlineMs) throw new Error(`waited ${patienceMs} ms for ${what}`);
    await delay(10);
  }
}

const endings = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** Runs when the test ends, what was begun last first: programs end before their directories are removed. */
export function atEnd(context: TestContext, end: () => Promise<unknown>): void {
  const known = endings.get(context);
  if (known) {
    known.push(end);
    return;
  }
  const list = [end];
  endings.set(context, list);
  context.after(async () => {
    for (const next of list.reverse()) await next();
  });
}

/** A new directory that is removed when the test ends. */
export async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-test-'));
  // A killed program's other processes end a moment after it.
  atEnd(context, () => rm(directory, { recursive: true, force: true, maxRetries: 30, retryDelay: 50 }));
  return directory;
}

export interface StartOptions {
  /** Another `bin/post2log` than this checkout's. */
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
}

export class Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly adminUrl: string;
  readonly dataDir: string;
  stdout = '';
  stderr = '';
  exited: Promise<number | string>;

  constructor(child: ChildProcess, port: number, adminPort: number, dataDir: string) {
    this.child = child;
    this.url = `http://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
    this.dataDir = dataDir;
    // Decoded as a whole: a part may end within a character.
    child.stdout?.setEncoding('utf8').on('data', (part: string) => (this.stdout += part));
    child.stderr?.setEncoding('utf8').on('data', (part: string) => (this.stderr += part));
    this.exited = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? 'gone')));
  }
  /** Resolves when it says `ready`; rejects with what it said when it ended instead. */
  async ready(): Promise<this> {
    const ended = this.exited.then((code) =>
      Promise.reject(new Error(`ended with ${code} before it was ready:\n${this.stderr}`)),
    );
    await Promise.race([until('ready', () => /\bready\b/.test(this.stderr)), ended]);
    return this;
  }
  status(): Promise<Status> {
    return fetch(`${this.adminUrl}/api/status`).then((answer) => answer.json() as Promise<Status>);
  }
  post(path: string, body?: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });
  }
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | string> {
    this.child.kill('SIGTERM');
    return this.exited;
  }
  /** SIGKILL to the program's first process. */
  kill(): Promise<number | string> {
    this.child.kill('SIGKILL');
    return this.exited;
  }
}

/** Starts `bin/post2log`; it is killed when the test ends if it still runs then. */
export async function startProgram(context: TestContext, options: StartOptions = {}): Promise<Program> {
  const port = await freePort();
  const adminPort = await freePort();
  const dataDir = options.dataDir ?? join(await temporaryDirectory(context), 'data');
  const child = spawn(options.command ?? shim, options.args ?? ['run'], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      P2L_HOST: '127.0.0.1',
      P2L_PORT: String(port),
      P2L_ADMIN_PORT: String(adminPort),
      P2L_DATA_DIR: dataDir,
      ...options.env,
    },
  });
  const program = new Program(child, Number(options.env?.['P2L_PORT'] ?? port), adminPort, dataDir);
  const release = endWithUs(() => child.kill('SIGKILL'));
  void program.exited.then(release);
  atEnd(context, async () => {
    if (child.exitCode === null && child.signalCode === null) await program.kill();
  });
  return program;
}
