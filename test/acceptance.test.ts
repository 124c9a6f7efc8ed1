import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptanceProblems } from './acceptance.ts';

const files: Record<string, string> = {
  'src/a.test.ts':
    "test('answers ok', () => {});\ntest(\"it's said\", () => {});\nfor (const x of y) test(`worker ${x}`, () => {});",
  '.ci/run': '',
};
const checkout = { read: (path: string) => files[path], scripts: ['crash', 'test:integration'] };
const problemsOf = (...rows: string[]) =>
  acceptanceProblems(['| id | asked | shown by |', '|---|---|---|', ...rows].join('\n'), checkout);

test('rows whose test or command exists are fine', () => {
  assert.deepEqual(
    problemsOf(
      '| 1.1 | answers | src/a.test.ts › answers ok |',
      "| 1.2 | a `\\|` inside | src/a.test.ts › it's said<br>src/a.test.ts › worker |",
      '| A3 | survives | `npm run crash -- --count 200` |',
      '| B1a | runs | `.ci/run` |',
      '| 1.3 | installs | `npm ci` |',
    ),
    [],
  );
});

test('each kind of problem is named with its line and id', () => {
  const cases: [string, RegExp][] = [
    ['| 1.1 | answers | |', /^ACCEPTANCE\.md:3: 1\.1: names neither a test nor a command$/],
    ['| 1.1 | answers | src/b.test.ts › answers ok |', /no file src\/b\.test\.ts/],
    ['| 1.1 | answers | src/a.test.ts › answers |', /no test "answers" in src\/a\.test\.ts/],
    ['| 1.1 | answers | src/a.test.ts |', /named without a test/],
    ['| 1.1 | answers | `npm run nothing` |', /no npm script nothing/],
    ['| 1.1 | answers | `bin/nothing --now` |', /no file bin\/nothing/],
    ['| 1.1 | | src/a.test.ts › answers ok |', /says nothing/],
    ['| 1.1 | answers | src/a.test.ts › answers ok | more |', /has 4 cells/],
  ];
  for (const [row, expected] of cases) {
    const problems = problemsOf(row);
    assert.equal(problems.length, 1, `${row}: ${problems.join('; ')}`);
    assert.match(problems[0] ?? '', expected);
  }
  assert.match(problemsOf('| 1.1 | a | `npm run crash` |', '| 1.1 | b | `npm run crash` |').join(), /used twice/);
  assert.deepEqual(problemsOf(), ['ACCEPTANCE.md: has no rows']);
});
