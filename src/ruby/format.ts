/** `format`, `sprintf` and `text % values`. Source: Ruby 3.1 sprintf.c. */
import { leadingInteger, rounded, strictFloat, strictInteger, truncated } from './arithmetic.ts';
import { LimitError, RubyError, argumentError, typeError } from './failures.ts';
import { hashGet, inspect, needHash, toText } from './semantics.ts';
import { lengthOf, slice } from './characters.ts';
import { doubleOf, isInteger, isNumber, isText, symbolOf, textOf } from './values.ts';
import type { RubyValue } from './values.ts';

/** Widest field: enough for any table, and no way to fill the memory. */
const widthMax = 10_000;

interface Directive {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly letter: string;
}

/** Fills a format with values; names (`%<a>d`, `%{a}`) come from a hash that is the only value. @throws RubyError */
export function formatText(format: string, values: readonly RubyValue[]): string {
  let next = 0;
  const take = (): RubyValue => {
    if (next >= values.length) throw argumentError('too few arguments');
    return values[next++] as RubyValue;
  };
  const named = (name: string): RubyValue => {
    const found = hashGet(needHash(values[0] ?? null), symbolOf(name));
    if (found === undefined) throw new RubyError('KeyError', `key<${name}> not found`);
    return found;
  };
  const pattern =
    /%([-+ 0#]*)(?:<([^>]+)>)?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d*))?(?:<([^>]+)>)?(?:\{([^}]+)\}|([a-zA-Z%\n]|$))/g;
  return format.replaceAll(pattern, (...found: (string | undefined)[]) => {
    const [, before = '', firstName, behind = '', width, precision, lastName, braces, letter = ''] = found;
    let flags = before + behind;
    if (letter === '%' || letter === '\n') return letter === '%' ? '%' : '%\n';
    if (letter === '' && braces === undefined)
      throw argumentError('incomplete format specifier; use %% (double %) instead');
    let wide = width === '*' ? Number(truncated(doubleOf(numberOf(take())))) : Number(width ?? 0);
    if (wide < 0) [flags, wide] = [`${flags}-`, -wide];
    const digits =
      precision === undefined ? undefined : precision === '*' ? Number(integerOfValue(take())) : Number(precision || 0);
    if (wide > widthMax || (digits ?? 0) > widthMax) throw new LimitError(`a field wider than ${widthMax}`);
    const name = firstName ?? lastName;
    if (braces !== undefined)
      return padded(toText(named(braces)), { flags, width: wide, precision: digits, letter: 's' });
    const value = name === undefined ? take() : named(name);
    return oneValue(value, { flags, width: wide, precision: digits, letter });
  });
}

function oneValue(value: RubyValue, directive: Directive): string {
  switch (directive.letter) {
    case 's':
      return padded(cut(toText(value), directive.precision), directive);
    case 'p':
      return padded(cut(inspect(value), directive.precision), directive);
    case 'c':
      return padded(
        isInteger(value) ? String.fromCodePoint(Math.min(0x10ffff, Number(value))) : slice(toText(value), 0, 1),
        directive,
      );
    case 'd':
    case 'i':
    case 'u':
      return signed(integerOfValue(value), 10, '', directive);
    case 'x':
    case 'X':
      return signed(integerOfValue(value), 16, '0x', directive);
    case 'o':
      return signed(integerOfValue(value), 8, '0', directive);
    case 'b':
    case 'B':
      return signed(integerOfValue(value), 2, '0b', directive);
    case 'f':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
      return floating(doubleOf(numberOf(value)), directive);
    default:
      throw argumentError(`malformed format string - %${directive.letter}`);
  }
}
function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : slice(text, 0, precision);
}
function padded(text: string, { flags, width }: Directive): string {
  const missing = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return flags.includes('-') ? text + missing : missing + text;
}

/** What `Integer(value)` gives, with floats rounded down. */
function integerOfValue(value: RubyValue): bigint {
  if (isInteger(value)) return BigInt(value);
  if (isNumber(value)) return BigInt(rounded(value, 0, 'floor') as number | bigint);
  if (isText(value)) {
    const read = strictInteger(textOf(value));
    if (read !== undefined) return BigInt(read);
    throw argumentError(`invalid value for Integer(): ${inspect(value)}`);
  }
  throw typeError(`can't convert ${value === null ? 'nil' : 'this'} into Integer`);
}
function numberOf(value: RubyValue) {
  if (isNumber(value)) return value;
  if (isText(value)) {
    const read =
      strictFloat(textOf(value)) ??
      (textOf(value).startsWith('0') ? Number(leadingInteger(textOf(value), 10)) : undefined);
    if (read !== undefined) return read;
    throw argumentError(`invalid value for Float(): ${inspect(value)}`);
  }
  throw typeError(`can't convert ${value === null ? 'nil' : 'this'} into Float`);
}

function signed(value: bigint, base: number, prefix: string, directive: Directive): string {
  const { flags, letter } = directive;
  if (value < 0n && base !== 10 && !/[+ ]/.test(flags))
    return padded(complement(value, base, prefix, directive), directive);
  const digits = (value < 0n ? -value : value).toString(base).padStart(directive.precision ?? 0, '0');
  const shown = `${flags.includes('#') && value !== 0n ? prefix : ''}${digits}`;
  return withSign(value < 0n, letter === 'X' || letter === 'B' ? shown.toUpperCase() : shown, directive);
}
/** Negative numbers in hexadecimal, octal and binary print as `..f0`. */
function complement(value: bigint, base: number, prefix: string, { flags, letter }: Directive): string {
  const bits = { 16: 4, 8: 3, 2: 1 }[base] ?? 1;
  let size = bits;
  while (-(1n << BigInt(size - 1)) > value) size += bits;
  const top = (base - 1).toString(base);
  const digits = ((1n << BigInt(size)) + value).toString(base).replace(new RegExp(`^${top}+`), top);
  const shown = `${flags.includes('#') ? prefix : ''}..${digits.startsWith(top) ? digits : top + digits}`;
  return letter === 'X' ? shown.toUpperCase() : shown;
}
function withSign(isNegative: boolean, digits: string, directive: Directive): string {
  const { flags, width } = directive;
  const sign = isNegative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const zeros =
    flags.includes('0') &&
    !flags.includes('-') &&
    (directive.precision === undefined || /[a-z]/i.exec(directive.letter)?.[0].match(/[feEgG]/));
  return padded(sign + (zeros ? digits.padStart(width - sign.length, '0') : digits), directive);
}

function floating(value: number, directive: Directive): string {
  const { letter, flags } = directive;
  if (!Number.isFinite(value)) {
    const shown = Number.isNaN(value) ? 'NaN' : 'Inf';
    return withSign(value < 0, shown, { ...directive, flags: flags.replaceAll('0', '') });
  }
  const size = Math.abs(value);
  const isNegative = value < 0 || Object.is(value, -0);
  const precision = Math.min(100, directive.precision ?? 6);
  if (letter === 'f') return withSign(isNegative, fixed(size, precision), directive);
  if (letter === 'e' || letter === 'E')
    return withSign(isNegative, upper(exponent(size, precision), letter), directive);
  const digits = Math.max(1, precision);
  const power = size === 0 ? 0 : Number(size.toExponential(digits - 1).split('e')[1]);
  const isLong = power < -4 || power >= digits;
  const written = isLong ? exponent(size, digits - 1) : fixed(size, digits - 1 - power);
  const short = flags.includes('#') ? written : written.replace(/(\.\d*?)0+(?=e|$)/, '$1').replace(/\.(?=e|$)/, '');
  return withSign(isNegative, upper(short, letter), directive);
}
/** Exact digits: `toFixed` gives up at 1e21. */
function fixed(size: number, precision: number): string {
  const scaled = size * 10 ** precision;
  // Exactly between two: C takes the even one, toFixed the larger. Only fractions of powers of two can be there.
  const isTie = scaled % 1 === 0.5 && (size * 2 ** (precision + 1)) % 1 === 0 && Math.floor(scaled) % 2 === 0;
  if (isTie) return (Math.floor(scaled) / 10 ** precision).toFixed(precision);
  if (size < 1e21) return size.toFixed(precision);
  return `${BigInt(size)}${precision > 0 ? `.${'0'.repeat(precision)}` : ''}`;
}
function exponent(size: number, precision: number): string {
  return size.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
}
function upper(text: string, letter: string): string {
  return letter === letter.toUpperCase() ? text.toUpperCase() : text;
}
