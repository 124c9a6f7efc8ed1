import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachGuarded, guardMatch } from './guarded-match.ts';
import { compileOnigmo } from './onigmo.ts';

const guard = (source: string) => guardMatch(compileOnigmo(source), source);

test('what cannot take long runs as it is', () => {
  for (const source of ['^(debug|info)$', '/health', 'a.*b', '\\d+', '^GET ', '[*+]x', 'x\\)*'])
    assert.equal(guard(source).isSlow, false, source);
  assert.equal(guard('a(.)').exec('xab')?.[1], 'b');
  assert.equal(guard('a').exec('x'), null);
});

test('what can take for ever is stopped', () => {
  const slow = guard('^(\\w+\\s?)*$');
  assert.equal(slow.isSlow, true);
  assert.equal(slow.exec('ab cd')?.[0], 'ab cd');
  assert.throws(() => slow.exec(`${'aaaa '.repeat(20)}!`), /matching took longer than/);
});

test('rows that take too long are told, the others go on', () => {
  const done: number[] = [];
  const late: number[] = [];
  const slow = guard('^(a|aa)*$');
  const rows = ['aa', `${'a'.repeat(60)}!`, 'a'];
  eachGuarded(
    3,
    [slow],
    (row) => void (slow.exec(rows[row] as string) && done.push(row)),
    (row) => late.push(row),
  );
  assert.deepEqual([[...new Set(done)], late], [[0, 2], [1]]);
  const long = guard('(?:x+x+)y');
  const texts = ['xxy', 'x'.repeat(100_000)];
  const found: number[] = [];
  eachGuarded(
    2,
    [long],
    (row) => void (long.exec(texts[row] as string) && found.push(row)),
    (row) => late.push(row),
  );
  assert.deepEqual([found, late], [[0], [1, 1]]);
});
