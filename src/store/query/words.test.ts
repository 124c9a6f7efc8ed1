import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { neededWords } from './needs.ts';
import type { Need } from './needs.ts';
import { parseQuery } from './parser.ts';
import { pathsOf, pointerOf } from './paths.ts';
import { parseTime, relativeMs } from './times.ts';
import { wordBytes, wordsOf } from './words.ts';

test('words of a text', () => {
  assert.deepEqual(wordsOf('Timed_out: 10.0.0.1, API오류x "é"'), ['timed_out', '10', '0', '0', '1', 'api', 'x']);
  assert.deepEqual(wordsOf('오류 –'), []);
  // The table says the same, byte by byte.
  const text = Array.from({ length: 128 }, (_, byte) => String.fromCharCode(byte)).join('');
  const fromBytes = Array.from(text, (_, byte) => String.fromCharCode(wordBytes[byte] || 32)).join('');
  assert.deepEqual(fromBytes.split(/ +/).filter(Boolean), wordsOf(text));
  assert.ok(wordBytes.slice(128).every((code) => code === 0));
});

/** Parts have no names: only that there are some is shown. */
const shown = (need: Need): string => {
  if (need.kind === 'any') return 'any';
  if (need.kind === 'word') return need.word;
  if (need.kind === 'part') return '+';
  return `(${need.operands.map(shown).join(need.kind === 'and' ? ' & ' : ' | ')})`;
};

describe('words that a query needs', () => {
  const cases: readonly (readonly [query: string, need: string])[] = [
    ['', 'any'],
    ['log:"Timed out" status >= 500', '(timed & out & + & status)'],
    ['a:x OR b:y', '(x | y)'],
    ['a:x OR NOT b:y', 'any'],
    ['a:x AND NOT b:y', 'x'],
    ['a:(x OR y) z', '((x | y) & z)'],
    ['a:foo*bar-baz', '(baz & + & + & +)'],
    ['foo*-mid-*bar', '(mid & + & + & +)'],
    ['"timed 2 out"', '(timed & 2 & out)'],
    ['"timed\\nout"', '(timed & out)'],
    ['log:"no such file"', '(no & such & file & + & +)'],
    ['log:*no such file*', '(log & such & + & +)'],
    ['log:*imeou*', '(+ & + & +)'],
    ['log:*ffff0*', 'log'],
    ['log:*결제*', '+'],
    ['"결제 실패"', '(+ & +)'],
    ['log:="timed out"', '(timed & out & +)'],
    ['a:one-*', '(one & +)'],
    ['kubernetes.labels.app:*', 'app'],
    ['a.pod_name:~"x"', 'pod_name'],
    ['users.0:>5', 'any'],
    ['오류', '+'],
    ['오', 'any'],
    ['a:오류', '+'],
    ['a:오', 'a'],
    ['ip:10.0.0.1', '(10 & 0 & 1)'],
    ['n:12.5', '(12 & 5)'],
    ['n:12.50', '12'],
    ['n:1e3', 'n'],
    ['_tag:app', 'any'],
    ['_time >= 2026', 'any'],
    ['a:="{}"', 'a'],
    ['a:x a:x', 'x'],
  ];
  for (const [query, need] of cases) test(query, () => assert.equal(shown(neededWords(parseQuery(query))), need));
});

test('paths a name can mean', () => {
  assert.deepEqual(pathsOf('a'), [['a']]);
  assert.deepEqual(
    pathsOf('a.b.c')
      .map((path) => path.join('|'))
      .sort(),
    ['a.b.c', 'a.b|c', 'a|b.c', 'a|b|c'],
  );
  const long = pathsOf('k.labels.app.kubernetes.io/name').map((path) => path.join('|'));
  assert.ok(long.includes('k|labels|app.kubernetes.io/name'));
  assert.ok(long.includes('k.labels|app|kubernetes|io/name'));
  assert.equal(new Set(long).size, long.length);
  const keys = Array.from({ length: 2000 }, () => 'k').join('.');
  assert.equal(pathsOf(keys).length, 9);
  assert.equal(pointerOf(['a/b', 'c~d', '']), '/a~1b/c~0d/');
});

test('times', () => {
  const span = (text: string): string => {
    const time = parseTime(text);
    return time ? `${time.start.seconds}.${time.start.nanos} ${time.end.seconds}.${time.end.nanos}` : 'none';
  };
  assert.equal(span('1970'), '0.0 31536000.0');
  assert.equal(span('1970-12'), '28857600.0 31536000.0');
  assert.equal(span('1970-01-02'), '86400.0 172800.0');
  assert.equal(span('1970-01-02T03'), '97200.0 100800.0');
  assert.equal(span('1970-01-02 03:04'), '97440.0 97500.0');
  assert.equal(span('1970-01-01T00:00:05Z'), '5.0 6.0');
  assert.equal(span('1970-01-01T00:00:05.9-01:30'), '5405.900000000 5406.0');
  assert.equal(span('1970-01-01T00:00:00.000000001'), '0.1 0.2');
  assert.equal(span('1970-01-01T00:00:00,5+0900'), '-32400.500000000 -32400.600000000');
  assert.equal(span('0001-01-01'), '-62135596800.0 -62135510400.0');
  assert.equal(span('-12345'), '-13.655000000 -13.656000000');
  for (const text of [
    '',
    '12',
    '1970-13',
    '1970-02-29',
    '1970-01-01T24',
    '1970-01-01T00:60',
    '1970-1-1',
    '1970Z',
    '1e5',
    '99999999999999999',
    'now',
  ])
    assert.equal(span(text), 'none', text);
  assert.equal(relativeMs('now', 1000.5), 1000);
  assert.equal(relativeMs('now-1h', 3_600_000), 0);
  assert.equal(relativeMs('now+2w', 0), 1_209_600_000);
  assert.equal(relativeMs('now/d', 0), undefined);
});
