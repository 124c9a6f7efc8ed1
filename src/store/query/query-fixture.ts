/** For tests: records as trees of values, what a query means for one of them in plain steps, and generators for both. */
import fc from 'fast-check';
import type { Bound, FieldTest, QueryTree, ValueTest, WildcardPart } from './tree.ts';
import type { Need } from './needs.ts';

/** A JSON value as it is written: numbers as their text, keys in their order, repeated ones included. */
export type Json =
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Json])[] }
  | { readonly kind: 'array'; readonly values: readonly Json[] }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: boolean | null };
export type JsonObject = Extract<Json, { kind: 'object' }>;

export interface TestRecord {
  readonly fields: JsonObject;
  /** Between the parts of its JSON. */
  readonly blank: '' | ' ';
  readonly tag: string;
  readonly seconds: number;
  readonly nanos: number;
}

export function jsonOf(value: Json, blank: string): string {
  switch (value.kind) {
    case 'object':
      return `{${value.entries.map(([key, inner]) => `${JSON.stringify(key)}${blank}:${blank}${jsonOf(inner, blank)}`).join(`${blank},${blank}`)}${blank}}`;
    case 'array':
      return `[${value.values.map((inner) => jsonOf(inner, blank)).join(`,${blank}`)}${blank}]`;
    case 'number':
      return value.text;
    case 'string':
      return JSON.stringify(value.text);
    case 'literal':
      return String(value.value);
    default:
      return value satisfies never;
  }
}

// ------------------------------------------------------------------------------------------------- meaning

/** Whether a record is among those that a query is about. */
export function isMatch(tree: QueryTree, record: TestRecord): boolean {
  switch (tree.kind) {
    case 'all':
      return true;
    case 'and':
      return tree.operands.every((operand) => isMatch(operand, record));
    case 'or':
      return tree.operands.some((operand) => isMatch(operand, record));
    case 'not':
      return !isMatch(tree.operand, record);
    case 'test':
      return isTestMatch(tree, record);
    default:
      return tree satisfies never;
  }
}

function isTestMatch({ field, test }: FieldTest, record: TestRecord): boolean {
  if (field === undefined) return scalars(record.fields, false).some((text) => isFreeMatch(test, text));
  if (field === '_tag') return isTextMatch(test, record.tag);
  const found = valuesAt(record.fields, field);
  if (test.kind === 'exists') return found.some((value) => value.kind !== 'literal' || value.value !== null);
  if (test.kind === 'exact' && found.some((value) => isContainer(value) && printedJson(value) === test.text))
    return true;
  return found.some((value) => scalars(value, true).some((text) => isTextMatch(test, text)));
}

/** Everything a name can mean in a value; of repeated keys the first counts. */
function valuesAt(value: Json, name: string): Json[] {
  const children = new Map<string, Json>();
  if (value.kind === 'object')
    for (const [key, inner] of value.entries) if (!children.has(key)) children.set(key, inner);
  if (value.kind === 'array') for (const [index, inner] of value.values.entries()) children.set(String(index), inner);
  return [...children].flatMap(([key, inner]) => [
    ...(key === name ? [inner] : []),
    ...(name.startsWith(`${key}.`) ? valuesAt(inner, name.slice(key.length + 1)) : []),
  ]);
}

/** The texts of all values inside of one. */
function scalars(value: Json, isPrinted: boolean): string[] {
  switch (value.kind) {
    case 'object':
      return value.entries.flatMap(([, inner]) => scalars(inner, isPrinted));
    case 'array':
      return value.values.flatMap((inner) => scalars(inner, isPrinted));
    case 'number':
      return [isPrinted ? printed(value.text) : value.text];
    case 'string':
      return [value.text];
    case 'literal':
      return value.value === null ? [] : [String(value.value)];
    default:
      return value satisfies never;
  }
}

const jsonNumber = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A JSON number as DuckDB prints it. */
export function printed(text: string): string {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text;
  if (!Number.isFinite(value)) return text;
  const short = (Object.is(value, -0) ? '-0' : String(value)).replace('e+', 'e');
  return /[.e]/.test(short) ? short : `${short}.0`;
}

const isContainer = (value: Json): boolean => value.kind === 'object' || value.kind === 'array';

