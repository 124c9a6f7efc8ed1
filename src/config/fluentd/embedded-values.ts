/** Values of embedded expressions, and the methods and operators that they know. Meanings are Ruby's. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { errorText, systemCode } from '../../core/errors.ts';

/** bigint is Ruby's Integer, number its Float; a RegExp comes from a literal. */
export type RubyValue = string | number | bigint | boolean | null | RegExp | readonly RubyValue[];

/** What an expression asks for and this program does not know, or Ruby would raise on. */
export class NotUnderstood {
  readonly position: number;
  readonly text: string;
  /** What to do; undefined: write what is understood. */
  readonly advice: string | undefined;
  constructor(position: number, text: string, advice?: string) {
    this.position = position;
    this.text = text;
    this.advice = advice;
  }
}

/** Everything but nil and false. */
export function isTruthy(value: RubyValue): boolean {
  return value !== null && value !== false;
}

/** `to_s`. */
export function textOf(value: RubyValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}.0` : String(value);
  if (value instanceof RegExp) return value.source;
  if (typeof value === 'object') return `[${value.map(inspect).join(', ')}]`;
  return String(value);
}

function inspect(value: RubyValue): string {
  return value === null ? 'nil' : typeof value === 'string' ? JSON.stringify(value) : textOf(value);
}

/** How a value is called in problems; never what a text holds, which may be a secret. */
function kindOf(value: RubyValue): string {
  if (value === null) return 'nil (is the variable set?)';
  if (typeof value === 'string') return 'text';
  if (value instanceof RegExp) return 'a regular expression';
  return typeof value === 'object' ? 'an array' : String(value);
}

/** A method; undefined: the receiver has none of that name, or not with these arguments. */
type Method = (receiver: RubyValue, args: readonly RubyValue[]) => RubyValue | undefined;

const isText = (value: RubyValue | undefined): value is string => typeof value === 'string';
const isList = (value: RubyValue | undefined): value is readonly RubyValue[] => Array.isArray(value);

/** Ruby counts code points. */
const characters = (text: string): string[] => Array.from(text);

/** A method of text without arguments. */
const plain =
  (change: (text: string) => RubyValue): Method =>
  (receiver, args) =>
    isText(receiver) && args.length === 0 ? change(receiver) : undefined;
/** A method of text whose arguments are texts. */
const withTexts =
  (change: (text: string, ...texts: string[]) => RubyValue): Method =>
  (receiver, args) =>
    isText(receiver) && args.length > 0 && args.every(isText) ? change(receiver, ...args) : undefined;
const sized: Method = (receiver) =>
  isText(receiver) ? BigInt(characters(receiver).length) : isList(receiver) ? BigInt(receiver.length) : undefined;

const methods: Readonly<Record<string, Method>> = {
  upcase: plain((text) => text.toUpperCase()),
  downcase: plain((text) => text.toLowerCase()),
  capitalize: plain((text) => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase()),
  strip: plain((text) => text.trim()),
  lstrip: plain((text) => text.trimStart()),
  rstrip: plain((text) => text.trimEnd()),
  chomp: (receiver, [end]) => {
    if (!isText(receiver)) return undefined;
    if (end === undefined) return receiver.replace(/\r?\n$|\r$/, '');
    return isText(end) && receiver.endsWith(end) ? receiver.slice(0, receiver.length - end.length) : receiver;
  },
  'empty?': (receiver) => (isText(receiver) || isList(receiver) ? receiver.length === 0 : undefined),
  'nil?': (receiver) => receiver === null,
  to_s: (receiver) => textOf(receiver),
  to_str: plain((text) => text),
  to_sym: plain((text) => text),
  to_i: integerOf,
  to_f: (receiver) =>
    typeof receiver === 'bigint' ? Number(receiver) : isText(receiver) ? Number.parseFloat(receiver) || 0 : undefined,
  length: sized,
  size: sized,
  'start_with?': withTexts((text, ...starts) => starts.some((start) => text.startsWith(start))),
  'end_with?': withTexts((text, ...ends) => ends.some((end) => text.endsWith(end))),
  'include?': (receiver, [part]) =>
    isText(receiver) && isText(part)
      ? receiver.includes(part)
      : isList(receiver) && part !== undefined
        ? receiver.includes(part)
        : undefined,
  'match?': (receiver, [pattern]) =>
    isText(receiver) && pattern instanceof RegExp ? pattern.test(receiver) : undefined,
  delete_prefix: withTexts((text, start = '') => (text.startsWith(start) ? text.slice(start.length) : text)),
  delete_suffix: withTexts((text, end = '') => (text.endsWith(end) ? text.slice(0, text.length - end.length) : text)),
  sub: (receiver, args) => replaced(receiver, args, false),
  gsub: (receiver, args) => replaced(receiver, args, true),
  split: (receiver, [at]) => {
    if (!isText(receiver)) return undefined;
    const parts =
      at === undefined || at === ' '
        ? receiver.trim().split(/\s+/)
        : isText(at) || at instanceof RegExp
          ? receiver.split(at)
          : undefined;
    while (parts?.at(-1) === '') parts.pop();
    return parts;
  },
  reverse: (receiver) =>
    isText(receiver) ? characters(receiver).reverse().join('') : isList(receiver) ? receiver.toReversed() : undefined,
  join: (receiver, [between = '']) =>
    isList(receiver) && isText(between) ? receiver.map(textOf).join(between) : undefined,
  first: (receiver, args) => (isList(receiver) && args.length === 0 ? (receiver[0] ?? null) : undefined),
  last: (receiver, args) => (isList(receiver) && args.length === 0 ? (receiver.at(-1) ?? null) : undefined),
  compact: (receiver) => (isList(receiver) ? receiver.filter((value) => value !== null) : undefined),
  uniq: (receiver) => (isList(receiver) ? [...new Set(receiver)] : undefined),
  freeze: (receiver) => receiver,
};

/** Calls a method by its name in Ruby. @throws NotUnderstood */
export function callMethod(name: string, receiver: RubyValue, args: readonly RubyValue[], position: number): RubyValue {
  if (!Object.hasOwn(methods, name)) throw new NotUnderstood(position, `${name} is no method known here`);
  const result = methods[name]?.(receiver, args);
  if (result === undefined) throw new NotUnderstood(position, `${name} cannot be called so on ${kindOf(receiver)}`);
  return result;
}

function integerOf(receiver: RubyValue): bigint | undefined {
  if (receiver === null) return 0n;
  if (typeof receiver === 'bigint') return receiver;
  if (typeof receiver === 'number') return BigInt(Math.trunc(receiver));
  return isText(receiver) ? BigInt(/^\s*[-+]?\d+/.exec(receiver)?.[0].replace('+', '').trim() ?? 0) : undefined;
}

function replaced(receiver: RubyValue, [what, by]: readonly RubyValue[], isGlobal: boolean): string | undefined {
  if (!isText(receiver) || !isText(by)) return undefined;
  if (isText(what)) return isGlobal ? receiver.replaceAll(what, () => by) : receiver.replace(what, () => by);
  if (!(what instanceof RegExp)) return undefined;
  const pattern = new RegExp(what.source, `${what.flags.replace('g', '')}${isGlobal ? 'g' : ''}`);
  // `\1` in the replacement is a group, `\\` a backslash.
  return receiver.replace(pattern, (...found: (string | undefined)[]) =>
    by.replaceAll(/\\(\d|\\)/g, (_, sign: string) => (sign === '\\' ? '\\' : (found[Number(sign)] ?? ''))),
  );
}

/** `receiver[index]`: a character of a text, an element of an array; nil where there is none. @throws NotUnderstood */
export function elementAt(receiver: RubyValue, index: RubyValue, position: number): RubyValue {
  if (typeof index === 'bigint' && isText(receiver)) return characters(receiver).at(Number(index)) ?? null;
  if (typeof index === 'bigint' && isList(receiver)) return receiver.at(Number(index)) ?? null;
  throw new NotUnderstood(position, `[${kindOf(index)}] cannot be taken of ${kindOf(receiver)}`);
}

/** `receiver[from..to]`; `to` is -1 where it is not written. @throws NotUnderstood */
export function sliceOf(receiver: RubyValue, from: bigint, to: bigint, position: number): RubyValue {
  const cut = <T>(all: readonly T[]): readonly T[] | null => {
    const start = from < 0n ? all.length + Number(from) : Number(from);
    const end = (to < 0n ? all.length + Number(to) : Number(to)) + 1;
    return start < 0 || start > all.length ? null : all.slice(start, Math.max(start, end));
  };
  if (isText(receiver)) return cut(characters(receiver))?.join('') ?? null;
  if (isList(receiver)) return cut(receiver);
  throw new NotUnderstood(position, `a range cannot be taken of ${kindOf(receiver)}`);
}

type Binary = (left: RubyValue, right: RubyValue) => RubyValue | undefined;
const isNumber = (value: RubyValue): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

/** An operator of numbers: integers stay integers. */
const arithmetic =
  (integers: (a: bigint, b: bigint) => bigint | undefined, floats: (a: number, b: number) => number): Binary =>
  (left, right) => {
    if (typeof left === 'bigint' && typeof right === 'bigint') return integers(left, right);
    return isNumber(left) && isNumber(right) ? floats(Number(left), Number(right)) : undefined;
  };
const comparison =
  (holds: (order: number) => boolean): Binary =>
  (left, right) => {
    if (isNumber(left) && isNumber(right)) return holds(Number(left) - Number(right));
    return isText(left) && isText(right) ? holds(left < right ? -1 : left > right ? 1 : 0) : undefined;
  };
const floorDivide = (a: bigint, b: bigint): bigint => a / b - (a % b !== 0n && a < 0n !== b < 0n ? 1n : 0n);
const plus = arithmetic(
  (a, b) => a + b,
  (a, b) => a + b,
);
const times = arithmetic(
  (a, b) => a * b,
  (a, b) => a * b,
);

// A text that fills a screen; more repetitions are a mistake.
const repetitionsMax = 1000n;

const operators: Readonly<Record<string, Binary>> = {
  '+': (left, right) => {
    if (isText(left) && isText(right)) return left + right;
    return isList(left) && isList(right) ? [...left, ...right] : plus(left, right);
  },
  '-': arithmetic(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  '*': (left, right) => {
    if (!isText(left)) return times(left, right);
    return typeof right === 'bigint' && right >= 0n && right <= repetitionsMax ? left.repeat(Number(right)) : undefined;
  },
  '/': arithmetic(
    (a, b) => (b === 0n ? undefined : floorDivide(a, b)),
    (a, b) => a / b,
  ),
  '%': arithmetic(
    (a, b) => (b === 0n ? undefined : a - floorDivide(a, b) * b),
    (a, b) => a - Math.floor(a / b) * b,
  ),
  '<': comparison((order) => order < 0),
  '>': comparison((order) => order > 0),
  '<=': comparison((order) => order <= 0),
  '>=': comparison((order) => order >= 0),
  '==': (left, right) => isEqual(left, right),
  '!=': (left, right) => !isEqual(left, right),
  '=~': (left, right) => {
    if (!(right instanceof RegExp) || !(isText(left) || left === null)) return undefined;
    const index = left === null ? -1 : left.search(right);
    return index < 0 ? null : BigInt(index);
  },
  '!~': (left, right) => (right instanceof RegExp && isText(left) ? !right.test(left) : undefined),
};

function isEqual(left: RubyValue, right: RubyValue): boolean {
  if (isList(left) && isList(right))
    return left.length === right.length && left.every((value, index) => isEqual(value, right[index] ?? null));
  // Ruby's 1 == 1.0 is true, and so is this one's.
  return isNumber(left) && isNumber(right) ? Number(left) === Number(right) : left === right;
}

/** Applies an operator of Ruby. @throws NotUnderstood */
export function operate(sign: string, left: RubyValue, right: RubyValue, position: number): RubyValue {
  const result = operators[sign]?.(left, right);
  if (result === undefined)
    throw new NotUnderstood(position, `${kindOf(left)} ${sign} ${kindOf(right)} has no meaning`);
  return result;
}

// A file of secrets or names; more than that is no value of a parameter.
const fileBytesMax = 1024 * 1024;

/** Functions that are called on a constant of Ruby or on nothing; names as they are written. */
const functions: Readonly<Record<string, (...args: RubyValue[]) => RubyValue | undefined>> = {
  'File.join': (...parts) => (parts.every(isText) ? joined(parts) : undefined),
  'File.read': readText,
  'IO.read': readText,
  'File.exist?': (path) => (isText(path) ? existsSync(path) : undefined),
  'File.basename': (path, end) =>
    isText(path)
      ? posix.basename(path, isText(end) ? end.replace(/^\.\*$/, posix.extname(path)) : undefined)
      : undefined,
  'File.dirname': (path) => (isText(path) ? posix.dirname(path) : undefined),
  Integer: (value) => {
    if (typeof value === 'bigint') return value;
    return isText(value) && /^\s*[-+]?\d+\s*$/.test(value) ? integerOf(value) : undefined;
  },
  Float: (value) =>
    isText(value) && Number.isFinite(Number(value)) && value.trim() !== '' ? Number(value) : undefined,
  String: (value) => (value === undefined ? undefined : textOf(value)),
};

/** Names of the functions there are. */
export const functionNames: readonly string[] = Object.keys(functions);

/** Calls a function by its name. @throws NotUnderstood */
export function callFunction(name: string, args: readonly RubyValue[], position: number): RubyValue {
  let result: RubyValue | undefined;
  try {
    result = functions[name]?.(...args);
  } catch (error) {
    throw new NotUnderstood(position, `${name}: ${systemCode(error) === 'ENOENT' ? 'no such file' : errorText(error)}`);
  }
  if (result === undefined)
    throw new NotUnderstood(position, `${name} does not take ${args.map(kindOf).join(', ') || 'nothing'}`);
  return result;
}

function readText(path: RubyValue | undefined): string | undefined {
  if (!isText(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length > fileBytesMax) throw new RangeError(`${path} is larger than 1 MiB`);
  return bytes.toString('utf8');
}

/** One slash between two parts, none added at the ends; empty parts count, as in Ruby. */
function joined(parts: readonly string[]): string {
  return parts.reduce((path, part) => `${path.replace(/\/+$/, '')}/${part.replace(/^\/+/, '')}`);
}
