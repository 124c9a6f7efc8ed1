/** What a server is that tests start, and what they may do with one that runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Service {
  /** As `scripts/services` takes it, and as docker-compose.yml names it. */
  readonly name: string;
  /** Gets the server's program onto this machine where it is not there yet: a package, or a pinned download into `cacheDirectory`. @throws with what to do. */
  install(): Promise<void>;
  /** Starts one on free loopback ports with everything it writes below `directory`; resolves when it answers. It is installed by then. */
  start(directory: string): Promise<Running>;
}

export interface Running {
  /** Each door by what it speaks (`http`, `plain`, `sasl` …): a URL or host:port. They stay the same over restarts. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Leaders of the process groups that are the server now; empty when it does not run. */
  readonly pids: readonly number[];
  /** Asks it to end, insists after a while, and resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same directory and addresses, after `stop()` where it runs; resolves when it answers. */
  restart(): Promise<void>;
}

/** Where downloads and running services of `scripts/services` lie, outside of the checkout. */
export function cacheDirectory(): string {
  return process.env['P2L_SERVICES_CACHE'] ?? join(homedir(), '.cache', 'post2log');
}
