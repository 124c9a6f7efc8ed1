/** Tests of fields that keep values as a whole. */
import { isNumber } from '../store/query/numbers.ts';
import type { ValueTest, WildcardPart } from '../store/query/tree.ts';
import { all, any, exists, not, oneOf, range, regexp } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { Target } from './dsl.ts';
import type { FieldVariant } from './mapping.ts';
import { endsOf } from './numbers.ts';
import {
  comparedPattern,
  decimalPattern,
  patternCharsMax,
  phrasePattern,
  wildcardPattern,
  wildcardText,
} from './patterns.ts';
import { lucenePattern } from './regexps.ts';

/** @throws NotInLucene */
export function keywordClause(field: FieldVariant, test: ValueTest, target: Pick<Target, 'ignoresCase'>): Clause {
  const { name } = field;
  switch (test.kind) {
    case 'exists':
      return exists(name);
    case 'exact':
      return oneOf(name, [test.text, ...printedNumber(test.text)]);
    case 'phrase':
      return phraseClause(name, test.text, target);
    case 'wildcard':
      return wildcardClause(name, test.parts, target);
    case 'regexp':
      return regexp(name, lucenePattern(test.source));
    case 'compare':
    case 'range':
      return comparedClause(name, test);
    default:
      return test satisfies never;
  }
}

/** Words anywhere in a value. In a decimal number 5 does not stand for the fraction of 1.5, but for 5.0. */
function phraseClause(name: string, text: string, target: Pick<Target, 'ignoresCase'>): Clause {
  if (text === '') return exists(name);
  const has = wordsClause(name, text, target);
  if (!/^[-+.0-9eE]+$/.test(text)) return has;
  return any([oneOf(name, sameNumbers(text)), all([has, not(regexp(name, decimalPattern))])]);
}

/** These words anywhere in a value, whatever it is. */
export function wordsClause(name: string, text: string, target: Pick<Target, 'ignoresCase'>): Clause {
  const pattern = phrasePattern(text);
  if (pattern.length <= patternCharsMax || !target.ignoresCase) return regexp(name, pattern);
  // Wildcards may be longer. A word that goes on is taken for it.
  return wildcard(name, wildcardText([{ kind: 'any' }, { kind: 'text', text }, { kind: 'any' }]));
}

/** A whole value that fits; free: anywhere in one. */
export function wildcardClause(
  name: string,
  parts: readonly WildcardPart[],
  target: Pick<Target, 'ignoresCase'>,
  isFree = false,
): Clause {
  if (!isFree && target.ignoresCase) return wildcard(name, wildcardText(parts));
  return regexp(name, wildcardPattern(parts, isFree));
}

function wildcard(name: string, value: string): Clause {
  return { wildcard: { [name]: { value, case_insensitive: true } } };
}

function comparedClause(name: string, test: Extract<ValueTest, { kind: 'compare' | 'range' }>): Clause {
  const ends = endsOf(test);
  const texts = ends.filter(({ value }) => !isNumber(value));
  const patterns = ends.filter(({ value }) => isNumber(value)).map((end) => comparedPattern(end.operator, end.value));
  const joined = patterns.join('&');
  const numbers =
    patterns.length === 0
      ? []
      : joined.length <= patternCharsMax
        ? [regexp(name, joined)]
        : patterns.map((pattern) => regexp(name, pattern));
  if (texts.length === 0) return all(numbers);
  const bounds = Object.fromEntries(
    texts.map(({ operator, value }) => [{ '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' }[operator], value]),
  );
  return all([...numbers, range(name, bounds)]);
}

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Texts of the same number, and of its negative for one without a sign. */
function sameNumbers(text: string): string[] {
  if (!jsonNumber.test(text)) return [];
  const value = Number(text);
  const whole = Number.isSafeInteger(value) ? [String(value), `${value}.0`] : /^-?\d+$/.test(text) ? [`${text}.0`] : [];
  const own = [text, ...whole, ...printedNumber(text)];
  return text.startsWith('-') ? own : [...own, ...own.map((one) => `-${one}`)];
}

/** A number with a point or an exponent as the store prints it, 1.5 for 1.50, and 0 for -0; nothing for other texts. */
function printedNumber(text: string): string[] {
  if (text === '-0') return ['0'];
  if (!jsonNumber.test(text) || /^-?\d+$/.test(text) || !Number.isFinite(Number(text))) return [];
  const value = Number(text);
  const short = (Object.is(value, -0) ? '-0' : String(value)).replace('e+', 'e');
  return [/[.e]/.test(short) ? short : `${short}.0`];
}