function printedJson(value: Json): string {
  const plain = (inner: Json): Json => {
    if (inner.kind === 'object')
      return { kind: 'object', entries: inner.entries.map(([key, child]) => [key, plain(child)] as const) };
    if (inner.kind === 'array') return { kind: 'array', values: inner.values.map(plain) };
    return inner.kind === 'number' ? { kind: 'number', text: printed(inner.text) } : inner;
  };
  return jsonOf(plain(value), '');
}

function isTextMatch(test: ValueTest, text: string): boolean {
  const isSame = (wanted: string): boolean => text === wanted || (jsonNumber.test(wanted) && text === printed(wanted));
  switch (test.kind) {
    case 'exists':
      return true;
    case 'phrase':
      return hasSameNumber(text, test.text) || (!decimal.test(text) && hasPhrase(text, test.text));
    case 'exact':
      return isSame(test.text);
    case 'wildcard':
      return endsOf(test.parts, Array.from(text), 0).has(Array.from(text).length);
    case 'regexp':
      return new RegExp(test.source, 'u').test(text);
    case 'compare':
      return isComparison(text, test.operator, test.value);
    case 'range':
      return (
        (!test.from || isComparison(text, test.from.isInclusive ? '>=' : '>', test.from.value)) &&
        (!test.to || isComparison(text, test.to.isInclusive ? '<=' : '<', test.to.value))
      );
    default:
      return test satisfies never;
  }
}

/** A number with a point or an exponent, which is found as a whole. */
const decimal = /^-?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)$/;

/** Written the same, printed the same, or the same integer with and without `.0`; a sign that is not asked for may be there. */
function hasSameNumber(text: string, wanted: string): boolean {
  if (!jsonNumber.test(wanted)) return false;
  const integer = (number: string): bigint | undefined => {
    if (/^-?(?:0|[1-9]\d*)(?:\.0)?$/.test(number)) return BigInt(number.replace('.0', ''));
    return undefined;
  };
  const isInteger = Number.isSafeInteger(Number(wanted));
  const value = isInteger ? BigInt(Number(wanted)) : /^-?\d+$/.test(wanted) ? BigInt(wanted) : undefined;
  const isPositive = !wanted.startsWith('-');
  const found = integer(text);
  if (found !== undefined && value !== undefined && (found === value || (isPositive && found === -value))) return true;
  return [wanted, ...(isPositive ? [`-${wanted}`] : [])].some((number) => text === number || text === printed(number));
}

const isWord = (char: string | undefined): boolean => char !== undefined && /^\w$/.test(char);
const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (char) => char.toLowerCase());
/** No word goes on across this place. */
const isEdge = (chars: readonly string[], at: number): boolean => !(isWord(chars[at - 1]) && isWord(chars[at]));

function hasPhrase(text: string, phrase: string): boolean {
  const chars = Array.from(text);
  const wanted = Array.from(lower(phrase));
  return chars.some((_, at) => {
    const isHere = wanted.every((char, index) => lower(chars[at + index] ?? '') === char);
    const start = isWord(wanted[0]) ? isEdge(chars, at) : true;
    return isHere && start && (isWord(wanted.at(-1)) ? isEdge(chars, at + wanted.length) : true);
  });
}

/** Where a match of the parts that begins at `at` can end. */
function endsOf(parts: readonly WildcardPart[], chars: readonly string[], at: number): Set<number> {
  let ends = new Set([at]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const from of ends) {
      if (part.kind === 'text') {
        const wanted = Array.from(lower(part.text));
        if (wanted.every((char, index) => lower(chars[from + index] ?? '') === char)) next.add(from + wanted.length);
      } else if (part.kind === 'one') {
        if (from < chars.length) next.add(from + 1);
      } else for (let to = from; to <= chars.length; to++) next.add(to);
    }
    ends = next;
  }
  return ends;
}

