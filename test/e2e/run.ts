/** `npm run test:e2e`: the explorer of the real program, in a real browser. Words choose test files, as with `npm test`. */
import { spawnSync } from 'node:child_process';
import { root, runTests, testFiles } from '../files.ts';
import { findChromium } from './find-chromium.ts';

if (findChromium() === undefined) {
  console.error('tests in a browser need Chromium: apt-get install chromium, or name one in CHROMIUM');
  process.exit(1);
}
const built = spawnSync(process.execPath, ['web/build.ts', '--if-stale'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
// Two files at a time: each starts programs and a browser, and mostly waits for them. A page that hangs must not hang the run.
runTests(testFiles(['test/e2e/**/*.test.ts']), ['--test-concurrency=2', '--test-timeout=240000']);
