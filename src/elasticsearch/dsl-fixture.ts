/**
 * For tests: fields of each kind, records and queries of which the servers find just what the store finds, and the meaning of the
 * query DSL for one record in plain steps. What is left out of them is what docs/query.md names as different.
 */
import fc from 'fast-check';
import type { Json, TestRecord } from '../store/query/query-fixture.ts';
import type { FieldTest, QueryTree, ValueTest, WildcardPart } from '../store/query/tree.ts';
import type { Clause } from './clauses.ts';

/** As an index is made with. */
export const properties = {
  '@timestamp': { type: 'date' },
  tag: { type: 'keyword' },
  word: { type: 'keyword' },
  list: { type: 'keyword' },
  log: { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } },
  n: { type: 'long' },
  x: { type: 'double' },
  ok: { type: 'boolean' },
  k: { properties: { a: { type: 'keyword' }, n: { type: 'integer' } } },
} as const;

const searchable = { searchable: true, aggregatable: true };
/** What `_field_caps` says of them. */
export const capabilities = {
  indices: ['logs-1'],
  fields: {
    _id: { _id: { ...searchable, metadata_field: true } },
    '@timestamp': { date: searchable },
    tag: { keyword: searchable },
    word: { keyword: searchable },
    list: { keyword: searchable },
    log: { text: { searchable: true, aggregatable: false } },
    'log.keyword': { keyword: searchable },
    n: { long: searchable },
    x: { double: searchable },
    ok: { boolean: searchable },
    k: { object: { searchable: false, aggregatable: false } },
    'k.a': { keyword: searchable },
    'k.n': { integer: searchable },
  },
} as const;

// ------------------------------------------------------------------------------------------------- generators

const atoms =
  'foo FOO fooBar bar k i s K ſ İ é É 오류 서울 " \\ / % _ - . \' { } [ ] : , n t 5 50 1.5 -5 true null ~ * ? < $ ^ ( | & # @'.split(
    ' ',
  );