function isFreeMatch(test: ValueTest, text: string): boolean {
  if (test.kind === 'phrase') return hasPhrase(text, test.text);
  if (test.kind !== 'wildcard') throw new Error(`no free text: ${test.kind}`);
  const chars = Array.from(text);
  const [first] = test.parts;
  const last = test.parts.at(-1);
  return [...chars, ''].some((_, at) => {
    if (first?.kind === 'text' && isWord(first.text[0]) && !isEdge(chars, at)) return false;
    return [...endsOf(test.parts, chars, at)].some(
      (end) => !(last?.kind === 'text' && isWord(last.text.at(-1))) || isEdge(chars, end),
    );
  });
}

const numberForm = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const isNumber = (text: string): boolean => numberForm.test(text) && Number.isFinite(Number(text));

function isComparison(text: string, operator: '<' | '<=' | '>' | '>=', value: string): boolean {
  if (isNumber(value) && !isNumber(text)) return false;
  const order = isNumber(value) ? orderOfNumbers(text, value) : Buffer.compare(Buffer.from(text), Buffer.from(value));
  return (
    (order < 0 && operator[0] === '<') || (order > 0 && operator[0] === '>') || (order === 0 && operator.length === 2)
  );
}

/** Exactly, as integers of 10^-400. */
function orderOfNumbers(left: string, right: string): number {
  const scaled = (text: string): bigint => {
    const [, sign, whole = '', fraction = '', exponent = '0'] = numberForm.exec(text) ?? [];
    const digits = BigInt(whole + fraction) * 10n ** BigInt(400 + Number(exponent) - fraction.length);
    return sign === '-' ? -digits : digits;
  };
  const difference = scaled(left) - scaled(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

// ------------------------------------------------------------------------------------------------- words

/** The words of a record's keys and values, and of its numbers with a fraction also as DuckDB prints them. */
export function wordsOfRecord(value: Json): Set<string> {
  const words = new Set<string>();
  const add = (text: string): void => {
    for (const word of text.split(/\W+/)) if (word !== '') words.add(lower(word));
  };
  const visit = (inner: Json): void => {
    if (inner.kind === 'object')
      for (const [key, child] of inner.entries) {
        add(key);
        visit(child);
      }
    else if (inner.kind === 'array') inner.values.forEach(visit);
    else add(inner.kind === 'literal' ? String(inner.value) : inner.text);
    if (inner.kind === 'number') add(printed(inner.text));
  };
  visit(value);
  return words;
}

/** Of words alone: what is mixed of them is what surveys know. */
export function isNeedMet(need: Need, words: ReadonlySet<string>): boolean {
  switch (need.kind) {
    case 'any':
    case 'part':
      return true;
    case 'word':
      return words.has(need.word);
    case 'and':
      return need.operands.every((operand) => isNeedMet(operand, words));
    case 'or':
      return need.operands.some((operand) => isNeedMet(operand, words));
    default:
      return need satisfies never;
  }
}

// ------------------------------------------------------------------------------------------------- generators

const atoms =
  'foo FOO fooBar bar k i s K ſ İ ı é É 오류 서울 " \\ / % _ - . \' { } [ ] : , n t u001f 5 50 1.5 1e3 -5 true null 😀 ~ * ? < $ ^ ( |'.split(
    ' ',
  );
const odd = [' ', '\n', '\t', '\u0001', '\0', '\u007f', '\u2028', '  ', 'timed out', 'a\nfoo'];
const text = fc
  .oneof(
    { weight: 3, arbitrary: fc.array(fc.constantFrom(...atoms, ...odd), { minLength: 1, maxLength: 4 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom('foo', 'bar', 'Foo', ' ', '오류', 'n'), { minLength: 1, maxLength: 4 }),
    },
  )
  .map((parts) => parts.join(''));
export const numbers = (
  '0 -0 5 -5 50 500 1.5 1.50 -1.5 10.0 0.1 0.10 9007199254740993 9007199254740992 -9007199254740993 ' +
  '9223372036854775807 -9223372036854775808 9223372036854775808 123456789012345678901234567890 100000000000000000000.5 ' +
  '1e3 1E+2 2.5e-7 1e21 1e400 -1e400 -0.0'
).split(' ');
const number = fc.oneof(
  fc.constantFrom(...numbers),
  fc.integer({ min: -60, max: 600 }).map(String),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => String(Math.round(value * 100) / 100)),
);
const keys = [
  'a',
  'b',
  'c',
  'a.b',
  'b.c',
  '0',
  '1',
  'k/x',
  'k~y',
  'q"q',
  'x y',
  'foo',
  '한글',
  '',
  'l\nm',
  "it's",
  '$.a',
  'a[0]',
  'A',
];

const { value: jsonValue, object: jsonObject } = fc.letrec<{ value: Json; object: JsonObject; array: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: text.map((value): Json => ({ kind: 'string', text: value })) },
    { weight: 3, arbitrary: number.map((value): Json => ({ kind: 'number', text: value })) },
    { weight: 1, arbitrary: number.map((value): Json => ({ kind: 'string', text: value })) },
    { weight: 1, arbitrary: fc.constantFrom(true, false, null).map((value): Json => ({ kind: 'literal', value })) },
    { weight: 2, arbitrary: tie('object') },
    { weight: 2, arbitrary: tie('array') },
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...keys), tie('value')), { maxLength: 4 })
    .map((entries): JsonObject => ({ kind: 'object', entries })),
  array: fc.array(tie('value'), { maxLength: 3 }).map((values): Json => ({ kind: 'array', values })),
}));

