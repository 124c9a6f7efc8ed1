/** Numbers: Integers of any size and Floats, with Ruby's division, modulo and rounding. Source: Ruby 3.1 numeric.c, bignum.c. */
import { rubyText } from '../codecs/ruby.ts';
import { Float } from '../core/record.ts';
import { LimitError, RubyError, typeError } from './failures.ts';
import { implicitName } from './semantics.ts';
import { doubleOf, floatOf, integerOf, isInteger, isNumber } from './values.ts';
import type { RubyValue } from './values.ts';

export type RubyNumber = number | bigint | Float;

/** Bits of the largest integer: some 20,000 digits, whose products still take no time. */
const bitsMax = 65_536;

/** The other side of an operator. @throws RubyError TypeError for what is no number */
export function coerced(left: RubyNumber, value: RubyValue | undefined): RubyNumber {
  if (value !== undefined && isNumber(value)) return value;
  throw typeError(`${implicitName(value ?? null)} can't be coerced into ${isInteger(left) ? 'Integer' : 'Float'}`);
}

function checkedInteger(value: bigint): number | bigint {
  if (value > limit || value < -limit) throw new LimitError(`an integer of more than ${bitsMax} bits`);
  return integerOf(value);
}
const limit = 1n << BigInt(bitsMax);

/** A result of two integers, exact: `small` where both it and they are safe, else `large`. */
function whole(
  a: number | bigint,
  b: number | bigint,
  small: (a: number, b: number) => number,
  large: (a: bigint, b: bigint) => bigint,
): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const result = small(a, b);
    if (Number.isSafeInteger(result)) return result === 0 ? 0 : result;
  }
  return checkedInteger(large(BigInt(a), BigInt(b)));
}

export function add(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (isInteger(a) && isInteger(b))
    return whole(
      a,
      b,
      (x, y) => x + y,
      (x, y) => x + y,
    );
  return floatOf(doubleOf(a) + doubleOf(b));
}
export function subtract(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (isInteger(a) && isInteger(b))
    return whole(
      a,
      b,
      (x, y) => x - y,
      (x, y) => x - y,
    );
  return floatOf(doubleOf(a) - doubleOf(b));
}
export function multiply(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (isInteger(a) && isInteger(b))
    return whole(
      a,
      b,
      (x, y) => x * y,
      (x, y) => x * y,
    );
  return floatOf(doubleOf(a) * doubleOf(b));
}
/** Integers towards minus infinity. @throws RubyError ZeroDivisionError */
export function divide(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (!isInteger(a) || !isInteger(b)) return floatOf(doubleOf(a) / doubleOf(b));
  if (Number(b) === 0) throw new RubyError('ZeroDivisionError', 'divided by 0');
  return whole(a, b, exactQuotient, bigFloorDivide);
}
/** NaN where a double may be off. */
function exactQuotient(a: number, b: number): number {
  return (a - exactModulo(a, b)) / b;
}
function exactModulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}
function bigFloorDivide(a: bigint, b: bigint): bigint {
  const rest = a % b;
  return a / b - (rest !== 0n && rest < 0n !== b < 0n ? 1n : 0n);
}
/** The sign of the divisor, as in Ruby. */
export function modulo(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (!isInteger(a) || !isInteger(b)) {
    const [x, y] = [doubleOf(a), doubleOf(b)];
    if (y === Number.POSITIVE_INFINITY || y === Number.NEGATIVE_INFINITY)
      return floatOf(x === 0 || x < 0 === y < 0 ? x : y);
    return floatOf(exactModulo(x, y));
  }
  if (Number(b) === 0) throw new RubyError('ZeroDivisionError', 'divided by 0');
  return whole(a, b, exactModulo, (x, y) => {
    const rest = x % y;
    return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
  });
}
export function power(a: RubyNumber, b: RubyNumber): RubyNumber {
  if (!isInteger(a) || !isInteger(b) || b < 0) {
    if (isInteger(a) && isInteger(b))
      throw new LimitError(`${rubyText(a)} ** ${rubyText(b)} is a Rational, which is not taken`);
    return floatOf(doubleOf(a) ** doubleOf(b));
  }
  const [base, exponent] = [BigInt(a), BigInt(b)];
  if (base === -1n) return exponent % 2n === 0n ? 1 : -1;
  if (base === 0n || base === 1n) return exponent === 0n ? 1 : Number(base);
  const bits = base.toString(2).replace('-', '').length;
  if (Number(exponent) * (bits - 1) > bitsMax) throw new LimitError(`an integer of more than ${bitsMax} bits`);
  return checkedInteger(base ** exponent);
}
export function negate(a: RubyNumber): RubyNumber {
  if (typeof a === 'bigint') return integerOf(-a);
  if (a instanceof Float) return floatOf(-a.value);
  return a === 0 ? 0 : -a;
}
export function shiftLeft(a: number | bigint, by: number): number | bigint {
  if (by > bitsMax) throw new LimitError(`an integer of more than ${bitsMax} bits`);
  return by >= 0 ? checkedInteger(BigInt(a) << BigInt(by)) : integerOf(BigInt(a) >> BigInt(Math.min(-by, bitsMax * 2)));
}

/** A double as an Integer, towards zero. @throws RubyError FloatDomainError */
export function truncated(value: number): number | bigint {
  if (!Number.isFinite(value)) throw new RubyError('FloatDomainError', rubyText(value));
  const cut = Math.trunc(value);
  return Number.isSafeInteger(cut) ? cut + 0 : BigInt(cut);
}

