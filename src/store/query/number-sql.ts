/** Comparisons of numbers as DuckDB expressions. */
import { sqlText } from '../database.ts';
import { compareNumbers, decimalOf, isNumber } from './numbers.ts';
import type { Comparison, Decimal } from './numbers.ts';

/** What is a number, in RE2: texts of other forms (` 1`, `0x10`, `1_000`, `inf`), which DuckDB's casts take, are no numbers here. */
const numberPattern = '[+-]?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?';
/** Any decimal number of so many digits is a DOUBLE's shortest name: two of them are equal only if their DOUBLEs are. */
const doubleDigits = 15;
/** Digits of DuckDB's widest DECIMAL. */
const decimalDigits = 38;
const bigintMin = -(2n ** 63n);
const bigintMax = 2n ** 63n - 1n;

/** Compares a text (a column or a lambda's parameter) with a value; NULL or false where it is no number and the value is one. */
export function compareSql(x: string, operator: Comparison, value: string): string {
  if (!isNumber(value)) return `${x} ${operator} ${sqlText(value)}`;
  const double = `TRY_CAST(${x} AS DOUBLE)`;
  const literal = doubleSql(value);
  // Only what passes is looked at more closely.
  const isProper = `(isfinite(${double}) AND regexp_full_match(${x}, ${sqlText(numberPattern)}))`;
  const tie = tieSql(x, operator, value);
  if (tie === undefined) return `CASE WHEN ${double} ${operator} ${literal} THEN ${isProper} ELSE false END`;
  return `CASE WHEN ${double} ${operator[0]} ${literal} THEN ${isProper} WHEN ${double} = ${literal} THEN ${isProper} AND ${tie} ELSE false END`;
}

/** Compares column `n<i>` of a segment with a number, bare, so that DuckDB can skip row groups by their smallest and largest. NULL where it is. */
export function compareColumnSql(
  column: string,
  type: 'BIGINT' | 'DOUBLE',
  operator: Comparison,
  value: string,
): string {
  if (!isNumber(value)) return `CAST(${column} AS VARCHAR) ${operator} ${sqlText(value)}`;
  if (type === 'BIGINT') return compareIntegers(column, operator, value);
  const tie = tieSql(`CAST(${column} AS VARCHAR)`, operator, value);
  const literal = doubleSql(value);
  if (tie === undefined) return `${column} ${operator} ${literal}`;
  return `(${column} ${operator[0]}= ${literal} AND (${column} <> ${literal} OR ${tie}))`;
}

/** False: no number from `low` to `high`, as DuckDB prints them, compares so with the value. */
export function mayCompare(
  { low, high }: { readonly low: string; readonly high: string },
  operator: Comparison,
  value: string,
): boolean {
  // What is no number is compared as text, in another order.
  if (![low, high, value].every(isNumber)) return true;
  const order = operator[0] === '>' ? compareNumbers(high, value) : compareNumbers(value, low);
  return operator.length === 2 ? order >= 0 : order > 0;
}

/** An expression of type DOUBLE. */
export function doubleSql(value: string): string {
  return `CAST(${sqlText(String(Number(value)))} AS DOUBLE)`;
}

/** What decides where the DOUBLEs are equal; undefined: they decide. DECIMALs are exact as far as 38 digits go. */
function tieSql(x: string, operator: Comparison, value: string): string | undefined {
  const { digits, exponent } = decimalOf(value);
  const length = String(digits).replace('-', '').length;
  const whole = Math.max(1, length + exponent);
  if ((length <= doubleDigits && Math.abs(Number(value)) < 2 ** 53) || whole >= decimalDigits) return undefined;
  // One digit more in front, for what rounds up to the same DOUBLE.
  const type = `DECIMAL(${decimalDigits}, ${decimalDigits - whole - 1})`;
  const literal = `TRY_CAST(${sqlText(value)} AS ${type})`;
  return `COALESCE(TRY_CAST(${x} AS ${type}) ${operator} ${literal}, ${operator.length === 2})`;
}

/** `column > 1.5` is `column >= 2`: compared as BIGINT, exactly, whatever the literal. */
function compareIntegers(column: string, operator: Comparison, value: string): string {
  const decimal = decimalOf(value);
  const isUpper = operator[0] === '<';
  const limit =
    operator === '>'
      ? floor(decimal) + 1n
      : operator === '>='
        ? ceil(decimal)
        : operator === '<'
          ? ceil(decimal) - 1n
          : floor(decimal);
  if (isUpper ? limit >= bigintMax : limit <= bigintMin) return `${column} IS NOT NULL`;
  if (isUpper ? limit < bigintMin : limit > bigintMax) return 'false';
  return `${column} ${isUpper ? '<=' : '>='} ${bigintSql(limit)}`;
}

/** A literal of type BIGINT: DuckDB takes the smallest one's digits for a HUGEINT, which would cast the column. */
export function bigintSql(value: bigint): string {
  return `CAST('${value}' AS BIGINT)`;
}

/** The integer a text is, written as JSON and DuckDB write it, if it fits a BIGINT. */
export function bigintOf(text: string): bigint | undefined {
  if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= bigintMin && value <= bigintMax ? value : undefined;
}

/** Numbers are finite DOUBLEs, so exponents stay below 309; small ones may have any, and are 0 or -1 then. */
function floor({ digits, exponent }: Decimal): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  if (-exponent > String(digits).length) return digits < 0n ? -1n : 0n;
  const unit = 10n ** BigInt(-exponent);
  const quotient = digits / unit;
  return digits < 0n && quotient * unit !== digits ? quotient - 1n : quotient;
}
function ceil({ digits, exponent }: Decimal): bigint {
  return -floor({ digits: -digits, exponent });
}
