import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Database, sqlText } from '../database.ts';
import type { Connection } from '../database.ts';
import { regexpProblem } from './re2.ts';

let database: Database;
let connection: Connection;
before(async () => {
  database = await Database.open({
    memoryBytesMax: 128 * 1024 ** 2,
    temporaryDirectory: `${tmpdir()}/post2log-re2-test`,
    spillBytesMax: 1024 ** 2,
  });
  connection = await database.connect();
});
after(() => {
  connection.close();
  database.close();
});

/** DuckDB's error; undefined: it takes the expression. */
async function refusal(source: string): Promise<string | undefined> {
  try {
    await connection.rows(`SELECT regexp_matches('abc', ${sqlText(source)})`);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const good = [
  'a*?',
  'a{2}?',
  'a{1000}',
  '(a{100}){10}',
  'a{,3}',
  'a{',
  '{',
  '(|a)*',
  '()',
  '^*',
  '(?i)a',
  '(?im-s:a)',
  '(?P<n>a)',
  '\\A\\z\\b\\B\\C',
  '\\Q*\\E',
  '\\Q*',
  '\\pL',
  '\\p{^L}',
  '\\P{Greek}',
  '\\d\\D\\s\\S\\w\\W',
  '\\a\\f\\n\\r\\t\\v',
  '\\0',
  '\\012',
  '\\x41',
  '\\x{1F600}',
  '\\/',
  '\\"',
  '[]a]',
  '[^]a]',
  '[a-]',
  '[-a]',
  '[a-b-c]',
  '[\\d-z]',
  '[[:alpha:]]',
  '[[:^alpha:]]',
  '[[a]',
  '[\\pL\\x41-\\x43]',
  '[+--]',
  'a|',
  '|',
  '(?s).',
  '^/v[12]/',
  '[가-힣]{1000}',
  '\\p{Hangul}+',
  '\\[error\\]',
  '\\d{3} ms$',
  '(?i)timeout|timed out',
  '오류.*',
  '\\Qa\\E+',
  '(?:..........){1000}',
  '\\pL{200}',
];
const bad = [
  'a**',
  'a++',
  'a{2}{3}',
  'a{1001}',
  '(a{100}){11}',
  '((a{10}){10}){11}',
  'a{3,2}',
  '*a',
  '(*a)',
  '|*',
  '(?-)a',
  '(?:a',
  '(?<n>a)',
  '(?P<>a)',
  '(?=a)',
  '(?!a)',
  '(?<=a)',
  '(?<!a)',
  '(?>a)',
  '(?#c)a',
  '\\1',
  '\\k<n>',
  '\\Z',
  '\\p{Foo}',
  '\\pX',
  '\\h',
  '\\R',
  '\\e',
  '\\x4',
  '\\x{110000}',
  '\\x{}',
  '\\cA',
  '\\u0041',
  '\\한',
  'a\\',
  '[a',
  '[]',
  '[b-a]',
  '[a-\\d]',
  '[[:foo:]]',
  '[\\b]',
  ')',
  '(a))',
  '(?x)a',
  '(?i',
  '(?i)*',
  '\\pL{1000}',
  '(?:\\pL\\pL\\pL){300}',
  '\\E',
  '\\8',
  '(a)?{2}',
];

describe('what RE2 takes', () => {
  for (const source of good)
    test(source, async () => {
      assert.equal(regexpProblem(source), undefined);
      assert.equal(await refusal(source), undefined);
    });
});
describe('what RE2 does not take', () => {
  for (const source of bad)
    test(source, async () => {
      assert.notEqual(await refusal(source), undefined);
      const problem = regexpProblem(source);
      assert.ok(
        problem && problem.start >= 0 && problem.start < problem.end && problem.end <= source.length,
        JSON.stringify(problem),
      );
    });
});
test('every class by its name', async () => {
  const names =
    'Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ' +
    'Arabic Armenian Bengali Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew ' +
    'Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan';
  const source = names.split(' ').map((name) => `[\\p{${name}}]`);
  const posix = 'alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit'.split(' ');
  for (const one of [...source, ...posix.map((name) => `[[:${name}:]]`)]) {
    assert.equal(regexpProblem(one), undefined, one);
    assert.equal(await refusal(one), undefined, one);
  }
});
test('whatever passes, DuckDB takes', async () => {
  const pieces = (
    'a b 한 😀 . * + ? *? {2} {2,} {,3} {1,1000} {3,1} { } | ( ) (?: (?i) (?i: (?P<n> (?= (?< ) [ ] [^ - ^ $ , : [:alpha:] ' +
    '\\d \\W \\pL \\p{Han} \\P{^Lu} \\p \\b \\A \\z \\Z \\C \\Q \\E \\n \\x41 \\x{1F600} \\x \\0 \\07 \\123 \\400 \\8 \\- \\] \\_ \\é \\ '
  ).split(' ');
  const source = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 10 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(source, async (text) => {
      const problem = regexpProblem(text);
      if (problem) assert.ok(problem.start < problem.end && problem.end <= text.length, JSON.stringify(problem));
      else assert.equal(await refusal(text), undefined);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 2000) },
  );
});
