/**
 * Programs built from their Go modules, once, into `cacheDirectory()`. A folder here with a go.mod and a go.sum pins each with
 * all it needs: versions, and checksums that Go checks.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from './contract.ts';

export interface GoProgram {
  /** The folder beside this file has the same name. */
  readonly name: string;
  /** What `scripts/services get` takes for it, where that is not its name. */
  readonly partOf?: string;
  /** The go.mod's, without its v. */
  readonly version: string;
  /** Import path of what has the `main`. */
  readonly package: string;
  /** String variables that its own build sets, by import path and name. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
}

/** Where the program lies once it is built. */
export function goProgramPath({ name, version }: GoProgram): string {
  return join(cacheDirectory(), `${name}-${version}`);
}

/**
 * Builds a program unless it is there. With `limitMs` the build is given up then; what is compiled by then need not be compiled
 * again. Two at once do no harm: the last puts its file over the other's. @throws with what to do
 */
export async function buildGoProgram(program: GoProgram, limitMs?: number): Promise<void> {
  const path = goProgramPath(program);
  if (existsSync(path)) return;
  mkdirSync(cacheDirectory(), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const flags = ['-p', String(Math.min(2, availableParallelism())), '-trimpath', '-buildvcs=false', '-mod=readonly'];
  if (program.tags !== undefined) flags.push('-tags', program.tags.join(','));
  flags.push('-ldflags', ['-s', '-w', ...variables].join(' '));
  const problem = await runGo(program.name, ['build', ...flags, '-o', part, program.package], limitMs);
  if (problem !== undefined)
    throw new Error(
      `${program.name} ${program.version} could not be built: ${problem}; "scripts/services get ${program.partOf ?? program.name}" builds it, with Go 1.26 or newer and a network`,
    );
  renameSync(part, path);
}

/** What went wrong, or undefined. */
function runGo(folder: string, args: readonly string[], limitMs: number | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('nice', ['-n', '19', 'go', ...args], {
      cwd: fileURLToPath(new URL(`${folder}/`, import.meta.url)),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (said = (said + piece).slice(-2000)));
    const giveUp = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    process.once('exit', giveUp);
    const timer = limitMs === undefined ? undefined : setTimeout(giveUp, limitMs);
    const end = (problem: string | undefined): void => {
      clearTimeout(timer);
      process.off('exit', giveUp);
      resolve(problem);
    };
    child.on('error', ({ message }) => end(message));
    child.on('close', (status, signal) => {
      if (status === 0) end(undefined);
      else if (signal === 'SIGKILL' && limitMs !== undefined) end(`not finished within ${limitMs / 1000} s`);
      else end(said.trim() || `go ended with ${status ?? signal}`);
    });
  });
}
