/** A disk that gets full: a small tmpfs of our own where that is allowed, else a limit that the program keeps. */
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, lstatSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Victim } from './victim.ts';

export interface SmallDisk {
  readonly what: string;
  /** Variables that the program needs for it. */
  readonly env: Readonly<Record<string, string>>;
  /** Leaves no space. */
  fill(victim: Victim): void;
  /** Gives it back. */
  free(victim: Victim): void;
  /** After the program has ended. `keepIn`: what lies on it is copied there first. */
  remove(keepIn: string | undefined): void;
}

/** Room for the journal of a short storm, small enough to be filled in a moment. */
const diskMb = 256;

function mountTmpfs(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Sockets cannot be copied. */
function isCopied(path: string): boolean {
  const stat = lstatSync(path);
  return stat.isFile() || stat.isDirectory();
}

/** Writes zeros until the file system says that it is full. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let bytes = 1 << 20; bytes >= 1;) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch {
        bytes >>= 1;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Makes `dataDirectory`'s disk small. The program must not run yet. */
export function makeSmallDisk(dataDirectory: string): SmallDisk {
  mkdirSync(dataDirectory, { recursive: true });
  if (mountTmpfs(dataDirectory)) {
    const ballast = join(dataDirectory, 'ballast');
    // Also when the run is broken off; lazily, because what runs on it may be ending just then.
    const unmount = (): void => void execFileSync('umount', ['--lazy', dataDirectory]);
    process.once('exit', unmount);
    return {
      what: `tmpfs of ${diskMb} MB`,
      env: {},
      fill: () => fillUp(ballast),
      free: () => rmSync(ballast, { force: true }),
      remove(keepIn) {
        rmSync(ballast, { force: true });
        if (keepIn !== undefined) cpSync(dataDirectory, keepIn, { recursive: true, filter: isCopied });
        process.off('exit', unmount);
        unmount();
      },
    };
  }
  return {
    what: 'P2L_DATA_LIMIT=16Mi with standard output held (mounting a tmpfs is not allowed)',
    env: { P2L_DATA_LIMIT: '16Mi' },
    fill: (victim) => victim.holdOutput(true),
    free: (victim) => victim.holdOutput(false),
    remove: () => undefined,
  };
}
