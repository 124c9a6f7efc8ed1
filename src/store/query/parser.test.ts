import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseQuery } from './parser.ts';
import { anyTree } from './query-fixture.ts';
import { QueryError } from './query-error.ts';
import type { QueryTree, ValueTest, WildcardPart } from './tree.ts';

const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0, 5);

/** A tree in one line: what the tests below compare. */
function shown(tree: QueryTree): string {
  switch (tree.kind) {
    case 'all':
      return 'all';
    case 'and':
    case 'or':
      return `(${tree.operands.map(shown).join(tree.kind === 'and' ? ' & ' : ' | ')})`;
    case 'not':
      return `!${shown(tree.operand)}`;
    case 'test':
      return `${tree.field ?? ''}${shownTest(tree.test)}`;
    default:
      return tree satisfies never;
  }
}
function shownTest(test: ValueTest): string {
  switch (test.kind) {
    case 'phrase':
      return `'${test.text}'`;
    case 'exact':
      return `='${test.text}'`;
    case 'wildcard':
      return `{${test.parts.map((part) => (part.kind === 'text' ? `'${part.text}'` : part.kind === 'any' ? '*' : '?')).join('')}}`;
    case 'regexp':
      return `~'${test.source}'`;
    case 'compare':
      return `${test.operator}'${test.value}'`;
    case 'range':
      return `${test.from?.isInclusive === false ? '{' : '['}${test.from?.value ?? '*'},${test.to?.value ?? '*'}${test.to?.isInclusive === false ? '}' : ']'}`;
    case 'exists':
      return ' exists';
    default:
      return test satisfies never;
  }
}

