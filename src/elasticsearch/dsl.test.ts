/** Queries as Elasticsearch and OpenSearch are asked them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseQuery } from '../store/query/parser.ts';
import { QueryError } from '../store/query/query-error.ts';
import { isMatch } from '../store/query/query-fixture.ts';
import type { Clause } from './clauses.ts';
import { capabilities, isFound, mappedRecord, mappedTree } from './dsl-fixture.ts';
import { toDsl } from './dsl.ts';
import { readMapping } from './mapping.ts';

const yes = { searchable: true, aggregatable: true };
const more = {
  indices: ['logs-1', 'logs-2'],
  fields: {
    ...capabilities.fields,
    at: { date: yes },
    fine: { date_nanos: yes },
    ip: { ip: yes },
    small: { byte: yes },
    labels: { flattened: yes },
    users: { nested: { searchable: false, aggregatable: false } },
    'users.name': { keyword: yes },
    mixed: { long: { ...yes, indices: ['logs-1'] }, keyword: { ...yes, indices: ['logs-2'] } },
    bare: { text: { searchable: true, aggregatable: false } },
    hidden: { keyword: { searchable: false, aggregatable: false } },
    place: { geo_point: yes },
  },
};

function dsl(query: string, answer: unknown = more, ignoresCase = true): { clause: Clause; notes: string[] } {
  const notes = new Set<string>();
  const target = { mapping: readMapping(answer), timeField: '@timestamp', tagField: 'tag', ignoresCase, notes };
  const clause = toDsl(parseQuery(query, 0), target);
  return { clause, notes: [...notes] };
}

const nothing = { match_none: {} };
const cases: readonly (readonly [string, unknown])[] = [
  ['', { match_all: {} }],
  ['word:="Ab"', { term: { word: { value: 'Ab' } } }],
  ['word:="-0"', { terms: { word: ['-0', '0'] } }],
  ['word:ab', { regexp: { word: { value: '(.*[^A-Za-z0-9_])?[aA][bB]([^A-Za-z0-9_].*)?' } } }],
  ['word:/a*', { wildcard: { word: { value: '/a*', case_insensitive: true } } }],
  ['word >= m', { range: { word: { gte: 'm' } } }],
  ['word:*', { exists: { field: 'word' } }],
  ['NOT word:*', { bool: { must_not: [{ exists: { field: 'word' } }] } }],
  ['word:~"^/v[12]/"', { regexp: { word: { value: '(\\/v[12]\\/).*' } } }],
  ['log:"timed out"', { multi_match: { query: 'timed out', type: 'phrase', fields: ['log'], lenient: true } }],
  ['log:="timed out"', { term: { 'log.keyword': { value: 'timed out' } } }],
  ['n:500', { terms: { n: ['500', '-500'] } }],
  ['n >= 500 AND n < 600', { bool: { filter: [{ range: { n: { gte: '500' } } }, { range: { n: { lt: '600' } } }] } }],
  ['n:[400 TO 500}', { range: { n: { gte: '400', lt: '500' } } }],
  ['n:5??', { range: { n: { gte: '500', lt: '600' } } }],
  ['n:foo', nothing],
  ['small > 1000', nothing],
  ['small < 1000', { exists: { field: 'small' } }],
  ['small:1000', nothing],
  ['ok:TRUE', { term: { ok: { value: 'true' } } }],
  ['at:2026-11-21', { range: { at: { gte: '1795219200000', lt: '1795305600000', format: 'epoch_millis' } } }],
  ['at > 2026-11-21', { range: { at: { gte: '1795305600000', format: 'epoch_millis' } } }],
  [
    'fine <= "2026-11-21T00:00:00.000000001Z"',
    { range: { fine: { lt: '2026-11-21T00:00:00.000000002Z', format: 'strict_date_optional_time_nanos' } } },
  ],
  ['_time < now', { range: { '@timestamp': { lt: '0', format: 'epoch_millis' } } }],
  ['_tag:="a.b"', { term: { tag: { value: 'a.b' } } }],
  ['_source:logs-*', { wildcard: { _index: { value: 'logs-*', case_insensitive: true } } }],
  [
    '_id:="logs-1/x/y"',
    {
      bool: {
        should: [
          { bool: { filter: [{ term: { _index: { value: 'logs-1' } } }, { ids: { values: ['x/y'] } }] } },
          { ids: { values: ['logs-1/x/y'] } },
        ],
        minimum_should_match: 1,
      },
    },
  ],
  ['_id:abc', { ids: { values: ['abc'] } }],
  ['ip:10.0.*', { term: { ip: { value: '10.0.0.0/16' } } }],
  ['ip:10.0.0.1', { term: { ip: { value: '10.0.0.1' } } }],
  ['labels.app:web', { term: { 'labels.app': { value: 'web' } } }],
  [
    'users.name:="a"',
    { nested: { path: 'users', query: { term: { 'users.name': { value: 'a' } } }, ignore_unmapped: true } },
  ],
  [
    'users:*',
    {
      bool: {
        should: [
          { nested: { path: 'users', query: { match_all: {} }, ignore_unmapped: true } },
          { nested: { path: 'users', query: { exists: { field: 'users.name' } }, ignore_unmapped: true } },
        ],
        minimum_should_match: 1,
      },
    },
  ],
  [
    'mixed >= 5',
    {
      bool: {
        should: [
          { bool: { filter: [{ terms: { _index: ['logs-1'] } }, { range: { mixed: { gte: '5' } } }] } },
          {
            bool: {
              filter: [
                { terms: { _index: ['logs-2'] } },
                {
                  regexp: {
                    mixed: {
                      value:
                        '(\\+?(0*([1-9][0-9]{1,}|[6-9])(\\.[0-9]+)?)|\\+?(0*5\\.(0*[1-9][0-9]*))|\\+?(0*5(\\.0+)?))',
                    },
                  },
                },
              ],
            },
          },
        ],
        minimum_should_match: 1,
      },
    },
  ],
  ['nowhere:x', nothing],
  ['place:x', nothing],
  ['place:*', { exists: { field: 'place' } }],
  ['bare:foo*', { wildcard: { bare: { value: 'foo*', case_insensitive: true } } }],
  [
    'log:오류',
    {
      bool: {
        should: [
          { multi_match: { query: '오류', type: 'phrase', fields: ['log'], lenient: true } },
          { wildcard: { log: { value: '*오류*' } } },
        ],
        minimum_should_match: 1,
      },
    },
  ],
];

describe('queries people write', () => {
  for (const [query, clause] of cases)
    test(query === '' ? 'all' : query, () => assert.deepEqual(dsl(query).clause, clause));
});

test('what a field cannot be asked is an error at its place, with what to do', () => {
  const mistakes: readonly [string, RegExp][] = [
    ['log:a bare >= 5', /bare is a text there, .* keyword/],
    ['word:~"a\\bb"', /in the regular expression: "\\b" is not known there/],
    ['n:*5', /n is a long there/],
    ['at:2026*', /at is a date there, .*write at >= /],
    ['ip:~"^10"', /ip is a ip there/],
    ['users.0.name:a', /write users\.name/],
    ['labels.app:*x', /object without a mapping/],
    ['_id:a*', /without wildcards/],
  ];
  for (const [query, says] of mistakes)
    assert.throws(
      () => dsl(query),
      (error) => error instanceof QueryError && says.test(error.message) && error.at.end > error.at.start,
      query,
    );
});

test('a field that is not indexed is said; free text in very many keywords looks at whole values, and says so', () => {
  assert.deepEqual(dsl('hidden:x'), {
    clause: nothing,
    notes: ['hidden is not indexed there: nothing is found by it'],
  });
  const fields = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { keyword: yes }]));
  const { clause, notes } = dsl('foo', { indices: ['a'], fields });
  assert.match(notes[0] ?? '', /whole values in 100 keyword fields/);
  assert.deepEqual((clause['bool'] as { should: unknown[] }).should[0], { term: { k0: { value: 'foo' } } });
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`k${i}`, { keyword: yes }]));
  assert.match(dsl('foo', { indices: ['a'], fields: many }).notes[0] ?? '', /400 of 900 fields/);
});

test('servers without case_insensitive get the letters', () => {
  assert.deepEqual(dsl('word:a*', more, false).clause, { regexp: { word: { value: '[aA].*' } } });
});

test('any answer in place of the fields is no fields', () => {
  for (const answer of [null, 1, 'x', [], {}, { fields: 1 }, { fields: { a: 1, b: { long: null } } }])
    assert.equal(readMapping(answer).at('a').length, 0);
});

test('what is found of any records by any query is what the store finds', () => {
  const mapping = readMapping(capabilities);
  fc.assert(
    fc.property(fc.array(mappedRecord, { minLength: 1, maxLength: 8 }), mappedTree, (records, tree) => {
      const clause = toDsl(tree, {
        mapping,
        timeField: '@timestamp',
        tagField: 'tag',
        ignoresCase: true,
        notes: new Set(),
      });
      for (const record of records)
        assert.equal(isFound(clause, record), isMatch(tree, record), JSON.stringify({ clause, record }));
    }),
    { numRuns: 2000 },
  );
});
