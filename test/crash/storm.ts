/** The run itself: kill after kill under load, with a full disk in the middle where asked for. */
import { performance } from 'node:perf_hooks';
import { wait } from '../../bench/program.ts';
import type { Kill } from './kills.ts';
import type { CrashLoad } from './load.ts';
import type { Random } from './random.ts';
import type { SmallDisk } from './small-disk.ts';
import { orphanMs } from './victim.ts';
import type { Victim } from './victim.ts';

/** Longest wait for the first 503 of a full disk, and for the first 200 when space is back. */
const diskTimeoutMs = 30_000;

const rolesOf = {
  receiver: [/^receive/],
  deliverer: [/^deliver/],
  store: [/^store/],
  'store and deliverer': [/^store/, /^deliver/],
} as const;

export class Storm {
  /** What went wrong on the way, in words. */
  readonly problems: string[] = [];
  /** Kills by kind; for points by name, and `… not reached`. */
  readonly counts = new Map<string, number>();
  readonly #victim: Victim;
  readonly #load: CrashLoad;
  readonly #random: Random;

  constructor(victim: Victim, load: CrashLoad, random: Random) {
    this.#victim = victim;
    this.#load = load;
    this.#random = random;
  }
  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
  /** Performs one kill and brings the program back. Resolves once that was done, not when it is ready. */
  async kill(kill: Kill): Promise<void> {
    const victim = this.#victim;
    switch (kill.kind) {
      case 'starting':
        await victim.killGroup();
        await victim.start();
        await wait(kill.delayMs);
        await victim.killGroup();
        break;
      case 'point':
        return this.#killAtPoint(kill.at, kill.delayMs);
      case 'group':
        await this.#serve(kill.delayMs);
        await victim.killGroup();
        break;
      case 'supervisor': {
        await this.#serve(kill.delayMs);
        const left = await victim.killLeader();
        if (left.length > 0)
          this.problems.push(`${left.length} processes lived on ${orphanMs / 1000} s after the supervisor was killed`);
        break;
      }
      case 'receiver':
      case 'deliverer':
      case 'store':
      case 'store and deliverer': {
        await this.#serve(kill.delayMs);
        const roles = rolesOf[kill.kind];
        if (!(await victim.killRoles(roles, (pids) => this.#random.pick(pids))))
          this.problems.push(`no processes with roles like ${roles.map(String).join(' and ')} were found to kill`);
        this.#count(kill.kind);
        return;
      }
      default:
        kill satisfies never;
    }
    this.#count(kill.kind);
    await victim.start();
  }
  /** Lets it be ready and serve for a while. */
  async #serve(delayMs: number): Promise<void> {
    await this.#victim.ready();
    await wait(delayMs);
  }
  async #killAtPoint(at: string, timeoutMs: number): Promise<void> {
    const victim = this.#victim;
    await victim.killGroup();
    await victim.start({ crashAt: at });
    const isReached = await victim.waitForDeath(timeoutMs);
    this.#count(isReached ? at.replace(/:.*/, '') : `${at.replace(/:.*/, '')} not reached`);
    await victim.killGroup();
    await victim.start();
  }

  /** Fills the disk under load: 503, nothing acknowledged that is lost later, and 200 again by itself when there is space. */
  async fillDisk(disk: SmallDisk): Promise<void> {
    const victim = this.#victim;
    await this.#serve(200);
    disk.fill(victim);
    const fullMs = performance.now();
    await this.#until(() => this.#load.lastRefusalMs > fullMs, 'no 503 came though the disk was full');
    await wait(1000);
    disk.free(victim);
    const freeMs = performance.now();
    await this.#until(() => this.#load.lastAckMs > freeMs, 'no 200 came though there was space again');
    this.#count('full disk');
  }
  /** A full disk at start: it serves, or it ends and says why; with space it starts. */
  async startOnFullDisk(disk: SmallDisk): Promise<void> {
    const victim = this.#victim;
    await this.#serve(200);
    disk.fill(victim);
    await wait(300);
    await victim.killGroup();
    await victim.start({ mayEnd: true });
    const isUp = await victim.ready().then(
      () => true,
      () => false,
    );
    await wait(500);
    disk.free(victim);
    const freeMs = performance.now();
    if (!isUp || !victim.isRunning) {
      await victim.killGroup();
      await victim.start();
      await victim.ready();
    }
    await this.#until(() => this.#load.lastAckMs > freeMs, 'no 200 came after a start on a full disk and space again');
    this.#count(isUp ? 'start on a full disk (served)' : 'start on a full disk (ended, started again)');
  }
  async #until(isTrue: () => boolean, otherwise: string): Promise<void> {
    for (const endMs = performance.now() + diskTimeoutMs; performance.now() < endMs; await wait(10))
      if (isTrue()) return;
    this.problems.push(`${otherwise} (waited ${diskTimeoutMs / 1000} s)`);
  }
}