const cases: readonly (readonly [query: string, tree: string])[] = [
  ['', 'all'],
  [' \n ', 'all'],
  ['*', 'all'],
  ['*:*', 'all'],
  [
    'kubernetes.labels.app:numbers-api AND log:"timed out" AND status >= 500 AND NOT path:/health*',
    "(kubernetes.labels.app'numbers-api' & log'timed out' & status>='500' & !path{'/health'*})",
  ],
  // Fields and values.
  ['p1:v1', "p1'v1'"],
  ['field: value', "field'value'"],
  ['field : "x"', "field'x'"],
  ['field:\tvalue', "field'value'"],
  ['"my field":x', "my field'x'"],
  ['my\\ field:x', "my field'x'"],
  ['a\\:b:c', "a:b'c'"],
  ['k8s.io/name:x', "k8s.io/name'x'"],
  ['field:""', "field=''"],
  ['field:*', 'field exists'],
  ['field:**', 'field exists'],
  ['_exists_:field', 'field exists'],
  ['field:[* TO *]', 'field exists'],
  ['field:a*b?c', "field{'a'*'b'?'c'}"],
  ['field:a\\*b', "field'a*b'"],
  ['field:"a*b"', "field'a*b'"],
  ['field:="Error"', "field='Error'"],
  ['field:=a*b', "field='a*b'"],
  ['field:~"^/v[12]/\\d+"', "field~'^/v[12]/\\d+'"],
  ['field:~"say \\"x\\""', 'field~\'say \\"x\\"\''],
  ['field:~^a.*b$', "field~'^a.*b$'"],
  ['*:x', "'x'"],
  // Values as people write them.
  ['a:numbers-api', "a'numbers-api'"],
  ['a:-5', "a'-5'"],
  ['a:10.0.0.1', "a'10.0.0.1'"],
  ['a:2026-01-01T00:00:00Z', "a'2026-01-01T00:00:00Z'"],
  ['a:http://h:80/p?x=1&y=2#z', "a{'http://h:80/p'?'x=1&y=2#z'}"],
  ['a:b:c', "a'b:c'"],
  ["a:it's", "a'it's'"],
  ['a:C:\\\\x', "a'C:\\x'"],
  ['a:x,y;z=1', "a'x,y;z=1'"],
  ['a:x<y', "a'x<y'"],
  ['a:b]', "a'b]'"],
  ['a:"tab\\tline\\nquote\\"back\\\\\\u00e9"', "a'tab\tline\nquote\"back\\é'"],
  ['a:\\u00e9t\\u00e9', "a'été'"],
  ['오류:서울', "오류'서울'"],
  // Free text.
  ['timeout', "'timeout'"],
  ['timed out', "('timed' & 'out')"],
  ['"timed out"', "'timed out'"],
  ['http://h/p', "'http://h/p'"],
  ['10:30:05', "'10:30:05'"],
  ['10.0.0.1:8080', "'10.0.0.1:8080'"],
  ['2026-01-01T00:00:00Z', "'2026-01-01T00:00:00Z'"],
  ['"404":x', "404'x'"],
  ['[error] done', "('[error]' & 'done')"],
  ['a=b', "'a=b'"],
  ['err*', "{'err'*}"],
  ['foo-bar', "'foo-bar'"],
  // Comparisons and ranges.
  ['status>=500', "status>='500'"],
  ['status >= 500', "status>='500'"],
  ['status:>=500', "status>='500'"],
  ['status: > -5.5', "status>'-5.5'"],
  ['status<5', "status<'5'"],
  ['a <= "b c"', "a<='b c'"],
  ['status:[400 TO 499]', 'status[400,499]'],
  ['status:{400 TO 499]', 'status{400,499]'],
  ['status:[400 TO 499}', 'status[400,499}'],
  ['status:[* TO 499}', 'status[*,499}'],
  ['status:[ "a b" to * ]', 'status[a b,*]'],
  ['t:[2026-01-01T00:00 TO 2026-01-02]', 't[2026-01-01T00:00,2026-01-02]'],
  // Operators, as in Kibana's and in Lucene's language.
  ['a AND b OR c AND d', "(('a' & 'b') | ('c' & 'd'))"],
  ['a b OR c', "(('a' & 'b') | 'c')"],
  ['a OR b c', "('a' | ('b' & 'c'))"],
  ['a and b or c', "(('a' & 'b') | 'c')"],
  ['a && b || c', "(('a' & 'b') | 'c')"],
  ['a AND (b OR c)', "('a' & ('b' | 'c'))"],
  ['(a)(b)', "('a' & 'b')"],
  ['NOT a b', "(!'a' & 'b')"],
  ['NOT (a OR b)', "!('a' | 'b')"],
  ['NOT NOT a', "!!'a'"],
  ['!a', "!'a'"],
  ['! a', "!'a'"],
  ['-a +b', "(!'a' & 'b')"],
  ['-a:b', "!a'b'"],
  ['-(a OR b)', "!('a' | 'b')"],
  ['NOT(a)AND(b)', "(!'a' & 'b')"],
  ['"a""b"', "('a' & 'b')"],
  ['And Or Not', "('And' & 'Or' & 'Not')"],
  ['"AND"', "'AND'"],
  ['android order nothing', "('android' & 'order' & 'nothing')"],
  // `not` as a word and as an operator.
  ['not found', "('not' & 'found')"],
  ['why not', "('why' & 'not')"],
  ['not path:/x', "!path'/x'"],
  ['not status >= 500', "!status>='500'"],
  ['not "found"', "!'found'"],
  ['not (a or b)', "!('a' | 'b')"],
  ['a and not b', "('a' & !'b')"],
  ['a or not b', "('a' | !'b')"],
  ['answer:not', "answer'not'"],
  ['or:x', "or'x'"],
  // Groups of values.
  ['field:(a or b)', "(field'a' | field'b')"],
  ['field:(a OR "b c" OR d*)', "(field'a' | field'b c' | field{'d'*})"],
  ['field:(a b)', "(field'a' & field'b')"],
  ['field:(NOT a)', "!field'a'"],
  ['field:(not a)', "!field'a'"],
  ['field:(-a)', "!field'a'"],
  ['field:(-5 OR -6)', "(field'-5' | field'-6')"],
  ['field:(>=400 AND <500)', "(field>='400' & field<'500')"],
  ['field:(a AND (b OR =c OR ~d))', "(field'a' & (field'b' | field='c' | field~'d'))"],
  ['url:(http://a OR b:c)', "(url'http://a' | url'b:c')"],
  ['NOT field:(a OR b) c', "(!(field'a' | field'b') & 'c')"],
  // The record's own fields.
  ['_time >= now', `_time>='${nowMs}'`],
  ['_time:>now-15m', `_time>'${nowMs - 900_000}'`],
  ['_time:[now-1d TO now+1h]', `_time[${nowMs - 86_400_000},${nowMs + 3_600_000}]`],
  ['_time:2026-11-21', "_time'2026-11-21'"],
  ['_time < 2026-11-21T15:04:05.123456789+09:00', "_time<'2026-11-21T15:04:05.123456789+09:00'"],
  ['_time:1795273200000', "_time'1795273200000'"],
  ['_time:*', '_time exists'],
  ['_id:abc-def-12.3', "_id'abc-def-12.3'"],
  ['_id:*', '_id exists'],
  ['_id:="logs-1/x"', "_id='logs-1/x'"],
  ['_tag:app.*', "_tag{'app.'*}"],
];

