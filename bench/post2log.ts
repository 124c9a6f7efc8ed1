/** post2log as the benchmarks and the crash test run it: through `bin/post2log`, knowing nothing of its inside. */
import { join } from 'node:path';
import { Program, rootDirectory } from './program.ts';
import { freePort } from '../test/free-port.ts';

export interface Post2logOptions {
  readonly dataDirectory: string;
  /** Directory that it is started in; standard error goes to `stderr.log` there. */
  readonly workDirectory: string;
  readonly stdout: 'ignore' | 'pipe' | number;
  /** More P2L_* variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Shell command to start it by, such as the package's start script; default: `bin/post2log run`. */
  readonly shellCommand?: string;
}

/** The part of `GET /api/status` that tests outside the program rely on. */
export interface Status {
  readonly appended: number;
  readonly outputs: readonly {
    readonly id: string;
    readonly delivered: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly passed: number;
    readonly waiting: number;
    readonly lastError?: string | undefined;
  }[];
  readonly processes: readonly { readonly role: string; readonly pid: number }[];
}

export class Post2log {
  readonly program: Program;
  readonly url: string;
  readonly adminUrl: string;
  /** ms from start to the `ready` line. */
  readonly ready: Promise<number>;

  private constructor(program: Program, port: number, adminPort: number) {
    this.program = program;
    this.url = `http://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
    this.ready = program.line(/\bready\b/);
    // Who does not wait for it is told by `exited`.
    this.ready.catch(() => undefined);
  }
  /** Starts it on free ports, or on those given. */
  static async start(options: Post2logOptions, ports?: { port: number; adminPort: number }): Promise<Post2log> {
    const { port, adminPort } = ports ?? { port: await freePort(), adminPort: await freePort() };
    const program = Program.start({
      command: options.shellCommand === undefined ? join(rootDirectory, 'bin', 'post2log') : 'sh',
      args: options.shellCommand === undefined ? ['run'] : ['-c', options.shellCommand],
      env: {
        P2L_HOST: '127.0.0.1',
        P2L_PORT: String(port),
        P2L_ADMIN_PORT: String(adminPort),
        P2L_DATA_DIR: options.dataDirectory,
        // What peers are measured against has none; whoever wants it says so.
        P2L_STORE: 'off',
        ...options.env,
      },
      cwd: options.shellCommand === undefined ? options.workDirectory : rootDirectory,
      stdout: options.stdout,
      errorLogPath: join(options.workDirectory, 'stderr.log'),
    });
    return new Post2log(program, port, adminPort);
  }
  /** Asks the admin server; undefined when it does not answer within 2 s. */
  async status(): Promise<Status | undefined> {
    try {
      const response = await fetch(`${this.adminUrl}/api/status`, { signal: AbortSignal.timeout(2000) });
      return response.ok ? ((await response.json()) as Status) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Routes everything to an output that forgets it. */
export const nullConfig = '<match **>\n  @type null\n</match>';