/** `round`, `floor`, `ceil` and `truncate` to so many digits behind the point (before it when negative). */
export function rounded(
  value: RubyNumber,
  digits: number,
  mode: 'round' | 'floor' | 'ceil' | 'truncate' | 'even',
): RubyNumber {
  if (isInteger(value)) return digits >= 0 ? value : roundInteger(BigInt(value), -digits, mode);
  const double = doubleOf(value);
  if (digits > 0) return Number.isFinite(double) ? floatOf(roundDouble(double, digits, mode)) : value;
  if (!Number.isFinite(double)) throw new RubyError('FloatDomainError', rubyText(value));
  const near = roundDouble(double, 0, mode);
  const cut = truncated(near);
  return digits === 0 ? cut : roundInteger(BigInt(truncated(double)), -digits, mode);
}
function roundInteger(value: bigint, digits: number, mode: string): number | bigint {
  if (digits > 400) return 0;
  const unit = 10n ** BigInt(digits);
  const below = bigFloorDivide(value, unit) * unit;
  const rest = value - below;
  const up = {
    floor: false,
    ceil: rest > 0n,
    truncate: value < 0n && rest > 0n,
    even: rest * 2n > unit || (rest * 2n === unit && (below / unit) % 2n !== 0n),
    round: rest * 2n > unit || (rest * 2n === unit && value > 0n),
  }[mode];
  return integerOf(up === true ? below + unit : below);
}
function roundDouble(value: number, digits: number, mode: string): number {
  // Beyond this many digits a double has none to round.
  if (digits >= 17 - Math.floor(Math.log10(Math.abs(value) || 1))) return value;
  const unit = 10 ** digits;
  const scaled = value * unit;
  if (!Number.isFinite(scaled)) return value;
  if (mode === 'floor') return floorScaled(value, scaled, unit);
  if (mode === 'ceil') return -floorScaled(-value, -scaled, unit);
  if (mode === 'truncate') return value < 0 ? -floorScaled(-value, -scaled, unit) : floorScaled(value, scaled, unit);
  const size = Math.abs(scaled);
  const floor = Math.floor(size);
  let near = size - floor >= 0.5 ? floor + 1 : floor;
  if (unit !== 1 && (near + 0.5) / unit <= Math.abs(value)) near++;
  if (mode === 'even' && near - size === 0.5 && near % 2 === 1) near--;
  return (Math.sign(value) * near) / unit;
}
function floorScaled(value: number, scaled: number, unit: number): number {
  const floor = Math.floor(scaled);
  // The product may have come out just below a whole number that the value itself reaches.
  return (floor + 1) / unit <= value ? (floor + 1) / unit : floor / unit;
}

/** `to_i` of text: digits at its start, underscores between them, 0 where there are none. */
export function leadingInteger(text: string, base: number): number | bigint {
  const prefix = { 2: '0[bB]', 8: '0[oO]?', 16: '0[xX]' }[base];
  const found = /^\s*([+-]?)(.*)$/s.exec(text);
  const rest = (found?.[2] ?? '').replace(new RegExp(`^(?:${prefix ?? '(?!)'})(?=\\w)`), '');
  const digits =
    new RegExp(`^(?:${digitClass(base)}+(?:_${digitClass(base)}+)*)?`, 'i').exec(rest)?.[0].replaceAll('_', '') ?? '';
  const value = parseDigits(digits, base);
  return found?.[1] === '-' ? (negate(value) as number | bigint) : value;
}
function digitClass(base: number): string {
  return base <= 10 ? `[0-${base - 1}]` : `[0-9a-${String.fromCharCode(86 + base)}]`;
}
function parseDigits(digits: string, base: number): number | bigint {
  if (digits === '') return 0;
  // Ten digits are safe in any base up to 36.
  if (digits.length <= 10) return Number.parseInt(digits, base);
  if (digits.length > 20_000) throw new LimitError('an integer of more than 20,000 digits');
  if (base === 10) return integerOf(BigInt(digits));
  let value = 0n;
  for (const digit of digits) value = value * BigInt(base) + BigInt(Number.parseInt(digit, base));
  return integerOf(value);
}

/** `Integer(text)`: the whole text must be a number. undefined where it is none. */
export function strictInteger(text: string, base?: number): number | bigint | undefined {
  const found =
    /^\s*([+-]?)(?:0[xX](?<hex>[\da-fA-F_]+)|0[bB](?<bin>[01_]+)|0[oO]?(?<oct>[0-7_]+)|(?<dec>[\da-zA-Z][\da-zA-Z_]*))\s*$/.exec(
      text,
    );
  if (!found || /__|_\s*$|[xXbBoO]_/.test(text)) return undefined;
  const groups = found.groups ?? {};
  const [digits, own] =
    groups['hex'] !== undefined && (base ?? 16) === 16
      ? [groups['hex'], 16]
      : groups['bin'] !== undefined && (base ?? 2) === 2
        ? [groups['bin'], 2]
        : groups['oct'] !== undefined && base === undefined
          ? [groups['oct'], 8]
          : [text.trim().replace(/^[+-]/, ''), base ?? 10];
  const plain = digits.replaceAll('_', '');
  if (!new RegExp(`^${digitClass(own)}+$`, 'i').test(plain)) return undefined;
  const value = parseDigits(plain, own);
  return found[1] === '-' ? (negate(value) as number | bigint) : value;
}
/** `Float(text)`: likewise. */
export function strictFloat(text: string): number | undefined {
  const plain = text.trim();
  if (/^[+-]?0[xX][\da-fA-F]+$/.test(plain))
    return Number(plain.replace(/^[+-]/, '')) * (plain.startsWith('-') ? -1 : 1);
  if (!/^[+-]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+(?:_\d+)*)?$/.test(plain)) return undefined;
  return Number(plain.replaceAll('_', ''));
}
