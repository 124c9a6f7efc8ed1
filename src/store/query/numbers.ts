/** Numbers as queries write them. Pure. */

export type Comparison = '<' | '<=' | '>' | '>=';

/** A number exactly: digits × 10^exponent. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const numberForm = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;

/** True for what a comparison takes as a number; everything else is compared as text. */
export function isNumber(text: string): boolean {
  return numberForm.test(text) && Number.isFinite(Number(text));
}

/** Below 0, 0, or above 0, exactly. */
export function compareNumbers(left: string, right: string): number {
  const [a, b] = [decimalOf(left), decimalOf(right)];
  if (a.digits === 0n || b.digits === 0n || a.digits < 0n !== b.digits < 0n)
    return Number(sign(a.digits)) - Number(sign(b.digits));
  // Numbers are finite DOUBLEs, or BIGINTs: the powers stay below 10^700.
  const exponent = Math.min(a.exponent, b.exponent);
  if (Math.max(a.exponent, b.exponent) - exponent > 700) return Number(left) - Number(right);
  const scaled = (decimal: Decimal): bigint => decimal.digits * 10n ** BigInt(decimal.exponent - exponent);
  return Number(sign(scaled(a) - scaled(b)));
}
function sign(value: bigint): bigint {
  return value > 0n ? 1n : value < 0n ? -1n : 0n;
}

/** The number that a text of its form is. */
export function decimalOf(text: string): Decimal {
  const [, sign, whole = '0', fraction = '', exponent = '0'] = numberForm.exec(text) ?? [];
  const digits = BigInt(whole + fraction);
  // Zeros at the end are not digits that count: 1000000000000000000000 is 1e21.
  const zeros = digits === 0n ? 0 : (/0*$/.exec(String(digits))?.[0].length ?? 0);
  return {
    digits: (sign === '-' ? -digits : digits) / 10n ** BigInt(zeros),
    exponent: digits === 0n ? 0 : Number(exponent) - fraction.length + zeros,
  };
}
