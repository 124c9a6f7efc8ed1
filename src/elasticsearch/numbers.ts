/** Tests of fields that hold numbers. */
import { compareNumbers, isNumber } from '../store/query/numbers.ts';
import type { Comparison } from '../store/query/numbers.ts';
import type { ValueTest, WildcardPart } from '../store/query/tree.ts';
import { any, exists, nothing, oneOf, range } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { FieldVariant } from './mapping.ts';

/** What a field can hold, by the narrowest of its types: beyond it servers answer with an error. */
const bounds: Readonly<Record<string, readonly [low: string, high: string]>> = {
  byte: ['-128', '127'],
  short: ['-32768', '32767'],
  integer: ['-2147483648', '2147483647'],
  long: ['-9223372036854775808', '9223372036854775807'],
  unsigned_long: ['0', '18446744073709551615'],
  half_float: ['-65504', '65504'],
  float: ['-3.4e38', '3.4e38'],
};

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A comparison or a range as its two ends. */
export function endsOf(
  test: Extract<ValueTest, { kind: 'compare' | 'range' }>,
): { operator: Comparison; value: string }[] {
  if (test.kind === 'compare') return [{ operator: test.operator, value: test.value }];
  const { from, to } = test;
  return [
    ...(from ? [{ operator: from.isInclusive ? ('>=' as const) : ('>' as const), value: from.value }] : []),
    ...(to ? [{ operator: to.isInclusive ? ('<=' as const) : ('<' as const), value: to.value }] : []),
  ];
}

/** Undefined: the server cannot be asked this of a number. */
export function numberClause(field: FieldVariant, test: ValueTest): Clause | undefined {
  switch (test.kind) {
    case 'exists':
      return exists(field.name);
    case 'exact':
      return equalTo(field, [test.text]);
    case 'phrase': {
      const text = wholeText(test.text);
      // In a text 5 is a word of -5, too.
      return equalTo(field, text.startsWith('-') ? [text] : [text, `-${text}`]);
    }
    case 'wildcard':
      return wildcardClause(field, test.parts);
    case 'compare':
    case 'range':
      return comparedClause(field, endsOf(test));
    case 'regexp':
      return undefined;
    default:
      return test satisfies never;
  }
}

function equalTo(field: FieldVariant, values: readonly string[]): Clause {
  const held = values.filter((value) => jsonNumber.test(value) && isNumber(value) && isHeld(field, value));
  return oneOf(field.name, field.kind === 'integer' ? held.map((value) => value.replace(/\.0+$/, '')) : held);
}

/** 1000 for 1e3. */
function wholeText(text: string): string {
  return jsonNumber.test(text) && /[eE]/.test(text) && Number.isSafeInteger(Number(text)) ? String(Number(text)) : text;
}

function isHeld(field: FieldVariant, value: string): boolean {
  if (field.kind === 'integer' && !/^-?\d+(?:\.0+)?$/.test(value)) return false;
  return field.types.every((type) => {
    const [low, high] = bounds[type] ?? [];
    return (
      low === undefined || high === undefined || (compareNumbers(value, low) >= 0 && compareNumbers(value, high) <= 0)
    );
  });
}

function comparedClause(field: FieldVariant, ends: readonly { operator: Comparison; value: string }[]): Clause {
  const written: Record<string, string> = {};
  for (const { operator, value } of ends) {
    if (!isNumber(value)) {
      // Compared as texts; letters come behind all digits, and there is nothing else to go by.
      const isBehind = (value[0] ?? '') > '9';
      if (isBehind !== (operator[0] === '<')) return nothing;
      continue;
    }
    const limited = within(field, operator, value);
    if (limited === 'none') return nothing;
    if (limited === 'all') continue;
    written[{ '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' }[operator]] = value;
  }
  return Object.keys(written).length === 0 ? exists(field.name) : range(field.name, written);
}