const anyText = fc
  .array(fc.constantFrom(...atoms, ' ', '\n', '\t', 'timed out'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
  // Numbers with exponents are compared as such by the store alone.
  .filter((text) => !/^[-+]?\d+(?:\.\d+)?[eE]/.test(text));
const words = fc.array(fc.constantFrom('foo', 'FOO', 'fooBar', 'bar', 'timed', 'out', '5', '500', 'x1'), {
  minLength: 1,
  maxLength: 4,
});
const sentence = words.map((some) => some.join(' '));
const integer = fc
  .oneof(fc.integer({ min: -60, max: 600 }), fc.constantFrom(0, 5, -5, 50, 500, 9007199254740991))
  .map(String);
const decimal = fc.constantFrom('0.5', '1.5', '-1.5', '10.25', '600.75', '0.1');
const plainNumber = fc.oneof(integer, decimal, fc.constantFrom('007', '+5', '1.50', '5.0', '-0', '0', '0.0'));
const keywordText = fc.oneof(anyText, plainNumber);

const string = (text: string): Json => ({ kind: 'string', text });
const number = (text: string): Json => ({ kind: 'number', text });
const entry = (name: string, value: fc.Arbitrary<Json>): fc.Arbitrary<[string, Json] | undefined> =>
  fc.option(
    value.map((json): [string, Json] => [name, json]),
    { nil: undefined, freq: 4 },
  );

export const mappedRecord: fc.Arbitrary<TestRecord> = fc
  .tuple(
    entry('word', keywordText.map(string)),
    entry(
      'list',
      fc
        .array(fc.constantFrom('foo', 'a b', 'fooBar', '서울'), { minLength: 1, maxLength: 3 })
        .map((some): Json => ({ kind: 'array', values: some.map(string) })),
    ),
    entry('log', sentence.map(string)),
    entry('n', integer.map(number)),
    entry('x', decimal.map(number)),
    entry(
      'ok',
      fc.boolean().map((value): Json => ({ kind: 'literal', value })),
    ),
    entry(
      'k',
      fc
        .tuple(
          entry('a', keywordText.map(string)),
          entry('n', fc.integer({ min: 0, max: 700 }).map(String).map(number)),
        )
        .map((inner): Json => ({ kind: 'object', entries: inner.filter((one) => one !== undefined) }))
        // The servers know no empty objects and arrays.
        .filter((object) => object.kind === 'object' && object.entries.length > 0),
    ),
  )
  .map((entries) => ({
    fields: { kind: 'object', entries: entries.filter((one) => one !== undefined) },
    blank: '',
    tag: '',
    seconds: 0,
    nanos: 0,
  }));

const phrase = (text: fc.Arbitrary<string>): fc.Arbitrary<ValueTest> =>
  text.map((value) => ({ kind: 'phrase', text: value }));
const exact = (text: fc.Arbitrary<string>): fc.Arbitrary<ValueTest> =>
  text.map((value) => ({ kind: 'exact', text: value }));
const part: fc.Arbitrary<WildcardPart> = fc.oneof(
  anyText.map((text): WildcardPart => ({ kind: 'text', text })),
  fc.constantFrom<WildcardPart>({ kind: 'any' }, { kind: 'one' }),
);
const wildcard: fc.Arbitrary<ValueTest> = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .map((parts) => ({ kind: 'wildcard', parts }));
const regexp: fc.Arbitrary<ValueTest> = fc
  .constantFrom(
    '^fo+',
    '[A-Z]',
    '\\d{2}',
    '오.',
    '^$',
    'o\\n',
    '^(?:foo|bar)',
    'r$',
    'a|^5',
    '[^a-z]',
    '\\.',
    'fo{1,2}',
    '\\w\\s\\w',
  )
  .map((source) => ({ kind: 'regexp', source }));
const operator = fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const);
const comparison = (value: fc.Arbitrary<string>): fc.Arbitrary<ValueTest> =>
  fc.oneof(
    fc.record({ kind: fc.constant('compare' as const), operator, value }),
    fc.tuple(value, fc.boolean(), value, fc.boolean()).map(([from, isFrom, to, isTo]): ValueTest => ({
      kind: 'range',
      from: { value: from, isInclusive: isFrom },
      to: { value: to, isInclusive: isTo },
    })),
  );
const exists = fc.constant<ValueTest>({ kind: 'exists' });
/** Digits and places of digits. */
const digits: fc.Arbitrary<ValueTest> = fc
  .tuple(fc.constantFrom('5', '50', '1', '', '4'), fc.integer({ min: 0, max: 2 }), fc.boolean())
  .filter(
    ([text, open, isEndless]) => (text !== '' || open > 0 || isEndless) && !(open > 0 && text === '' && isEndless),
  )
  .map(([text, open, isEndless]) => ({
    kind: 'wildcard',
    parts: [
      ...(text === '' ? [] : [{ kind: 'text' as const, text }]),
      ...Array.from({ length: open }, () => ({ kind: 'one' as const })),
      ...(isEndless ? [{ kind: 'any' as const }] : []),
    ],
  }));

const at = { start: 0, end: 0 };
const on = (field: string | undefined, test: fc.Arbitrary<ValueTest>): fc.Arbitrary<FieldTest> =>
  test.map((value) => ({ kind: 'test', field, test: value, at }));
const keywordTest = fc.oneof(
  phrase(keywordText),
  exact(keywordText),
  wildcard,
  regexp,
  comparison(keywordText),
  exists,
);
const numberTest = fc.oneof(phrase(plainNumber), exact(integer), comparison(plainNumber), exists);
const freeWord = fc.constantFrom('foo', 'bar', 'timed out', 'fooBar', 'true', 'k');
const freePattern = fc.constantFrom<readonly WildcardPart[]>(
  [{ kind: 'text', text: 'foo' }, { kind: 'any' }],
  [{ kind: 'any' }, { kind: 'text', text: 'Bar' }],
  [{ kind: 'text', text: 'b' }, { kind: 'one' }, { kind: 'text', text: 'r' }],
);
const test: fc.Arbitrary<FieldTest> = fc.oneof(
  on('word', keywordTest),
  on('list', fc.oneof(phrase(anyText), exact(anyText), wildcard, regexp, exists)),
  on(
    'log',
    fc.oneof(phrase(sentence), exact(fc.oneof(sentence, anyText)), wildcard, regexp, comparison(keywordText), exists),
  ),
  on('n', numberTest),
  on('k.n', fc.oneof(numberTest, digits)),
  on('x', fc.oneof(phrase(decimal), exact(decimal), comparison(plainNumber), exists)),
  on('ok', fc.oneof(phrase(fc.constantFrom('true', 'FALSE', 'foo')), exact(fc.constantFrom('true', 'x')), exists)),
  on('k.a', keywordTest),
  on('k', fc.oneof(phrase(fc.oneof(anyText, integer)), exists)),
  on('nowhere', keywordTest),
  on(undefined, phrase(freeWord)),
  on(
    undefined,
    freePattern.map((parts) => ({ kind: 'wildcard', parts })),
  ),
);

/** Queries over the fields above. */
export const mappedTree: fc.Arbitrary<QueryTree> = fc.letrec<{ tree: QueryTree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 6, arbitrary: test },
    { weight: 1, arbitrary: tie('tree').map((operand): QueryTree => ({ kind: 'not', operand })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('tree'), { minLength: 2, maxLength: 3 }))
        .map(([kind, operands]): QueryTree => ({ kind, operands })),
    },
  ),
})).tree;

