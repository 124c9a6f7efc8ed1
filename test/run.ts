/**
 * `npm test`: everything that needs no server. Words narrow it down: `npm test -- src/journal` runs the test files whose
 * path has the word. Ends with the test runner's own summary; exit status 1 when a test failed.
 */
import { availableParallelism } from 'node:os';
import { runTests, testFiles } from './files.ts';

// Beside the code, in the docs, and in test/ outside of the folders that have runners of their own.
runTests(
  testFiles(
    ['src/**/*.test.ts', 'web/src/**/*.test.ts', 'test/**/*.test.ts', 'docs/**/*.test.ts', 'bench/**/*.test.ts'],
    ['test/integration/', 'test/e2e/', 'test/kubernetes/', 'test/helm/'],
  ),
  // Node would leave a core free.
  [`--test-concurrency=${availableParallelism()}`],
);