describe('queries people write', () => {
  for (const [query, tree] of cases) test(query, () => assert.equal(shown(parseQuery(query, nowMs)), tree));
});

/** Marked with [ ] where the error is said to be, and what its text says. */
const mistakes: readonly (readonly [marked: string, says: RegExp])[] = [
  ['(a OR b', /"\(" is not closed/],
  ['a) b', /"\)" without a "\("/],
  ['a ()', /nothing in it/],
  ['log:"timed out', /quote is not closed; add "/],
  ['a AND', /found the end behind AND, expected what to look for; .*"AND" in quotes/],
  ['a or', /found the end behind or/],
  ['(a OR )', /found "\)" behind OR/],
  ['AND a', /found AND, expected what to look for before it/],
  ['a OR AND b', /found AND/],
  ['a AND OR b', /found OR/],
  ['&& a', /found &&/],
  ['NOT', /found the end behind NOT/],
  ['a -', /"-" without what to exclude/],
  ['--flag', /"-" without what to exclude/],
  ['field:', /found the end behind field:, expected a value/],
  ['field: AND a', /found "AND" behind field:, expected a value/],
  ['(field:)', /found "\)" behind field:/],
  ['field:(OR a)', /found "OR" behind field:/],
  [':x', /":" without a field name before it/],
  ['a::b', /found ":" behind a:, expected a value/],
  ['>= 5', /">" without a field name/],
  ['status >=', /found the end behind status >=, expected a value/],
  ['status => 5', /write >= or <=/],
  ['x=>5', /found "=>"; write >= or <=/],
  ['status:=>5', /write >= or <=/],
  ['a << 5', /found "<<"/],
  ['status = 500', /found "="; write field:value/],
  ['status != 500', /found "!="; write field:value, NOT field:value/],
  ['field:!a', /write NOT field:value/],
  ['status:[400 499]', /range cannot be read/],
  ['status:[400 TO 499', /range cannot be read/],
  ['level:[error]', /range cannot be read; .*put quotes round the text/],
  ['a:b"c"', /quote inside a word/],
  ['main()', /"\(" directly behind a word/],
  ['field:f(x)', /"\(" directly behind a word/],
  ['a:"\\d"', /unknown escape "\\d"; write \\\\/],
  ['a:\\d', /unknown escape/],
  ['a:\\', /lone "\\"/],
  ['a:"\\u12"', /four hexadecimal digits/],
  ['a:~"(?=x)"', /look-ahead and look-behind are not supported/],
  ['a:~"(x)\\1"', /refers back to a group/],
  ['a:~"[x"', /"\[" is not closed/],
  ['a:~"x**"', /repeats a repetition/],
  ['a:~"x{1001}"', /more than 1000 repetitions/],
  ['a:~', /without a regular expression/],
  ['a:~a(b)', /put quotes round it/],
  ['kube*:x', /wildcards in a field name/],
  ['"":x', /empty field name/],
  ['""', /empty text/],
  ['a | count', /pipes are not supported/],
  ['_time:yesterday', /"yesterday" is no time; write one of 2026-11-21/],
  ['_time >= 2026-02-30', /is no time/],
  ['_time:""', /is no time/],
  ['_time:~"x"', /regular expression/],
  ['_time:2026*', /is no time/],
  ['_id:a-1*', /without wildcards/],
  ['_id > a-1', /no order/],
  ['_id:[a-1 TO b-1]', /no order/],
  [`${'('.repeat(65)}a${')'.repeat(65)}`, /more than 64 levels/],
  [`${'!'.repeat(65)}a`, /more than 64 levels/],
  [`x:(${'a '.repeat(257)})`, /more than 256 conditions/],
  [`${'a'.repeat(513)}:x`, /513 characters, 512 are allowed/],
  ['a'.repeat(8193), /8193 characters, 8192 are allowed/],
];

describe('queries with mistakes', () => {
  for (const [query, says] of mistakes)
    test(query.slice(0, 40), () => {
      assert.throws(
        () => parseQuery(query, nowMs),
        (error) => error instanceof QueryError && says.test(error.message) && isInside(error, query),
      );
    });
  const places: readonly (readonly [query: string, wrong: string])[] = [
    ['a b) c', ')'],
    ['a (b c', '('],
    ['a log:"timed', '"timed'],
    ['a AND', 'AND'],
    ['a:b"c"', '"'],
    ['x:"a\\qb"', '\\q'],
    ['x:~"a(?=b)c"', '(?='],
    ['x:~"a(?!b)c"', '(?!'],
    ['_time > foo AND b', 'foo'],
    ['a:1 kube*:x', 'kube*'],
    ['a:[1 2] b', '[1 2]'],
    ['a != b', '!='],
    ['a:1 AND', 'AND'],
    ['a:1 b: AND c', 'AND'],
  ];
  for (const [query, wrong] of places)
    test(`${query} at ${wrong}`, () => {
      assert.throws(
        () => parseQuery(query, nowMs),
        (error) =>
          error instanceof QueryError &&
          query.slice(error.at.start, error.at.end) === wrong &&
          query.indexOf(wrong) === error.at.start,
      );
    });
});

test('the examples of the documentation are queries', () => {
  const text = readFileSync(new URL('../../../docs/query.md', import.meta.url), 'utf8');
  const cells = [...text.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)]);
  const examples = cells.map(([, example = '']) => example);
  assert.ok(examples.length > 20 && examples.includes('status:[400 TO 499]'));
  for (const example of examples) assert.doesNotThrow(() => parseQuery(example), example);
});

