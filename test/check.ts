/**
 * `npm run check`: everything short of tests and servers. Runs the parts side by side, prints each with its time as it
 * ends and the whole output of those that failed. `npm run check -- types lint` runs only those. Exit status 1 when one failed.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { root } from './files.ts';

/** Not the place that prettier chooses itself: a run without a cache removes that one. */
const formatCache = 'node_modules/.cache/prettier/check';

/** The longest first, so that the short ones fill the gaps. `node` stands for the Node that runs this. */
const parts: Readonly<Record<string, readonly string[]>> = {
  lint: ['node_modules/.bin/oxlint', '--type-aware', '--deny-warnings'],
  // Its cache goes by what files hold: a checkout sets all their times anew.
  format: [
    'node_modules/.bin/prettier',
    '--check',
    '.',
    '--cache',
    '--cache-strategy=content',
    `--cache-location=${formatCache}`,
  ],
  types: ['node_modules/.bin/tsc', '--noEmit'],
  'types web': ['node_modules/.bin/tsc', '--noEmit', '-p', 'web'],
  tidy: ['node', '--test', '--test-reporter=spec', 'test/tidy.test.ts'],
  reference: ['node', 'src/cli/reference.ts', '--check'],
  acceptance: ['node', 'test/acceptance.ts'],
};

interface Outcome {
  readonly name: string;
  readonly isOk: boolean;
}

function run(name: string, command: readonly string[]): Promise<Outcome> {
  const startMs = performance.now();
  const [program = '', ...rest] = command;
  return new Promise((resolve) => {
    const child = spawn(program === 'node' ? process.execPath : program, rest, { cwd: root });
    const output: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => output.push(piece));
    child.stderr.on('data', (piece: Buffer) => output.push(piece));
    const end = (isOk: boolean) => {
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(`${isOk ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${seconds.padStart(5)} s`);
      if (!isOk) console.log(`--- ${command.join(' ')}\n${Buffer.concat(output).toString()}---`);
      resolve({ name, isOk });
    };
    child.on('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      end(false);
    });
    child.on('close', (status) => end(status === 0));
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const waiting = Object.entries(parts).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const outcomes: Outcome[] = [];
// Each part is a process or a few; more of them than cores only makes all slower.
await Promise.all(
  Array.from({ length: Math.max(2, availableParallelism()) }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push(await run(...next));
  }),
);
const failed = outcomes.filter((outcome) => !outcome.isOk).map((outcome) => outcome.name);
console.log(
  failed.length === 0
    ? `check: ${outcomes.length} parts ok`
    : `check: ${failed.length} of ${outcomes.length} parts failed: ${failed.join(', ')}`,
);
process.exit(failed.length === 0 ? 0 : 1);
