/**
 * Regular expressions of Lucene (org.apache.lucene.util.automaton.RegExp), which match a whole value. `.` is any character, a line
 * break too. Case is ignored for ASCII letters alone, as in the query language; written out, so that every version of the
 * servers reads it.
 */
import type { Comparison } from '../store/query/numbers.ts';
import { isWordChar } from '../store/query/words.ts';
import type { WildcardPart } from '../store/query/tree.ts';

/** What the servers take in one expression (index.max_regex_length). */
export const patternCharsMax = 1000;

const notWord = '[^A-Za-z0-9_]';

/** A value that has this text in it, with words ending where the text ends in one. */
export function phrasePattern(text: string): string {
  const before = isWordChar(text[0]) ? `(.*${notWord})?` : '.*';
  const behind = isWordChar(text.at(-1)) ? `(${notWord}.*)?` : '.*';
  return `${before}${literalPattern(text)}${behind}`;
}

/** Exactly this text, the case of ASCII letters ignored. Exported for tests. */
export function literalPattern(text: string): string {
  return text.replaceAll(/[^]/gu, (char) =>
    /[A-Za-z]/.test(char) ? `[${char.toLowerCase()}${char.toUpperCase()}]` : escaped(char),
  );
}

/** A character that stands for itself. */
export function escaped(char: string): string {
  return /[!-/:-@[-`{-~]/.test(char) ? `\\${char}` : char;
}

/** A whole value that fits; free: anywhere in a value, with words ending where the pattern ends in one. */
export function wildcardPattern(parts: readonly WildcardPart[], isFree: boolean): string {
  const pattern = parts
    .map((part) => (part.kind === 'text' ? literalPattern(part.text) : part.kind === 'any' ? '.*' : '.'))
    .join('');
  if (!isFree) return pattern;
  const [first] = parts;
  const last = parts.at(-1);
  const startsWord = first?.kind === 'text' && isWordChar(first.text[0]);
  const endsWord = last?.kind === 'text' && isWordChar(last.text.at(-1));
  return `${startsWord ? `(.*${notWord})?` : '.*'}${pattern}${endsWord ? `(${notWord}.*)?` : '.*'}`;
}

/** The same as the servers' own wildcards, which may be of any length. */
export function wildcardText(parts: readonly WildcardPart[]): string {
  return parts
    .map((part) => (part.kind === 'text' ? part.text.replaceAll(/[*?\\]/g, '\\$&') : part.kind === 'any' ? '*' : '?'))
    .join('');
}

/** A value that is a number with a point or an exponent as a whole. */
export const decimalPattern = '-?[0-9]+(\\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)';

// ------------------------------------------------------------------------------------------------- numbers in texts

const anyMagnitude = '[0-9]+(\\.[0-9]+)?';

/** Texts that are numbers, written without an exponent, and compare so with a number. */
export function comparedPattern(operator: Comparison, value: string): string {
  const { isNegative, whole, fraction } = plain(value);
  const isZero = whole === '0' && fraction === '';
  const wantsMore = operator[0] === '>';
  const forms: string[] = [];
  if (isNegative && !isZero) {
    // Below a negative number are those of larger magnitude.
    forms.push(...(wantsMore ? less(whole, fraction) : greater(whole, fraction)).map((form) => `-(${form})`));
    if (operator.length === 2) forms.push(`-(${same(whole, fraction)})`);
    if (wantsMore) forms.push(`\\+?${anyMagnitude}`);
  } else {
    forms.push(...(wantsMore ? greater(whole, fraction) : less(whole, fraction)).map((form) => `\\+?(${form})`));
    if (operator.length === 2) forms.push(`${isZero ? '[-+]?' : '\\+?'}(${same(whole, fraction)})`);
    // -0 is not less than 0.
    if (!wantsMore) forms.push(...(isZero ? greater('0', '').map((form) => `-(${form})`) : [`-${anyMagnitude}`]));
  }
  return `(${forms.join('|')})`;
}

interface Plain {
  readonly isNegative: boolean;
  /** Without zeros in front; `0` for none. */
  readonly whole: string;
  /** Without zeros behind. */
  readonly fraction: string;
}

/** A number without its exponent. */
function plain(value: string): Plain {
  const [, sign = '', digits = '0', behind = '', exponent = '0'] =
    /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(value) ?? [];
  const shift = Math.max(-400, Math.min(400, Number(exponent)));
  const point = digits.length + shift;
  const all = digits + behind;
  const padded = point <= 0 ? '0'.repeat(1 - point) + all : all.padEnd(point, '0');
  const at = point <= 0 ? 1 : point;
  return {
    isNegative: sign === '-',
    whole: padded.slice(0, at).replace(/^0+(?=\d)/, ''),
    fraction: padded.slice(at).replace(/0+$/, ''),
  };
}

/** Digits from one to the other; undefined: none are. */
function digits(from: number, to: number): string | undefined {
  if (from > to) return undefined;
  return from === to ? String(from) : `[${from}-${to}]`;
}
function anyDigits(count: number): string {
  return count === 0 ? '' : `[0-9]{${count}}`;
}

/** Numbers of as many digits that differ first at one place, and there by less or more. */
function differing(text: string, at: (digit: number, index: number) => string | undefined): string[] {
  return Array.from(text).flatMap((char, index) => {
    const range = at(Number(char), index);
    return range === undefined ? [] : [`${text.slice(0, index)}${range}${anyDigits(text.length - index - 1)}`];
  });
}

function greater(whole: string, fraction: string): string[] {
  const wholes = [
    whole === '0' ? '[1-9][0-9]*' : `[1-9][0-9]{${whole.length},}`,
    ...(whole === '0' ? [] : differing(whole, (digit) => digits(digit + 1, 9))),
  ];
  const behind = [
    ...Array.from(fraction).flatMap((char, index) => {
      const range = digits(Number(char) + 1, 9);
      return range === undefined ? [] : [`${fraction.slice(0, index)}${range}[0-9]*`];
    }),
    `${fraction}0*[1-9][0-9]*`,
  ];
  return [`0*(${wholes.join('|')})(\\.[0-9]+)?`, `0*${whole}\\.(${behind.join('|')})`];
}

function less(whole: string, fraction: string): string[] {
  const shorter = whole.length > 1 ? [`[1-9][0-9]{0,${whole.length - 2}}`, '0'] : [];
  const wholes = [
    ...shorter,
    ...differing(whole, (digit, index) => digits(index === 0 && whole.length > 1 ? 1 : 0, digit - 1)),
  ];
  const below = wholes.length === 0 ? [] : [`0*(${wholes.join('|')})(\\.[0-9]+)?`];
  if (fraction === '') return below;
  const behind = Array.from(fraction).flatMap((char, index) => {
    const range = digits(0, Number(char) - 1);
    return [
      ...(range === undefined ? [] : [`${fraction.slice(0, index)}${range}[0-9]*`]),
      ...(index === 0 ? [] : [fraction.slice(0, index)]),
    ];
  });
  return [...below, `0*${whole}`, ...(behind.length === 0 ? [] : [`0*${whole}\\.(${behind.join('|')})`])];
}

function same(whole: string, fraction: string): string {
  return fraction === '' ? `0*${whole}(\\.0+)?` : `0*${whole}\\.${fraction}0*`;
}