export const anyRecord: fc.Arbitrary<TestRecord> = fc.record({
  fields: jsonObject,
  blank: fc.constantFrom('' as const, ' ' as const),
  tag: text,
  seconds: fc.integer({ min: -10, max: 10 }),
  nanos: fc.constantFrom(0, 1, 999_999_999),
});

const names = [
  ...keys.filter((key) => key !== ''),
  'a.b.c',
  'a.0',
  'a.1.b',
  'a.b.0',
  'b.c.a',
  'foo.0',
  'a.a',
  'b.a',
  'c.b.c',
  'a.k/x',
  'a.',
  '.a',
  'nowhere',
  'a.0.0',
];
const part: fc.Arbitrary<WildcardPart> = fc.oneof(
  text.map((value): WildcardPart => ({ kind: 'text', text: value })),
  fc.constantFrom<WildcardPart>({ kind: 'any' }, { kind: 'one' }),
);
const parts = fc.array(part, { minLength: 1, maxLength: 4 });
const literal = fc.oneof(number, text);
const container = fc.oneof(fc.constantFrom('{}', '[]', '[5]', '[1.5]'), jsonValue.filter(isContainer).map(printedJson));
const bound = fc.record({ value: literal, isInclusive: fc.boolean() });
const phrase = fc.oneof(text, text, number).map((value): ValueTest => ({ kind: 'phrase', text: value }));
const wildcard = parts.map((value): ValueTest => ({ kind: 'wildcard', parts: value }));
const fieldTest: fc.Arbitrary<ValueTest> = fc.oneof(
  { weight: 4, arbitrary: phrase },
  {
    weight: 2,
    arbitrary: fc.oneof(text, number, container).map((value): ValueTest => ({ kind: 'exact', text: value })),
  },
  { weight: 2, arbitrary: wildcard },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('^fo+', '[A-Z]', '\\d{2}', '오.', '^$', 'o\\n')
      .map((source): ValueTest => ({ kind: 'regexp', source })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('compare' as const),
      operator: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
      value: literal,
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.option(bound, { nil: undefined }), bound)
      .map(([from, to]: [Bound | undefined, Bound]): ValueTest => ({ kind: 'range', from, to })),
  },
  { weight: 1, arbitrary: fc.constant<ValueTest>({ kind: 'exists' }) },
);
const at = { start: 0, end: 0 };
const test: fc.Arbitrary<FieldTest> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom(...names), fieldTest)
      .map(([field, value]): FieldTest => ({ kind: 'test', field, test: value, at })),
  },
  {
    weight: 3,
    arbitrary: fc
      .oneof(phrase, wildcard)
      .map((value): FieldTest => ({ kind: 'test', field: undefined, test: value, at })),
  },
  { weight: 1, arbitrary: fieldTest.map((value): FieldTest => ({ kind: 'test', field: '_tag', test: value, at })) },
);

/** Any tree that parseQuery could give, but for tests of times and ids. */
export const anyTree: fc.Arbitrary<QueryTree> = fc.letrec<{ tree: QueryTree }>((tie) => ({
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
