/** `npm run test:e2e`: tests in a browser. There is nothing to look at in one before the explorer exists. */
import { runTests, testFiles } from '../files.ts';

const files = testFiles(['test/e2e/**/*.test.ts']);
if (files.length === 0) {
  console.log('test/e2e has no tests: this version has no page of its own for a browser');
  console.log('0 passed, 0 failed');
} else runTests(files, ['--test-concurrency=1', '--test-timeout=240000']);
