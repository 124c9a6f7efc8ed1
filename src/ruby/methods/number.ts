/** Methods of Integer and Float. Source: Ruby 3.1. */
import { rubyText } from '../../codecs/ruby.ts';
import {
  add,
  coerced,
  divide,
  leadingInteger,
  modulo,
  multiply,
  negate,
  power,
  rounded,
  shiftLeft,
  subtract,
  truncated,
} from '../arithmetic.ts';
import type { RubyNumber } from '../arithmetic.ts';
import { LimitError, RubyError, argumentError, typeError } from '../failures.ts';
import type { Frame, MethodTable } from '../frame.ts';
import { compare, hashGet, needInteger, order } from '../semantics.ts';
import {
  RubyEnumerator,
  RubyRange,
  RubySymbol,
  doubleOf,
  floatOf,
  integerOf,
  isFloat,
  isHash,
  isInteger,
  symbolOf,
} from '../values.ts';
import type { RubyProc, RubyValue } from '../values.ts';

type Whole = number | bigint;

function wholeOperand(value: RubyValue | undefined): bigint {
  if (value !== undefined && isInteger(value)) return BigInt(value);
  coerced(0, value);
  throw typeError("Float can't be coerced into Integer for a bitwise operation");
}

function rounding(mode: 'round' | 'floor' | 'ceil' | 'truncate'): MethodTable<RubyNumber>[string] {
  return [
    0,
    2,
    (self, args) => {
      const options = args.find(isHash);
      const half = options ? hashGet(options, symbolOf('half')) : undefined;
      const digits = args.length > 0 && !isHash(args[0] ?? null) ? needInteger(args[0] ?? null) : 0;
      const isEven = half instanceof RubySymbol && half.name === 'even';
      return rounded(self, Math.max(-400, Math.min(400, digits)), mode === 'round' && isEven ? 'even' : mode);
    },
  ];
}

function comparison(holds: (order: number) => boolean): MethodTable<RubyNumber>[string] {
  return [
    1,
    1,
    (self, [other]) => {
      const found = compare(self, other ?? null);
      // NaN compares to nothing, and is no mistake.
      if (found === undefined && other !== undefined && typeof other === 'number') return false;
      return holds(found ?? order(self, other ?? null));
    },
  ];
}

const numberMethods: MethodTable<RubyNumber> = {
  '+': [1, 1, (self, [other]) => add(self, coerced(self, other))],
  '-': [1, 1, (self, [other]) => subtract(self, coerced(self, other))],
  '*': [1, 1, (self, [other]) => multiply(self, coerced(self, other))],
  '/': [1, 1, (self, [other]) => divide(self, coerced(self, other))],
  '%': [1, 1, (self, [other]) => modulo(self, coerced(self, other))],
  modulo: [1, 1, (self, [other]) => modulo(self, coerced(self, other))],
  '**': [1, 1, (self, [other]) => power(self, coerced(self, other))],
  pow: [1, 1, (self, [other]) => power(self, coerced(self, other))],
  '-@': [0, 0, (self) => negate(self)],
  '+@': [0, 0, (self) => self],
  '<': [1, 1, comparison((found) => found < 0)[2]],
  '<=': [1, 1, comparison((found) => found <= 0)[2]],
  '>': [1, 1, comparison((found) => found > 0)[2]],
  '>=': [1, 1, comparison((found) => found >= 0)[2]],
  div: [1, 1, (self, [other]) => rounded(divide(self, coerced(self, other)), 0, 'floor')],
  fdiv: [1, 1, (self, [other]) => floatOf(doubleOf(self) / doubleOf(coerced(self, other)))],
  quo: [1, 1, (self, [other]) => floatOf(doubleOf(self) / doubleOf(coerced(self, other)))],
  divmod: [
    1,
    1,
    (self, [other]) => {
      const by = coerced(self, other);
      return [rounded(divide(self, by), 0, 'floor'), modulo(self, by)];
    },
  ],
  remainder: [
    1,
    1,
    (self, [other]) => {
      const by = coerced(self, other);
      const rest = modulo(self, by);
      return doubleOf(rest) !== 0 && doubleOf(self) < 0 !== doubleOf(by) < 0 ? subtract(rest, by) : rest;
    },
  ],
  abs: [0, 0, (self) => (doubleOf(self) < 0 || Object.is(doubleOf(self), -0) ? negate(self) : self)],
  magnitude: [0, 0, (self) => (doubleOf(self) < 0 ? negate(self) : self)],
  'zero?': [0, 0, (self) => doubleOf(self) === 0],
  'positive?': [0, 0, (self) => doubleOf(self) > 0],
  'negative?': [0, 0, (self) => doubleOf(self) < 0],
  'nonzero?': [0, 0, (self) => (doubleOf(self) === 0 ? null : self)],
  'integer?': [0, 0, (self) => isInteger(self)],
  'real?': [0, 0, () => true],
  to_f: [0, 0, (self) => (isFloat(self) ? self : floatOf(doubleOf(self)))],
  to_i: [0, 0, (self) => (isInteger(self) ? self : truncated(doubleOf(self)))],
  to_int: [0, 0, (self) => (isInteger(self) ? self : truncated(doubleOf(self)))],
  round: rounding('round'),
  floor: rounding('floor'),
  ceil: rounding('ceil'),
  truncate: rounding('truncate'),
  'between?': [2, 2, (self, [low, high]) => order(self, low ?? null) >= 0 && order(self, high ?? null) <= 0],
  clamp: [1, 2, (self, args) => clamp(self, args)],
  step: [0, 2, (self, args, frame, block) => step(self, args, frame, block)],
  coerce: [1, 1, (self, [other]) => [floatOf(doubleOf(coerced(self, other))), floatOf(doubleOf(self))]],
};

