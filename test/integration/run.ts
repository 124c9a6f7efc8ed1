/**
 * `npm run test:integration`: the whole program as its users start it, real processes, files and sockets of this machine.
 * Words choose test files, as with `npm test`.
 */
import { runTests, testFiles } from '../files.ts';

// One file at a time: each starts several processes, and what they measure against is the machine. A program that hangs
// must not hang the run: 4 minutes are far more than any file takes.
runTests(testFiles(['test/integration/**/*.test.ts']), ['--test-concurrency=1', '--test-timeout=240000']);