test('the span of a test is its text', () => {
  const query = ' a:1 AND NOT b : "x y"  OR status >= 5';
  const spans: string[] = [];
  const visit = (tree: QueryTree): void => {
    if (tree.kind === 'test') spans.push(query.slice(tree.at.start, tree.at.end));
    else if (tree.kind === 'not') visit(tree.operand);
    else if (tree.kind !== 'all') tree.operands.forEach(visit);
  };
  visit(parseQuery(query, nowMs));
  assert.deepEqual(spans, ['a:1', 'b : "x y"', 'status >= 5']);
});

test('every tree can be written, and is read as it was', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const query = written(tree);
      assert.equal(shown(parseQuery(query, nowMs)), shown(normal(tree)), query);
    }),
    { numRuns: 1000 },
  );
});

function isInside({ at }: QueryError, query: string): boolean {
  return at.start >= 0 && at.start < at.end && at.end <= query.length;
}

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

function written(tree: QueryTree): string {
  switch (tree.kind) {
    case 'all':
      return '*';
    case 'and':
    case 'or':
      return `(${tree.operands.map(written).join(tree.kind === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `NOT ${written(tree.operand)}`;
    case 'test':
      return `${tree.field === undefined ? '' : `${quoted(tree.field)}:`}${writtenTest(tree.test)}`;
    default:
      return tree satisfies never;
  }
}
function writtenTest(test: ValueTest): string {
  switch (test.kind) {
    case 'phrase':
      return quoted(test.text);
    case 'exact':
      return `=${quoted(test.text)}`;
    case 'wildcard':
      return test.parts
        .map((part) => (part.kind === 'text' ? escaped(part.text) : part.kind === 'any' ? '*' : '?'))
        .join('');
    case 'regexp':
      return `~"${test.source}"`;
    case 'compare':
      return `${test.operator} ${quoted(test.value)}`;
    case 'range':
      return `${test.from?.isInclusive === false ? '{' : '['}${test.from ? quoted(test.from.value) : '*'} TO ${test.to ? quoted(test.to.value) : '*'}${test.to?.isInclusive === false ? '}' : ']'}`;
    case 'exists':
      return '*';
    default:
      return test satisfies never;
  }
}
const escaped = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What the written form stands for: flat lists, wildcards joined. */
function normal(tree: QueryTree): QueryTree {
  if (tree.kind === 'not') return { kind: 'not', operand: normal(tree.operand) };
  if (tree.kind === 'and' || tree.kind === 'or')
    return {
      kind: tree.kind,
      operands: tree.operands
        .map(normal)
        .flatMap((operand) => (operand.kind === tree.kind ? operand.operands : [operand])),
    };
  if (tree.kind !== 'test' || tree.test.kind !== 'wildcard') return tree;
  const parts: WildcardPart[] = [];
  for (const part of tree.test.parts) {
    const last = parts.at(-1);
    if (part.kind === 'text' && last?.kind === 'text')
      parts.splice(-1, 1, { kind: 'text', text: last.text + part.text });
    else if (part.kind !== 'any' || last?.kind !== 'any') parts.push(part);
  }
  const [first] = parts;
  if (parts.length === 1 && first?.kind === 'text') return { ...tree, test: { kind: 'phrase', text: first.text } };
  if (parts.length === 1 && first?.kind === 'any')
    return tree.field === undefined ? { kind: 'all' } : { ...tree, test: { kind: 'exists' } };
  return { ...tree, test: { kind: 'wildcard', parts } };
}
