/**
 * `npm run conformance`: the recorded cases of Fluentd and Fluent Bit that this version has to pass (passing.json), run by
 * the corpus' own runner. Every other case stands in waivers.json with the reason why it does not pass yet; a case in
 * neither list fails. `-- --waived` runs those too: one that passes has to move, so that the list can only shrink.
 * The corpus is no part of this repository: it is looked for in CONFORMANCE_DIR, else beside the checkout in
 * ../shared/conformance. The last line is always `N passed, N failed`, with `, N skipped` where there is no corpus.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { root } from '../files.ts';

const families = ['fluentd', 'fluentbit'];
const corpus = resolve(root, process.env.CONFORMANCE_DIR ?? '../shared/conformance');
const lists = join(root, 'test/conformance');
const passing = JSON.parse(readFileSync(join(lists, 'passing.json'), 'utf8')) as string[];
const waivers = JSON.parse(readFileSync(join(lists, 'waivers.json'), 'utf8')) as Record<string, string>;

/** What is wrong with the two lists, given the cases there are. */
function listProblems(cases: readonly string[]): string[] {
  const known = new Set([...passing, ...Object.keys(waivers)]);
  return [
    ...cases.filter((id) => !known.has(id)).map((id) => `${id}: in neither passing.json nor waivers.json`),
    ...[...known].filter((id) => !cases.includes(id)).map((id) => `${id}: listed, but there is no such case`),
    ...passing.filter((id) => id in waivers).map((id) => `${id}: in both lists`),
    ...Object.keys(waivers).flatMap((id) => (waivers[id] ? [] : [`${id}: waived without a reason`])),
  ];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Runs cases. Some measure time, which other work on the machine disturbs: those that failed are run a second time, one
 * after the other, and count as they turn out then.
 */
function runCases(ids: readonly string[], options: readonly string[]): Counts {
  const first = runOnce(ids, options);
  // With waivers the counts also say which of them are of no use.
  if (options.includes('--waivers') || first.failures.length === 0 || first.failures.length > againMax) return first;
  console.log(`again, one at a time: ${first.failures.join(', ')}`);
  const second = runOnce(first.failures, [...options, '--jobs', '1']);
  return { passed: first.passed + second.passed, failed: second.failed };
}
/** Cases run at once: they wait more than they work. */
const jobsMax = 4;
/** More failures than this are no disturbance. */
const againMax = 12;

/** Runs the corpus' runner on the cases. Its own output is passed on. */
function runOnce(
  ids: readonly string[],
  options: readonly string[],
): Counts & { readonly failures: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'post2log-corpus-'));
  const results = join(folder, 'results.json');
  try {
    for (const family of families) mkdirSync(join(folder, family));
    for (const id of ids) symlinkSync(join(corpus, id), join(folder, id));
    const run = spawnSync(
      'python3',
      [
        join(corpus, 'run.py'),
        '--bin',
        'bin/post2log run --config {config}',
        '--corpus',
        folder,
        '--json',
        results,
        '--jobs',
        String(jobsMax),
        ...options,
      ],
      { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 256 * 1024 * 1024 },
    );
    if (run.error) throw run.error;
    const lines = run.stdout.trimEnd().split('\n');
    const counts = /^(\d+) passed, (\d+) failed$/.exec(lines.pop() ?? '');
    console.log(lines.join('\n'));
    // A runner that ended without its counts ran nothing to its end.
    if (!counts) return { passed: 0, failed: ids.length, failures: [] };
    const outcomes = JSON.parse(readFileSync(results, 'utf8')) as { case: string; status: string }[];
    const failures = outcomes.filter(({ status }) => status === 'fail').map((one) => one.case);
    return { passed: Number(counts[1]), failed: Number(counts[2]), failures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!existsSync(join(corpus, 'run.py'))) {
  console.log(`no corpus in ${corpus}; set CONFORMANCE_DIR to where it is`);
  console.log('0 passed, 0 failed, 1 skipped');
} else {
  const cases = families.flatMap((family) =>
    readdirSync(join(corpus, family))
      .filter((name) => existsSync(join(corpus, family, name, 'case.json')))
      .map((name) => `${family}/${name}`),
  );
  const problems = listProblems(cases);
  const isFull = process.argv.includes('--waived');
  const options = process.argv.slice(2).filter((argument) => argument !== '--waived');
  const counts = isFull
    ? runCases(cases, ['--waivers', join(lists, 'waivers.json'), ...options])
    : runCases(
        passing.filter((id) => cases.includes(id)),
        options,
      );
  for (const problem of problems) console.log(problem);
  console.log(
    `${cases.length} cases: ${passing.length} have to pass, ${Object.keys(waivers).length} are waived with a reason`,
  );
  console.log(`${counts.passed} passed, ${counts.failed + problems.length} failed`);
  process.exitCode = counts.failed + problems.length === 0 ? 0 : 1;
}
