/**
 * `npm run test:integration`: the whole program as its users start it, real processes, files and sockets of this machine.
 * Words choose test files, as with `npm test`.
 */
import { runTests, testFiles } from '../files.ts';

// Two files at a time, of which one mostly waits for a server. A program that hangs must not hang the run: 4 minutes are
// far more than any file takes.
runTests(testFiles(['test/integration/**/*.test.ts']), ['--test-concurrency=2', '--test-timeout=240000']);
