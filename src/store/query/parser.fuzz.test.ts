/** Any text is a query or a QueryError at a place in it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQuery } from './parser.ts';
import { QueryError } from './query-error.ts';

function check(text: string): void {
  try {
    parseQuery(text, 0);
  } catch (error) {
    assert.ok(error instanceof QueryError, `${JSON.stringify(text)}: ${String(error)}`);
    const { start, end } = error.at;
    assert.ok(
      start >= 0 && start < end && end <= text.length,
      `${JSON.stringify(text)} at ${start}, ${end}: ${error.message}`,
    );
    assert.ok(error.message.length < 300, error.message);
  }
}

const pieces = (
  'a b field not or and TO NOT AND OR && || ! - + ( ) [ ] { } : :: := :~ > < >= <= = != " \\ \\" \\u00e9 \\u * ? / http:// 10:30 ' +
  '_time _id _tag now now-1h 2026-01-01 500 -5 1.5 a-1 (? (?= [^ \\d \\p{L} {2} | 한글 😀 \0 \uD800 \uFEFF'
).split(' ');

test('random texts', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 3000 });
});
test('random pieces of queries', () => {
  const text = fc.array(fc.constantFrom(...pieces, ' ', ' ', '\n'), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(fc.property(text, check), { numRuns: 20_000 });
});
test('the longest queries of each kind end, without a stack overflow', () => {
  const starts = [`${'long'.repeat(100)}:`, '_time:', '', 'a:', 'a:~"', 'a:(', '"', 'a:[', 'not '];
  for (const piece of [
    ...pieces,
    ' ',
    'a ',
    'not ',
    'a:b ',
    'a:(',
    '\\a',
    '\\ ',
    '*?',
    'not not:',
    '[a',
    '(a',
    'a|',
    'x{2}',
  ])
    for (const start of starts) check((start + piece.repeat(8192)).slice(0, 8192));
});