/** Whether a comparison with this value says anything of the field's numbers. */
function within(field: FieldVariant, operator: Comparison, value: string): 'all' | 'none' | 'some' {
  for (const type of field.types) {
    const [low, high] = bounds[type] ?? [];
    if (low === undefined || high === undefined) continue;
    if (compareNumbers(value, high) > 0) return operator[0] === '<' ? 'all' : 'none';
    if (compareNumbers(value, low) < 0) return operator[0] === '>' ? 'all' : 'none';
  }
  return 'some';
}

/** Digits of the largest integers. */
const digitsMax = 19;
/** Clauses and values that a pattern may become. */
const rangesMax = 200;

/** `5*`, `4?4`, `40?`: numbers whose digits fit. Undefined: there are too many ways to. */
function wildcardClause(field: FieldVariant, parts: readonly WildcardPart[]): Clause | undefined {
  const texts = parts.map((part) => (part.kind === 'text' ? part.text : part.kind === 'any' ? '*' : '?'));
  if (texts.every((text) => text === '*')) return exists(field.name);
  if (parts.some((part) => part.kind === 'text' && /[^-+.0-9eE]/.test(part.text))) return nothing;
  const found = /^(-?)([0-9?]+)(\**)$/.exec(texts.join(''));
  const [, sign = '', figures = '', star = ''] = found ?? [];
  if (!found || figures.length > digitsMax) return undefined;
  const open = /\?*$/.exec(figures)?.[0].length ?? 0;
  const heads = headsOf(figures.slice(0, figures.length - open));
  if (!heads) return undefined;
  const spans = heads.flatMap((head) => spansOf(head, open, star !== ''));
  if (field.kind === 'decimal' && star === '') return wholeNumbers(field, sign, spans);
  return any(spans.map((span) => between(field, sign, span)));
}

/** All digits that a beginning can stand for; a number begins with no zero, but for zero itself. */
function headsOf(figures: string): string[] | undefined {
  let heads = [''];
  for (const figure of figures) {
    heads = heads.flatMap((head) =>
      figure === '?' ? Array.from('0123456789', (digit) => head + digit) : [head + figure],
    );
    if (heads.length > rangesMax) return undefined;
  }
  return heads.filter((head) => !/^0\d/.test(head));
}

/** Numbers [low, high). */
type Span = readonly [low: bigint, high: bigint];

/** The numbers that begin with these digits and go on with `open` more, or with any number of them. */
function spansOf(head: string, open: number, isEndless: boolean): Span[] {
  if (head === '0') return open > 0 ? [] : [[0n, 1n]];
  // Where no digit is given: 1 to 9, and so many more.
  const [start, count, more] = head === '' ? [1n, 9n, open - 1] : [BigInt(head), 1n, open];
  const longest = isEndless ? digitsMax - Math.max(1, head.length) : more;
  const spans: Span[] = head === '' && open === 1 ? [[0n, 1n]] : [];
  for (let digits = more; digits <= longest; digits++) {
    const unit = 10n ** BigInt(digits);
    spans.push([start * unit, (start + count) * unit]);
  }
  return spans;
}

/** Among decimals those without a fraction, one by one. */
function wholeNumbers(field: FieldVariant, sign: string, spans: readonly Span[]): Clause | undefined {
  const count = spans.reduce((sum, [low, high]) => sum + (high - low), 0n);
  if (count > rangesMax) return undefined;
  const values = spans.flatMap(([low, high]) =>
    Array.from({ length: Number(high - low) }, (_, i) => `${sign}${low + BigInt(i)}`),
  );
  return equalTo(field, values);
}

function between(field: FieldVariant, sign: string, [low, high]: Span): Clause {
  return sign === '-'
    ? comparedClause(field, [
        { operator: '<=', value: String(-low) },
        { operator: '>', value: String(-high) },
      ])
    : comparedClause(field, [
        { operator: '>=', value: String(low) },
        { operator: '<', value: String(high) },
      ]);
}