/** `clamp(low, high)` or `clamp(low..high)`. */
export function clamp(self: RubyValue, args: readonly RubyValue[]): RubyValue {
  const [first = null, second = null] = args;
  const [low, high] = first instanceof RubyRange ? [first.first, first.last] : [first, second];
  if (low !== null && order(self, low) < 0) return low;
  return high !== null && order(self, high) > 0 ? high : self;
}

function step(self: RubyNumber, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  if (!block) return new RubyEnumerator(self, 'step', args);
  const [end = null, by = 1] = args.filter((arg) => !isHash(arg));
  const size = coerced(self, by);
  if (doubleOf(size) === 0) throw argumentError("step can't be 0");
  for (let at: RubyNumber = self; ; at = add(at, size)) {
    if (end !== null && (doubleOf(size) > 0 ? order(at, end) > 0 : order(at, end) < 0)) return self;
    frame.step();
    block.run([at]);
  }
}

function counting(
  name: string,
  toEnd: (self: Whole, end: bigint) => [bigint, bigint, bigint],
): MethodTable<Whole>[string] {
  return [
    name === 'times' ? 0 : 1,
    name === 'times' ? 0 : 1,
    (self, args, frame, block) => {
      if (!block) return new RubyEnumerator(self, name, args);
      const [from, to, by] = toEnd(self, name === 'times' ? 0n : BigInt(needInteger(args[0] ?? null)));
      for (let at = from; by > 0n ? at <= to : at >= to; at += by) {
        frame.step();
        block.run([integerOf(at)]);
      }
      return self;
    },
  ];
}

export const integerMethods: MethodTable<Whole> = {
  ...(numberMethods as MethodTable<Whole>),
  '&': [1, 1, (self, [other]) => integerOf(BigInt(self) & wholeOperand(other))],
  '|': [1, 1, (self, [other]) => integerOf(BigInt(self) | wholeOperand(other))],
  '^': [1, 1, (self, [other]) => integerOf(BigInt(self) ^ wholeOperand(other))],
  '~': [0, 0, (self) => integerOf(~BigInt(self))],
  '<<': [1, 1, (self, [by]) => shiftLeft(self, needInteger(by ?? null))],
  '>>': [1, 1, (self, [by]) => shiftLeft(self, -needInteger(by ?? null))],
  '[]': [
    1,
    1,
    (self, [bit]) => Number((BigInt(self) >> BigInt(Math.min(100_000, Math.max(0, needInteger(bit ?? null))))) & 1n),
  ],
  'even?': [0, 0, (self) => BigInt(self) % 2n === 0n],
  'odd?': [0, 0, (self) => BigInt(self) % 2n !== 0n],
  succ: [0, 0, (self) => add(self, 1)],
  next: [0, 0, (self) => add(self, 1)],
  pred: [0, 0, (self) => subtract(self, 1)],
  ord: [0, 0, (self) => self],
  to_s: [0, 1, (self, args) => inBase(self, args)],
  inspect: [0, 0, (self) => String(self)],
  chr: [0, 1, (self) => character(self)],
  bit_length: [0, 0, (self) => (self < 0 ? ~BigInt(self) : BigInt(self)).toString(2).replace(/^0$/, '').length],
  digits: [0, 1, (self, args) => digits(self, args)],
  gcd: [1, 1, (self, [other]) => integerOf(gcd(BigInt(self), wholeOperand(other)))],
  lcm: [
    1,
    1,
    (self, [other]) => {
      const [a, b] = [BigInt(self), wholeOperand(other)];
      const product = a * b;
      return a === 0n || b === 0n ? 0 : integerOf((product < 0n ? -product : product) / gcd(a, b));
    },
  ],
  'finite?': [0, 0, () => true],
  'infinite?': [0, 0, () => null],
  size: [0, 0, () => 8],
  times: counting('times', (self) => [0n, BigInt(self) - 1n, 1n]),
  upto: counting('upto', (self, end) => [BigInt(self), end, 1n]),
  downto: counting('downto', (self, end) => [BigInt(self), end, -1n]),
};

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
function inBase(self: Whole, args: readonly RubyValue[]): string {
  const base = args.length === 0 ? 10 : needInteger(args[0] ?? null);
  if (base < 2 || base > 36) throw argumentError(`invalid radix ${base}`);
  return self.toString(base);
}
function character(self: Whole): string {
  const code = Number(self);
  if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    throw new RubyError('RangeError', `${code} out of char range`);
  return String.fromCodePoint(code);
}
function digits(self: Whole, args: readonly RubyValue[]): RubyValue {
  const base = args.length === 0 ? 10 : needInteger(args[0] ?? null);
  if (base < 2) throw argumentError(`invalid radix ${base}`);
  if (self < 0) throw new RubyError('Math::DomainError', 'out of domain');
  if (base > 36) throw new LimitError('digits with a base above 36');
  return Array.from(self.toString(base))
    .reverse()
    .map((digit) => leadingInteger(digit, base));
}

export const floatMethods: MethodTable<RubyNumber> = {
  ...numberMethods,
  to_s: [0, 0, (self) => rubyText(self)],
  inspect: [0, 0, (self) => rubyText(self)],
  'nan?': [0, 0, (self) => Number.isNaN(doubleOf(self))],
  'finite?': [0, 0, (self) => Number.isFinite(doubleOf(self))],
  'infinite?': [
    0,
    0,
    (self) => {
      const double = doubleOf(self);
      return Number.isFinite(double) || Number.isNaN(double) ? null : Math.sign(double);
    },
  ],
};
