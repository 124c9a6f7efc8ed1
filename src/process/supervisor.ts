/**
 * With more than one worker the program is several processes: `deliver` (outputs, admin server), `receive.0` … `receive.N-1`
 * (sources, each with a shard of its own) and this small parent, which starts them, restarts what dies, passes IPC on
 * and turns signals into an orderly stop. A child whose parent is gone exits at once: the journal makes that safe.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../core/log.ts';
import { errorText } from '../core/errors.ts';
import { Hub } from './link.ts';
import { restartWait } from './restart.ts';

/** Environment variable that tells a child its role. */
export const roleVariable = 'POST2LOG_ROLE';

/** What a stop may take beyond the grace that children were given, before they are killed. */
const stopMarginMs = 3000;

interface Child {
  readonly role: string;
  process: ChildProcess;
  restarts: number;
  deaths: number;
  startedMs: number;
  isReady: boolean;
}

export interface SupervisorOptions {
  readonly mainPath: string;
  readonly args: readonly string[];
  readonly workers: number;
  readonly graceMs: number;
  /** How long a stop with `isDelayed` is put off. */
  readonly stopDelayMs: number;
  readonly log: Log;
}

/** What children say of themselves. */
export interface ProcessNote {
  readonly role: string;
  readonly pid: number;
  readonly restarts: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #hub = new Hub();
  readonly #children = new Map<string, Child>();
  /** A stop was asked for; one that is put off leaves everything running, and what dies is started again. */
  #isStopAsked = false;
  #isStopping = false;
  #isReady = false;
  #finish: (code: number) => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#hub.link.on('ready', (_body, from) => this.#ready(from));
    this.#hub.link.on('processes', () => this.#processes());
    this.#hub.link.on('workers', () => options.workers);
  }
  /** Starts everything; resolves with the exit code when all has ended. */
  run(): Promise<number> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#start('deliver', 0, 0);
      // They wait for the delivering process where they need it; starting together halves the time to the first request.
      for (let index = 0; index < this.#options.workers; index++) this.#start(`receive.${index}`, 0, 0);
    });
  }
  /** Asks the delivering process to read the configuration again. */
  reload(): void {
    this.#hub.link.note('deliver', 'reload', undefined);
  }
  /**
   * Receivers finish their acks, then outputs take what they can, all within the grace. A second call ends everything at once.
   * `isDelayed`: everything goes on for stopDelayMs before.
   */
  async stop(isDelayed = false): Promise<void> {
    if (this.#isStopAsked) {
      this.kill(1);
      return;
    }
    this.#isStopAsked = true;
    if (isDelayed && this.#options.stopDelayMs > 0) {
      this.#hub.link.note('deliver', 'leaving', undefined);
      await sleep(this.#options.stopDelayMs);
    }
    this.#isStopping = true;
    const startedMs = performance.now();
    const leftMs = (): number => Math.max(0, this.#options.graceMs - (performance.now() - startedMs));
    const receivers = [...this.#children.values()].filter((child) => child.role !== 'deliver');
    await Promise.all(receivers.map((child) => this.#stopChild(child, leftMs())));
    const deliver = this.#children.get('deliver');
    if (deliver) await this.#stopChild(deliver, leftMs());
    this.#finish(0);
  }
  /** Ends all children at once, and the program with `code`. */
  kill(code: number): void {
    this.#isStopping = true;
    for (const child of this.#children.values()) child.process.kill('SIGKILL');
    this.#finish(code);
  }

  #processes(): ProcessNote[] {
    const children = [...this.#children.values()].map((child) => ({
      role: child.role,
      pid: child.process.pid ?? 0,
      restarts: child.restarts,
    }));
    return [{ role: 'supervisor', pid: process.pid, restarts: 0 }, ...children];
  }
  #start(role: string, restarts: number, deaths: number): void {
    const { mainPath, args } = this.#options;
    const started = fork(mainPath, [...args], {
      env: { ...process.env, [roleVariable]: role },
      serialization: 'advanced',
      execArgv: process.execArgv,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    const child: Child = { role, process: started, restarts, deaths, startedMs: performance.now(), isReady: false };
    this.#children.set(role, child);
    this.#hub.add(role, {
      get isConnected() {
        return started.connected;
      },
      // A child that dies while we write to it is dealt with when it exits.
      send: (envelope) => started.send(envelope as object, () => undefined),
    });
    started.on('message', (envelope) => this.#hub.route(envelope));
    started.on('error', (error) => {
      this.#options.log.error({ role, error: errorText(error) }, 'A process could not be started or reached.');
      // One that never ran does not exit either.
      if (started.pid === undefined) this.#ended(child, null, null);
    });
    started.on('exit', (code, signal) => this.#ended(child, code, signal));
  }
  #ready(role: string): void {
    const child = this.#children.get(role);
    if (!child) return;
    child.isReady = true;
    const all = [...this.#children.values()];
    if (this.#isReady || all.length !== this.#options.workers + 1 || !all.every((other) => other.isReady)) return;
    this.#isReady = true;
    this.#hub.link.note('deliver', 'allReady', undefined);
  }
  #ended(child: Child, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#children.get(child.role) === child) this.#children.delete(child.role);
    this.#hub.remove(child.role);
    if (this.#isStopping) return;
    const { log } = this.#options;
    if (!this.#isReady && !child.isReady && code !== null && code !== 0) {
      // It said why on standard error: a bad configuration, a busy port. Trying again would not help.
      this.kill(code);
      return;
    }
    const { deaths, waitMs } = restartWait(child.deaths, performance.now() - child.startedMs);
    log.error(
      { role: child.role, code, signal, waitMs },
      'A process ended; it is started again and goes on from the journal.',
    );
    setTimeout(() => {
      if (!this.#isStopping) this.#start(child.role, child.restarts + 1, deaths);
    }, waitMs);
  }
  async #stopChild(child: Child, graceMs: number): Promise<void> {
    const { process: running } = child;
    const ended = new Promise<void>((resolve) => {
      if (running.exitCode !== null || running.signalCode !== null) resolve();
      else running.once('exit', () => resolve());
    });
    this.#hub.link.note(child.role, 'stop', graceMs);
    const timer = setTimeout(() => running.kill('SIGKILL'), graceMs + stopMarginMs);
    await ended;
    clearTimeout(timer);
  }
}
