/**
 * `npm test`: everything that needs no server. Arguments narrow it down: `npm test -- src/journal` runs the test files
 * whose path contains the words given. Ends with the test runner's own summary; exit status 1 when a test failed.
 */
import { spawnSync } from 'node:child_process';
import { root, testFiles } from './files.ts';

/** Test files that need no server: beside the code, in test/ outside of the folders with runners of their own, in the docs. */
const files = testFiles(
  ['src/**/*.test.ts', 'test/**/*.test.ts', 'docs/**/*.test.ts', 'bench/**/*.test.ts'],
  ['test/integration/', 'test/e2e/', 'test/crash/'],
);
const words = process.argv.slice(2);
const chosen = files.filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
if (chosen.length === 0) {
  console.error(`no test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path`);
  process.exit(1);
}
const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...chosen], { cwd: root, stdio: 'inherit' });
process.exit(run.status ?? 1);