// ------------------------------------------------------------------------------------------------- meaning

/** Whether a clause finds a record with these fields; the standard analyzer, where values are words with blanks between them. */
export function isFound(clause: Clause, record: TestRecord): boolean {
  const [[kind, body] = ['', {}]] = Object.entries(clause);
  const inner = body as Readonly<Record<string, unknown>>;
  const [[field, said] = ['', undefined]] = Object.entries(inner);
  const { value } = (said ?? {}) as { value?: unknown };
  const some = (is: (text: string) => boolean): boolean => valuesOf(record, field).some(is);
  switch (kind) {
    case 'match_all':
      return true;
    case 'match_none':
      return false;
    case 'bool':
      return isBoolFound(inner, record);
    case 'exists':
      return valuesOf(record, String(inner['field'])).length > 0;
    case 'term':
      return some((text) => isSame(field, text, String(value)));
    case 'terms':
      return (said as readonly string[]).some((one) => some((text) => isSame(field, text, one)));
    case 'regexp':
      return (
        String(value)
          .split(/(?<=\))&(?=\()/)
          .every((pattern) => pattern !== '') &&
        some((text) =>
          String(value)
            .split(/(?<=\))&(?=\()/)
            .every((pattern) => new RegExp(`^(?:${pattern})$`, 's').test(text)),
        )
      );
    case 'wildcard':
      return (field === 'log' ? wordsOf(record, field) : valuesOf(record, field)).some((text) =>
        isWildcard(String(value), text),
      );
    case 'range':
      return some((text) => isInRange(field, text, said as Readonly<Record<string, string>>));
    case 'multi_match':
      return (inner['fields'] as readonly string[]).some((name) =>
        ` ${wordsOf(record, name).join(' ')} `.includes(` ${String(inner['query']).toLowerCase()} `),
      );
    default:
      throw new Error(`no meaning of ${kind}`);
  }
}

function isBoolFound(inner: Readonly<Record<string, unknown>>, record: TestRecord): boolean {
  const of = (name: string): readonly Clause[] => (inner[name] ?? []) as readonly Clause[];
  const should = of('should');
  return (
    of('filter').every((one) => isFound(one, record)) &&
    !of('must_not').some((one) => isFound(one, record)) &&
    (should.length === 0 || should.some((one) => isFound(one, record)))
  );
}

function valuesOf({ fields }: TestRecord, name: string): string[] {
  const path = name === 'log.keyword' ? ['log'] : name.split('.');
  let found: Json | undefined = fields;
  for (const key of path)
    found = found?.kind === 'object' ? found.entries.find(([own]) => own === key)?.[1] : undefined;
  return found ? textsOf(found) : [];
}
function textsOf(value: Json): string[] {
  if (value.kind === 'object') return value.entries.flatMap(([, inner]) => textsOf(inner));
  if (value.kind === 'array') return value.values.flatMap(textsOf);
  return [value.kind === 'literal' ? String(value.value) : value.text];
}
function wordsOf(record: TestRecord, name: string): string[] {
  return valuesOf(record, name).flatMap((text) => text.toLowerCase().split(' '));
}

const isNumeric = (field: string): boolean => ['n', 'x', 'k.n'].includes(field);

function isSame(field: string, text: string, value: string): boolean {
  return isNumeric(field) ? Number(text) === Number(value) : text === value;
}

function isInRange(field: string, text: string, { gt, gte, lt, lte }: Readonly<Record<string, string>>): boolean {
  const order = (bound: string): number =>
    isNumeric(field) ? Number(text) - Number(bound) : Buffer.compare(Buffer.from(text), Buffer.from(bound));
  return (
    (gt === undefined || order(gt) > 0) &&
    (gte === undefined || order(gte) >= 0) &&
    (lt === undefined || order(lt) < 0) &&
    (lte === undefined || order(lte) <= 0)
  );
}

function isWildcard(pattern: string, text: string): boolean {
  const source = pattern.replaceAll(/\\([^])|([*?])|([^])/g, (_, literal?: string, sign?: string, char?: string) => {
    if (sign !== undefined) return sign === '*' ? '.*' : '.';
    const plain = literal ?? char ?? '';
    return /[A-Za-z]/.test(plain)
      ? `[${plain.toLowerCase()}${plain.toUpperCase()}]`
      : plain.replaceAll(/[^\w]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's').test(text);
}
