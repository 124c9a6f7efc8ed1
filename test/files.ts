/** Where the checkout is, which test files it has, and how they are run. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../bench/cache.ts';

/** The checkout's folder, without a slash at its end. */
export const root: string = new URL('..', import.meta.url).pathname.replace(/\/$/, '');

/** Paths relative to the checkout of files that match one of the patterns and lie in none of the folders, sorted. */
export function testFiles(patterns: readonly string[], exceptBelow: readonly string[] = []): string[] {
  return globSync([...patterns], { cwd: root })
    .filter((path) => !path.includes('node_modules/') && !exceptBelow.some((folder) => path.startsWith(folder)))
    .toSorted();
}

/**
 * Runs test files with Node's test runner, whose summary is the last thing printed, and ends this process with its
 * status. Words on the command line choose the files whose path has one of them.
 */
export function runTests(files: readonly string[], options: readonly string[] = []): never {
  const words = process.argv.slice(2);
  const chosen = files.filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
  if (chosen.length === 0) {
    console.error(`no test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path`);
    process.exit(1);
  }
  const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...options, ...chosen], {
    cwd: root,
    stdio: 'inherit',
    // Each file is a process: it would strip and compile the same sources again, half of all its work.
    env: { NODE_COMPILE_CACHE: join(cacheDirectory, 'compile-tests'), ...process.env },
  });
  process.exit(run.status ?? 1);
}
